"""The forms that rules about a resource's values take, and how the values that a rule is about are found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Form", "Rule", "at_most", "between", "exactly_one", "like", "one_of", "rules", "seconds"]

Form = tuple[str, Callable[[Any], bool]]


@dataclass(frozen=True)
class Rule:
    """What holds for a value. at: its path in the resource, `[]` for each of several; what isn't there passes."""

    type: str
    at: str
    says: str
    holds: Callable[[Any], bool]
    source: str

    def values(self, resource: Mapping[str, Any]) -> Iterator[Any]:
        """The values of a resource that the rule is about."""
        return _values(resource, self.at)


def one_of(*names: str) -> Form:
    """One of some names."""
    return f"one of {', '.join(names)}", lambda value: value in names


def like(pattern: str) -> Form:
    """Text of a form, the whole of it."""
    return f"like {pattern}", lambda value: re.fullmatch(pattern, str(value)) is not None


def seconds(least: float, most: float, step: int = 0) -> Form:
    """A length such as 60s. step: it is a multiple of."""

    def holds(value: Any) -> bool:
        match = re.fullmatch(r"(\d+(?:\.\d{1,9})?)s", str(value))
        if match is None:
            return False
        length = float(match[1])
        return least <= length <= most and (not step or length % step == 0)

    return f"{least} to {most} s{f' in steps of {step}' if step else ''}, written as 60s", holds


def between(least: float, most: float) -> Form:
    """A number of a range, both ends in it."""
    return f"{least} to {most}", lambda value: least <= float(value) <= most


def at_most(length: int) -> Form:
    """Text up to a length."""
    return f"at most {length} characters", lambda value: len(str(value)) <= length


def exactly_one(*names: str) -> Form:
    """A block with one of some arguments or blocks, and not two."""
    return f"exactly one of {', '.join(names)}", lambda block: sum(bool(block.get(name)) for name in names) == 1


def rules(type_name: str, source: str, *rows: tuple[str, Form]) -> Iterator[Rule]:
    """The rules of one type that stand in one source, from rows of a path and a form."""
    for at, (says, holds) in rows:
        yield Rule(type_name, at, says, holds, source)


def _values(value: Any, at: str) -> Iterator[Any]:
    name, _, rest = at.partition(".")
    if value is None or value == "":
        return
    if not at:
        yield value
        return
    inside = value.get(name.removesuffix("[]")) if isinstance(value, Mapping) else None
    for one in (inside or []) if name.endswith("[]") else [inside]:
        yield from _values(one, rest)
