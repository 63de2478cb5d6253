"""The record of one telling: made with the change that it tells of, claimed by one sweep, sent, and marked after.

    pending -> sent | retry | gave_up | withdrawn          retry -> sent | retry | gave_up | withdrawn

At least once: a sweep that dies between sending and marking leaves a claim behind, and when that has run out another
sends again. That is the one way to a duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.fields import MISSING, Fields

from .incident import Incident, Told
from .message import Message

__all__ = [
    "GAVE_UP",
    "NOTICES",
    "PENDING",
    "RETRY",
    "SENT",
    "WITHDRAWN",
    "Failure",
    "Notice",
    "channel_of",
    "notice_id",
    "told_of",
]

NOTICES = "hangwatch_notices"

PENDING = "pending"
RETRY = "retry"
SENT = "sent"
GAVE_UP = "gave_up"
WITHDRAWN = "withdrawn"
STATES = (PENDING, RETRY, SENT, GAVE_UP, WITHDRAWN)

KEPT_FOR = timedelta(days=30)
GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_PAUSE = timedelta(minutes=10)
LONGEST_ASKED = 3600.0

# A sweep sends what it made within its own time, which is shorter.
LATE = timedelta(minutes=1)


@dataclass(frozen=True)
class Notice:
    """One message to one channel. incidents: the ids of what it tells of, the one it leads with first.

    maybe_delivered: it was handed to the channel, and whether people saw it is not known.
    claimed_until: until then it belongs to the sweep that sends it. reference: the channel's own name for the message.
    """

    id: str
    kind: str
    channel: str
    incidents: tuple[str, ...]
    message: Message
    made_at: datetime
    state: str = PENDING
    attempts: int = 0
    next_try_at: datetime | None = None
    claimed_until: datetime | None = None
    sent_at: datetime | None = None
    maybe_delivered: bool = False
    reference: str = ""
    error: str = ""

    @property
    def open(self) -> bool:
        """Whether it still has to be sent."""
        return self.state in (PENDING, RETRY)

    @property
    def heard(self) -> bool:
        """Whether people have seen it, or may have."""
        return self.state == SENT or self.maybe_delivered

    def claimed(self, now: datetime) -> bool:
        """Whether a sweep is sending it at this moment."""
        return self.open and self.claimed_until is not None and now < self.claimed_until

    def ready(self, now: datetime) -> bool:
        """Whether a sweep may take it on now."""
        return self.open and not self.claimed(now) and (self.next_try_at is None or now >= self.next_try_at)

    def claim(self, now: datetime, until: datetime) -> Notice:
        """Taken on by one sweep. Should that die, nobody knows whether people saw the message."""
        return replace(self, attempts=self.attempts + 1, claimed_until=until, maybe_delivered=True)

    def sent(self, now: datetime, message: Message, reference: str) -> Notice:
        """Delivered, with the words that were sent in the end."""
        return replace(self._released(SENT), sent_at=now, message=message, reference=reference, error="")

    def withdrawn(self, before: Notice) -> Notice:
        """Not needed any more; `before` is the notice as it was before this sweep took it on."""
        return replace(self._released(WITHDRAWN), maybe_delivered=before.maybe_delivered)

    def failed(self, before: Notice, now: datetime, failure: Failure, pause: timedelta) -> Notice:
        """Not delivered: to be tried again later, or given up when that can't help or has lasted a day.

        pause: how long to wait after a first failure; it doubles with each further one, up to 10 minutes. What the
        channel asked for is kept up to an hour.
        """
        heard = before.maybe_delivered or failure.maybe_delivered
        give_up = failure.permanent or now - self.made_at >= GIVE_UP_AFTER
        after = replace(self._released(GAVE_UP if give_up else RETRY), maybe_delivered=heard, error=failure.text[:1000])
        return after if give_up else replace(after, next_try_at=now + self._pause(failure, pause))

    def _pause(self, failure: Failure, shortest: timedelta) -> timedelta:
        asked = timedelta(seconds=min(failure.retry_after or 0.0, LONGEST_ASKED))
        doubled: int = 2 ** min(max(self.attempts - 1, 0), 10)
        return max(asked, min(shortest * doubled, LONGEST_PAUSE))

    def _released(self, state: str) -> Notice:
        return replace(self, state=state, claimed_until=None, next_try_at=None)

    def to_document(self) -> dict[str, Any]:
        """The notice as plain values; `open` is a field of its own because a sweep asks for it."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        kept_until = self.made_at + KEPT_FOR
        lists = {"incidents": list(self.incidents), "message": self.message.to_document()}
        return plain | lists | {"open": self.open, "expires_at": kept_until}

    @classmethod
    def from_document(cls, notice_id: str, document: Mapping[str, Any]) -> Notice:
        """Read back what `to_document` wrote. Raises `RecordError`."""
        fields = Fields(document)
        notice = cls(
            id=notice_id,
            kind=fields.text("kind", MISSING, 50),
            channel=fields.text("channel", MISSING, 100),
            incidents=fields.texts("incidents"),
            message=Message.from_document(fields.mapping("message") or {}),
            made_at=fields.instant("made_at", MISSING),
            state=fields.one_of("state", MISSING, STATES),
            attempts=fields.whole("attempts", 0),
            next_try_at=fields.instant("next_try_at", None),
            claimed_until=fields.instant("claimed_until", None),
            sent_at=fields.instant("sent_at", None),
            maybe_delivered=fields.flag("maybe_delivered", False),
            reference=fields.text("reference", "", 1000),
            error=fields.text("error", "", 1000),
        )
        fields.raise_if_wrong(f"notice {notice_id[:80]}")
        return notice


_PLAIN = (
    "kind",
    "channel",
    "made_at",
    "state",
    "attempts",
    "next_try_at",
    "claimed_until",
    "sent_at",
    "maybe_delivered",
    "reference",
    "error",
)


@dataclass(frozen=True)
class Failure:
    """Why a channel did not deliver; see `ports.DeliveryError`."""

    text: str
    permanent: bool
    maybe_delivered: bool = False
    retry_after: float | None = None


def notice_id(lead: Incident, number: int, kind: str, channel: str) -> str:
    """The id that every sweep chooses for the same notice: the incident it leads with, its number, kind and channel."""
    return f"{lead.id}.{number}.{kind}.{channel}"


def channel_of(notice: str) -> str:
    """The channel that a notice's id names."""
    return notice.rpartition(".")[2]


def told_of(incident: Incident, notices: Sequence[Notice], now: datetime) -> Told:
    """What people have heard of an incident; notices: the newest that were made for it."""
    being_sent = [notice for notice in notices if notice.claimed(now)]
    return Told(
        heard_on=frozenset(incident.heard_on) | {n.channel for n in notices if n.heard and n not in being_sent},
        waiting=any(notice.open for notice in notices),
        being_sent=bool(being_sent),
        sent_late_at=max((n.sent_at for n in notices if n.sent_at and n.sent_at - n.made_at >= LATE), default=None),
        taken_back=bool(notices) and all(notice.state == WITHDRAWN for notice in notices),
    )
