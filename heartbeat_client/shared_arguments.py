"""Reading what callers give to a run that spans processes: wrong values are logged, in a loop once, and not used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .checks import Checks, shown
from .parts import ITEM_LIMIT, LISTED_LIMIT, item_text
from .run import OPERATION_LIMIT

__all__ = ["KEY_LIMIT", "SharedArguments"]

KEY_LIMIT: Final = 300


class SharedArguments:
    """The arguments of one caller; who: how errors call it, such as `attach()`.

    complained: names of arguments that need no second word; it is added to.
    """

    def __init__(self, who: str) -> None:
        self.checks = Checks(who)

    def name(self, operation: object, key: object) -> tuple[str, str] | None:
        """Operation and key, None where one of them can't be used."""
        named = self._usable("operation", operation, OPERATION_LIMIT)
        if named:
            self.checks = Checks(f"{self.checks.who} {named[:60]!r}")
        keyed = self._usable("key", key, KEY_LIMIT)
        return (named, keyed) if named and keyed else None

    def items(self, given: Iterable[str] | None) -> tuple[tuple[str, ...], int | None]:
        """The items' names, each once, and how many there are; no names where they are too many to keep."""
        if given is None:
            return (), None
        if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
            self.checks.wrong("items", f"expected a list of names, got {type(given).__name__}", "none is used")
            return (), None
        complained: set[str] = set()
        names = tuple(dict.fromkeys(name for one in given if (name := self.item(one, complained))))
        if len(names) <= LISTED_LIMIT:
            return names, len(names)
        expected = f"expected at most {LISTED_LIMIT} names to keep, got {len(names)}"
        self.checks.wrong("items", expected, "they are counted, and who is missing can't be told")
        return (), len(names)

    def item(self, item: object, complained: set[str]) -> str:
        """An item's name, empty where it can't be used; a whole number counts as text."""
        if isinstance(item, int) and not isinstance(item, bool):
            item = str(item)
        if isinstance(item, str) and len(item) <= ITEM_LIMIT and (name := item_text(item)):
            return name
        got = f"{len(item)} characters" if isinstance(item, str) else type(item).__name__
        self._wrong_once("item", f"expected text of 1 to {ITEM_LIMIT} characters, got {got}", "not counted", complained)
        return ""

    def once(self, n: object, complained: set[str]) -> None:
        """Whether n fits beside an item, which counts once."""
        if n != 1:
            self._wrong_once("n", f"expected 1 beside an item, got {shown(n)}", "the item counts once", complained)

    def number(self, n: object, complained: set[str]) -> int:
        """How many to count, of any type that is a whole number; 0 where it can't be used."""
        index = None if isinstance(n, bool) else getattr(n, "__index__", None)
        number = None if index is None else index()
        if isinstance(number, int) and number >= 0:
            return number
        self._wrong_once("advance", f"expected a whole number of 0 or more, got {shown(n)}", "not counted", complained)
        return 0

    def _usable(self, name: str, value: object, limit: int) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and len(value) <= limit and (text := item_text(value)):
            return text
        got = f"{len(value)} characters" if isinstance(value, str) else type(value).__name__
        expected = f"expected text of 1 to {limit} characters, got {got}"
        self.checks.wrong(name, expected, "nothing is recorded of this run; give it one")
        return ""

    def _wrong_once(self, name: str, expected: str, instead: str, complained: set[str]) -> None:
        if name not in complained:
            complained.add(name)
            self.checks.wrong(name, expected, instead)
