"""What the helper process writes to the store in another process's stead. Loaded when there is something to say.

It reads a record, changes what it knows better, and writes it if nobody was faster: the process itself always wins.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from .backend import Backend, Stored, StoreRefused, Write, Written
from .lengths import spoken
from .run import RecordError, Run, due_at, expires_at
from .settings import open_backend
from .sidecar_eyes import Finding
from .store_address import StoreAddress

__all__ = ["Speech", "StoreRefused"]

_IN_WORDS = {
    "gil_held": "one call holds Python",
    "frozen": "the process does not run",
    "starved": "gets no CPU",
}

_BATCH = 20  # runs; the first of a thousand are written while the last are read


class Speech:
    """Speaks for the runs of one process. address: its store. path: its sys.path. pid: its id.

    Everything raises StoreAway or StoreRefused.
    """

    def __init__(self, address: str, path: Sequence[str], pid: int) -> None:
        sys.path.extend(entry for entry in path if entry not in sys.path)
        self.address = address
        self._pid = pid
        self._backend: Backend | None = None

    def beat(self, findings: Mapping[str, Finding], still_for: Callable[[], float], tick: float) -> None:
        """Beat for runs whose process lives and can't.

        still_for: gives the seconds since Python was last seen to move, which it shows every `tick` seconds.
        """

        def beaten(run: Run, now: datetime) -> Run:
            activity = _activity(run.activity or {}, findings[run.id], now, still_for(), tick)
            return replace(run, beat_at=now, activity=activity, revived_at=run.revived_at if run.due_at else now)

        self._change(findings, beaten)

    def gone(self, hows: Mapping[str, str], gone_for: Callable[[], float]) -> set[str]:
        """Write that the process is gone, and how; returns the ids of runs where somebody else was faster.

        gone_for: gives the seconds since then.
        """

        def buried(run: Run, now: datetime) -> Run:
            return replace(run, gone_at=now - timedelta(seconds=gone_for()), gone_how=hows[run.id])

        return self._change(hows, buried)

    def _change(self, ids: Iterable[str], change: Callable[[Run, datetime], Run]) -> set[str]:
        """Change the records of runs that still go on; returns those that were changed by somebody meanwhile."""
        backend = self._opened()
        left: set[str] = set()
        names = list(ids)
        for begin in range(0, len(names), _BATCH):
            stored = {name: backend.read_run(name) for name in names[begin : begin + _BATCH]}
            found = {name: self._ours(name, one) for name, one in stored.items()}
            writes = [
                Write(_timed(change(run, stored[name].server_time), run), stored[name].version)
                for name, run in found.items()
                if run is not None
            ]
            answers = zip(writes, backend.commit(writes), strict=True)
            left |= {write.run.id for write, answer in answers if not isinstance(answer, Written)}
        return left

    def _ours(self, name: str, stored: Stored) -> Run | None:
        try:
            run = Run.from_document(name, stored.document or {})
        except RecordError:
            return None
        ours = (run.pid, run.host) == (self._pid, socket.gethostname())
        return run if ours and not run.ended and run.gone_at is None else None

    def _opened(self) -> Backend:
        if self._backend is None:
            self._backend = open_backend(StoreAddress.parse(self.address))
        if self._backend is None:
            raise StoreRefused(f"{self.address}: expected a store, got none")
        return self._backend


def _timed(run: Run, before: Run) -> Run:
    """The record with its due time; one that the watchdog gave up as lost stays so, unless it beats again."""
    if before.due_at is None and run.gone_at is not None:
        return run
    run = replace(run, due_at=due_at(run))
    return replace(run, expires_at=expires_at(run))


def _activity(
    last: Mapping[str, Any], finding: Finding, now: datetime, still_for: float, tick: float
) -> dict[str, Any]:
    """The record's activity, with the place that was last seen from inside."""
    activity = {name: last[name] for name in ("at", "frames") if last.get(name)}
    if (at := _innermost(activity)) is not None:
        activity["at"] = at
    place = "; the place is the last that was seen before" if at is not None else ""
    seen = f", last seen before that at {at['file']}:{at['line']}" if at is not None else ""
    activity |= {
        "kind": finding.kind,
        "since": now - timedelta(seconds=max(0.0, still_for - tick)),
        "since_at_most": now - timedelta(seconds=still_for),
        "evidence": finding.evidence,
        "unknown": finding.unknown + place,
        "cpu": finding.cpu,
        "text": f"{_IN_WORDS[finding.kind]} for {spoken(still_for)}{seen} ({finding.evidence})",
    }
    return {name: value for name, value in activity.items() if value is not None}


def _innermost(activity: Mapping[str, Any]) -> dict[str, Any] | None:
    """The innermost frame in the same package or file as the one to blame; that one may have been further out."""
    frames = [frame for frame in (*(activity.get("frames") or ()), activity.get("at")) if _is_place(frame)]
    if not frames or not _is_place(activity.get("at")):
        return None
    home = str(activity["at"]["file"]).split("/", 1)[0]
    found = next(frame for frame in frames if str(frame["file"]).split("/", 1)[0] == home)
    return {name: found.get(name) for name in ("file", "line", "function")}


def _is_place(frame: object) -> bool:
    return isinstance(frame, Mapping) and "file" in frame and "line" in frame
