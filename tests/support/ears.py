"""People who read what the watchdog tells them, over a channel that fails in every way; and what they hold against it.

A message is judged as it is read, against what was true then. What is wrong is kept in `complaints`, since an error
raised in a channel is the channel's, and stops nobody.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tests.support.truth import Actual, Limits
from watchdog.message import Message
from watchdog.ports import DeliveryError, Receipt

__all__ = ["Channel", "Ears", "Mood", "Opinion", "Threads", "names_in"]

Mood = Literal["works", "away", "refuses", "took it without a word", "lost it without a word", "slow"]

ALARMS = ("opened", "worsened", "reminded")
HOUR = timedelta(hours=1)
SLOW = timedelta(seconds=20)
A_SWEEP = timedelta(seconds=60)

# One run in one hour: opened and resolved at once, then ever longer waits (5, 10, 20 min) before it may be over again.
MOST_IN_AN_HOUR = 12


@dataclass
class Opinion:
    """What people think of one run. unsure: the channel or a crash made it possible that they heard twice, or not."""

    trouble: bool = False
    lost: bool = False
    acknowledged: bool = False
    severity: int = 0
    last_at: datetime | None = None
    unsure: bool = False
    heard: list[tuple[datetime, str]] = field(default_factory=list)


class Ears:
    """Everybody who reads. runs: what is true. touched: names of those that changed while the sweep was under way."""

    def __init__(self, runs: dict[str, Actual], limits: Limits, clock: Callable[[], datetime]) -> None:
        self.runs = runs
        self.limits = limits
        self.clock = clock
        self.opinions: dict[str, Opinion] = {}
        self.touched: set[str] = set()
        self.complaints: list[str] = []

    def opinion(self, name: str) -> Opinion:
        """What people think of a run."""
        return self.opinions.setdefault(name, Opinion())

    def read(self, message: Message) -> None:
        """A message came."""
        names = names_in(message)
        if len(set(names)) < len(names):
            self._complain(f"{message.title}: names {names}")
        for name in names:
            self._hear(name, message)

    def _hear(self, name: str, message: Message) -> None:
        opinion, now = self.opinion(name), self.clock()
        if not opinion.unsure:
            self._check(name, message, opinion, now)
        if message.kind in ALARMS:
            self._check_true(name, message, now)
        opinion.heard.append((now, message.kind))
        if sum(now - at < HOUR for at, _ in opinion.heard) > MOST_IN_AN_HOUR:
            self._complain(f"{name}: too many messages: {opinion.heard}")
        opinion.trouble = message.kind in ALARMS
        opinion.lost = ": lost after" in message.title
        opinion.last_at = now
        run = self.runs.get(name)
        # What changed at this very moment may be in the message, or not.
        severity = run.severity(now, self.limits) if run and name not in self.touched else 1
        opinion.severity = max(opinion.severity, severity) if opinion.trouble else 0
        opinion.acknowledged = opinion.acknowledged and opinion.trouble

    def _check(self, name: str, message: Message, opinion: Opinion, now: datetime) -> None:
        run = self.runs.get(name)
        severity = run.severity(now, self.limits) if run else 1
        quiet = now - (opinion.last_at or datetime.min.replace(tzinfo=now.tzinfo))
        wrong = {
            "opened": opinion.trouble,
            "worsened": not opinion.trouble or (severity <= opinion.severity and name not in self.touched),
            "reminded": not opinion.trouble
            or opinion.acknowledged
            or quiet <= timedelta(seconds=self.limits.remind_every) - A_SWEEP,
            "resolved": not opinion.trouble and not opinion.lost,
            "failed": opinion.trouble,
        }
        if wrong[message.kind]:
            self._complain(f"{name}: {message.kind} ({message.title}), now severity {severity}, after {opinion}")

    def _check_true(self, name: str, message: Message, now: datetime) -> None:
        run = self.runs.get(name)
        if run is not None and not run.severity(now, self.limits) and name not in self.touched:
            self._complain(f"{name} is well, and was told: {message.kind}, {message.title}: {run}")

    def _complain(self, text: str) -> None:
        self.complaints.append(f"{self.clock():%H:%M:%S} {text}")

    def doubt(self, message: Message) -> None:
        """Nobody knows whether this was read."""
        for name in names_in(message):
            self.opinion(name).unsure = True


def names_in(message: Message) -> list[str]:
    """The runs that a message is about, by the names that the tests give them."""
    lines = [message.title, *message.also]
    return [
        found[1]
        for line in lines
        if (found := re.match(r"(?:run )?([a-zH]+\d*)(?=[ :(]|$)", line)) and line[:4] != "and "
    ]


class Channel:
    """A `Channel` to people, in a mood. moods: of the next messages; after those it works.

    before: called before each message. pass_time: makes the world's clock go on.
    """

    name = "people"

    def __init__(self, ears: Ears, pass_time: Callable[[timedelta], None]) -> None:
        self.ears = ears
        self.moods: deque[Mood] = deque()
        self.before: Callable[[], None] = lambda: None
        self._pass_time = pass_time

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """See `Channel.send`."""
        self._deliver(message)
        return Receipt()

    def _deliver(self, message: Message) -> None:
        self.before()
        mood = self.moods.popleft() if self.moods else "works"
        if mood == "away":
            raise DeliveryError("people: away", permanent=False)
        if mood == "refuses":
            if message.kind in ("resolved", "failed"):
                self.ears.doubt(message)  # nobody tries that again
            raise DeliveryError("people: refused", permanent=True)
        if mood == "slow":
            self._pass_time(SLOW)
        if mood != "lost it without a word":
            self.ears.read(message)
        if mood in ("took it without a word", "lost it without a word"):
            self.ears.doubt(message)
            raise DeliveryError("people: no answer", permanent=False, maybe_delivered=True)


class Threads(Channel):
    """A `ThreadedChannel` to people. shown: what each first message says by now."""

    def __init__(self, ears: Ears, pass_time: Callable[[timedelta], None]) -> None:
        super().__init__(ears, pass_time)
        self.shown: dict[str, Message] = {}

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """See `Channel.send`."""
        self._deliver(message)
        reference = f"thread {len(self.shown) + 1}"
        self.shown[reference] = message
        return Receipt(reference)

    def reply(self, thread: str, message: Message, *, seconds: float, aloud: bool) -> Receipt:
        """See `ThreadedChannel.reply`."""
        if thread not in self.shown:
            self.ears.complaints.append(f"reply to {thread}, which nobody posted")
        self._deliver(message)
        return Receipt(f"{thread}, reply")

    def edit(self, reference: str, message: Message, *, seconds: float) -> None:
        """See `ThreadedChannel.edit`."""
        if self.moods and self.moods[0] in ("away", "refuses"):
            permanent = self.moods.popleft() == "refuses"
            raise DeliveryError("people: no edits now", permanent=permanent)
        self.shown[reference] = message
