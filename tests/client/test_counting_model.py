"""Any loops, begun, stepped, changed, left and nested in any order: the count is that of a simple model."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from heartbeat_client.progress import Counter


def generated(size: int) -> Iterator[int]:
    yield from range(size)


def raising(size: int) -> Iterator[int]:
    yield from range(size)
    raise LookupError


class Text(str):
    """Iterates as no plain text does: its length says nothing of how many items come."""

    __slots__ = ()

    def __iter__(self) -> Iterator[str]:
        return iter(self.split())


MAKERS: dict[str, Callable[[int], Any]] = {
    "range": range,
    "range backwards": lambda size: range(size, 0, -1),
    "range of huge numbers": lambda size: range(1 << 80, (1 << 80) + size),
    "tuple": lambda size: tuple(range(size)),
    "text": lambda size: "ä" * size,
    "bytes": bytes,
    "list": lambda size: list(range(size)),
    "set": lambda size: set(range(size)),
    "dict": lambda size: dict.fromkeys(range(size)),
    "generator": generated,
    "generator that raises": raising,
    "text of its own kind": lambda size: Text("ab " * size),
}


@dataclass
class Loop:
    """A loop as the model has it: items drawn, and whether the last of them is finished."""

    items: Iterator[Any]
    source: Any
    drawn: int = 0
    finished: bool = False

    @property
    def done(self) -> int:
        return self.drawn if self.finished else max(0, self.drawn - 1)


class Counting(RuleBasedStateMachine):
    """Loops on one counter, beside a model that counts them one by one."""

    loops = Bundle("loops")

    def __init__(self) -> None:
        super().__init__()
        self.counter = Counter()
        self.open: list[Loop] = []
        self.settled = 0

    @rule(target=loops, kind=st.sampled_from(sorted(MAKERS)), size=st.integers(0, 6))
    def begin(self, kind: str, size: int) -> Loop:
        source = MAKERS[kind](size)
        loop = Loop(self.counter.track(iter(source), source), source)
        self.open.append(loop)
        return loop

    @rule(loop=loops, times=st.integers(1, 4))
    def step(self, loop: Loop, times: int) -> None:
        for _ in range(times):
            try:
                next(loop.items)
            except StopIteration:
                loop.finished = True
            except (LookupError, RuntimeError):  # raised by the items, or by a dict that has changed: the loop is left
                self._leave(loop)
            else:
                loop.drawn += 1

    @rule(loop=consumes(loops))
    def leave(self, loop: Loop) -> None:
        self._leave(loop)

    def _leave(self, loop: Loop) -> None:
        loop.items = iter(())
        gc.collect(0)
        if loop in self.open:
            self.open.remove(loop)
            self.settled += loop.done
            loop.drawn, loop.finished = 0, True

    @rule(loop=loops, items=st.lists(st.integers(), max_size=3))
    def grow(self, loop: Loop, items: list[int]) -> None:
        if isinstance(loop.source, list):
            loop.source.extend(items)

    @rule(loop=loops, least=st.integers(0, 5))
    def shrink(self, loop: Loop, least: int) -> None:
        if isinstance(loop.source, list):
            del loop.source[least:]

    @rule(loop=loops)
    def empty(self, loop: Loop) -> None:
        if isinstance(loop.source, (list, dict, set)):
            loop.source.clear()

    @rule(n=st.sampled_from([0, 1, 2, True, 10**12]))
    def advance(self, n: int) -> None:
        self.counter.advance(n)
        self.settled += n

    @rule(done=st.integers(0, 50))
    def reach(self, done: int) -> None:
        self.counter.reach(done)
        self.settled += done - self._done()

    def _done(self) -> int:
        return self.settled + sum(loop.done for loop in self.open)

    @invariant()
    def counts_like_the_model(self) -> None:
        assert self.counter.done == self._done()


class TestAnyLoops(Counting.TestCase):  # type: ignore[misc]  # hypothesis makes it as it runs
    """Whatever loops do, the count is the number of items that they have finished."""

    settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind != "generator that raises"])
def test_each_kind_of_items_comes_as_it_is(kind: str) -> None:
    """Of whatever a loop is over, the same items come as without a count, and every one is counted."""
    counter, source = Counter(), MAKERS[kind](5)
    seen = list(counter.track(iter(source), source))

    assert seen == list(MAKERS[kind](5))
    assert counter.done == 5


class Item:
    """Something whose life can be followed."""


@pytest.mark.parametrize("kind", [tuple, list, iter], ids=["tuple", "list", "iterator"])
def test_a_loop_that_was_left_keeps_nothing_alive(kind: Callable[[Any], Any]) -> None:
    """When a loop is left, the counter holds neither its items nor what they come from."""
    counter, source = Counter(), kind([Item(), Item(), Item()])
    loop = counter.track(iter(source), source)
    next(loop)
    last = weakref.ref(next(loop))
    del loop, source
    gc.collect()

    assert last() is None
    assert counter.done == 1
