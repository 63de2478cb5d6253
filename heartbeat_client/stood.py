"""For how long at most a run was seen to stand in one call: what its operation's healthy runs teach the next one."""

from __future__ import annotations

from dataclasses import replace

from .run import Run, standing_since

__all__ = ["LongestStand"]


class LongestStand:
    """Of one run, from beat to beat. Used by the sender's thread alone.

    A call is looked at with each beat, so it may have lasted a beat longer than was seen.
    """

    def __init__(self) -> None:
        self._seconds: float | None = None

    def noted(self, run: Run) -> Run:
        """Take note of a record that is about to be written; the same record with the longest so far.

        Where something is counted, waited for as declared, or done by a nested run, no call is judged by its length.
        """
        if run.progress is not None:
            return run
        if run.activity is not None and not (run.child or run.waiting or run.ended):
            self._seconds = max(self._seconds or 0.0, _stands(run))
        return replace(run, stood=self._seconds)


def _stands(run: Run) -> float:
    since = standing_since(run)
    if since is None or run.beat_at is None:
        return 0.0
    return max(0.0, (run.beat_at - max(since, run.moved_at or run.started_at)).total_seconds())
