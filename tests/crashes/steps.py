"""A sweep's steps, counted: every call of the store and of a channel is one, and after any of them it can be stopped.

Between two steps a sweep touches nothing outside its own memory, so "right after a step" and "right before the next"
are one instant: a sweep of n steps has n + 1 instants at which it can die.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from watchdog.message import Message
from watchdog.ports import Channel, Create, Delete, Document, Receipt, Replace, Store, ThreadedChannel, Where

__all__ = ["SENDING", "SteppedStore", "Steps", "stepped"]

T = TypeVar("T")

SENDING = ("send", "reply")


class Steps:
    """Counts what is done, and stops this process with a signal once `stop_after` steps are done (None: never).

    say: gets the name of each step once it is done, before the process is stopped.
    """

    def __init__(self, stop_after: int | None, stop: signal.Signals, say: Callable[[str], None]) -> None:
        self._left = stop_after
        self._stop = stop
        self._say = say
        self._stop_if_due()

    def take(self, name: str, call: Callable[[], T]) -> T:
        """Do one step."""
        result = call()
        self._say(name)
        if self._left is not None:
            self._left -= 1
        self._stop_if_due()
        return result

    def _stop_if_due(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), self._stop)


class SteppedStore:
    """A `Store` whose every call is a step; `now`: what its server's clock says."""

    def __init__(self, store: Store, steps: Steps, now: datetime) -> None:
        self._store = store
        self._steps = steps
        self._now = now

    def now(self) -> datetime:
        """The instant that was given; the store is asked all the same."""
        self._steps.take("now", self._store.now)
        return self._now

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """See `Store.get`."""
        return self._steps.take(f"get {collection}", lambda: self._store.get(collection, ids))

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """The instant that was given, and what the store has."""
        _, found = self._steps.take(f"get {collection}", lambda: self._store.get_now(collection, ids))
        return self._now, found

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """See `Store.find`."""
        name = f"find {collection}" + (f".{where.field}" if where else "")
        return self._steps.take(name, lambda: self._store.find(collection, where, limit))

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """See `Store.commit`."""
        what = "+".join(dict.fromkeys(write.collection for write in writes))
        return self._steps.take(f"commit {what}", lambda: self._store.commit(writes))

    def put(self, write: Create | Replace) -> Any | None:
        """See `Store.put`."""
        return self._steps.take(f"commit {write.collection}", lambda: self._store.put(write))

    def close(self) -> None:
        """See `Store.close`."""
        self._store.close()


class _SteppedChannel:
    """A `Channel` whose every message is a step."""

    def __init__(self, channel: Channel, steps: Steps) -> None:
        self.name = channel.name
        self._channel = channel
        self._steps = steps

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """See `Channel.send`."""
        return self._steps.take("send", lambda: self._channel.send(message, seconds=seconds))


class _SteppedThreads(_SteppedChannel):
    """The same of a `ThreadedChannel`."""

    def __init__(self, channel: ThreadedChannel, steps: Steps) -> None:
        super().__init__(channel, steps)
        self._threads = channel

    def reply(self, thread: str, message: Message, *, seconds: float, aloud: bool) -> Receipt:
        """See `ThreadedChannel.reply`."""
        return self._steps.take("reply", lambda: self._threads.reply(thread, message, seconds=seconds, aloud=aloud))

    def edit(self, reference: str, message: Message, *, seconds: float) -> None:
        """See `ThreadedChannel.edit`."""
        self._steps.take("edit", lambda: self._threads.edit(reference, message, seconds=seconds))


def stepped(channel: Channel, steps: Steps) -> Channel:
    """The channel, of the same kind, with its messages counted."""
    return _SteppedThreads(channel, steps) if isinstance(channel, ThreadedChannel) else _SteppedChannel(channel, steps)
