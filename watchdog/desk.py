"""Answers that come from several threads at once, as those of a web server do: one at a time, over one store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Literal

from .answers import Answers
from .audience import Audience
from .ledger import Ledger
from .policy import Policy
from .ports import Channel, Store

__all__ = ["Desk"]


class Desk:
    """`Answers` for many threads. open_store: called at the first answer, in the process that answers.

    A store's connection belongs to one thread at a time, and a forked child makes its own.
    """

    def __init__(
        self, open_store: Callable[[], Store], channels: Sequence[Channel], policy: Callable[[], Policy], link_base: str
    ) -> None:
        self._open_store = open_store
        self._channels = tuple(channels)
        self._policy = policy
        self._link_base = link_base
        self._ledger: Ledger | None = None
        self._lock = threading.Lock()

    def acknowledge(self, incident_id: str, by: str) -> str:
        """See `Answers.acknowledge`."""
        return self._ask(lambda answers: answers.acknowledge(incident_id, by))

    def snooze(self, operation: str, length: Literal["hour", "today"], by: str) -> str:
        """See `Answers.snooze`."""
        return self._ask(lambda answers: answers.snooze(operation, length, by))

    def snooze_for(self, operation: str, seconds: float, by: str, why: str) -> str:
        """See `Answers.snooze_for`."""
        return self._ask(lambda answers: answers.snooze_for(operation, seconds, by, why))

    def snooze_as_asked(self, operation: str, asked: str, by: str, why: str) -> str:
        """See `Answers.snooze_as_asked`."""
        return self._ask(lambda answers: answers.snooze_as_asked(operation, asked, by, why))

    def wake(self, operation: str, by: str) -> str:
        """See `Answers.wake`."""
        return self._ask(lambda answers: answers.wake(operation, by))

    def zone(self) -> str:
        """The time zone that people's days and times are meant in."""
        return self._policy().pace.time_zone

    def _ask(self, ask: Callable[[Answers], str]) -> str:
        with self._lock:
            self._ledger = self._ledger or Ledger(self._open_store())
            return ask(Answers(self._ledger, Audience(self._channels, self._policy(), self._link_base)))
