"""Which threads were given an object, so that they could be the ones to put, set or release it.

Objects are compared by identity only: none is read, shown or kept.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from .real_threads import known_threads

__all__ = ["Ended", "ThreadBook"]

_MANY = 64
_NEW_AT_ONCE = 100


@dataclass(frozen=True)
class Ended:
    """A thread that has ended: its name, when it was seen no more (monotonic), ids of what it had been given."""

    name: str
    at: float
    known: frozenset[int]


class ThreadBook:
    """The threads of the process from look to look, and those that ended lately."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[str, frozenset[int]]] = {}
        self.ended: deque[Ended] = deque(maxlen=_MANY)
        self._given_at_this_look: dict[int, list[int]] | None = None

    def look(self, now: float) -> None:
        """Take note of who is there."""
        self._given_at_this_look = None
        here = {(id(thread), thread.ident or 0): thread for thread in known_threads()}
        for key in [key for key in self._known if key not in here]:
            name, known = self._known.pop(key)
            self.ended.append(Ended(name, now, known))
        fresh = [key for key in here if key not in self._known]
        for key in fresh[:_NEW_AT_ONCE]:
            thread = here[key]
            self._known[key] = (thread.name, frozenset(id(one) for one in _given(thread)))

    def ended_with(self, thing: object) -> Ended | None:
        """The last thread that ended and had been given the thing."""
        return next((one for one in reversed(self.ended) if id(thing) in one.known), None)

    def given_to(self, thing: object, but: int) -> list[threading.Thread]:
        """Living threads that were given the thing, other than the one with ident `but`."""
        if self._given_at_this_look is None:
            self._given_at_this_look = _idents_by_thing()
        likely = self._given_at_this_look.get(id(thing), ())
        there = [thread for thread in known_threads() if thread.ident in likely and thread.ident != but]
        return [thread for thread in there if any(one is thing for one in _given(thread))]


def _idents_by_thing() -> dict[int, list[int]]:
    """Idents of threads by the ids of what they were given, which costs 15 µs a thread: once a look is enough."""
    idents: dict[int, list[int]] = {}
    for thread in known_threads()[: 4 * _MANY]:
        for thing in {id(one) for one in _given(thread)}:
            idents.setdefault(thing, []).append(thread.ident or 0)
    return idents


def _given(thread: threading.Thread) -> Iterator[object]:
    """What a thread was started with: its arguments, what its function closes over, names and is bound to."""
    state = _fields(thread)
    yield from (value for name, value in state.items() if not name.startswith("_"))
    yield from _spread(state.get("_args"))
    yield from _spread(state.get("_kwargs"))
    yield from _of_function(state.get("_target"))


def _of_function(target: Any, depth: int = 3) -> Iterator[object]:
    if depth == 0:
        return
    if isinstance(target, partial):
        yield from _spread(target.args)
        yield from _spread(target.keywords)
        yield from _of_function(target.func, depth - 1)
    elif isinstance(target, MethodType):
        yield from _few(_fields(target.__self__).values())
        yield from _of_function(target.__func__, depth - 1)
    elif isinstance(target, FunctionType):
        for cell in target.__closure__ or ():
            yield from _in_cell(cell, depth)
        names = target.__code__.co_names[:_MANY]
        yield from (target.__globals__[name] for name in names if name in target.__globals__)


def _in_cell(cell: Any, depth: int) -> Iterator[object]:
    try:
        inside = cell.cell_contents
    except ValueError:
        return
    yield inside
    yield from _of_function(inside, depth - 1)


def _spread(values: Any) -> Iterator[object]:
    """Arguments, and what is one level inside of them."""
    held: Iterable[object] = ()
    if isinstance(values, dict):
        held = values.values()
    elif isinstance(values, (list, tuple)):
        held = values
    for value in _few(held):
        yield value
        if isinstance(value, (list, tuple)):
            yield from _few(value)
        elif isinstance(value, dict):
            yield from _few(value.values())
        else:
            yield from _of_function(value, 2)
            yield from _few(_fields(value).values())


def _few(values: Iterable[object]) -> list[object]:
    try:
        return [value for value, _ in zip(values, range(_MANY), strict=False)]
    except RuntimeError:  # it changed size meanwhile
        return []


def _fields(thing: object) -> dict[str, object]:
    """The instance's fields, without running any of its code."""
    try:
        fields = object.__getattribute__(thing, "__dict__")
    except Exception:  # noqa: BLE001 (whatever a strange type says, it has no fields for us)
        return {}
    return dict(fields) if type(fields) is dict else {}
