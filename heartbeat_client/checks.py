"""Reading the values that a caller gave: what is wrong is logged, and what holds instead is said. Nothing raises."""

from __future__ import annotations

import logging
import operator
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from .lengths import seconds_of
from .logline import report
from .run import LABELS_LIMIT, TEXT_LIMIT

__all__ = ["Checks", "Length", "shown"]

# How a length of time may be given: seconds, a timedelta, or text such as "90s" or "1h30m".
Length = float | timedelta | str

_FIGURES = re.compile(r"[-+.,_ \d]{0,20}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def _whole(value: Any) -> int | None:
    """A whole number of any type that is one (numpy's too), None for True, False and what is no whole number."""
    if isinstance(value, bool):
        return None
    try:
        return int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except TypeError:
        return None


def shown(value: object) -> str:
    """A number as it is, anything else by its type: what somebody counted by mistake can be a row of their data."""
    if isinstance(value, (int, float)) or (isinstance(value, str) and _FIGURES.fullmatch(value)):
        return f"{value!r:.60}"
    return type(value).__name__


def _shown_word(value: object) -> str:
    """What stands where a word or a flag should, which nobody takes from their data; anything else by its type."""
    return f"{value!r:.60}" if isinstance(value, (int, float, str)) else type(value).__name__


class Checks:
    """The checks of one caller; who: how errors call it, such as `Heartbeat 'load-games'`.

    complained: whether anything was wrong up to now.
    """

    def __init__(self, who: str) -> None:
        self.who = who
        self.complained = False

    def wrong(self, name: str, expected: str, instead: str) -> None:
        """Log that a value can't be used: what was expected and came, and what holds instead."""
        self.complained = True
        report(logging.ERROR, f"heartbeat_client: {self.who}: {name}: {expected}; {instead}")

    def length(self, name: str, value: object, at_least: float = 0.0) -> float | None:
        """A length in seconds, None when it was not given or can't be used."""
        if value is None:
            return None
        try:
            seconds = seconds_of(value)
        except ValueError as error:
            self.wrong(name, str(error), "the default is used")
            return None
        if seconds < at_least:
            self.wrong(name, f"expected {at_least:g} s or more, got {seconds:g} s", "the default is used")
            return None
        return seconds

    def lengths(self, names: Iterable[str], given: Mapping[str, Any], at_least: float) -> dict[str, float]:
        """Those of some lengths that were given and can be used, by name and in seconds."""
        read = {name: self.length(name, given.get(name), at_least) for name in names}
        return {name: seconds for name, seconds in read.items() if seconds is not None}

    def deadline(self, value: object) -> float | datetime | None:
        """A length from the start in seconds, or an instant in UTC; None when not given or not usable."""
        if not isinstance(value, datetime):
            return self.length("deadline", value)
        if value.tzinfo is None:
            self.wrong("deadline", "expected an instant with a time zone, got one without", "the default is used")
            return None
        return value.astimezone(timezone.utc)

    def text(self, name: str, value: object, limit: int = TEXT_LIMIT) -> str:
        """Text on one line of at most `limit` characters; a number counts as text; empty when not usable."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = str(value)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.wrong(name, f"expected text, got {type(value).__name__}", "it is left empty")
            return ""
        value = _CONTROL.sub(" ", value).strip()
        if len(value) > limit:
            self.wrong(name, f"expected at most {limit} characters, got {len(value)}", "the rest is cut off")
        return value[:limit]

    def name(self, name: str, value: object, limit: int, instead: str) -> str:
        """Text that may not be empty, `instead` when it is."""
        if not isinstance(value, str):
            self.wrong(name, f"expected text, got {type(value).__name__}", f"{instead!r} is used")
            return instead
        if not _CONTROL.sub(" ", value).strip():
            self.wrong(name, "expected text, got empty text", f"{instead!r} is used")
            return instead
        return self.text(name, value, limit)

    def count(self, name: str, value: object) -> int | None:
        """A whole number of 0 or more; None when not given or not usable."""
        if value is None:
            return None
        number = _whole(value)
        if number is not None and number >= 0:
            return number
        self.wrong(name, f"expected a whole number of 0 or more, got {shown(value)}", "it is not used")
        return None

    def flag(self, name: str, value: object) -> bool | None:
        """True or false; None when not given or not usable."""
        if value is not None and not isinstance(value, bool):
            self.wrong(name, f"expected True or False, got {_shown_word(value)}", "the default is used")
            return None
        return value

    def one_of(self, name: str, value: object, allowed: Collection[str]) -> str | None:
        """One of some words; None when not given or not usable."""
        if value is None or (isinstance(value, str) and value in allowed):
            return value
        self.wrong(name, f"expected one of {', '.join(allowed)}, got {_shown_word(value)}", "the default is used")
        return None

    def labels(self, value: object) -> dict[str, str]:
        """Labels: text to text, numbers counting as text; those that can't be used are left out."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.wrong("labels", f"expected a mapping of text to text, got {type(value).__name__}", "none is used")
            return {}
        labels = {str(key)[:TEXT_LIMIT]: self.text(f"label {key!r:.40}", given) for key, given in value.items()}
        if len(labels) > LABELS_LIMIT:
            self.wrong("labels", f"expected at most {LABELS_LIMIT}, got {len(labels)}", "the rest is left out")
        return dict(list(labels.items())[:LABELS_LIMIT])

    def unknown(self, given: Iterable[str], known: Collection[str]) -> None:
        """Log each setting that does not exist, with the nearest that does."""
        for name in given:
            from difflib import get_close_matches  # few make such a mistake

            near = get_close_matches(name, known, n=1)
            hint = f", did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}"
            self.wrong(name, f"expected a setting that exists, got {name!r:.60}{hint}", "it is not used")

    def unnamed(self, given: Collection[Any]) -> None:
        """Log positional arguments that nobody expects."""
        if given:
            self.wrong("arguments", f"expected settings by name, got {len(given)} without one", "they are not used")
