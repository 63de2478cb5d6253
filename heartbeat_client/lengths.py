"""Lengths of time as people write and read them: `"1h30m"` to seconds, seconds to `17 min 50 s`.

Shared by the client's settings and the watchdog's policy, so that both take the same text.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta

__all__ = ["seconds_of", "spoken"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|min|[smhd])")
_PLAIN = re.compile(r"\s*\d+(?:\.\d+)?\s*")


def seconds_of(value: object) -> float:
    """A length in seconds from a number of seconds, a `timedelta` or text such as `"90"`, `"45s"`, `"1h30m"`, `"7d"`.

    Raises ValueError, saying what was expected and what came, for anything else, for zero and for less.
    """
    seconds = _seconds(value)
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        shown = value if isinstance(value, (int, float)) else repr(value)[:60]
        raise ValueError(f"expected a length above zero such as 90, '90s', '15m' or '1h30m', got {shown}")
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float)):
        return float(value)
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
    whole = round(seconds)
    for size, unit, below, below_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit} {rest} {below_unit}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
