"""The grammar of a policy file: from parsed TOML to a `Policy`, or a line for each mistake that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..policy import Pace, Policy, PolicyError, Rule, Settings
from .expected import read_expected
from .values import address, named, nearest, read_values, share, slack_channel, time_zone, yes_or_no

__all__ = ["parse_policy"]


def parse_policy(tables: Mapping[str, Any], who: str = "policy") -> Policy:
    """Check parsed TOML as a whole and make a policy of it.

    Raises `PolicyError` with a line for each mistake found, so that one look at the file mends them all.
    """
    problems: list[str] = []
    problems += [_unknown_table(name, who) for name in tables if name not in _TABLES]
    defaults = _settings(_table(tables, "defaults", who, problems), f"{who}: [defaults]", problems)
    rules = _rules(tables.get("operation", []), who, problems)
    pace = _pace(_table(tables, "watchdog", who, problems), f"{who}: [watchdog]", problems)
    expected = read_expected(tables.get("expected", []), who, pace.time_zone, problems)
    if problems:
        raise PolicyError(problems)
    return Policy(defaults, rules, pace, expected)


_TABLES = {"defaults": "[defaults]", "operation": "[[operation]]", "expected": "[[expected]]", "watchdog": "[watchdog]"}


def _unknown_table(name: str, who: str) -> str:
    *most, last = _TABLES.values()
    return f"{who}: [{named(name)}]: expected {', '.join(most)} or {last}{nearest(name, _TABLES)}"


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
    return Settings(**read_values(table, known, _SETTING_READERS, who, problems))


def _pace(table: Mapping[str, Any], who: str, problems: list[str]) -> Pace:
    known = tuple(f.name for f in fields(Pace))
    return Pace(**read_values(table, known, _PACE_READERS, who, problems))


_SETTING_READERS = {
    "warn_at": share,
    "runbook": address,
    "slack_channel": slack_channel,
    "on_failure": yes_or_no,
}
_PACE_READERS = {"time_zone": time_zone}
