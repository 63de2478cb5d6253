"""What operators decide: limits, reminders and links by operation, read from a policy file.

Owns the file's grammar and the order of precedence: the first `[[operation]]` rule that matches, then what the run's
owner set in code or environment, then `[defaults]`, then the client's own defaults.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from heartbeat_client.lengths import seconds_of
from heartbeat_client.run import Run

__all__ = ["Pace", "Policy", "PolicyError", "Rule", "Settings", "parse_policy"]

LIMITS = ("silent_after", "stalled_after", "opaque_after", "max_runtime", "warn_at")


class PolicyError(ValueError):
    """A policy can't be used. `problems` holds one line for each mistake: who, expected, got, what to do."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Settings:
    """What a table of the policy says; None where it says nothing. Lengths in seconds, warn_at a share of the way."""

    silent_after: float | None = None
    stalled_after: float | None = None
    opaque_after: float | None = None
    max_runtime: float | None = None
    warn_at: float | None = None
    deadline: float | None = None
    remind_every: float | None = None
    runbook: str | None = None
    slack_channel: str | None = None


@dataclass(frozen=True)
class Rule:
    """Settings for the operations whose name matches a shell pattern (`load-*`), letter case counting."""

    match: str
    settings: Settings


@dataclass(frozen=True)
class Pace:
    """How the watchdog itself goes about its work, in seconds.

    audit_every: all running runs are read. full_audit_every: all records at all, so that none without a state hides.
    gap_after: a sweep this long after the last one doubts itself. settle: how long it then holds `silent` verdicts,
    for clients come back within 15 s of the store and beat every 15 s. claim_for: how long one sweep owns a notice.
    budget: how long one sweep may take; Cloud Scheduler's attempt ends at 55 s. retry_after: pause after a first failed
    delivery.
    """

    audit_every: float = 900.0
    full_audit_every: float = 86400.0
    gap_after: float = 180.0
    settle: float = 45.0
    claim_for: float = 60.0
    budget: float = 45.0
    retry_after: float = 20.0


@dataclass(frozen=True)
class Policy:
    """All that operators decided. An empty policy is a working one."""

    defaults: Settings = Settings()
    rules: tuple[Rule, ...] = ()
    pace: Pace = field(default_factory=Pace)

    def rule_for(self, operation: str) -> Rule | None:
        """The first rule whose pattern matches the operation."""
        return next((rule for rule in self.rules if fnmatchcase(operation, rule.match)), None)

    def setting(self, operation: str, name: str) -> Any:
        """A setting that only the policy knows (remind_every, runbook, slack_channel); None where it says nothing."""
        rule = self.rule_for(operation)
        ruled = getattr(rule.settings, name) if rule else None
        return getattr(self.defaults, name) if ruled is None else ruled

    def remind_every(self, operation: str) -> timedelta:
        """How long an open incident stays quiet between reminders; 30 minutes by default."""
        return timedelta(seconds=self.setting(operation, "remind_every") or 1800.0)

    def applied(self, run: Run) -> Run:
        """The run with the limits that hold for it."""
        rule = self.rule_for(run.operation)
        ruled = rule.settings if rule else Settings()
        limits = {name: self._limit(run, ruled, name) for name in LIMITS}
        # Silence shorter than two beats is no silence: it would wake people for each healthy run.
        limits["silent_after"] = max(limits["silent_after"], 2 * run.thresholds.beat_every)
        if limits["opaque_after"] != run.thresholds.opaque_after:
            limits |= {"learned_runs": 0, "learned_longest": None}
        return replace(run, thresholds=replace(run.thresholds, **limits), **self._deadline(run, ruled))

    def _limit(self, run: Run, ruled: Settings, name: str) -> Any:
        if getattr(ruled, name) is not None:
            return getattr(ruled, name)
        default = getattr(self.defaults, name)
        own = getattr(run.thresholds, name)
        return own if default is None or name in run.thresholds.explicit else default

    def _deadline(self, run: Run, ruled: Settings) -> dict[str, Any]:
        length = ruled.deadline
        if length is None and "deadline" not in run.thresholds.explicit and not run.ancestors:
            length = self.defaults.deadline
        if length is None:
            return {}
        ends = run.started_at + timedelta(seconds=length)
        inherited = run.deadline if run.ancestors else None
        return {"deadline": min(ends, inherited) if inherited else ends}


