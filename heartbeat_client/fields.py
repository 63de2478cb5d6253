"""Reading the fields of a document that anybody may have written: each is checked, and every problem is named at once.

Shared by the readers of runs, incidents and notices; knows nothing about any of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Any, Final

__all__ = ["MISSING", "Fields", "RecordError"]

MISSING: Final[Any] = object()
NEVER: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)

# A length of up to 31 years added to an instant before this one stays within what `datetime` can tell.
AFTER_ALL: Final = datetime(9900, 1, 1, tzinfo=timezone.utc)
LONGEST: Final = 1e9
LARGEST: Final = 2**63
LABEL_LIMIT: Final = 1000


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
        return _sound(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of text, empty when absent."""
        value = self._get(name, ())
        if not isinstance(value, (list, tuple)) or not all(
            isinstance(item, str) and len(item) <= 1500 for item in value
        ):
            value = self._wrong(name, "a list of text", value, ())
        return tuple(_sound(item) for item in value)

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
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and -LARGEST <= value < LARGEST
        if not fits or value != int(value):
            return self._wrong(name, "a whole number", value, 0)
        return int(value)

    def length(self, name: str, default: Any, most: float = LONGEST) -> Any:
        """A number from 0 to `most`, so neither infinite nor NaN: seconds, a share or a rate."""
        value = self._get(name, default)
        if value is default:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
            return self._wrong(name, f"a number from 0 to {most:.10g}", value, default)
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
        if not fits or not all(_is_label(*pair) for pair in value.items()):
            return dict(self._wrong(name, f"at most {limit} labels of text", value, {}))
        return {_sound(key): _sound(text) for key, text in value.items()}

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
        self._problems.append(f"{self._path}{name} must be {expected}, got {_shown(got)}")
        return instead


def _shown(got: object) -> str:
    if isinstance(got, str):
        return _sound(got[:60])
    try:
        return repr(got)[:60] if isinstance(got, (int, float)) else type(got).__name__
    except ValueError:  # Python refuses to write out a number of more than 4,300 digits
        return "int"


def _sound(text: str) -> str:
    # JSON can spell half of a surrogate pair, which is no text to Firestore or Slack: they refuse all that is with it.
    return text.encode("utf-8", "replace").decode("utf-8")


def _is_label(name: object, text: object) -> bool:
    named = isinstance(name, str) and len(name) <= LABEL_LIMIT
    return named and isinstance(text, str) and len(text) <= LABEL_LIMIT


def _instant(value: object) -> datetime | None:
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if isinstance(value, datetime):
            aware = value if value.utcoffset() is not None else value.replace(tzinfo=timezone.utc)
            aware = aware.astimezone(timezone.utc)
            # Firestore hands out a subclass with nanoseconds, which does not compare or print alike everywhere.
            plain = datetime(*aware.timetuple()[:6], aware.microsecond, tzinfo=timezone.utc)
            return plain if NEVER <= plain < AFTER_ALL else None
    except (ValueError, OverflowError):
        return None
    return None
