"""Telling people: each saved notice is claimed, held against the runs as they are by now, sent, and marked.

A notice whose runs are well again by the time it would go out is withdrawn, not sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .incident import RESOLVED, Case
from .ledger import Held, Ledger
from .message import Message, Subject, compose
from .notice import Failure, Notice
from .policy import Policy
from .ports import Channel, DeliveryError, StoreError
from .report import SweepReport
from .verdict import judge

__all__ = ["Delivery"]

log = logging.getLogger("watchdog")

# Less than this is too short for a channel to answer; the notice then stays for the next sweep.
SHORTEST_SEND = 2.0


@dataclass(frozen=True)
class _Attempt:
    """One try to send. before: the notice as it was until this sweep claimed it."""

    claimed: Held[Notice]
    before: Notice
    message: Message
    now: datetime


class Delivery:
    """The telling part of one sweep."""

    def __init__(
        self, ledger: Ledger, channels: Sequence[Channel], policy: Policy, link_base: str, report: SweepReport
    ) -> None:
        self._ledger = ledger
        self._channels = {channel.name: channel for channel in channels}
        self._policy = policy
        self._link_base = link_base
        self._report = report

    def run(self, swept_at: datetime, began: float, clock: Callable[[], float]) -> None:
        """Send what is ready, the oldest first, until the sweep's time is up.

        swept_at: the sweep's now. began: the clock's reading at that instant, so that the time since can be added.
        """
        for held in self._ledger.open_notices():
            now = swept_at + timedelta(seconds=clock() - began)
            seconds_left = self._policy.pace.budget - (clock() - began)
            if not held.value.ready(now):
                self._leave(held.value, held.value.error or "another sweep is sending it")
            elif seconds_left < SHORTEST_SEND:
                self._leave(held.value, "the sweep's time is up; the next one goes on")
            else:
                self._tell(held, now, seconds_left)

    def _leave(self, notice: Notice, why: str) -> None:
        self._report.undelivered.append({"notice": notice.id, "channel": notice.channel, "why": why})

    def _tell(self, held: Held[Notice], now: datetime, seconds_left: float) -> None:
        channel = self._channels.get(held.value.channel)
        if channel is None:
            self._leave(held.value, f"channel {held.value.channel} is not set up here any more; set it up again")
            return
        until = now + timedelta(seconds=max(self._policy.pace.claim_for, seconds_left + SHORTEST_SEND))
        claimed = self._ledger.save_notice(held.value.claim(now, until), held.version)
        if claimed is None:
            return
        message = self._fresh(claimed.value, now)
        if message is None:
            self._mark(claimed, claimed.value.withdrawn(held.value))
            self._report.withdrawn.append(held.value.id)
            return
        attempt = _Attempt(claimed, held.value, message, now)
        self._send(channel, attempt, seconds_left)

    def _fresh(self, notice: Notice, now: datetime) -> Message | None:
        """The message as of now; None when there is nothing to tell any more."""
        if notice.kind == RESOLVED:
            return notice.message
        incidents = self._ledger.incidents(notice.incidents)
        runs = self._ledger.runs(held.value.run_id for held in incidents.values())
        subjects = []
        for incident_id in notice.incidents:
            if (held := incidents.get(incident_id)) is None or not held.value.open:
                continue
            record = runs.get(held.value.run_id)
            verdict = judge(record.run, self._policy, now) if record else None
            case = Case(held.value.run_id, record.readable if record else None, verdict)
            if verdict is not None and verdict.problem:
                subjects.append(Subject(held.value.judged(verdict), case.run))
        return compose(notice.kind, subjects, self._policy, now, self._link_base) if subjects else None

    def _send(self, channel: Channel, attempt: _Attempt, seconds: float) -> None:
        try:
            receipt = channel.send(attempt.message, seconds=seconds)
        except DeliveryError as error:
            failure = Failure(str(error), error.permanent, error.maybe_delivered, error.retry_after)
            self._undelivered(attempt, failure)
            return
        except Exception as error:  # noqa: BLE001  one channel's defect stops nobody's notice
            # Its text may hold the channel's address, which is a secret.
            text = f"{channel.name}: failed with {type(error).__name__}; this is a defect of the watchdog"
            self._undelivered(attempt, Failure(text, permanent=False, maybe_delivered=True))
            return
        self._mark(attempt.claimed, attempt.claimed.value.sent(attempt.now, attempt.message, receipt.reference))
        self._report.told.append(_told(attempt.claimed.value, attempt.message))

    def _undelivered(self, attempt: _Attempt, failure: Failure) -> None:
        pause = timedelta(seconds=self._policy.pace.retry_after)
        after = attempt.claimed.value.failed(attempt.before, attempt.now, failure, pause)
        self._mark(attempt.claimed, after)
        self._leave(after, failure.text)
        log.error("notice %s is not delivered (%s): %s", after.id, after.state, failure.text)

    def _mark(self, claimed: Held[Notice], after: Notice) -> None:
        try:
            if self._ledger.save_notice(after, claimed.version) is None:
                log.warning("notice %s was marked by another sweep", after.id)
        except StoreError as error:
            log.error(
                "notice %s is %s but could not be marked, so it may be sent twice: %s", after.id, after.state, error
            )


def _told(notice: Notice, message: Message) -> dict[str, object]:
    return {
        "notice": notice.id,
        "kind": notice.kind,
        "channel": notice.channel,
        "incidents": list(notice.incidents),
        "title": message.title,
    }
