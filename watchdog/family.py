"""Which problems are one: a run and the runs nested inside it, and the runs of one process that went wrong together.

When a nested run hangs, the runs around it hang with it. People hear of the innermost one, and of the others only if
they are still in trouble when that is over.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from heartbeat_client.run import Run, document_key

from .incident import Case
from .verdict import SILENT, UNJUDGED

__all__ = ["cause", "covered"]


def covered(fresh: Sequence[Case], troubled: Iterable[Case]) -> dict[str, str]:
    """Of the fresh problems, those that a relative stands for: run id to the relative's run id.

    fresh: problems without an incident. troubled: runs that had an open incident when the sweep began. A record that
    makes no sense stands for nobody, nor anybody for it: it does not say whether its relatives hang.
    """
    standing = list(troubled)
    found = {}
    for case in sorted(fresh, key=_depth, reverse=True):
        relative = next((other for other in standing if _related(case, other)), None)
        if relative is None:
            standing.append(case)
        else:
            found[case.run_id] = relative.run_id
    return found


def cause(case: Case) -> Hashable:
    """What problems of one sweep have in common when one thing is behind them.

    Silence befalls a process as a whole. A stall does not: there it must be the same operation too.
    """
    run, verdict = case.run, case.verdict
    if run is None or verdict is None or not (run.instance or run.host):
        return case.run_id
    operation = "" if verdict.state == SILENT else run.operation
    return (verdict.state, run.service, run.instance or run.host, run.pid, operation)


def _depth(case: Case) -> int:
    return len(case.run.ancestors) if case.run else 0


def _related(one: Case, other: Case) -> bool:
    if one.run is None or other.run is None or UNJUDGED in (_state(one), _state(other)):
        return False
    return _around(one.run, other.run) or _around(other.run, one.run)


def _state(case: Case) -> str:
    return case.verdict.state if case.verdict else ""


def _around(outer: Run, inner: Run) -> bool:
    # A record's id is a document's, in which an id that the user chose may be encoded.
    return outer.id in map(document_key, inner.ancestors)
