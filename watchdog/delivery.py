"""Telling people: each saved notice is claimed, held against the runs as they are by now, sent, and marked.

A notice whose runs are well again by the time it would go out is withdrawn, not sent; so is one of an operation that
was snoozed since. On a channel with threads, what follows the first message of an incident goes below that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .audience import Audience
from .incident import EDITED, FAILURE, REMINDED, RESOLVED, RUN, WORSENED, Incident
from .ledger import Held, Ledger, RunRecord
from .message import Message
from .notice import GAVE_UP, Failure, Notice
from .ports import Channel, DeliveryError, Receipt, StoreError, ThreadedChannel
from .report import SweepReport
from .shared_runs import follow
from .telling import Subject
from .verdict import judge

__all__ = ["Delivery"]

log = logging.getLogger("watchdog")

# Less than this is too short for a channel to answer; the notice then stays for the next sweep.
SHORTEST_SEND = 2.0

# These end an incident, or are about what is over: they are as true later as when they were made.
SAID_AND_DONE = (RESOLVED, FAILURE)

# Below the first message only those who follow it would see them.
ALOUD = (WORSENED, REMINDED)


@dataclass(frozen=True)
class _Attempt:
    """One try to send. before: the notice until this sweep claimed it. thread: the message that it follows."""

    claimed: Held[Notice]
    before: Notice
    message: Message
    now: datetime
    thread: str = ""

    @property
    def notice(self) -> Notice:
        """The notice, claimed."""
        return self.claimed.value


class Delivery:
    """The telling part of one sweep."""

    def __init__(self, ledger: Ledger, audience: Audience, report: SweepReport) -> None:
        self._ledger = ledger
        self._audience = audience
        self._policy = audience.policy
        self._report = report
        self._edited: set[str] = set()
        self._refused: dict[str, datetime] = {}

    def run(
        self,
        swept_at: datetime,
        began: float,
        clock: Callable[[], float],
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Send what is ready, the oldest first, until the sweep's time is up.

        swept_at: the sweep's now. began: the clock's reading at that instant, so that the time since can be added.
        wait: sleeps so many seconds. What a channel refused is then tried again as soon as it may be, if that is
        within the sweep's time: the next sweep is a minute away.
        """
        self._tell_all(self._ledger.open_notices(), swept_at, began, clock)
        until = swept_at + timedelta(seconds=self._policy.pace.budget - SHORTEST_SEND)
        while wait is not None and self._refused and (at := min(self._refused.values())) < until:
            wait(max(0.0, (at - swept_at).total_seconds() - (clock() - began)))
            again = {name for name, ready_at in self._refused.items() if ready_at < until}
            self._refused = {}
            self._report.undelivered = [one for one in self._report.undelivered if one["notice"] not in again]
            held = [held for held in self._ledger.open_notices() if held.value.id in again]
            self._tell_all(held, swept_at, began, clock)

    def _tell_all(
        self, notices: Iterable[Held[Notice]], swept_at: datetime, began: float, clock: Callable[[], float]
    ) -> None:
        for held in notices:
            now = swept_at + timedelta(seconds=clock() - began)
            seconds_left = self._policy.pace.budget - (clock() - began)
            if not held.value.ready(now):
                self._leave(held.value, held.value.error or "another sweep is sending it")
            elif seconds_left < SHORTEST_SEND:
                self._leave(held.value, held.value.error or "the sweep's time is up; the next one goes on")
            else:
                self.tell(held, now, seconds_left)

    def _leave(self, notice: Notice, why: str) -> None:
        if notice.kind == EDITED:
            return
        made_at = notice.made_at.isoformat().replace("+00:00", "Z")
        left: dict[str, object] = {
            "notice": notice.id,
            "channel": notice.channel,
            "state": notice.state,
            "made_at": made_at,
            "why": why,
        }
        self._report.undelivered.append(left)

    def tell(self, held: Held[Notice], now: datetime, seconds_left: float) -> None:
        """Send one notice, or withdraw it."""
        channel = self._audience.channel(held.value.channel)
        if channel is None:
            self._without_channel(held, now)
            return
        until = now + timedelta(seconds=max(self._policy.pace.claim_for, seconds_left + SHORTEST_SEND))
        claimed = self._ledger.save_notice(held.value.claim(now, until), held.version)
        if claimed is None:
            return
        attempt = self._attempt(claimed, held.value, channel, now)
        if attempt is None:
            self._mark(claimed, claimed.value.withdrawn(held.value))
            if claimed.value.kind != EDITED:
                self._report.withdrawn.append(held.value.id)
            return
        self._send(channel, attempt, seconds_left)

    def _without_channel(self, held: Held[Notice], now: datetime) -> None:
        """Leave it for whoever has the channel; after a day nobody waits for that, and another channel may tell."""
        text = f"channel {held.value.channel} is not set up here any more; set it up again"
        after = held.value.failed(held.value, now, Failure(text, permanent=False), timedelta(0))
        if after.state == GAVE_UP:
            self._ledger.save_notice(after, held.version)
        self._leave(held.value if after.open else after, text)

    def _attempt(self, claimed: Held[Notice], before: Notice, channel: Channel, now: datetime) -> _Attempt | None:
        """What to send by now; None when there is nothing to tell any more."""
        notice = claimed.value
        incidents = [held.value for held in self._ledger.incidents(notice.incidents).values()]
        first = self._first(incidents, channel)
        if notice.kind == EDITED:
            message = self._as_it_stands(first, now) if first else None
        elif notice.kind in SAID_AND_DONE:
            message = notice.message
        else:
            message = self._fresh(notice, {incident.id: incident for incident in incidents}, now)
        if message is None:
            return None
        return _Attempt(claimed, before, message, now, first.reference if first else "")

    def _first(self, incidents: Sequence[Incident], channel: Channel) -> Notice | None:
        """The first message about these incidents that was sent on this channel and can be referred to."""
        if not isinstance(channel, ThreadedChannel) or not incidents:
            return None
        lead = incidents[0]
        found = self._ledger.notices((*lead.first_notices, *lead.notices))
        ordered = sorted((held.value for held in found.values()), key=lambda notice: notice.made_at)
        return next((one for one in ordered if one.channel == channel.name and one.reference), None)

    def _as_it_stands(self, first: Notice, now: datetime) -> Message | None:
        if first.id in self._edited:
            return None
        self._edited.add(first.id)
        incidents = [held.value for held in self._ledger.incidents(first.incidents).values()]
        runs = self._runs(incidents, now)
        subjects = [
            Subject(incident, runs[incident.run_id].readable if incident.run_id in runs else None)
            for incident in incidents
        ]
        return self._audience.message(EDITED, subjects, now) if subjects else None

    def _fresh(self, notice: Notice, incidents: dict[str, Incident], now: datetime) -> Message | None:
        """The message as of now; None when there is nothing to tell any more."""
        runs = self._runs(incidents.values(), now)
        subjects = []
        for incident_id in notice.incidents:
            incident = incidents.get(incident_id)
            if incident is None or not incident.open or self._is_quiet(notice, incident, now):
                continue
            if subject := self._subject(incident, runs.get(incident.run_id), now):
                subjects.append(subject)
        return self._audience.message(notice.kind, subjects, now) if subjects else None

    def _runs(self, incidents: Iterable[Incident], now: datetime) -> dict[str, RunRecord]:
        """The runs that these are about, as they are by now."""
        records = self._ledger.runs(incident.run_id for incident in incidents if incident.about == RUN)
        return follow(self._ledger.store, records, self._policy, now, always=records)

    def _is_quiet(self, notice: Notice, incident: Incident, now: datetime) -> bool:
        """Whether somebody asked for quiet, or looks after it, since the notice was made."""
        looked_after = notice.kind == REMINDED and incident.acknowledged
        return looked_after or self._audience.asked_for_quiet(incident.operation, now)

    def _subject(self, incident: Incident, record: RunRecord | None, now: datetime) -> Subject | None:
        if incident.about != RUN:
            return Subject(incident, None)
        verdict = judge(record.run, self._policy, now) if record else None
        if record is None or verdict is None or not verdict.problem:
            return None
        return Subject(incident.judged(verdict), record.readable)

    def _send(self, channel: Channel, attempt: _Attempt, seconds: float) -> None:
        try:
            receipt = _handed_over(channel, attempt, seconds)
        except DeliveryError as error:
            failure = Failure(str(error), error.permanent, error.maybe_delivered, error.retry_after)
            self._undelivered(attempt, failure)
            return
        except Exception as error:  # noqa: BLE001  one channel's defect stops nobody's notice
            # Its text may hold the channel's address, which is a secret.
            text = f"{channel.name}: failed with {type(error).__name__}; this is a defect of the watchdog"
            self._undelivered(attempt, Failure(text, permanent=False, maybe_delivered=True))
            return
        self._mark(attempt.claimed, attempt.notice.sent(attempt.now, attempt.message, receipt.reference))
        if attempt.notice.kind != EDITED:
            self._report.told.append(_told(attempt.notice, attempt.message))

    def _undelivered(self, attempt: _Attempt, failure: Failure) -> None:
        pause = timedelta(seconds=self._policy.pace.retry_after)
        after = attempt.notice.failed(attempt.before, attempt.now, failure, pause)
        self._mark(attempt.claimed, after)
        self._leave(after, failure.text)
        if after.next_try_at is not None and after.kind != EDITED:
            self._refused[after.id] = after.next_try_at
        level = logging.WARNING if after.kind == EDITED and after.state == GAVE_UP else logging.ERROR
        log.log(level, "notice %s is not delivered (%s): %s", after.id, after.state, failure.text)

    def _mark(self, claimed: Held[Notice], after: Notice) -> None:
        try:
            if self._ledger.save_notice(after, claimed.version) is None:
                log.warning("notice %s was marked by another sweep", after.id)
        except StoreError as error:
            log.error(
                "notice %s is %s but could not be marked, so it may be sent twice: %s", after.id, after.state, error
            )


def _handed_over(channel: Channel, attempt: _Attempt, seconds: float) -> Receipt:
    kind = attempt.notice.kind
    if isinstance(channel, ThreadedChannel) and attempt.thread:
        if kind == EDITED:
            channel.edit(attempt.thread, attempt.message, seconds=seconds)
            return Receipt(attempt.thread)
        return channel.reply(attempt.thread, attempt.message, seconds=seconds, aloud=kind in ALOUD)
    return channel.send(attempt.message, seconds=seconds)


def _told(notice: Notice, message: Message) -> dict[str, object]:
    return {
        "notice": notice.id,
        "kind": notice.kind,
        "channel": notice.channel,
        "incidents": list(notice.incidents),
        "title": message.title,
    }
