"""How long something has lasted, as a log line says it: one figure, for it changes with every beat."""

from __future__ import annotations

__all__ = ["lapse"]


def lapse(seconds: float) -> str:
    """`0.4 s`, `42 s`, `4.8 min`, `2.5 h`, `3.2 d`."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    for limit, size, unit in ((99.5, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.{0 if size == 1 else 1}f} {unit}"
    return f"{seconds / 86400:.1f} d"
