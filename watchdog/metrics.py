"""Every metric that a sweep writes: its name, its unit, what it means and what tells its series apart.

All are gauges. Their labels are few and bounded: never the id of a run, at most `NAMED_AT_MOST` operations by name, the
rest together as `other`. Each person that looks at a graph reads the descriptions, so they say what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .verdict import MISSED, OVERDUE, SILENT, STALLED, UNJUDGED

__all__ = [
    "LABEL_LIMIT",
    "METRICS",
    "MOST_SERIES",
    "NAMED_AT_MOST",
    "OTHER",
    "PREFIX",
    "UNKNOWN",
    "VERDICTS",
    "Metric",
]

PREFIX = "custom.googleapis.com/hangwatch/"
VERDICTS = (MISSED, OVERDUE, SILENT, STALLED, UNJUDGED)

NAMED_AT_MOST = 50
OTHER = "other"
UNKNOWN = "unknown"

# Cloud Monitoring takes 1,024 bytes; an operation's name has at most 200 characters, so nothing of it is lost.
LABEL_LIMIT = 200


@dataclass(frozen=True)
class Metric:
    """One metric. unit: in the words of UCUM, as Cloud Monitoring wants them. labels: what each one holds."""

    name: str
    title: str
    unit: str
    value_type: Literal["INT64", "DOUBLE"]
    description: str
    labels: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["GAUGE"] = "GAUGE"

    @property
    def type(self) -> str:
        """The name by which Cloud Monitoring and its alert policies know it."""
        return PREFIX + self.name


def _counts(name: str, title: str, unit: str, description: str, labels: Mapping[str, str] | None = None) -> Metric:
    return Metric(name, title, unit, "INT64", description, labels or {})


def _measures(name: str, title: str, unit: str, description: str, labels: Mapping[str, str] | None = None) -> Metric:
    return Metric(name, title, unit, "DOUBLE", description, labels or {})


_OPERATION = {
    "operation": f"name of the operation; {OTHER}: those beyond the first {NAMED_AT_MOST}; {UNKNOWN}: no name is known"
}
_OPERATION_AND_VERDICT = _OPERATION | {"verdict": f"one of {', '.join(VERDICTS)}"}

_OF_THE_WATCHDOG = (
    _counts("sweep/completed", "Sweeps completed", "1", "1 for each sweep that came to its end; alert on its absence"),
    _measures("sweep/seconds", "Length of a sweep", "s", "how long the sweep took, up to the writing of its figures"),
    _counts("sweep/read", "Records read", "{record}", "records of runs that the sweep read"),
    _counts("sweep/due", "Runs due", "{run}", "runs whose due_at had passed, so that they could be in trouble"),
    _counts("sweep/unjudged", "Runs unjudged", "{run}", "runs whose record can't be read or makes no sense"),
    _counts("sweep/undelivered", "Notices undelivered", "{notice}", "notices that still wait or were given up"),
    _counts("sweep/held", "Verdicts held", "{run}", "silent runs that are not told while the watchdog doubts itself"),
    _counts("sweep/doubtful", "Doubt", "1", "1 while people are told that beats do not arrive at the watchdog, else 0"),
    _counts("incidents/open", "Open incidents in all", "{incident}", "incidents that go on, whatever they are about"),
    _counts(
        "clients/failed_writes",
        "Writes that failed",
        "{write}",
        "beats that clients could not write since their runs began, as runs that go on report it; a client that never "
        "gets through can't report anything",
    ),
)

_OF_OPERATIONS = (
    _counts(
        "operation/open_incidents",
        "Open incidents",
        "{incident}",
        "incidents of the operation that go on, by their present verdict; 0 is written too",
        _OPERATION_AND_VERDICT,
    ),
    _counts(
        "operation/live_runs",
        "Live runs",
        "{run}",
        "runs that say they run, without those given up as lost and those that can't be judged",
        _OPERATION,
    ),
    _measures(
        "operation/worst_silence",
        "Worst silence",
        "s",
        "the longest time since the last beat of a live run; 0 without live runs",
        _OPERATION,
    ),
    _measures(
        "operation/worst_stall",
        "Worst stall",
        "s",
        "the longest time for which nothing proved that a live run moves: its declared progress stands, or it is in "
        "one opaque call; 0 inside a declared wait, and without live runs",
        _OPERATION,
    ),
    _measures(
        "operation/deadline_used",
        "Share of the deadline used",
        "1",
        "the largest share of the time to its deadline that a live run has used, 1 at the deadline itself; 0 where no "
        "live run has a deadline",
        _OPERATION,
    ),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in (*_OF_THE_WATCHDOG, *_OF_OPERATIONS)}

# What one sweep writes at most: the watchdog's own figures, and a row for each named operation and for the others.
MOST_SERIES = len(_OF_THE_WATCHDOG) + (NAMED_AT_MOST + 1) * (len(_OF_OPERATIONS) - 1 + len(VERDICTS))
