"""The main record of a shared run: what opening it and ending it make of the record that is there, if one is.

Pure. The same key opens the same run: a second opening adds what was unknown and resets nothing. The first end holds,
and a run that has ended is not written any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .identity import Identity
from .limits import InForce
from .plan import Plan
from .run import LABELS_LIMIT, Progress, Run, Thresholds, due_at, expires_at

__all__ = ["Ending", "Names", "Opening", "Origin", "opened", "over"]


@dataclass(frozen=True)
class Names:
    """What a shared run is called: its id at the store, its operation, and the key that its openers share."""

    id: str
    operation: str
    key: str


@dataclass(frozen=True)
class Opening:
    """What an opener said. total: items in all, None when not known. items: their names. at: monotonic seconds."""

    plan: Plan
    total: int | None
    items: tuple[str, ...]
    at: float

    def with_more(self, later: Opening) -> Opening:
        """This opening with what only a later one of the same process knew."""
        own, new = self.plan, later.plan
        plan = replace(
            own,
            detail=own.detail or new.detail,
            name=own.name if own.detail else new.name,
            labels=_labels(own.labels, new.labels),
            own_deadline=new.own_deadline if own.own_deadline is None else own.own_deadline,
            limits=new.limits.changed(_set(own)),
        )
        items = tuple(dict.fromkeys((*self.items, *later.items)))
        return Opening(plan, later.total if self.total is None else self.total, items, self.at)


@dataclass(frozen=True)
class Ending:
    """The word that the run is over. at: monotonic seconds."""

    state: str
    reason: str
    at: float


@dataclass(frozen=True)
class Origin:
    """Whence a record is written: by whom, when by the store's clock, and what is in force for the operation."""

    identity: Identity
    at: datetime
    in_force: InForce


def opened(names: Names, known: Run | None, opening: Opening | None, origin: Origin) -> Run:
    """The record of an opened run. known: what is there. opening None: it was not opened here."""
    if known is not None and known.ended:  # a store gives an ended record the end anew with each write
        return known
    run = _begun(names, origin) if known is None else known
    if opening is not None:
        run = _added(run, opening, origin.in_force)
    return _timed(run)


def over(run: Run, ending: Ending, at: datetime) -> Run:
    """The record after its end. One that had ended before stays as it was."""
    if run.ended:
        return run
    return _timed(replace(run, state=ending.state, reason=ending.reason, ended_at=at))


def _timed(run: Run) -> Run:
    # Whoever beats for no process is never given up for not beating, and so is never revived.
    run = replace(run, due_at=None if run.ended else due_at(run))
    return replace(run, expires_at=expires_at(run))


def _begun(names: Names, origin: Origin) -> Run:
    # Neither host nor instance nor platform: the run is not in any process, and no response is cut at its deadline.
    who = origin.identity
    return Run(
        id=names.id,
        operation=names.operation,
        started_at=origin.at,
        shared=True,
        key=names.key,
        project=who.project,
        region=who.region,
        service=who.service,
        revision=who.revision,
        python=who.python,
        progress=Progress(0, since=origin.at),
    )


def _added(run: Run, opening: Opening, in_force: InForce) -> Run:
    plan, progress = opening.plan, run.progress or Progress(0, since=run.started_at)
    return replace(
        run,
        detail=run.detail or plan.detail,
        labels=_labels(run.labels, plan.labels),
        thresholds=_thresholds(run, plan, in_force),
        deadline=run.deadline or _deadline(run, plan, in_force),
        progress=replace(progress, total=opening.total if progress.total is None else progress.total),
    )


def _labels(first: Mapping[str, str], later: Mapping[str, str]) -> dict[str, str]:
    return dict(
        list({**first, **{name: text for name, text in later.items() if name not in first}}.items())[:LABELS_LIMIT]
    )


def _thresholds(run: Run, plan: Plan, in_force: InForce) -> Thresholds:
    """The limits that an earlier opening set, then this one's, then what is in force.

    `deadline` always counts as set by the owner: the watchdog's default is about requests, which this is not.
    """
    known = {name: getattr(run.thresholds, name) for name in run.thresholds.explicit if name in _LIMITS}
    limits = plan.limits.changed(known)
    explicit = dict.fromkeys((*known, *limits.explicit, "deadline"))
    return replace(limits.resolve(in_force), explicit=tuple(explicit))


_LIMITS = ("stalled_after", "max_runtime")


def _set(plan: Plan) -> dict[str, Any]:
    """The limits that a plan's owner set, as a change for another's."""
    explicit = plan.limits.explicit
    return {name: getattr(plan.limits, name) for name in explicit if name in _LIMITS} | {"explicit": explicit}


def _deadline(run: Run, plan: Plan, in_force: InForce) -> datetime | None:
    deadline = in_force.forced.get("deadline", plan.own_deadline)
    if deadline is None or isinstance(deadline, datetime):
        return deadline
    return run.started_at + timedelta(seconds=deadline)
