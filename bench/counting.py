"""What counting costs for an item: `track()` and `advance()` against a loop without them, and against tqdm.

All is measured by the CPU time of the loop's own thread, the ways in turns. tqdm has its default settings and writes to
the null device; the heartbeat has its default settings, with the store off.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from functools import partial
from typing import Any, TextIO

from tqdm import tqdm

from heartbeat_client import Heartbeat, configure

from .alternation import Turns, in_turns
from .intervals import Middle
from .results import Result, Table, Target

__all__ = ["measure"]

_MOST = 1.3
_OF_TQDM = 0.1
_WORK = range(160)

_LIMITS = {
    "range": "any iterator in between, all of it C, adds two nanoseconds or more, and one is there to see the end",
    "tuple": "the bare loop takes some 4 ns an item, and any iterator in between, all of it C, adds two or more",
    "list": (
        "as for a tuple, and a list needs two: handing out its own iterator would add nothing, but that forgets at the "
        "end where it was, so that the count would be wrong when the list changes in its loop, or after it"
    ),
    "generator": "since 3.12 a bare loop runs a generator without a call, which it can't do through any iterator",
}


def _empty(items: Iterable[object]) -> None:
    for _ in items:
        pass


def _small(items: Iterable[object]) -> None:
    """About a microsecond an item."""
    for _ in items:
        sum(_WORK)


# A body, and how many times fewer items it gets than the empty one.
BODIES: dict[str, tuple[Callable[[Iterable[object]], None], int]] = {"empty": (_empty, 1), "about 1 µs": (_small, 10)}


def _sources(count: int) -> dict[str, Callable[[], Iterable[object]]]:
    numbers = list(range(count))
    return {
        "range": lambda: range(count),
        "tuple": lambda: tuple(numbers),
        "list": lambda: numbers,
        "generator": lambda: (number for number in numbers),
    }


class Loops:
    """Loops over one source with one body. drawn: items of each way; counted: what a way that counts made of them."""

    def __init__(self, make: Callable[[], Iterable[object]], body: Callable[[Iterable[object]], None]) -> None:
        self._make = make
        self._body = body
        self.drawn = 0
        self.counted = {"track()": 0, "tqdm": 0}

    def in_turns(self, count: int, rounds: int, out: TextIO) -> Turns:
        """CPU seconds of an item each way; count: how many items the source has."""
        ways = {"bare": self._bare, "again": self._bare, "track()": self._track, "tqdm": lambda: self._tqdm(out)}
        self.drawn = count * rounds
        return in_turns({name: _shared_by(count, way) for name, way in ways.items()}, rounds)

    def _bare(self) -> float:
        return self._run(self._make())

    def _track(self) -> float:
        with Heartbeat("counted") as beating:
            took = self._run(beating.track(self._make()))
            self.counted["track()"] += beating._live.counter.done  # noqa: SLF001 (what its record says)
        return took

    def _tqdm(self, out: TextIO) -> float:
        bar = tqdm(self._make(), file=out)
        took = self._run(bar)
        self.counted["tqdm"] += bar.n
        return took

    def _run(self, items: Iterable[object]) -> float:
        began = time.thread_time()
        self._body(items)
        return time.thread_time() - began


def _shared_by(count: int, way: Callable[[], float]) -> Callable[[], float]:
    return lambda: way() / count


def _calls(count: int, rounds: int, out: TextIO) -> tuple[Turns, dict[str, int]]:
    """CPU seconds of a call of `advance()`, with the empty loop that it is called in, against tqdm's `update()`."""
    with Heartbeat("counted") as beating, tqdm(file=out) as bar:
        calls: dict[str, Callable[[], object]] = {"advance()": beating.advance, "tqdm": bar.update}
        ways = {name: _shared_by(count, partial(_called, call, count)) for name, call in calls.items()}
        found = in_turns({"bare": _shared_by(count, lambda: _uncalled(count)), **ways}, rounds)
        return found, {"advance()": beating._live.counter.done, "tqdm": bar.n}  # noqa: SLF001 (what its record says)


def _called(call: Callable[[], object], count: int) -> float:
    began = time.thread_time()
    for _ in range(count):
        call()
    return time.thread_time() - began


def _uncalled(count: int) -> float:
    began = time.thread_time()
    for _ in range(count):
        pass
    return time.thread_time() - began


def measure(quick: bool) -> Result:
    """Some 40 s; quick: 3 s."""
    configure(store="off", interval="1h")
    rounds, size = (6, 20_000) if quick else (40, 100_000)
    rows, figures, targets = [], {}, []
    with open(os.devnull, "w") as out, redirect_stdout(out):
        for body_name, (body, share) in BODIES.items():
            for name, make in _sources(size // share).items():
                print(f"counting: a {name}, body {body_name}", file=sys.stderr)
                loops = Loops(make, body)
                turns = loops.in_turns(size // share, rounds, out)
                rows.append(_row(body_name, name, turns))
                targets += _targets(body_name, name, turns)
                figures[f"{name}, {body_name}"] = _figures(turns) | {"drawn": loops.drawn, "counted": loops.counted}
        calls, counted = _calls(size, rounds, out)
    figures["calls"] = _figures(calls) | {"drawn": size * rounds, "counted": counted}
    return Result("counting", [_of_loops(rows), _of_calls(calls)], targets, figures)


def _of_loops(rows: list[tuple[str, ...]]) -> Table:
    columns = ("body", "over a", "bare loop", "`track()`", "tqdm", "`track()` adds", "tqdm adds", "noise")
    note = (
        "CPU time of the loop's thread, ways in turns: medians, and where they lie with 95 %. Noise: the bare loop "
        "against itself."
    )
    return Table("An item of a loop", columns, tuple(rows), note)


def _row(body: str, name: str, turns: Turns) -> tuple[str, ...]:
    return (
        body,
        name,
        _ns(turns.median("bare")),
        _times(turns.ratio("track()", "bare")),
        _times(turns.ratio("tqdm", "bare")),
        _ns(turns.added("track()", "bare").median),
        _ns(turns.added("tqdm", "bare").median),
        _times(turns.ratio("again", "bare")),
    )


def _of_calls(calls: Turns) -> Table:
    rows = [
        (name, _ns(calls.added(way, "bare").median))
        for way, name in (("advance()", "`advance()`"), ("tqdm", "tqdm's `update()`"))
    ]
    return Table("A call that counts one", ("call", "adds to an empty loop"), tuple(rows))


def _targets(body: str, name: str, turns: Turns) -> list[Target]:
    ratio = turns.ratio("track()", "bare")
    limit = _LIMITS[name]
    targets = [_target(f"a loop over a {name}, body {body}", ratio.median, _MOST, "× the bare loop", limit)]
    if body == "empty":
        share = turns.added("track()", "bare").median / turns.added("tqdm", "bare").median
        targets.append(_target(f"what is added to a loop over a {name}", share, _OF_TQDM, "× what tqdm adds", limit))
    return targets


def _target(what: str, came: float, most: float, unit: str, limit: str) -> Target:
    met = came <= most
    return Target(what, f"≤ {most:g} {unit}", f"{came:.2f}", met, "" if met else limit)


def _times(ratio: Middle) -> str:
    return f"{ratio.median:.2f} × ({ratio.low:.2f} to {ratio.high:.2f})"


def _ns(seconds: float) -> str:
    return f"{1e9 * seconds:.1f} ns"


def _figures(turns: Turns) -> dict[str, Any]:
    return {"seconds": {name: list(values) for name, values in turns.taken.items()}}
