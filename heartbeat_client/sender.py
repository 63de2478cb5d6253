"""The writer thread of a process: newest wins, many runs in one commit, and nobody but this thread calls the store.

Records are built from the live runs at the moment of sending, so an outage piles up nothing but ended runs, and those
are bounded by the roster.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

from .backend import StoreAway, StoreRefused
from .background import Background
from .identity import Who
from .lengths import spoken
from .live import COALESCE, LiveRun
from .logline import Speaker
from .outage import Outage
from .place import innermost, type_name
from .roster import Roster
from .server_clock import ServerClock
from .settings import Settings, open_backend, settings, store_of
from .share import Share
from .share_writer import ShareWriter
from .shares import Shares
from .store_address import StoreAddress
from .store_link import StoreLink
from .writer import Voice, Writer

__all__ = ["Sender"]

_AHEAD: Final = 0.25  # what is due within this many seconds comes along: one commit instead of two


class Sender:
    """Writes the runs of a roster, and the shares in runs that span processes, to the store that `current` names.

    current: gives the process's settings. clock: monotonic seconds. wall: this machine's idea of the time, used until
    the store has said what time it is. voice: where complaints go. after: called after each pass, must return at once.
    """

    def __init__(
        self,
        roster: Roster,
        current: Callable[[], Settings] = settings,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,  # noqa: TID251 (all there is before the store's first answer)
        voice: Voice | None = None,
        *,
        after: Callable[[], None] | None = None,
        shares: Shares | None = None,
    ) -> None:
        self._roster = roster
        self._shares = Shares(clock) if shares is None else shares
        self._after = after
        self._current = current
        self._clock = clock
        self._wall = wall
        self._voice: Voice = Speaker() if voice is None else voice
        self._outage = Outage()
        self._who = Who()
        self._store: object = None
        self._writer: Writer | None = None
        self._share_writer: ShareWriter | None = None
        self._asked = self._hurried = self._flushed = 0
        self._tell_dropped_at = 1
        self.thread = Background("hangwatch-sender", self.work)

    @property
    def away(self) -> bool:
        """Whether the store is known to be away: the last attempt failed, or a call has been out for too long."""
        writer = self._writer
        stuck_at = writer.link.stuck_at if writer else None
        return self._outage.on or (stuck_at is not None and self._clock() > stuck_at)

    def is_written(self, live: LiveRun) -> bool:
        """Whether the last record of a run is written, or never will be."""
        return live.outgoing.settled.is_set()

    def wait_written(self, live: LiveRun, timeout: float) -> bool:
        """Wait until the last record of a run is written; False after `timeout` seconds, or if the store is away."""
        until = self._clock() + timeout
        while not self.is_written(live):
            left = until - self._clock()
            if left <= 0 or self.away or self.thread.is_here or not self.thread.started:
                return False
            live.outgoing.settled.wait(min(left, 0.05))
        return True

    def hurry(self, share: Share) -> int:
        """Have a share written at once; the edition of it that holds all that was told up to now."""
        ticket = share.hurry()
        if not share.settled:
            self.thread.wake()
        return ticket

    def wait_share(self, share: Share, timeout: float) -> bool:
        """Wait until a share is written as it is now; False after `timeout` seconds, or if the store is away."""
        ticket, until, pause = self.hurry(share), self._clock() + timeout, 0.001
        while share.written < ticket:
            left = until - self._clock()
            if left <= 0 or self.away or self.thread.is_here:
                return False
            time.sleep(min(left, pause))
            pause = min(2 * pause, 0.02)
        return True

    def flush(self, timeout: float) -> bool:
        """Write everything as it is now; False if that was not done within `timeout` seconds."""
        self._asked += 1
        ticket, until = self._asked, self._clock() + timeout
        self.thread.wake()
        pause = 0.001
        while self._flushed < ticket:
            left = until - self._clock()
            tried_in_vain = self._hurried >= ticket and self._outage.retry_at > until
            if left <= 0 or self.thread.is_here or tried_in_vain:
                return False
            time.sleep(min(left, pause))
            pause = min(2 * pause, 0.05)
        return True

    def work(self) -> float | None:
        """Write what is due; returns the seconds until something will be, None when no run is there."""
        now, asked = self._clock(), self._asked
        if now < self._outage.retry_at and asked == self._hurried:
            return self._outage.retry_at - now
        self._hurried = asked
        due = self._due(now, everything=asked > self._flushed)
        shares = self._shares.due(now, everything=asked > self._flushed)
        if not (due or shares) or self._send(due, shares):
            self._flushed = asked
        self._tell_dropped()
        if self._after is not None:
            self._after()
        return self._pause()

    def _runs(self) -> list[LiveRun]:
        return [*self._roster.waiting_runs(), *self._roster.open_runs()]

    def _due(self, now: float, *, everything: bool) -> list[LiveRun]:
        times = [(live.due(), live) for live in self._runs()]
        if everything:
            return [live for at, live in times if at < math.inf]
        if min((at for at, _ in times), default=math.inf) > now:
            return []
        return [live for at, live in times if at <= now + min(_AHEAD, 0.1 * live.thresholds.beat_every) + COALESCE]

    def _pause(self) -> float | None:
        at = min((live.due() for live in self._runs()), default=math.inf)
        at = min(at, self._shares.next_due())
        return None if at == math.inf else max(at, self._outage.retry_at) - self._clock()

    def _send(self, due: Sequence[LiveRun], shares: Sequence[Share]) -> bool:
        """Write these runs and shares; False when the store could not be written."""
        unsent = list(due)
        try:
            self._write(unsent, shares)
        except StoreRefused as error:
            self._fail(unsent, str(error), refused=True)
        except StoreAway as error:
            self._fail(unsent, str(error), refused=False)
        except Exception as error:  # noqa: BLE001 (a backend may be the user's own, and fail in its own way)
            place = innermost(error.__traceback__)
            where = f" at {place.file}:{place.line}" if place else ""
            self._fail(unsent, f"{type_name(type(error))}{where}; it is tried again every few seconds", refused=False)
        else:
            self._succeed()
            return True
        return False

    def _write(self, due: list[LiveRun], shares: Sequence[Share]) -> None:
        current = self._current()
        writer = self._writer_for(current)
        if writer.link.open():
            identity = self._who.now(current.service, self._clock())
            writer.write(due, identity)
            if shares and self._share_writer is not None:
                self._share_writer.write(shares, identity)
        else:
            writer.forget(due)
            for share in shares:
                share.forget()

    def _writer_for(self, current: Settings) -> Writer:
        """The writer to the configured store; another store knows none of the runs yet."""
        store = store_of(current)
        if self._writer is None or store != self._store:
            self._leave_store()
            link = StoreLink(lambda: open_backend(store), ServerClock(self._clock, self._wall), self._clock)
            self._writer, self._store = Writer(self._roster, link, self._voice, self._clock), store
            self._share_writer = ShareWriter(link, self._voice, self._clock)
        return self._writer

    def _leave_store(self) -> None:
        if self._writer is None:
            return
        if isinstance(self._store, StoreAddress):  # a backend object is its owner's to close
            self._writer.link.close()
        for live in self._runs():
            live.outgoing.begin_again()
        for share in self._shares.all():
            share.begin_again()

    def _fail(self, unsent: Sequence[LiveRun], why: str, *, refused: bool) -> None:
        for live in unsent:
            live.outgoing.failed_writes += 1
        if self._outage.failed(self._clock(), len(unsent), refused=refused):
            self._voice.report(logging.ERROR, f"heartbeat_client: beats can't be written to {self._named}: {why}")

    def _succeed(self) -> None:
        over = self._outage.over(self._clock())
        if over is not None:
            beats, seconds = over
            self._voice.report(
                logging.WARNING,
                f"heartbeat_client: beats are written to {self._named} again; "
                f"{beats} beats could not be written for {spoken(seconds)}",
            )

    @property
    def _named(self) -> str:
        return str(self._store) if isinstance(self._store, StoreAddress) else type(self._store).__name__

    def _tell_dropped(self) -> None:
        dropped = self._roster.dropped
        if dropped >= self._tell_dropped_at:
            self._tell_dropped_at = 10 * dropped
            self._voice.report(
                logging.ERROR,
                f"heartbeat_client: the ends of {dropped} runs are given up, the oldest first: more ended than are "
                f"kept while {self._named} can't be written",
            )
