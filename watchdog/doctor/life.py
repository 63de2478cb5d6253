"""The doctor's look at what the store tells: whether somebody sweeps, whether clients get through, what rules match."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from heartbeat_client.fields import RecordError
from heartbeat_client.run import OPERATIONS, RUNS, Run

from ..health import UNDELIVERED_FOR
from ..incident import INCIDENTS, Incident
from ..ledger import Ledger
from ..notice import NOTICES, Notice
from ..policy import Policy
from ..ports import Store
from ..wording import ago
from .findings import Finding, failed, noted, well
from .trials import Trial

__all__ = ["life_trials"]

# Three of Cloud Scheduler's minutes: one that is late or fails is usual, three are not.
SWEEP_LATE = 180.0
AUDITS_MISSED = 3

# A beat that is lost is made up for by the next. Three are 45 s in which nobody could have known of a hang.
WRITES_LOST = 3

RECORDS_LOOKED_AT = 1_000
NAMED = 3
USUAL_CAUSE = (
    "read ERROR lines of the heartbeat in that service's log; usually its service account lacks roles/datastore.user"
)
START_SWEEPING = "run python -m watchdog sweep each minute; deploy/ lets Cloud Scheduler do it"


def life_trials(store: Store, policy: Policy | None) -> Iterator[tuple[str, Trial]]:
    """The parts, in a sensible order. policy None: it can't be read, which another part has told."""
    ledger = Ledger(store)
    yield "sweeps", lambda: [_sweeps(ledger, policy or Policy())]
    yield "audit", lambda: [_audit(ledger, policy or Policy())]
    yield "notices", lambda: [_notices(ledger)]
    yield "records", lambda: _records(store)
    yield "clients", lambda: [_clients(ledger)]
    if policy is not None and policy.rules:
        yield "rules", lambda: _rules(store, policy)


def _sweeps(ledger: Ledger, policy: Policy) -> Finding:
    last = ledger.state().value.last_sweep_at
    if last is None:
        if ledger.store.find(RUNS, limit=1):
            return failed("sweeps", "none yet, and there are runs: nobody is told of anything", START_SWEEPING)
        return noted("sweeps", "none yet, and no runs", START_SWEEPING)
    now = ledger.now()
    if now - last > timedelta(seconds=max(SWEEP_LATE, policy.pace.gap_after)):
        todo = "look at Cloud Scheduler's job and the watchdog's log; python -m watchdog sweep shows what is wrong"
        return failed("sweeps", f"nobody sweeps: the last was {ago(now, last)} ago", todo)
    return well("sweeps", f"the last was {ago(now, last)} ago")


def _audit(ledger: Ledger, policy: Policy) -> Finding:
    state = ledger.state().value
    if state.last_audit_at is None:
        return noted("audit", "none yet: the first sweep makes one")
    now, missed = ledger.now(), timedelta(seconds=AUDITS_MISSED * policy.pace.audit_every)
    said = f"all running runs were read {ago(now, state.last_audit_at)} ago"
    if now - state.last_audit_at > missed:
        return failed("audit", said, "see whether sweeps come to their end: python -m watchdog sweep --audit")
    return well("audit", said)


def _notices(ledger: Ledger) -> Finding:
    now = ledger.now()
    waiting = [held.value for held in ledger.open_notices()]
    late = [notice for notice in waiting if now - notice.made_at > UNDELIVERED_FOR]
    if not late:
        return well("notices", f"{len(waiting)} wait to be sent" if waiting else "none waits to be sent")
    oldest = min(late, key=lambda notice: notice.made_at)
    said = f"{len(late)} wait for longer than 2 min, the oldest for {ago(now, oldest.made_at)}"
    why = f" ({oldest.error[:300]})" if oldest.error else ""
    return failed("notices", said + why, f"see whether {oldest.channel} works: python -m watchdog test-notice")


READERS: tuple[tuple[str, Callable[[str, Mapping[str, Any]], object]], ...] = (
    (RUNS, Run.from_document),
    (INCIDENTS, Incident.from_document),
    (NOTICES, Notice.from_document),
)


def _records(store: Store) -> Iterator[Finding]:
    readable = 0
    for collection, read in READERS:
        documents = store.find(collection, limit=RECORDS_LOOKED_AT)
        wrong = [document.id for document in documents if not _readable(read, document.id, document.fields)]
        readable += len(documents) - len(wrong)
        if wrong:
            mend = (
                "python -m watchdog prune ID deletes a stranger's" if collection == RUNS else "delete what is no one's"
            )
            yield failed("records", f"{len(wrong)} of {collection} can't be read: {_some(wrong)}", mend)
    yield well("records", f"{readable} were read and understood")


def _readable(read: Callable[[str, Mapping[str, Any]], object], document_id: str, fields: Mapping[str, Any]) -> bool:
    try:
        read(document_id, fields)
    except RecordError:
        return False
    return True


def _clients(ledger: Ledger) -> Finding:
    runs = [run for record in ledger.running(ledger.now()) if (run := record.readable)]
    lost = [run for run in runs if run.failed_writes]
    bad = sorted({run.operation for run in lost if run.failed_writes >= WRITES_LOST})
    said = f"{len(lost)} of {len(runs)} running runs report {sum(run.failed_writes for run in lost)} failed writes"
    if bad:
        return failed("clients", f"{said}: {_some(bad)}", USUAL_CAUSE)
    if lost:
        return noted("clients", f"{said}, too few to hide a hang")
    if not runs:
        return noted("clients", "no runs are running, so nothing is known of their writes; see doctor --client")
    return well("clients", f"{len(runs)} running runs report no failed writes")


def _rules(store: Store, policy: Policy) -> Iterator[Finding]:
    operations = _operations(store)
    if not operations:
        yield noted("rules", "no operation is known yet")
        return
    for rule in policy.rules:
        mine = [operation for operation in operations if policy.rule_for(operation) is rule]
        if mine:
            yield well("rules", f"{rule.match!r} matches {_some(mine)}")
        else:
            yield noted("rules", f"{rule.match!r} matches nothing", "is it misspelt, or behind a wider rule?")


def _operations(store: Store) -> list[str]:
    kept = [document.fields.get("operation") for document in store.find(OPERATIONS)]
    seen = [document.fields.get("operation") for document in store.find(RUNS, limit=RECORDS_LOOKED_AT)]
    return sorted({name for name in (*kept, *seen) if isinstance(name, str)})


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(name[:80] for name in names[:NAMED]) + more
