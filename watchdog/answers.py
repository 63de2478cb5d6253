"""What people say to a notice: somebody looks after it, or asks for quiet. From the terminal, Slack or a page alike.

Each answer is one compare-and-set, tried again when a sweep was first. The first message on a channel with threads is
brought up to date in the same commit, and shown at once where there is time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from .audience import Audience
from .delivery import Delivery
from .incident import ACKNOWLEDGED, Incident
from .ledger import Held, Ledger
from .notice import Notice
from .ports import StoreError
from .report import SweepReport
from .saving import Saving
from .snooze import LONGEST, Snooze, Snoozes
from .until import end_of, midnight

__all__ = ["Answers"]

TRIES = 5
SHOW_SECONDS = 2.0


class Answers:
    """Acknowledge and snooze, in a store. show: whether to edit messages at once, not in the next sweep.

    audience: as a sweep has it. clock: monotonic seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        audience: Audience,
        *,
        show: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._audience = audience
        self._show = show
        self._clock = clock

    def acknowledge(self, incident_id: str, by: str) -> str:
        """Say that `by` looks after an incident and those told with it; returns what happened, as a sentence.

        Raises LookupError when there is no such incident, `StoreError`.
        """
        for _ in range(TRIES):
            now = self._ledger.now()
            lead = self._ledger.incidents([incident_id]).get(incident_id)
            if lead is None:
                raise LookupError(f"there is no incident {incident_id[:80]} any more")
            fresh = [held for held in self._told_together(lead) if held.value.open and not held.value.acknowledged]
            if not fresh:
                return _nothing_to_do(lead.value)
            if self._acknowledged(fresh, by, now):
                return _acknowledged(fresh, by)
        raise StoreError(f"incident {incident_id[:80]} was changed by others each time; try again", away=True)

    def acknowledge_run(self, run_id: str, by: str) -> str:
        """The same for the open incident of a run. Raises LookupError when there is none, `StoreError`."""
        episodes = self._ledger.episodes(run_id)
        if not episodes or not episodes[-1].value.open:
            raise LookupError(f"run {run_id[:80]} has no open incident; see status")
        return self.acknowledge(episodes[-1].value.id, by)

    def snooze(self, operation: str, length: Literal["hour", "today"], by: str) -> str:
        """Keep quiet about an operation for an hour, or for the rest of the day in the policy's time zone."""
        now = self._ledger.now()
        until = now + timedelta(hours=1) if length == "hour" else midnight(now, self._audience.policy.pace.time_zone)
        return self.snooze_until(operation, until, by, "")

    def snooze_for(self, operation: str, seconds: float, by: str, why: str) -> str:
        """Keep quiet about an operation, or a pattern of them, for so many seconds, at most 30 days."""
        if not 0 < seconds <= LONGEST.total_seconds():
            raise ValueError(
                f"snooze: expected at most {LONGEST.days} days, got {seconds / 86400:.1f} days; ask for less"
            )
        return self.snooze_until(operation, self._ledger.now() + timedelta(seconds=seconds), by, why)

    def snooze_as_asked(self, operation: str, asked: str, by: str, why: str) -> str:
        """The same for as long as somebody wrote, in the policy's time zone; see `until.end_of` for what that may be.

        Raises `UntilError`, ValueError for too many snoozes, `StoreError`.
        """
        end = end_of(asked, self._ledger.now(), self._audience.policy.pace.time_zone)
        return self.snooze_until(operation, end, by, why)

    def snooze_until(self, operation: str, until: datetime, by: str, why: str) -> str:
        """The same until an instant. Raises ValueError for too many snoozes, `StoreError`."""
        self._change_snoozes(lambda snoozes, now: snoozes.with_one(Snooze(operation, until, by, why, now), now))
        return f"{operation} is snoozed until {until:%Y-%m-%d %H:%M} UTC by {by}"

    def wake(self, operation: str, by: str) -> str:
        """End the snooze of this very name or pattern, and keep who did.

        Raises LookupError when there is none, `StoreError`.
        """
        now, snoozes = self._ledger.now(), self._ledger.standing()[1].value
        if all(snooze.operation != operation for snooze in snoozes.in_force(now)):
            names = ", ".join(snooze.operation for snooze in snoozes.in_force(now)) or "none"
            raise LookupError(f"expected an operation or pattern that is snoozed ({names}), got {operation[:80]!r}")
        self._change_snoozes(lambda snoozes, now: snoozes.without(operation, by, now))
        return f"{operation} is not snoozed any more; {by} ended it"

    def _change_snoozes(self, change: Callable[[Snoozes, datetime], Snoozes]) -> None:
        for _ in range(TRIES):
            now, held = self._ledger.now(), self._ledger.standing()[1]
            if self._ledger.save_snoozes(change(held.value, now), held.version):
                return
        raise StoreError("the snoozes were changed by others each time; try again", away=True)

    def _told_together(self, lead: Held[Incident]) -> list[Held[Incident]]:
        """The incident and those that the same first message told of: whoever answers that means all of them."""
        first = self._ledger.notices(lead.value.first_notices)
        ids = {incident for held in first.values() for incident in held.value.incidents}
        others = self._ledger.incidents(ids - {lead.value.id})
        return [lead, *others.values()]

    def _acknowledged(self, fresh: list[Held[Incident]], by: str, now: datetime) -> bool:
        report = SweepReport(now)
        after = [Held(held.value.acknowledge(by, now), held.version) for held in fresh]
        edits = Saving(self._ledger, self._audience, report).edits([held.value for held in after])
        if edits:
            after = [Held(replace(held.value, edition=held.value.edition + 1), held.version) for held in after]
        if not self._ledger.commit(after, edits):
            return False
        self._show_now(edits, report)
        return True

    def _show_now(self, edits: list[Notice], report: SweepReport) -> None:
        """What can't be shown within the time that a click may take, the next sweep shows."""
        if not self._show:
            return
        delivery, began = Delivery(self._ledger, self._audience, report), self._clock()
        for held in self._ledger.notices(edit.id for edit in edits).values():
            left = SHOW_SECONDS - (self._clock() - began)
            if left > 0:
                delivery.tell(held, report.now, left)


def _nothing_to_do(incident: Incident) -> str:
    if incident.state == ACKNOWLEDGED and incident.acked_at:
        return f"{incident.acked_by} acknowledged it at {incident.acked_at:%H:%M:%S} UTC already"
    return f"it is resolved already: {incident.how}"


def _acknowledged(fresh: list[Held[Incident]], by: str) -> str:
    what = fresh[0].value.operation or fresh[0].value.run_id[:60]
    more = f" and {len(fresh) - 1} more told with it" if len(fresh) > 1 else ""
    return f"{what}{more} acknowledged by {by}; no more reminders, but you hear of it when it gets worse or ends"
