"""When a sweep counts as failed, for whoever watches the watchdog; decided by the sweep's report alone.

A healthy watchdog must not flap: a record that can't be judged is told on its own, and a first failed delivery is tried
again, so neither is a failure. What lasts, or was given up, is one: people are not being told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from heartbeat_client.lengths import spoken

from .notice import GAVE_UP
from .report import SweepReport

__all__ = ["UNDELIVERED_FOR", "verdict_on"]

# A sweep each minute tries again at least once within it, and an outage of a channel is usually shorter.
UNDELIVERED_FOR = timedelta(minutes=2)


def verdict_on(report: SweepReport | None) -> tuple[bool, str]:
    """Whether a sweep failed, and a sentence of counts about it.

    report: the sweep's; None when the store could not be used, so that there was no sweep. Failed: no report, a notice
    that was given up, or one that was made more than `UNDELIVERED_FOR` ago and still waits. The sentence names no run,
    operation, channel or address.
    """
    if report is None:
        return True, "the store could not be used, so nothing was read"
    given_up = sum(1 for entry in report.undelivered if entry.get("state") == GAVE_UP)
    waiting = [_age(entry, report.now) for entry in report.undelivered if entry.get("state") != GAVE_UP]
    late = [age for age in waiting if age > UNDELIVERED_FOR]
    troubles = []
    if given_up:
        troubles.append(f"{_counted(given_up, 'notice')} given up")
    if late:
        oldest = spoken(max(late).total_seconds())
        troubles.append(f"{_counted(len(late), 'notice')} undelivered for longer than 2 min, the oldest for {oldest}")
    return bool(troubles), "; ".join([*troubles, _done(report, len(waiting) - len(late))])


def _done(report: SweepReport, waiting: int) -> str:
    parts = [f"{report.read} read, {report.judged} judged, {len(report.told)} told"]
    parts += [f"{waiting} to be tried again"] if waiting else []
    parts += [f"{len(report.unjudged)} unjudged"] if report.unjudged else []
    parts += [f"{len(report.held)} held"] if report.held else []
    return ", ".join(parts)


def _age(entry: Mapping[str, object], now: datetime) -> timedelta:
    made_at = datetime.fromisoformat(str(entry["made_at"]).replace("Z", "+00:00"))
    return now - made_at


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
