"""The record of a run, which the client writes and the watchdog reads, and the rules about time that both apply.

Owns: what a record holds, how it maps to a document, and the instants at which a run turns silent, stalled or overdue.
Knows no clock, no store and no thread: every instant comes in as an argument or as a field.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .fields import MISSING, Fields, RecordError
from .keys import by_operation, document_key
from .run_forecast import foreseen_at
from .run_opaque import LEARN_FROM, OPAQUE_SHARE, opaque_at
from .run_parts import (
    TEXT_LIMIT,
    Failure,
    Place,
    Progress,
    Tally,
    Thresholds,
    Waiting,
    plain,
    read_activity,
    read_evidence,
    read_failure,
    read_progress,
    read_tally,
    read_thresholds,
    read_waiting,
)

__all__ = [
    "DETAIL_LIMIT",
    "ENDED",
    "FAILED",
    "INTERRUPTED",
    "LEARN_FROM",
    "OPAQUE_SHARE",
    "OPERATIONS",
    "OPERATION_LIMIT",
    "RUNNING",
    "RUNS",
    "SCHEMA",
    "STANDING",
    "SUCCEEDED",
    "TEXT_LIMIT",
    "Failure",
    "Place",
    "Progress",
    "RecordError",
    "Run",
    "Tally",
    "Thresholds",
    "Waiting",
    "by_operation",
    "document_key",
    "due_at",
    "expires_at",
    "foreseen_late_at",
    "overdue_at",
    "silent_at",
    "stalled_at",
    "standing_since",
]

SCHEMA = 1

# Kinds of activity in which the operation's thread has stood in one call ever since.
STANDING = frozenset({"blocked", "loop_blocked", "task_waiting", "thread_ended", "gil_held", "frozen"})

RUNS = "hangwatch_runs"
OPERATIONS = "hangwatch_operations"

RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
INTERRUPTED = "interrupted"
ENDED = frozenset({SUCCEEDED, FAILED, INTERRUPTED})
STATES = ENDED | {RUNNING}

OPERATION_LIMIT = 200
DETAIL_LIMIT = 1000
LABELS_LIMIT = 32

KEPT_FOR = timedelta(days=7)
REVIVED_FOR = timedelta(minutes=5)


@dataclass(frozen=True)
class Run:
    """One execution of an operation, as its last beat told it. All instants are the store's server's, in UTC.

    moved_at: when something last proved that the operation moves: progress where it is declared; else a nested run
    that began, moved or ended, or a note. child: the nested run that it is inside of now, which is watched for itself.
    ancestors: ids of the runs around it, outermost first. revived_at: when it beat again after being given up as lost.
    gone_at, gone_how: when and how the process ended inside of the run, told by its helper process; the state stays
    `running`, for the run itself never said that it ended.
    shared: whether it spans processes; then no process beats for it, `key` is what its openers call it, and what was
    done stands in its parts. tally: what they said together when they were last added up.
    trail: how it went so far, as `trail.Trail.to_document` makes it; unread here, for nothing is judged by it.
    stood: the longest stand in one call that a beat saw so far, in seconds; None where it counts or nobody looks.
    platform: `cloud_run_service` or `cloud_run_job` where known, for what happens at the deadline differs.
    """

    id: str
    operation: str
    started_at: datetime
    state: str = RUNNING
    detail: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ancestors: tuple[str, ...] = ()
    child: str | None = None
    project: str = ""
    region: str = ""
    platform: str = ""
    service: str = ""
    revision: str = ""
    instance: str = ""
    host: str = ""
    pid: int = 0
    python: str = ""
    beat_at: datetime | None = None
    ended_at: datetime | None = None
    moved_at: datetime | None = None
    revived_at: datetime | None = None
    gone_at: datetime | None = None
    gone_how: str = ""
    deadline: datetime | None = None
    seq: int = 0
    failed_writes: int = 0
    thresholds: Thresholds = field(default_factory=Thresholds)
    progress: Progress | None = None
    waiting: Waiting | None = None
    activity: Mapping[str, Any] | None = None
    stood: float | None = None
    trail: Mapping[str, Any] | None = None
    failure: Failure | None = None
    reason: str = ""
    shared: bool = False
    key: str = ""
    tally: Tally | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    schema: int = SCHEMA
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parent(self) -> str | None:
        """Id of the run right around this one, None for an outermost run."""
        return self.ancestors[-1] if self.ancestors else None

    @property
    def ended(self) -> bool:
        """Whether the run has said of itself that it is over."""
        return self.state in ENDED

    def to_document(self) -> dict[str, Any]:
        """The record as a document of plain values and aware datetimes. What is None or empty is left out."""
        document = {name: plain(getattr(self, name)) for name in _WRITTEN}
        document["parent"] = self.parent
        document["by_operation"] = by_operation(self.operation, self.started_at)
        document["shared"] = self.shared or None
        return dict(self.extra) | {name: value for name, value in document.items() if value not in (None, "", {}, [])}

    @classmethod
    def from_document(cls, run_id: str, document: Mapping[str, Any]) -> Run:
        """Read a record, which a stranger may have written; times may be datetimes or ISO 8601 text.

        Fields of a newer schema are kept in `extra` and written back untouched.
        Raises `RecordError` naming each field that is missing or not as expected.
        """
        fields = Fields(document)
        run = cls(id=run_id, **_read(fields))
        fields.raise_if_wrong(f"run {run_id[:80]}")
        return run


_WRITTEN = tuple(f.name for f in dataclasses.fields(Run) if f.name not in ("id", "extra"))
_DERIVED = ("id", "parent", "by_operation")


def _read(fields: Fields) -> dict[str, Any]:
    read = {
        "schema": fields.whole("schema", SCHEMA),
        "operation": fields.text("operation", MISSING, OPERATION_LIMIT),
        "state": fields.one_of("state", MISSING, STATES),
        "started_at": fields.instant("started_at", MISSING),
        "detail": fields.text("detail", "", DETAIL_LIMIT),
        "labels": fields.labels("labels", LABELS_LIMIT),
        "ancestors": fields.texts("ancestors"),
        "child": fields.text("child", None, TEXT_LIMIT),
        "pid": fields.whole("pid", 0),
        "seq": fields.whole("seq", 0),
        "failed_writes": fields.whole("failed_writes", 0),
        "reason": fields.text("reason", "", TEXT_LIMIT),
        "gone_how": fields.text("gone_how", "", TEXT_LIMIT),
        "shared": fields.flag("shared", False),
        "key": fields.text("key", "", TEXT_LIMIT),
        "tally": read_tally(fields.inside("tally")),
        "activity": read_activity(fields.inside("activity")),
        "trail": read_evidence(fields.document.get("trail")),
        "thresholds": read_thresholds(fields.inside("thresholds")),
        "progress": read_progress(fields.inside("progress")),
        "waiting": read_waiting(fields.inside("waiting")),
        "stood": fields.length("stood", None),
        "failure": read_failure(fields.inside("failure")),
    }
    for name in ("project", "region", "platform", "service", "revision", "instance", "host", "python"):
        read[name] = fields.text(name, "", TEXT_LIMIT)
    for name in ("beat_at", "ended_at", "moved_at", "revived_at", "gone_at", "deadline", "due_at", "expires_at"):
        read[name] = fields.instant(name, None)
    read["extra"] = {name: value for name, value in fields.document.items() if name not in (*_WRITTEN, *_DERIVED)}
    return read


def silent_at(run: Run) -> datetime | None:
    """The instant from which the run is silent, unless it beats before. One that never beat counts from its start.

    Where it is known that the process has gone, nobody waits for another beat. None for a shared run: nobody beats.
    """
    if run.shared:
        return None
    if run.gone_at is not None:
        return run.gone_at
    return (run.beat_at or run.started_at) + timedelta(seconds=run.thresholds.silent_after)


def stalled_at(run: Run) -> datetime | None:
    """The instant from which the run is stalled, unless it moves before; None while another rule watches it.

    A declared wait is a stall only past its `until`. An opaque run inside a nested one is watched by that one. Where
    there is evidence of what an opaque run does, it is a stall to stand in one call for too long, and nothing else is.
    A shared run is stalled when nothing was done for too long, whether or not it has said how much there is to do.
    """
    if run.waiting is not None:
        return run.waiting.until
    since = run.moved_at or run.started_at
    if run.shared:  # an item may have been done before the run was opened
        since = max(since, run.started_at)
    if run.progress is not None or run.shared:
        return since + timedelta(seconds=run.thresholds.stalled_after)
    if run.child is not None:
        return None
    stands_since = standing_since(run)
    if run.activity is not None and run.activity.get("kind"):
        if stands_since is None:
            return None
        return opaque_at(run.thresholds, max(since, stands_since), run.deadline, stands=True)
    return opaque_at(run.thresholds, since, run.deadline, stands=False)


def standing_since(run: Run) -> datetime | None:
    """Since when the operation certainly stands in one call; None where it does not, or nobody looked."""
    activity = run.activity or {}
    since = activity.get("since")
    return since if activity.get("kind") in STANDING and isinstance(since, datetime) else None


def overdue_at(run: Run) -> datetime | None:
    """The instant from which the run is overdue: past its max_runtime, or `warn_at` of the way to its deadline."""
    limits = []
    if run.thresholds.max_runtime is not None:
        limits.append(run.started_at + timedelta(seconds=run.thresholds.max_runtime))
    if run.deadline is not None:
        way = max(run.deadline - run.started_at, timedelta(0))
        limits.append(run.started_at + way * run.thresholds.warn_at)
    return min(limits, default=None)


def foreseen_late_at(run: Run) -> datetime | None:
    """The instant from which it is foreseen that the run will miss its deadline at its rate; None where it is not."""
    if run.ended or run.waiting is not None:
        return None
    longest = run.thresholds.learned_longest if run.thresholds.learned_runs >= LEARN_FROM else None
    return foreseen_at(run.progress, run.started_at, run.deadline, longest)


def due_at(run: Run) -> datetime | None:
    """The earliest instant at which the run could be anything but healthy; None once it has ended.

    A run that beats again after it was given up is due at once, and stays so for `REVIVED_FOR`: that it was called lost
    must be taken back, and a sweep looks only at what is due. One that ends then is due until a sweep has seen it.
    """
    if run.ended:
        return run.revived_at
    if run.revived_at is not None and (run.beat_at or run.revived_at) - run.revived_at < REVIVED_FOR:
        return run.revived_at
    known = (silent_at(run), stalled_at(run), overdue_at(run), foreseen_late_at(run))
    return min(at for at in known if at is not None)


def expires_at(run: Run) -> datetime:
    """When the store may delete the record: `KEPT_FOR` after the end, or after the deadline of a run that goes on."""
    if run.ended:
        return (run.ended_at or run.beat_at or run.started_at) + KEPT_FOR
    moved_at = run.moved_at if run.shared else None  # its record may be a week old while its parts move
    known = [at for at in (run.deadline, run.beat_at, run.started_at, moved_at) if at is not None]
    return max(known) + KEPT_FOR
