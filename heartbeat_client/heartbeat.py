"""`Heartbeat`: what a coordinator writes around an operation. Nothing in here raises into the operation."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, NoReturn, TypeVar

from .checks import Checks, Length, shown
from .lifecycle import works
from .live import LiveRun
from .logline import end_line, say, start_line
from .nesting import enter, innermost_open, leave
from .place import place_of, type_name
from .plan import UNNAMED, Plan, plan_of
from .process import this_process
from .run import FAILED, INTERRUPTED, SUCCEEDED, TEXT_LIMIT, Failure
from .settings import settings
from .shield import SHIELD

__all__ = ["Heartbeat"]

T = TypeVar("T")
Self = TypeVar("Self", bound="Heartbeat")


class Heartbeat:
    """Tells the log and the store that an operation lives, how far it is, and how it ended.

    A context manager, also with `async with`; entered again it is a new run. It never raises into the operation: a
    value that can't be used is logged as an error, and the default is used. Lengths of time are seconds, a `timedelta`
    or text such as "90s" and "1h30m"; defaults of all of them can be set with `configure()`.

    operation: the stable name that runs share, such as "load-historical-games"; at most 200 characters.
    detail: words for people, such as "450 players". total: how many items there are to count.
    interval: between the "still running" lines of the log, 300 s. beat_every: between beats, 15 s.
    silent_after: without a beat for so long, the run is silent; the larger of 90 s and six beats.
    stalled_after: with progress declared, and none for so long, the run is stalled; 5 min.
    opaque_after: the same where nothing is counted; 60 % of the time to the deadline.
    max_runtime: the longest that the run may take; no limit.
    deadline: when its answer is cut, as a length from the start or an instant; that of the heartbeat around this one if
    that is earlier, else HANGWATCH_DEADLINE, else 30 min.
    labels: at most 32, text to text. run_id: an id of your own that no other run has; by default one is made.

    >>> with Heartbeat("publish-requests", total=2) as hb:
    ...     for request in hb.track(["first", "second"]):
    ...         pass
    HEARTBEAT START: publish-requests
    HEARTBEAT END: publish-requests completed in 0.0 min
    """

    def __init__(
        self,
        operation: str = "",
        *extra: NoReturn,
        detail: str = "",
        total: int | None = None,
        interval: Length | None = None,
        beat_every: Length | None = None,
        silent_after: Length | None = None,
        stalled_after: Length | None = None,
        opaque_after: Length | None = None,
        max_runtime: Length | None = None,
        deadline: Length | datetime | None = None,
        labels: Mapping[str, str] | None = None,
        run_id: str | None = None,
        **unknown: NoReturn,
    ) -> None:
        given = {name: value for name, value in locals().items() if name not in _NO_SETTINGS}
        self._set_up("Heartbeat", operation, {**given, **unknown}, extra)

    def _set_up(self, who: str, operation: object, given: Mapping[str, Any], extra: tuple[Any, ...] = ()) -> None:
        plan = Plan(UNNAMED, UNNAMED)
        with SHIELD:
            Checks(who).unnamed(extra)
            plan = self._planned(plan_of(who, operation, given, settings()))
        self._plan = plan
        self._live = LiveRun(plan)
        self._open: list[LiveRun] = []

    def _planned(self, plan: Plan) -> Plan:
        return plan

    @property
    def id(self) -> str:
        """The id of the run: the present one, before it that of the one to come, after it that of the last."""
        return self._live.id

    def __enter__(self: Self) -> Self:
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        with SHIELD:
            live = self._leave(kind, error, traceback)
            if live is not None:
                works().sender.wait_written(live, settings().flush_timeout)
        return False

    async def __aenter__(self: Self) -> Self:
        self._enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        with SHIELD:
            live = self._leave(kind, error, traceback)
            if live is not None and "asyncio" in sys.modules:
                await _written(live, settings().flush_timeout)
        return False

    def advance(self, n: int = 1) -> None:
        """Count n more items as done; 0 or more. From any thread."""
        live = self._live
        if live.owner != this_process():
            return
        try:
            live.counter.advance(n)
        except Exception:  # noqa: BLE001 (whatever n is, the operation goes on)
            self._refuse_count(n)

    def progress(self, done: int, total: int | None = None, note: str | None = None) -> None:
        """Say how many items are done, of how many, and in your own words where that is.

        done may go back, as when a phase is begun again; that too counts as a move. total, note None: as before.
        """
        live = self._mine()
        if live is None:
            return
        with SHIELD:
            count = self._checks.count("done", done)
            if count is not None:
                live.counter.reach(count, self._checks.count("total", total))
            if note is not None:
                live.say(self._checks.text("note", note))

    def track(self, iterable: Iterable[T]) -> Iterator[T]:
        """The items of an iterable, each counted when the next is asked for, at the speed of a bare loop.

        Its `len()` is the total unless you gave one; lengths of several add up. When the loop is left by `break` or an
        exception, the item in hand is not counted. An iterator that is handed on to a pool is drawn at once: count
        there with `advance()`.
        """
        live = self._mine()
        items = iter(iterable)  # what can't be iterated raises, as in the loop without us
        if live is None:
            return items
        with SHIELD:
            return live.counter.track(items, iterable)
        return items

    def note(self, text: str) -> None:
        """Say in your own words where the operation is; shows that it moves where nothing is counted."""
        live = self._mine()
        if live is not None:
            with SHIELD:
                live.say(self._checks.text("note", text))

    @contextmanager
    def waiting(self, reason: str, at_most: Length) -> Generator[None, None, None]:
        """Declare a wait: inside of it the run is not stalled, until it has taken longer than `at_most`."""
        live, wait = self._mine(), None
        if live is not None:
            with SHIELD:
                seconds = self._checks.length("at_most", at_most)
                wait = None if seconds is None else live.wait(self._checks.text("reason", reason), seconds)
        try:
            yield
        finally:
            if live is not None and wait is not None and live.owner == this_process():
                with SHIELD:
                    live.go_on(wait)

    def extend(self, seconds: Length) -> None:
        """Move the deadline and the max_runtime of this run, and of what nests in it, by a length of time."""
        live = self._mine()
        if live is not None:
            with SHIELD:
                live.extended += self._checks.length("seconds", seconds) or 0.0

    def fail(self, reason: str) -> None:
        """Let the run end as failed though no exception is raised; reason: what went wrong, for people."""
        live = self._mine()
        if live is not None:
            with SHIELD:
                live.failing = self._checks.text("reason", reason) or "no reason given"

    @property
    def _checks(self) -> Checks:
        return Checks(f"Heartbeat {self._plan.operation[:60]!r}")

    def _mine(self) -> LiveRun | None:
        """The run, unless this is a forked child, which has no say in its parent's."""
        return self._live if self._live.owner == this_process() else None

    def _refuse_count(self, n: object) -> None:
        with SHIELD:
            if not self._live.count_refused:
                self._live.count_refused = True
                expected = f"expected a whole number of 0 or more, got {shown(n)}"
                self._checks.wrong("advance", expected, "it is not counted")

    def _enter(self) -> None:
        live = self._live
        with SHIELD:
            live = self._live = self._next_run()
            live.begin(innermost_open())
            self._open.append(live)
            enter(live)
            works().begin(live)
        with SHIELD:
            say(logging.INFO, start_line(live.plan.name))

    def _next_run(self) -> LiveRun:
        if self._open and self._open[-1].owner == this_process():
            self._checks.wrong("with", "expected a heartbeat that is not open, got an open one", "a second run begins")
        made_here = self._live.owner == this_process() or self._plan.run_id
        return self._live if made_here and not self._live.begun else LiveRun(self._plan)

    def _leave(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> LiveRun | None:
        """End the innermost run; returns it if whoever leaves should wait for its last record."""
        if not self._open:
            return None
        live = self._open.pop()
        leave(live)
        if live.owner != this_process():
            return None
        self._end(live, kind, error, traceback)
        elapsed = (live.ended or live.started) - live.started
        failed = live.state != SUCCEEDED
        say(logging.ERROR if failed else logging.INFO, end_line(live.plan.name, elapsed, failed=failed))
        return live if live.is_outermost else None

    def _end(
        self,
        live: LiveRun,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            live.end(FAILED if live.failing else SUCCEEDED)
        elif _interrupts(kind):
            live.end(INTERRUPTED, reason=f"interrupted by {type_name(kind)}")
        else:
            text = str(error)[:TEXT_LIMIT] if live.plan.error_text else None
            live.end(FAILED, Failure(type_name(kind)[:TEXT_LIMIT], place_of(traceback), text))
        works().end(live)


_NO_SETTINGS = ("self", "operation", "extra", "unknown", "__class__")


def _interrupts(kind: type[BaseException]) -> bool:
    """Whether an exception says that the operation was told to stop, rather than that it went wrong."""
    if issubclass(kind, (KeyboardInterrupt, SystemExit, GeneratorExit)):
        return True
    # asyncio takes 50 ms to import, and nobody raises its exceptions who has not done so.
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and issubclass(kind, asyncio.CancelledError)


async def _written(live: LiveRun, timeout: float) -> None:
    """Wait as `Sender.wait_written` does, letting the event loop go on."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:  # another library's loop: nothing here that could wait in it
        return
    sender, until, pause = works().sender, time.monotonic() + timeout, 0.001
    while not sender.is_written(live) and not sender.away and time.monotonic() < until:
        await asyncio.sleep(pause)
        pause = min(2 * pause, 0.05)
