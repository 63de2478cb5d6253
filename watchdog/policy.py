"""What operators decide: limits, reminders and links by operation, and the watchdog's own pace.

Owns the order of precedence: the first `[[operation]]` rule that matches, then what the run's owner set in code or
environment, then `[defaults]`, then the client's own defaults. The file's grammar is `policy_file`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from heartbeat_client.run import Run

from .schedule import Expected

__all__ = ["LIMITS", "Pace", "Policy", "PolicyError", "Rule", "Settings"]

LIMITS = ("silent_after", "stalled_after", "opaque_after", "max_runtime", "warn_at")


class PolicyError(ValueError):
    """A policy can't be used. `problems` holds one line for each mistake: who, expected, got, what to do."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True)
class Settings:
    """What a table of the policy says; None where it says nothing. Lengths in seconds, warn_at a share of the way.

    on_failure: whether people are told of runs that failed or were interrupted.
    """

    silent_after: float | None = None
    stalled_after: float | None = None
    opaque_after: float | None = None
    max_runtime: float | None = None
    warn_at: float | None = None
    deadline: float | None = None
    remind_every: float | None = None
    runbook: str | None = None
    slack_channel: str | None = None
    on_failure: bool | None = None


@dataclass(frozen=True)
class Rule:
    """Settings for the operations whose name matches a shell pattern (`load-*`), letter case counting."""

    match: str
    settings: Settings


@dataclass(frozen=True)
class Pace:
    """How the watchdog itself goes about its work, in seconds.

    audit_every: all running runs are read. full_audit_every: all records at all, so that none without a state hides.
    gap_after: a sweep this long after the last one doubts itself, so where one of each minute is missing: in an outage
    of the store shorter than that, no run is silent yet. settle: how long it then holds `silent` verdicts,
    for clients come back within 15 s of the store and beat every 15 s. claim_for: how long one sweep owns a notice.
    budget: how long one sweep may take; Cloud Scheduler's attempt ends at 55 s. retry_after: pause after a first failed
    delivery. doubt_at_most: how long `silent` verdicts are held when most live runs fall silent together; a run with
    30 minutes still has most of them then. steady_for: how long a run that went wrong again within an hour must be
    well before its incident is over; it doubles with each time. measure_every: how often live runs are read for
    metrics. time_zone: the one that "today" is meant in.
    """

    audit_every: float = 900.0
    full_audit_every: float = 86400.0
    gap_after: float = 110.0
    settle: float = 45.0
    claim_for: float = 60.0
    budget: float = 45.0
    retry_after: float = 5.0
    doubt_at_most: float = 180.0
    steady_for: float = 300.0
    measure_every: float = 300.0
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Policy:
    """All that operators decided. An empty policy is a working one."""

    defaults: Settings = Settings()
    rules: tuple[Rule, ...] = ()
    pace: Pace = field(default_factory=Pace)
    expected: tuple[Expected, ...] = ()

    def rule_for(self, operation: str) -> Rule | None:
        """The first rule whose pattern matches the operation."""
        return next((rule for rule in self.rules if fnmatchcase(operation, rule.match)), None)

    def setting(self, operation: str, name: str) -> Any:
        """A setting that only the policy knows, such as runbook or on_failure; None where it says nothing."""
        rule = self.rule_for(operation)
        ruled = getattr(rule.settings, name) if rule else None
        return getattr(self.defaults, name) if ruled is None else ruled

    def setting_if_missed(self, operation: str, name: str) -> Any:
        """The same for a run that was expected: what the expectation says comes first."""
        said = (getattr(one, name) for one in self.expected if one.operation == operation)
        return next((value for value in said if value is not None), None) or self.setting(operation, name)

    @property
    def tells_failures(self) -> bool:
        """Whether people want to hear of failed runs of any operation."""
        return bool(self.defaults.on_failure) or any(rule.settings.on_failure for rule in self.rules)

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
            limits |= {"learned_runs": 0, "learned_longest": None, "learned_stood": None}
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
