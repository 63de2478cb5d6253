"""Lengths of time as people write and read them: `"1h30m"` to seconds, seconds to `17 min 50 s`.

Shared by the client's settings and the watchdog's policy, so that both take the same text.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta

__all__ = ["LONGEST", "seconds_of", "spoken"]

# Some 31 years: added to any instant that a record may hold, it stays within what `datetime` can tell.
LONGEST = 1e9

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|min|[smhd])")
_PLAIN = re.compile(r"\s*\d+(?:\.\d+)?\s*")


def seconds_of(value: object) -> float:
    """A length in seconds from a number of seconds, a `timedelta` or text such as `"90"`, `"45s"`, `"1h30m"`, `"7d"`.

    Raises ValueError, saying what was expected and what came, for anything else, zero and less, and past `LONGEST`.
    """
    seconds = _seconds(value)
    if seconds is None or not 0 < seconds <= LONGEST:
        limit = "of at most 30 years" if seconds is not None and seconds > LONGEST else "above zero"
        raise ValueError(f"expected a length {limit} such as 90, '90s', '15m' or '1h30m', got {_shown(value)}")
    return seconds


def _shown(value: object) -> str:
    if isinstance(value, str):
        return repr(value)[:60]
    try:
        return str(value)[:60] if isinstance(value, (int, float, timedelta)) else type(value).__name__
    except ValueError:  # Python refuses to write out a number of more than 4,300 digits
        return "a number of thousands of digits"


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float)):
        return math.inf if value > LONGEST else float(max(value, -1))  # floats end before whole numbers do
    if isinstance(value, str):
        return _seconds_of_text(value)
    return None


def _seconds_of_text(text: str) -> float | None:
    if _PLAIN.fullmatch(text):
        return float(text)
    parts = list(_PART.finditer(text))
    if not parts or "".join(part.group(0) for part in parts) != text.rstrip():
        return None
    return sum(float(part.group(1)) * _UNITS[part.group(2)] for part in parts)


def spoken(seconds: float) -> str:
    """A length as a person says it, in one or two units that matter: `4.2 s`, `17 min 50 s`, `2 h 5 min`."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if math.isinf(seconds):
        return "for ever"
    whole = round(seconds)
    for size, unit, below, below_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit} {rest} {below_unit}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
