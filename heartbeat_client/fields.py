"""Reading the fields of a document that anybody may have written: each is checked, and every problem is named at once.

Shared by the readers of runs, incidents and notices; knows nothing about any of them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Any, Final

__all__ = ["MISSING", "Fields", "RecordError"]

MISSING: Final[Any] = object()
NEVER: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)


class RecordError(ValueError):
    """A record can't be read. `problems` holds one sentence for each field that is not as it must be."""

    def __init__(self, who: str, problems: list[str]) -> None:
        self.who = who
        self.problems = problems
        super().__init__(f"{who}: {'; '.join(problems)}")


class Fields:
    """One document's fields. Each reader returns the value, or the default with the problem noted."""

    def __init__(self, document: Mapping[str, Any], path: str = "", problems: list[str] | None = None) -> None:
        self.document = document
        self._path = path
        self._problems = [] if problems is None else problems

    def raise_if_wrong(self, who: str) -> None:
        """Raise `RecordError` with all problems found so far, if there are any."""
        if self._problems:
            raise RecordError(who, self._problems)

    def text(self, name: str, default: Any, limit: int) -> Any:
        """Text of at most `limit` characters."""
        value = self._get(name, default)
        if value is MISSING or value is default:
            return "" if value is MISSING else default
        if not isinstance(value, str):
            return self._wrong(name, "text", value, "")
        if len(value) > limit:
            return self._wrong(name, f"text of at most {limit} characters", f"{len(value)} characters", "")
        if default is MISSING and not value.strip():
            return self._wrong(name, "text", "empty text", "")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of text, empty when absent."""
        value = self._get(name, ())
        if not isinstance(value, (list, tuple)) or not all(
            isinstance(item, str) and len(item) <= 1500 for item in value
        ):
            value = self._wrong(name, "a list of text", value, ())
        return tuple(value)

    def one_of(self, name: str, default: Any, allowed: Collection[str]) -> Any:
        """One of the words in `allowed`."""
        value = self._get(name, default)
        if value is MISSING or value is default:
            return "" if value is MISSING else default
        if not isinstance(value, str) or value not in allowed:
            return self._wrong(name, "one of " + ", ".join(sorted(allowed)), value, "")
        return value

    def whole(self, name: str, default: Any) -> Any:
        """A whole number; a float without a fraction counts, for stores that keep no integers."""
        value = self._get(name, default)
        if value is MISSING or value is default:
            return 0 if value is MISSING else default
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
            or value != int(value)
        ):
            return self._wrong(name, "a whole number", value, 0)
        return int(value)

    def length(self, name: str, default: Any) -> Any:
        """A number that is neither negative, nor infinite, nor NaN: seconds, a share or a rate."""
        value = self._get(name, default)
        if value is default:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e12:
            return self._wrong(name, "a number of 0 or more", value, default)
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._get(name, default)
        return value if isinstance(value, bool) else bool(self._wrong(name, "true or false", value, default))

    def instant(self, name: str, default: Any) -> Any:
        """An instant in UTC, from a datetime (naive ones count as UTC, as Firestore takes them) or ISO 8601 text."""
        value = self._get(name, default)
        if value is MISSING or value is default:
            return NEVER if value is MISSING else default
        parsed = _instant(value)
        return self._wrong(name, "an instant", value, NEVER) if parsed is None else parsed

    def labels(self, name: str, limit: int) -> dict[str, str]:
        """A map of text to text with at most `limit` entries."""
        value = self._get(name, {})
        fits = isinstance(value, Mapping) and len(value) <= limit
        if not fits or not all(isinstance(k, str) and isinstance(v, str) and len(v) <= 1000 for k, v in value.items()):
            return dict(self._wrong(name, f"at most {limit} labels of text", value, {}))
        return dict(value)

    def mapping(self, name: str) -> dict[str, Any] | None:
        """A map, None when absent."""
        value = self._get(name, None)
        if value is not None and not isinstance(value, Mapping):
            return dict(self._wrong(name, "a map", value, {}))
        return None if value is None else dict(value)

    def inside(self, name: str) -> Fields | None:
        """The fields of the map under `name`, None when absent; its problems are noted here."""
        value = self.mapping(name)
        return None if value is None else Fields(value, f"{self._path}{name}.", self._problems)

    def _get(self, name: str, default: Any) -> Any:
        value = self.document.get(name, None)
        if value is not None:
            return value
        if default is MISSING:
            self._problems.append(f"{self._path}{name} is missing")
        return default

    def _wrong(self, name: str, expected: str, got: Any, instead: Any) -> Any:
        shown = (
            repr(got) if isinstance(got, (int, float, bool)) else got if isinstance(got, str) else type(got).__name__
        )
        self._problems.append(f"{self._path}{name} must be {expected}, got {str(shown)[:60]}")
        return instead


def _instant(value: object) -> datetime | None:
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if isinstance(value, datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
            aware = aware.astimezone(timezone.utc)
            # Firestore hands out a subclass with nanoseconds, which does not compare or print alike everywhere.
            return datetime(*aware.timetuple()[:6], aware.microsecond, tzinfo=timezone.utc)
    except (ValueError, OverflowError):
        return None
    return None
