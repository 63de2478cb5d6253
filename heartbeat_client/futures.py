"""Who works on a `concurrent.futures` future: a pool's thread, a pool's processes, an asyncio task, or nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from .names import fit
from .real_threads import known_threads
from .sample import Wait
from .surroundings import Surroundings

__all__ = ["closed_over", "first_undone", "future_wait"]

_STATES = ("PENDING", "RUNNING", "CANCELLED", "CANCELLED_AND_NOTIFIED", "FINISHED")


def future_wait(future: Any, around: Surroundings, ident: int, call: str) -> Wait:
    """What somebody waits for who wants a future's result; ident: of the thread that waits, 0 for a task."""
    worker = around.worker_of(future)
    if worker is not None:
        sentence = f"a Future that thread {fit(worker.name)} is running"
        return Wait(call, sentence, thread=worker.native_id, thread_name=worker.name)
    processes = _processes_of(future)
    if processes is not None:
        return Wait(call, f"a Future that a process pool works on ({processes} worker processes)")
    task = next((one for one in closed_over(future, "_done_callbacks") if _is_task(one)), None)
    if task is not None:
        return Wait(call, f"an asyncio task {fit(task.get_name())} of another thread's loop")
    state = getattr(future, "_state", "")
    shown = f" ({state.lower()})" if state in _STATES else ""
    return Wait(call, f"a Future no thread is running{shown}{_full_pool(around, ident)}")


def _full_pool(around: Surroundings, ident: int) -> str:
    """Of a pool thread that waits for a future: a pool whose threads wait for its own queue never moves again."""
    pool = around.pool_of(ident) if ident else None
    if pool is None:
        return ""
    size, queued = getattr(pool, "_max_workers", 0), pool._work_queue.qsize()  # noqa: SLF001 (there is no public way)
    if not queued:
        return ""
    return f"; the waiting thread is itself one of a pool of {size}, which is full with {queued} in its queue"


def _processes_of(future: object) -> int | None:
    """How many processes work for the pool that a future was given to, None when it is no process pool's."""
    for thread in known_threads():
        items = getattr(thread, "pending_work_items", None)
        if type(items) is dict and any(getattr(item, "future", None) is future for item in list(items.values())):
            return len(getattr(thread, "processes", None) or ())
    return None


def _is_task(thing: object) -> bool:
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and isinstance(thing, asyncio.Task)


def closed_over(future: object, callbacks: str) -> Iterator[Any]:
    """What the callbacks of a future close over: asyncio chains futures and tasks that way."""
    held: Iterable[Any] = getattr(future, callbacks, None) or ()
    for callback in list(held)[:10]:
        function = callback[0] if isinstance(callback, tuple) else callback
        for cell in getattr(function, "__closure__", None) or ():
            try:
                yield cell.cell_contents
            except ValueError:
                continue


def first_undone(futures: Any) -> Any:
    """One of several futures that has no result yet, best one that somebody works on; None when all have theirs."""
    held = list(futures) if isinstance(futures, (list, tuple, set, frozenset, dict)) else []
    for state in ("RUNNING", "PENDING"):
        found = next((one for one in held if getattr(one, "_state", "FINISHED") == state), None)
        if found is not None:
            return found
    return None
