"""What one sweep has read: what is due, what open incidents are about, and at an audit all that runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from heartbeat_client.run import Run

from .doubt import Doubt
from .incident import RUN, Case, Incident
from .ledger import Held, Ledger, RunRecord, SweepState
from .notice import Notice
from .operations import keep_operations
from .policy import Policy
from .shared_runs import follow
from .snooze import Snoozes
from .verdict import judge

__all__ = ["Seen", "look"]

DUE_LIMIT = 5_000
ENDED_LIMIT = 5_000
LEARN_BACK = timedelta(days=7)

# A client estimates its end by the store's clock, good to a second or so, and writes it a moment later.
ENDED_MARGIN = timedelta(minutes=2)


@dataclass
class Seen:
    """What this sweep has read and concluded.

    audit: `full`, `running` or empty. live: all running runs, where they were read. ended: runs that ended badly since
    the sweep before, of operations whose failures people want to hear of. doubt: why silence may not be theirs.
    """

    now: datetime
    state: Held[SweepState]
    snoozes: Held[Snoozes]
    records: dict[str, RunRecord] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    incidents: list[Held[Incident]] = field(default_factory=list)
    notices: dict[str, Held[Notice]] = field(default_factory=dict)
    audit: str = ""
    due: int = 0
    live: list[Run] | None = None
    failures: list[Run] = field(default_factory=list)
    doubt: Doubt | None = None

    @property
    def doubtful(self) -> bool:
        """Whether `silent` is held."""
        return self.doubt is not None and self.doubt.holds(self.now)

    @property
    def known(self) -> set[str]:
        """Ids of what has an open incident."""
        return {held.value.run_id for held in self.incidents}


def look(ledger: Ledger, policy: Policy, *, audit: bool = False, measured: bool = False) -> Seen:
    """Read and judge. audit: every record. measured: all live runs too, each `measure_every`. Raises `StoreError`."""
    seen = Seen(*ledger.standing_now())
    now = seen.now
    # Before the runs: whoever resolves one of these meanwhile makes our change of it fail, not open it anew.
    seen.incidents = ledger.open_incidents()
    due = ledger.due(now, DUE_LIMIT)
    seen.due = len(due)
    seen.records = {record.id: record for record in (*_audited(ledger, policy, seen, audit), *due)}
    _read_live(ledger, policy, seen, measured)
    wanted = {held.value.run_id for held in seen.incidents if held.value.about == RUN}
    seen.records |= ledger.runs(wanted - seen.records.keys())
    seen.records = follow(ledger.store, seen.records, policy, now, always=wanted)
    seen.notices = ledger.notices(i for held in seen.incidents for i in held.value.notices)
    seen.failures = _failures(ledger, policy, seen)
    for record in seen.records.values():
        seen.cases[record.id] = Case(record.id, record.readable, judge(record.run, policy, now))
    return seen


def _audited(ledger: Ledger, policy: Policy, seen: Seen, audit: bool) -> list[RunRecord]:
    state, pace, now = seen.state.value, policy.pace, seen.now
    if audit or _elapsed(state.last_full_audit_at, now, pace.full_audit_every):
        seen.audit = "full"
        records = ledger.everything(now)
    elif _elapsed(state.last_audit_at, now, pace.audit_every):
        seen.audit = "running"
        records = ledger.running(now)
    else:
        return []
    seen.live = [run for record in records if (run := record.readable)]
    ended = ledger.ended_since(state.last_audit_at or now - LEARN_BACK, ENDED_LIMIT)
    keep_operations(ledger.store, policy, seen.live, ended)
    return records


def _read_live(ledger: Ledger, policy: Policy, seen: Seen, measured: bool) -> None:
    wanted = measured and _elapsed(seen.state.value.last_live_at, seen.now, policy.pace.measure_every)
    if wanted and seen.live is None:
        seen.live = [run for record in ledger.running(seen.now) if (run := record.readable)]


def _failures(ledger: Ledger, policy: Policy, seen: Seen) -> list[Run]:
    if not policy.tells_failures:
        return []
    since = (seen.state.value.last_sweep_at or seen.now) - ENDED_MARGIN
    ended = ledger.ended_since(since, ENDED_LIMIT)
    return [run for run in ended if policy.setting(run.operation, "on_failure")]


def _elapsed(last: datetime | None, now: datetime, seconds: float) -> bool:
    # A mark that lies ahead was made before the store's clock went back.
    return last is None or last > now or (now - last).total_seconds() >= seconds
