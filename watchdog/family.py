"""Which problems are one: a run and the runs nested inside it, and runs that went wrong together for one cause.

When a nested run hangs, the runs around it hang with it. People hear of the innermost one, and of the others only if
they are still in trouble when that is over.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from heartbeat_client.run import Run, document_key

from .incident import Case
from .verdict import SILENT, STALLED, UNJUDGED

__all__ = ["cause", "covered", "failed_alone"]


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


def failed_alone(runs: Sequence[Run]) -> list[Run]:
    """Of runs that failed, those that did not fail because a run inside of them did."""
    inner = {(ancestor, _error(run)) for run in runs for ancestor in map(document_key, run.ancestors)}
    return [run for run in runs if (run.id, _error(run)) not in inner]


def _error(run: Run) -> tuple[str, str]:
    return (run.state, run.failure.type if run.failure else "")


def cause(case: Case) -> Hashable:
    """What problems of one sweep have in common when one thing is behind them.

    Silence befalls processes, machines and services as a whole. Runs that stand at the same place of the same service
    wait for the same thing, whatever they are called. Records that can't be read have one writer, most likely.
    """
    run, verdict = case.run, case.verdict
    if verdict is None:
        return case.run_id
    if verdict.state == UNJUDGED:
        return UNJUDGED
    if run is None or not (run.service or run.host):
        return case.run_id
    home = (verdict.state, run.service or run.host)
    return home if verdict.state == SILENT else (*home, _place(run) if verdict.state == STALLED else run.operation)


def _place(run: Run) -> Hashable:
    at = (run.activity or {}).get("at")
    if not isinstance(at, Mapping) or not at.get("file"):
        return run.operation
    return (str(at["file"]), str(at.get("line")), str(at.get("function")))


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
