"""Runs that span processes: any process on any host opens, advances and ends them. Nothing in here raises."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Literal, NoReturn, TypeVar

from .checks import Checks, Length
from .lifecycle import works
from .logline import end_line, report, say, start_line
from .parts import shared_run_id, sound
from .plan import plan_of
from .process import this_process
from .run import FAILED, SUCCEEDED
from .settings import settings
from .share import COALESCE_FOR, Share
from .share_record import Ending, Opening
from .shared_arguments import SharedArguments
from .shield import SHIELD

__all__ = ["SharedRun", "attach", "open_run"]

Self = TypeVar("Self", bound="SharedRun")

_SETTINGS: Final = ("detail", "total", "items", "labels", "stalled_after", "max_runtime", "deadline")


def open_run(
    operation: str = "",
    *extra: NoReturn,
    key: str = "",
    total: int | None = None,
    items: Iterable[str] | None = None,
    detail: str = "",
    labels: Mapping[str, str] | None = None,
    stalled_after: Length | None = None,
    max_runtime: Length | None = None,
    deadline: Length | datetime | None = None,
    **unknown: NoReturn,
) -> SharedRun:
    """Open a run that spans processes, such as a batch that workers in another service answer one by one.

    The same operation and key open the same run, from any process, however often: a later opening adds what was
    unknown (a total, items, a detail, labels, limits), and resets nothing. A run that has ended stays ended.

    operation: the stable name that runs share, at most 200 characters. key: what tells this run from others of the
    operation, such as a batch's id; at most 300 characters. total: how many items there are; by default the number of
    `items`. items: their names, so that notices can say who is missing; up to 5,000 names are kept, of more only the
    number. detail, labels: as on `Heartbeat`. stalled_after: when nothing was done for so long, the run is stalled;
    5 min. max_runtime: the longest that it may take; no limit. deadline: a length from the opening or an instant; none:
    neither HANGWATCH_DEADLINE nor the deadline of a request around it holds for it.

    The opening is written within a moment by a thread of its own; `with open_run(...) as run:` waits for that, and for
    all that was told inside, at most `flush_timeout`. What can't be used is logged as an error, and is not used.

    >>> with open_run("worker-predictions", key="2026-01-14", items=["lebron-james", "luka-doncic"]) as run:
    ...     run.advance(item="lebron-james")
    HEARTBEAT START: worker-predictions (2026-01-14)
    """
    given = {name: value for name, value in locals().items() if name in _SETTINGS}
    run = SharedRun(operation, key, "open_run()")
    with SHIELD:
        _refuse("open_run()", extra, unknown, (*_SETTINGS, "key"))
        run._open(given)  # noqa: SLF001 (only this function opens one)
    return run


def attach(operation: str = "", *extra: NoReturn, key: str = "", **unknown: NoReturn) -> SharedRun:
    """The run that `open_run` opens or has opened or will open under this operation and key, on whichever host.

    Asks nobody and waits for nothing. What is told before the opening counts once the run is open.
    """
    with SHIELD:
        _refuse("attach()", extra, unknown, ("key",))
    return SharedRun(operation, key, "attach()")


class SharedRun:
    """A run that spans processes, as `open_run` and `attach` give it. Any thread may use it, and a forked child too.

    A context manager, also with `async with`: at its exit it waits, at most `flush_timeout` (2 s), until the store has
    what was told, and neither ends the run nor does an exception. Needed where the process may freeze after the
    request, as on Cloud Run; elsewhere all is written within about a second.
    """

    def __init__(self, operation: object, key: object, who: str = "SharedRun") -> None:
        self._name: tuple[str, str] | None = None
        self._kept: Share | None = None
        self._arguments = SharedArguments(who)
        with SHIELD:
            self._name = self._arguments.name(operation, key)

    @property
    def id(self) -> str:
        """The id of the run at the store; empty where operation or key can't be used."""
        return "" if self._name is None else shared_run_id(*self._name)

    def advance(self, n: int = 1, *, item: str | None = None) -> None:
        """Count n more items as done, 0 or more; or this one item, by its name, which counts once for ever.

        An item counts once however often it is told, from whichever processes, in any order. Both ways may be mixed:
        done is the number of different items plus what was counted without a name. Where the run was opened with a
        list of items, a name that is not on it does not count, and is shown.
        """
        share = self._share()
        if share is None:
            return
        with SHIELD:
            if item is not None:
                self._complete(share, n, item)
            else:
                self._count(share, n)
            works().attend(share)

    def note(self, text: str) -> None:
        """Say in your own words where the run is; the latest note of all processes is shown. It moves nothing."""
        share = self._share()
        if share is None:
            return
        with SHIELD:
            words = sound(self._arguments.checks.text("note", text))
            if words:
                share.note(words)
                works().attend(share)

    def succeed(self) -> None:
        """The run is over, and all went well. Of several ends the first one holds."""
        self._end(SUCCEEDED, "")

    def fail(self, reason: str) -> None:
        """The run is over, and went wrong; reason: what, for people."""
        self._end(FAILED, reason)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        share = self._share()
        if share is not None:
            with SHIELD:
                works().sender.wait_share(share, settings().flush_timeout)
        return False

    async def __aenter__(self: Self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        share = self._share()
        if share is not None and "asyncio" in sys.modules:
            with SHIELD:
                await _written(share, settings().flush_timeout)
        return False

    def _share(self) -> Share | None:
        """This process's own share in the run: a forked child has another than its parent."""
        if self._name is None:
            return None
        with SHIELD:
            if works().off:
                return None
            kept = self._kept
            if kept is None or kept.owner != this_process() or kept.let_go:
                kept = self._kept = works().shares.of(*self._name)
            return kept
        return None

    def _open(self, given: Mapping[str, Any]) -> None:
        if self._name is None:
            return
        operation, key = self._name
        settled = {name: value for name, value in given.items() if name not in ("items", "total")}
        # Its writers write once a second, so that a stall is known sooner than where beats come every 15 s.
        current = settings()
        usual = replace(current, limits=replace(current.limits, silent_after=None))
        plan = plan_of("open_run()", operation, {**settled, "beat_every": COALESCE_FOR}, usual)
        items, number = self._arguments.items(given["items"])
        total = self._arguments.checks.count("total", given["total"])
        opening = Opening(plan, number if total is None else total, items, time.monotonic())
        share = self._share()
        if share is None or share.open(opening):
            say(logging.INFO, start_line(_line_name(operation, opening.plan.detail, key)))
        if share is not None:
            works().attend(share)

    def _complete(self, share: Share, n: object, item: object) -> None:
        name = self._arguments.item(item, share.complained)
        self._arguments.once(n, share.complained)
        if name and not share.complete(name):
            dropped = works().shares.budget.dropped
            if str(dropped).strip("0") == "1":  # at 1, 10, 100: an outage is not a line for each item
                report(
                    logging.ERROR,
                    f"heartbeat_client: {dropped} completions are given up: more were told than are kept while the "
                    "store can't be written; tell them again",
                )

    def _count(self, share: Share, n: object) -> None:
        number = n if type(n) is int and n > 0 else self._arguments.number(n, share.complained)
        if number:
            share.count(number)

    def _end(self, state: str, reason: object) -> None:
        if self._name is None:
            return
        with SHIELD:
            share, now = self._share(), time.monotonic()
            why = sound(self._arguments.checks.text("reason", reason)) or "no reason given" if state == FAILED else ""
            if share is None or not share.end(Ending(state, why, now)):
                return
            opening = share.opening
            if opening is not None:  # elsewhere only the store knows when it was opened: the sender says the line
                share.line_said = True
                name = _line_name(*self._name[:1], opening.plan.detail, self._name[1])
                failed = state != SUCCEEDED
                say(logging.ERROR if failed else logging.INFO, end_line(name, now - opening.at, failed=failed))
            works().attend(share)


def _refuse(who: str, extra: tuple[Any, ...], unknown: Mapping[str, Any], known: tuple[str, ...]) -> None:
    checks = Checks(who)
    checks.unnamed(extra)
    checks.unknown(unknown, known)


def _line_name(operation: str, detail: str, key: str) -> str:
    return f"{operation} ({detail or key})"


async def _written(share: Share, timeout: float) -> None:
    """Wait as `Sender.wait_share` does, letting the event loop go on."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:  # another library's loop: nothing here that could wait in it
        return
    sender, until, pause = works().sender, time.monotonic() + timeout, 0.001
    ticket = sender.hurry(share)
    while share.written < ticket and not sender.away and time.monotonic() < until:
        await asyncio.sleep(pause)
        pause = min(2 * pause, 0.02)
