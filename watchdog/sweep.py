"""One pass of the watchdog: read what is due, judge it, carry incidents on, save what is to be told, then tell it.

What is read grows with what is due, not with what runs. `now` is taken once, from the store's server. One bad record
stops nobody else's; one sweep that was first makes the other return quietly.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from .audience import Audience
from .changes import Changes
from .delivery import Delivery
from .ledger import Ledger
from .measures import readings
from .policy import Policy
from .ports import Channel, DeliveryError, Meter, Store
from .report import SweepReport
from .saving import Saving
from .seen import Seen, look
from .verdict import UNJUDGED

__all__ = ["Sweep"]

log = logging.getLogger("watchdog")

# What is left for metrics when notices took all of the sweep's time: they must not cost the next one its start.
LEAST_FOR_METRICS = 3.0
MOST_FOR_METRICS = 10.0


class Sweep:
    """One pass over a store; make a new one for each.

    link_base: address of this watchdog's own page, for links; empty for none. meter: where figures go. clock: monotonic
    seconds. wait: sleeps so many; without it, what a channel refused is left for the next pass.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        policy: Policy,
        *,
        link_base: str = "",
        audit: bool = False,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._ledger = Ledger(store)
        self._channels = tuple(channels)
        self._policy = policy
        self._link_base = link_base
        self._audit = audit
        self._meter = meter
        self._clock = clock
        self._wait = wait

    def run(self) -> SweepReport:
        """Do the pass. Raises `StoreError` when the store can't be used; anything else is in the report."""
        began = self._clock()
        seen = look(self._ledger, self._policy, audit=self._audit, measured=self._meter is not None)
        report = _reported(seen)
        changes = Changes(self._ledger, self._policy, seen, report).all()
        report.doubt = seen.doubt.said if seen.doubt and seen.doubtful else ""
        report.doubt_until = seen.doubt.until if seen.doubt and seen.doubtful else None
        audience = Audience(self._channels, self._policy, self._link_base, seen.snoozes.value)
        Saving(self._ledger, audience, report).save(changes)
        Delivery(self._ledger, audience, report).run(seen.now, began, self._clock, self._wait)
        self._finish(seen, report, began)
        return report

    def _finish(self, seen: Seen, report: SweepReport, began: float) -> None:
        report.seconds = self._clock() - began
        self._measure(seen, report)
        marks: dict[str, Any] = {"full": ("last_audit_at", "last_full_audit_at"), "running": ("last_audit_at",)}
        at = dict.fromkeys((*marks.get(seen.audit, ()), "last_sweep_at"), seen.now)
        if seen.live is not None:
            at["last_live_at"] = seen.now
        after = replace(seen.state.value, doubt=seen.doubt, report=report.counts(), **at)
        self._ledger.save_state(after, seen.state.version)

    def _measure(self, seen: Seen, report: SweepReport) -> None:
        if self._meter is None:
            return
        left = self._policy.pace.budget - report.seconds
        seconds = min(max(left, LEAST_FOR_METRICS), MOST_FOR_METRICS)
        incidents = [held.value for held in self._ledger.open_incidents()]
        incidents += self._ledger.lately_resolved(seen.now)
        cases = list(seen.cases.values())
        found = readings(cases, incidents, report, self._policy, seen.now, live=seen.live, took=report.seconds)
        try:
            self._meter.write(found, seen.now, seconds=seconds)
        except DeliveryError as error:
            report.unmeasured = str(error)
            log.error("no metrics this time: %s", error)
        except Exception as error:  # noqa: BLE001  figures are not worth a sweep
            report.unmeasured = f"{self._meter.name}: failed with {type(error).__name__}; a defect of the watchdog"
            log.error("no metrics this time: %s", report.unmeasured)


def _reported(seen: Seen) -> SweepReport:
    states = [case.verdict.state for case in seen.cases.values() if case.verdict is not None]
    return SweepReport(
        seen.now,
        read=len(seen.records),
        due=seen.due,
        judged=sum(state != UNJUDGED for state in states),
        unjudged=[case.run_id for case in seen.cases.values() if case.verdict and case.verdict.state == UNJUDGED],
        audit=seen.audit,
    )