def parse_policy(tables: Mapping[str, Any], who: str = "policy") -> Policy:
    """Check parsed TOML as a whole and make a policy of it.

    Raises `PolicyError` with a line for each mistake found, so that one look at the file mends them all.
    """
    problems: list[str] = []
    problems += [_unknown_table(name, who) for name in tables if name not in _TABLES]
    defaults = _settings(_table(tables, "defaults", who, problems), f"{who}: [defaults]", problems)
    rules = _rules(tables.get("operation", []), who, problems)
    pace = _pace(_table(tables, "watchdog", who, problems), f"{who}: [watchdog]", problems)
    if problems:
        raise PolicyError(problems)
    return Policy(defaults, rules, pace)


_TABLES = ("defaults", "operation", "watchdog")


def _unknown_table(name: str, who: str) -> str:
    return f"{who}: [{_named(name)}]: expected [defaults], [[operation]] or [watchdog]{_nearest(name, _TABLES)}"


def _table(tables: Mapping[str, Any], name: str, who: str, problems: list[str]) -> Mapping[str, Any]:
    table = tables.get(name, {})
    if isinstance(table, Mapping):
        return table
    problems.append(f"{who}: {name}: expected a table [{name}], got {table!r:.60}")
    return {}


def _rules(tables: Any, who: str, problems: list[str]) -> tuple[Rule, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        problems.append(
            f"{who}: operation: expected tables [[operation]], with two brackets, got {type(tables).__name__}"
        )
        return ()
    return tuple(_rule(table, f"{who}: [[operation]] {n}", problems) for n, table in enumerate(tables, 1))


def _rule(table: Mapping[str, Any], who: str, problems: list[str]) -> Rule:
    match = table.get("match")
    if not isinstance(match, str) or not match.strip():
        problems.append(f'{who}: match: expected a pattern such as "load-*", got {match!r:.60}; add match = "…"')
        match = ""
    who = f"{who} (match {match!r:.60})" if match else who
    return Rule(match, _settings({k: v for k, v in table.items() if k != "match"}, who, problems))


def _settings(table: Mapping[str, Any], who: str, problems: list[str]) -> Settings:
    known = tuple(f.name for f in fields(Settings))
    return Settings(**_read(table, known, _SETTING_READERS, who, problems))


def _pace(table: Mapping[str, Any], who: str, problems: list[str]) -> Pace:
    known = tuple(f.name for f in fields(Pace))
    return Pace(**_read(table, known, {}, who, problems))


def _read(
    table: Mapping[str, Any], known: tuple[str, ...], readers: Mapping[str, Any], who: str, problems: list[str]
) -> dict[str, Any]:
    read = {}
    for name, value in table.items():
        if name not in known:
            problems.append(
                f"{who}: {_named(name)} is not a setting{_nearest(name, known)}; expected one of {', '.join(known)}"
            )
            continue
        try:
            read[name] = readers.get(name, seconds_of)(value)
        except ValueError as error:
            problems.append(f"{who}: {name}: {error}")
    return read


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ValueError(
            f"expected a share of the way to the deadline above 0 and up to 1, such as 0.8, got {value!r:.60}"
        )
    return float(value)


def _address(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s<>|]{1,1990}", value):
        raise ValueError(f"expected an address that starts with https://, got {value!r:.60}")
    return value


def _slack_channel(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 100:
        raise ValueError(f'expected a channel such as "#predictions" or an id such as "C0123456", got {value!r:.60}')
    return value


_SETTING_READERS = {"warn_at": _share, "runbook": _address, "slack_channel": _slack_channel}


def _named(name: str) -> str:
    # A quoted key of TOML may hold line breaks, and each mistake is one line.
    return name if re.fullmatch(r"[\w-]{1,60}", name) else f"{name!r:.60}"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, 1)
    return f" (did you mean {near[0]}?)" if near else ""
