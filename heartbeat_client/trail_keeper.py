"""Keeps a run's trail: each beat's record tells it where the run stands, and takes it along to the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from .fields import Fields
from .run import Place, Run
from .run_parts import read_place
from .shield import SHIELD
from .trail import Look, Trail

__all__ = ["TrailKeeper"]

# One beat may be a little late, or fail and be tried again at once; the time line calls it a gap from here on too.
_BEATS: Final = 2


class TrailKeeper:
    """The trail of one run, and up to when its beats have reached the store. Used by the sender's thread alone."""

    def __init__(self) -> None:
        self._trail: Trail | None = None
        self._reached = 0.0

    def document(self, run: Run) -> dict[str, Any] | None:
        """Take note of what a record tells, which is about to be written; the trail to go with it."""
        with SHIELD:
            at, patience = _at(run), _BEATS * run.thresholds.beat_every
            trail = self._trail or Trail(run.thresholds.beat_every)
            self._trail = trail.add(_look(run, at, patience, trail.done))
            return self._with_gap(self._trail, run).to_document()
        return None

    def reached(self, run: Run) -> None:
        """The store has taken this record: its beat came."""
        with SHIELD:
            if self._trail is not None:
                self._trail = self._with_gap(self._trail, run)
            self._reached = max(self._reached, _at(run))

    def _with_gap(self, trail: Trail, run: Run) -> Trail:
        # Whoever reads a record has its beat, so the time without one ends with it.
        at = _at(run)
        quiet = at - self._reached
        return trail.without_beats(self._reached, at) if quiet >= _BEATS * run.thresholds.beat_every else trail


def _at(run: Run) -> float:
    """Seconds from the start to the record's beat, or to the end."""
    # By the store's clock: a machine's own stands still while it is suspended.
    return max(0.0, ((run.ended_at or run.beat_at or run.started_at) - run.started_at).total_seconds())


def _look(run: Run, at: float, patience: float, before: int | None) -> Look:
    done = run.progress.done if run.progress is not None else None
    activity = run.activity or {}
    kind, since = activity.get("kind", ""), activity.get("since")
    if not kind and done is not None and done > (before or 0):
        kind = "progressing"  # nobody needs to look at what counts
    stood = at - (since - run.started_at).total_seconds() if isinstance(since, datetime) else 0.0
    return Look(at, kind, _place(activity.get("at")), max(patience, stood), done)


def _place(at: object) -> Place | None:
    return read_place(Fields(at)) if isinstance(at, Mapping) else None
