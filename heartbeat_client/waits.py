"""What a blocked thread waits for, followed to whoever has to act: thread, future, queue, lock, child, peer.

Reads the local variables of the standard library's frames only, by a table; a user's frame is never opened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FrameType
from typing import Any

from .children import child_of
from .frames import stdlib_path
from .futures import first_undone, future_wait
from .kernel_wait import Usage
from .lapse import lapse
from .locks import lock_wait
from .names import fit
from .quiet import locals_of
from .sample import Wait
from .surroundings import Surroundings, steps

__all__ = ["child_wait", "python_wait"]

Local = Mapping[str, Any]
Rule = Callable[[Local, Surroundings, int], "Wait | int | None"]


def python_wait(around: Surroundings, ident: int, standing: bool) -> Wait | int | None:
    """What a thread waits for as its frames tell; a number is the pid of a child. None when they don't tell.

    standing: whether it waits for another thread in the innermost call, as the kernel tells.
    """
    frame = around.frames.get(ident)
    general: Wait | None = None
    for step in steps(frame):
        code = step.f_code
        if code.co_filename in around.home:
            break
        rule = _RULES.get((stdlib_path(code.co_filename), code.co_name)) or _of_library(code.co_filename, code.co_name)
        found = rule(locals_of(step), around, ident) if rule else None
        if isinstance(found, Wait) and found.call in _GENERAL:
            general = found  # an Event is made of a Condition: the outer one is what the user waits for
        elif found is not None:
            return found
    if general is None and standing and frame is not None:
        return lock_wait(frame, around, ident)
    return general


def child_wait(pid: int, usage: Usage) -> Wait:
    """What somebody waits for who waits for a child process."""
    child = child_of(pid)
    if child is None:
        return Wait("wait", f"child process {pid}, which is gone: somebody else has taken its exit status")
    return Wait("wait", child.words(usage(child)))


def _join(local: Local, around: Surroundings, ident: int) -> Wait | None:
    thread = local.get("self")
    if not isinstance(thread, threading.Thread):
        return None
    if thread.ident == ident:
        return Wait("Thread.join", "itself to end")
    return Wait("Thread.join", f"thread {fit(thread.name)} to end", thread=thread.native_id, thread_name=thread.name)


def _future(local: Local, around: Surroundings, ident: int) -> Wait:
    return future_wait(local.get("self"), around, ident, "Future.result")


def _futures(local: Local, around: Surroundings, ident: int) -> Wait | None:
    waited = local.get("pending") or local.get("fs")
    future = first_undone(waited)
    if future is None:
        return None
    found = future_wait(future, around, ident, "futures.wait")
    return replace(found, sentence=f"several futures, first {found.sentence}", key=id(future))


def _thread_wait(local: Local, around: Surroundings, ident: int) -> Wait | None:
    """`wait` of threading.py: of an Event, a Barrier, or of the Condition that nearly all is made of."""
    thing = local.get("self")
    if isinstance(thing, threading.Event):
        return _given("Event.wait", "an Event to be set", thing, around, ident)
    if isinstance(thing, threading.Barrier):
        return Wait("Barrier.wait", f"a Barrier of {thing.parties} that {thing.n_waiting} have reached")
    if isinstance(thing, threading.Condition):
        return _given("Condition.wait", "a Condition to be notified", thing, around, ident)
    return None


def _semaphore(local: Local, around: Surroundings, ident: int) -> Wait | None:
    thing = local.get("self")
    if not isinstance(thing, threading.Semaphore):
        return None
    return _given("Semaphore.acquire", "a Semaphore to be released", thing, around, ident)


def _get(local: Local, around: Surroundings, ident: int) -> Wait:
    return _given("Queue.get", "an item in an empty queue", local.get("self"), around, ident, fellows="get")


def _put(local: Local, around: Surroundings, ident: int) -> Wait:
    queue = local.get("self")
    held, room = _length(getattr(queue, "queue", None)), getattr(queue, "maxsize", 0)
    return _given("Queue.put", f"room in a full queue ({held} of {room})", queue, around, ident, fellows="put")


def _queue_join(local: Local, around: Surroundings, ident: int) -> Wait:
    queue = local.get("self")
    left = getattr(queue, "unfinished_tasks", 0)
    return _given("Queue.join", f"{left} unfinished tasks of a queue", queue, around, ident)


def _given(call: str, sentence: str, thing: object, around: Surroundings, ident: int, *, fellows: str = "") -> Wait:
    """A wait for a thing that some thread must act on: one that was given it, lives, and does not wait as well."""
    threads = [one for one in around.book.given_to(thing, ident) if not _waits_too(one.ident, thing, fellows, around)]
    if threads:
        first = threads[0]
        at = around.where(first.ident)
        sentence += f"; thread {fit(first.name)} was given it{at and f' and is at {at}'}"
        alone = first.native_id if len(threads) == 1 else None
        return Wait(call, sentence, thread=alone, thread_name=first.name, certain=False)
    gone = around.book.ended_with(thing)
    if gone is not None:
        return Wait(call, f"{sentence}; thread {fit(gone.name)}, which was given it, ended {_ago(gone.at, around)} ago")
    return Wait(call, sentence, unknown="no living thread was seen to be given it; who should act can't be known")


def _ago(at: float, around: Surroundings) -> str:
    return lapse(around.now - at)


def _waits_too(ident: int | None, thing: object, function: str, around: Surroundings) -> bool:
    if not function:
        return around.stands_in(ident, "threading.py", "wait", thing)
    return around.stands_in(ident, "queue.py", function, thing)


def _length(held: object) -> int:
    try:
        return len(held)  # type: ignore[arg-type]  # what has no length says so
    except Exception:  # noqa: BLE001 (a user's own queue may hold anything)
        return 0


def _process(local: Local, around: Surroundings, ident: int) -> int | None:
    pid = getattr(local.get("self"), "pid", None)
    return pid if isinstance(pid, int) else None


def _pooled(local: Local, around: Surroundings, ident: int) -> Wait | None:
    """`AsyncResult` of multiprocessing: the thread of a ThreadPool that runs its job, or the pool's processes."""
    job = getattr(local.get("self"), "_job", None)
    if job is None:
        return None
    for other, frame in list(around.frames.items()):
        if any(_runs_job(step, job) for step in steps(frame)) and (thread := around.thread(other)):
            sentence = f"a job that thread {fit(thread.name)} is running"
            return Wait("AsyncResult.get", sentence, thread=thread.native_id, thread_name=thread.name)
    return Wait("AsyncResult.get", "a job of a multiprocessing pool")


