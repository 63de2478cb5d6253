"""What an asyncio task waits for at the end of its awaits: a thread's work, a queue, a lock, a sleep, a peer."""

from __future__ import annotations

import sys

from .children import with_pipe
from .descriptors import link_of, socket_of
from .frames import stdlib_path
from .futures import closed_over, future_wait
from .kernel_wait import Usage
from .loops import Awaited
from .sample import Wait
from .surroundings import Surroundings
from .waits import child_wait

__all__ = ["outer_facts", "task_wait"]

_CALLS = {
    ("asyncio/tasks.py", "sleep"): ("asyncio.sleep", "the end of its sleep"),
    ("asyncio/queues.py", "get"): ("Queue.get", "an item in an empty asyncio.Queue"),
    ("asyncio/queues.py", "put"): ("Queue.put", "room in a full asyncio.Queue"),
    ("asyncio/queues.py", "join"): ("Queue.join", "the unfinished tasks of an asyncio.Queue"),
    ("asyncio/locks.py", "acquire"): ("acquire", "an asyncio lock or semaphore to be released"),
    ("asyncio/locks.py", "wait"): ("wait", "an asyncio Event or Condition"),
    ("asyncio/locks.py", "wait_for"): ("wait_for", "an asyncio Condition"),
    ("asyncio/subprocess.py", "wait"): ("wait", "a child process to end"),
    ("asyncio/subprocess.py", "communicate"): ("communicate", "a child process to end"),
    ("asyncio/streams.py", "_wait_for_data"): ("read", "data of a stream"),
    ("asyncio/streams.py", "_drain_helper"): ("drain", "the peer of a stream to read"),
    ("asyncio/streams.py", "start_server"): ("start_server", "a server to start"),
    ("asyncio/base_events.py", "sock_connect"): ("connect", "a connection"),
    ("asyncio/selector_events.py", "sock_connect"): ("connect", "a connection"),
    ("asyncio/selector_events.py", "sock_recv"): ("recv", "data of a socket"),
    ("asyncio/base_events.py", "getaddrinfo"): ("getaddrinfo", "the name server"),
}


def task_wait(awaited: Awaited, around: Surroundings) -> Wait | None:
    """What a task waits for, None when it waits for nothing."""
    if awaited.leaf is None:
        return None
    futures = sys.modules.get("concurrent.futures")
    if futures is not None:
        for held in closed_over(awaited.leaf, "_callbacks"):
            if isinstance(held, futures.Future):
                return future_wait(held, around, 0, "a wait for an executor")
    for seen in awaited.frames:
        known = _CALLS.get((stdlib_path(seen.file), seen.function.rpartition(".")[2]))
        if known is not None:
            return Wait(*known)
        if seen.own:
            break
    return Wait("await", "a Future that nobody has resolved", unknown="who should resolve it can't be known")


def outer_facts(wait: Wait | None, awaited: Awaited, usage: Usage) -> Wait | None:
    """The wait with what the kernel knows of the stream or the child behind it."""
    if wait is None:
        return None
    if awaited.pid is not None:
        return child_wait(awaited.pid, usage)
    link = link_of(awaited.fd) if awaited.fd is not None else ""
    tcp = socket_of(awaited.fd) if awaited.fd is not None and link.startswith("socket:") else None
    if tcp is not None:
        sentence, facts = tcp.writing() if wait.call == "drain" else tcp.reading()
        return Wait(wait.call, sentence, facts, moved=tcp.moved, channel=link)
    child = with_pipe(link) if link.startswith("pipe:") else None
    return Wait(wait.call, f"a pipe of {child.words(usage(child))}") if child else wait
