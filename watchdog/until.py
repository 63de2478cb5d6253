"""Until when somebody wants quiet, from what they wrote: a length, a time of day, a day with a time, or `today`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from heartbeat_client.lengths import seconds_of

from .snooze import LONGEST

__all__ = ["TODAY", "UntilError", "check", "end_of", "midnight"]

TODAY = "today"

_DAY_AND_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{1,2}:\d{2})")
_TIME = re.compile(r"\d{1,2}:\d{2}")
_BARE = re.compile(r"\d+(\.\d+)?")

# From now, as the people's clock shows it, to the end.
_End = Callable[[datetime], datetime]


class UntilError(ValueError):
    """What was written is no end that a snooze may have. The text is for whoever wrote it."""


def check(asked: str) -> None:
    """Raise `UntilError` for what can't be understood, whatever time it is."""
    _read(asked)


def end_of(asked: str, now: datetime, zone: str) -> datetime:
    """The end that somebody asked for; times and days are meant in `zone`, a time that is past is tomorrow's.

    Raises `UntilError` for what can't be understood, is over already, or is more than 30 days away.
    """
    end = _read(asked)(now.astimezone(ZoneInfo(zone))).astimezone(now.tzinfo)
    if end <= now:
        raise UntilError(f"expected an end that is still to come, got {asked.strip()[:60]!r}, which is over")
    if end - now > LONGEST:
        days = (end - now).total_seconds() / 86400
        raise UntilError(f"expected at most {LONGEST.days} days, got {days:.1f} days; ask for less")
    return end


def midnight(now: datetime, zone: str) -> datetime:
    """The end of the day in a time zone."""
    return _end_of_day(now.astimezone(ZoneInfo(zone))).astimezone(now.tzinfo)


def _read(asked: str) -> _End:
    text = " ".join(asked.split()).removeprefix("until ")
    try:
        return _end_of_day if text == TODAY else _time(text) or _day_and_time(text) or _length(text)
    except (ValueError, OverflowError):
        raise UntilError(
            f"expected a length (90m, 2h) or a time (18:00, 2026-01-15 18:00), got {asked.strip()[:60]!r}"
        ) from None


def _end_of_day(here: datetime) -> datetime:
    return (here + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def _time(text: str) -> _End | None:
    if not _TIME.fullmatch(text):
        return None
    wanted = time.fromisoformat(text.zfill(5))

    def end(here: datetime) -> datetime:
        today = here.replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
        return today if today > here else today + timedelta(days=1)

    return end


def _day_and_time(text: str) -> _End | None:
    found = _DAY_AND_TIME.fullmatch(text)
    if found is None:
        return None
    wanted = datetime.fromisoformat(f"{found[1]} {found[2].zfill(5)}")
    return lambda here: wanted.replace(tzinfo=here.tzinfo)


def _length(text: str) -> _End:
    # Who types 90 may mean minutes, and `seconds_of` would take it as seconds.
    if _BARE.fullmatch(text):
        raise ValueError(text)
    length = timedelta(seconds=seconds_of(text))
    return lambda here: here + length