def _runs_job(step: FrameType, job: object) -> bool:
    code = step.f_code
    if code.co_name != "worker" or stdlib_path(code.co_filename) != "multiprocessing/pool.py":
        return False
    return bool(locals_of(step).get("job") == job)


def _grpc(local: Local, around: Surroundings, ident: int) -> Wait:
    return Wait("one gRPC call", "an answer to a gRPC call", unknown="whether the call has a deadline can't be known")


def _of_library(file: str, function: str) -> Rule | None:
    if function in ("_blocking", "_next", "result") and file.replace("\\", "/").endswith("grpc/_channel.py"):
        return _grpc
    return None


# Waits that others are made of: an outer frame that names its own is better.
_GENERAL = ("Condition.wait", "Event.wait", "Semaphore.acquire")

_RULES: dict[tuple[str, str], Rule] = {
    ("threading.py", "join"): _join,
    ("threading.py", "_wait_for_tstate_lock"): _join,
    ("threading.py", "wait"): _thread_wait,
    ("threading.py", "acquire"): _semaphore,
    ("queue.py", "get"): _get,
    ("queue.py", "put"): _put,
    ("queue.py", "join"): _queue_join,
    ("concurrent/futures/_base.py", "result"): _future,
    ("concurrent/futures/_base.py", "exception"): _future,
    ("concurrent/futures/_base.py", "wait"): _futures,
    ("concurrent/futures/_base.py", "as_completed"): _futures,
    ("subprocess.py", "_try_wait"): _process,
    ("subprocess.py", "_wait"): _process,
    ("subprocess.py", "wait"): _process,
    ("subprocess.py", "_communicate"): _process,
    ("subprocess.py", "communicate"): _process,
    ("multiprocessing/popen_fork.py", "poll"): _process,
    ("multiprocessing/popen_fork.py", "wait"): _process,
    ("multiprocessing/pool.py", "wait"): _pooled,
    ("multiprocessing/pool.py", "get"): _pooled,
}
