"""Sweeps one after another over the same store, with whoever watches the watchdog told of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from .health import verdict_on
from .policy import Policy
from .ports import Channel, DeliveryError, Meter, Store, StoreError, Telltale
from .report import SweepReport
from .sweep import Sweep

__all__ = ["Rounds"]

log = logging.getLogger("watchdog")

# A sweep must not wait for those who only want to know that it was there.
BEGIN_SECONDS = 2.0
END_SECONDS = 5.0


class Rounds:
    """A watchdog at work. policy: asked before each sweep, so that a changed file needs no restart.

    wait: sleeps so many seconds; for sweeps that come each minute, see `Delivery.run`.
    """

    def __init__(
        self,
        store: Store,
        channels: Sequence[Channel],
        policy: Callable[[], Policy],
        *,
        meter: Meter | None = None,
        telltale: Telltale | None = None,
        link_base: str = "",
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._store = store
        self._channels = tuple(channels)
        self._policy = policy
        self._meter = meter
        self._telltale = telltale
        self._link_base = link_base
        self._wait = wait

    def go(self, *, audit: bool = False) -> SweepReport:
        """One sweep. Raises `StoreError` when the store can't be used, after the telltale heard of it."""
        self._tell(lambda telltale: telltale.began(seconds=BEGIN_SECONDS))
        try:
            report = self._sweep(audit)
        except StoreError:
            self._ended(None)
            raise
        self._ended(report)
        return report

    def _sweep(self, audit: bool) -> SweepReport:
        sweep = Sweep(
            self._store,
            self._channels,
            self._policy(),
            link_base=self._link_base,
            audit=audit,
            meter=self._meter,
            wait=self._wait,
        )
        return sweep.run()

    def _ended(self, report: SweepReport | None) -> None:
        failed, said = verdict_on(report)
        if failed:
            self._tell(lambda telltale: telltale.failed(said, seconds=END_SECONDS))
        else:
            self._tell(lambda telltale: telltale.done(said, seconds=END_SECONDS))

    def _tell(self, tell: Callable[[Telltale], None]) -> None:
        if self._telltale is None:
            return
        try:
            tell(self._telltale)
        except DeliveryError as error:
            log.error("%s", error)
        except Exception as error:  # noqa: BLE001  the sweep is worth more than the word of it
            log.error("%s: failed with %s; this is a defect of the watchdog", self._telltale.name, type(error).__name__)
