"""What a blocked thread waits for, and whom: followed through the standard library, taking no lock of the user's."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from heartbeat_client.children import child_of
from heartbeat_client.descriptors import file_name, socket_of
from heartbeat_client.frames import Home, can_walk
from heartbeat_client.kernel_wait import kernel_wait
from heartbeat_client.knowing import ThreadBook
from heartbeat_client.locks import owner_of
from heartbeat_client.names import fit
from heartbeat_client.sample import Wait
from heartbeat_client.surroundings import Surroundings
from heartbeat_client.syscalls import call_of, memory
from heartbeat_client.threadstat import ThreadGone, cpu_of
from heartbeat_client.waits import python_wait

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: what the kernel knows is in its /proc"),
    pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read"),
]

HOME = Home(__file__)


def waiting_thread(operation: Callable[[], object], name: str = "worker") -> threading.Thread:
    thread = threading.Thread(target=operation, name=name, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        before = cpu_of(thread.native_id or 0)
        time.sleep(0.1)
        if cpu_of(thread.native_id or 0) == before:
            return thread
    raise AssertionError("it never stood still")


def seen_of(thread: threading.Thread, book: ThreadBook | None = None) -> Wait | int | None:
    around = Surroundings(book or ThreadBook(), HOME, time.monotonic())
    try:
        return python_wait(around, thread.ident or 0, standing=True)
    finally:
        around.close()


def sentence_of(thread: threading.Thread, book: ThreadBook | None = None) -> str:
    found = seen_of(thread, book)
    assert isinstance(found, Wait)
    return found.sentence or ""


def test_a_join_is_followed_to_the_thread() -> None:
    """Who joins a thread waits for that thread."""
    go = threading.Event()
    worker = waiting_thread(go.wait, "loader-3")
    found = seen_of(waiting_thread(worker.join))
    go.set()

    assert isinstance(found, Wait)
    assert (found.sentence, found.thread) == ("thread 'loader-3' to end", worker.native_id)


def test_a_future_is_followed_to_the_worker() -> None:
    """Who waits for a result waits for the pool's thread that runs the job."""
    go = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
        future = pool.submit(go.wait)
        found = seen_of(waiting_thread(future.result))
        go.set()

    assert isinstance(found, Wait)
    assert found.sentence == "a Future that thread 'pool_0' is running"


def test_a_future_that_nobody_runs_is_told_as_that() -> None:
    """A future without a worker is not blamed on anybody."""
    future: Future[int] = Future()
    waiter = waiting_thread(future.result)
    said = sentence_of(waiter)
    future.set_result(1)

    assert said == "a Future no thread is running (pending)"


def test_a_queue_is_looked_at_without_its_lock() -> None:
    """A full queue is told with its figures while another thread holds the queue's own mutex."""
    work: queue.Queue[int] = queue.Queue(2)
    work.put(1)
    work.put(2)
    waiter = waiting_thread(lambda: work.put(3))
    with work.mutex:
        said = sentence_of(waiter)
    work.get()

    assert said.startswith("room in a full queue (2 of 2)")


@pytest.mark.parametrize("alive", [True, False])
def test_a_producer_is_found_alive_or_ended(alive: bool) -> None:
    """The thread that was given the queue is named, and that it ended if it did."""
    work: queue.Queue[int] = queue.Queue()
    go = threading.Event()
    producer = threading.Thread(target=lambda given: go.wait(), args=(work,), name="loader", daemon=True)
    producer.start()
    book = ThreadBook()
    book.look(0.0)
    if not alive:
        go.set()
        producer.join(10)
        book.look(time.monotonic())
    waiter = waiting_thread(work.get)
    said = sentence_of(waiter, book)
    go.set()
    work.put(1)

    assert said.startswith("an item in an empty queue; thread 'loader'")
    assert ("ended" in said) is not alive


def test_a_fellow_consumer_is_no_producer() -> None:
    """A thread that waits for the same queue can't be the one to fill it."""
    work: queue.Queue[int] = queue.Queue()

    def consume(given: queue.Queue[int]) -> None:
        given.get()

    fellow = threading.Thread(target=consume, args=(work,), name="fellow", daemon=True)
    fellow.start()
    said = sentence_of(waiting_thread(lambda: consume(work)))
    work.put(1)
    work.put(1)

    assert "fellow" not in said


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (lambda: threading.Event().wait(), "an Event to be set"),
        (lambda: threading.Barrier(3).wait(), "a Barrier of 3 that 1"),
        (lambda: threading.Semaphore(0).acquire(), "a Semaphore to be released"),
        (lambda: queue.Queue().get(), "an item in an empty queue"),
    ],
    ids=["event", "barrier", "semaphore", "queue"],
)
def test_what_a_thread_waits_on_is_named(operation: Callable[[], object], said: str) -> None:
    """The outermost of the standard library's objects is named, not the lock inside of it."""
    assert sentence_of(waiting_thread(operation)).startswith(said)


def test_an_rlock_names_its_owner() -> None:
    """An RLock tells who holds it, a plain Lock tells nobody."""
    lock = threading.RLock()
    assert owner_of(lock) is None
    with lock:
        assert owner_of(lock) == threading.get_ident()
    assert owner_of(threading.Lock()) is None


def test_a_silent_peer_is_told_with_its_silence() -> None:
    """Who reads waits for the peer, told by its address and for how long it has been silent."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        port = server.getsockname()[1]
        thread = waiting_thread(lambda: client.recv(1))
        found = kernel_wait(thread.native_id or 0, time.monotonic(), lambda child: None)
        server.accept()[0].close()

    assert found is not None
    assert found.call == "recv"
    assert (found.sentence or "").startswith(f"peer 127.0.0.1:{port}, which has never sent anything in ")


def test_a_socket_is_left_as_it_was() -> None:
    """Looking at a socket neither closes it nor changes whether it blocks."""
    here, there = socket.socketpair()
    with here, there:
        socket.setdefaulttimeout(3)
        try:
            assert socket_of(here.fileno()) is not None
        finally:
            socket.setdefaulttimeout(None)
        there.sendall(b"x")

        assert os.get_blocking(here.fileno())
        assert here.recv(1) == b"x"


def test_a_descriptor_that_is_no_socket_is_no_error() -> None:
    """Whatever a descriptor is by now, asking for its peer answers or does not."""
    with open(os.devnull) as file:
        assert socket_of(file.fileno()) is None
    assert socket_of(987654) is None


def test_a_child_is_told_by_its_name_alone() -> None:
    """A child process is told by its command's name and state; its arguments may hold a token."""
    with subprocess.Popen(["sleep", "100.5"]) as child:
        until = time.monotonic() + 10
        while (found := child_of(child.pid)) is None or found.name != "sleep":
            assert time.monotonic() < until
            time.sleep(0.02)
        words = found.words(0.0)
        child.kill()

    assert words.startswith(f"child process {child.pid} (sleep)")
    assert "100.5" not in words


def test_a_child_that_is_gone_is_none() -> None:
    """A process that nobody has any more is not made up."""
    assert child_of(2**22 + 1) is None


def test_a_clock_of_a_thread_that_ended_is_an_error_and_no_crash() -> None:
    """A thread's clock is asked for by the kernel's id: one that has gone says so, zero and less are never asked."""
    thread = threading.Thread(target=lambda: None)
    thread.start()
    native = thread.native_id or 0
    thread.join()

    with pytest.raises(ThreadGone):  # noqa: PT012 (the kernel is a moment behind the join)
        for _ in range(500):
            cpu_of(native)
            time.sleep(0.02)
    assert cpu_of(0) is None
    assert cpu_of(-1) is None


@pytest.mark.parametrize("address", [0, -1, 8, 1 << 62, 1 << 63, (1 << 64) - 1])
def test_memory_that_is_not_there_is_empty(address: int) -> None:
    """An address that a call left behind may be gone: that is no crash."""
    assert memory(address, 16) == b""


def test_a_call_is_known_by_name() -> None:
    """The system call that a thread is in is named on the machines that Cloud Run has."""
    reading, writing = os.pipe()
    thread = waiting_thread(lambda: os.read(reading, 1))
    name = call_of(thread.native_id or 0).name
    os.write(writing, b"x")
    thread.join(10)
    os.close(reading)
    os.close(writing)

    assert name in ("read", "")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("loader-3", "'loader-3'"),
        ("ThreadPoolExecutor-0_0", "'ThreadPoolExecutor-0_0'"),
        ("user@example.org?key=1", "'user_example.org_key_1'"),
        ("token " + "a1" * 20, "'token …'"),
        ("x" * 100, "'" + "x" * 40 + "'"),
        (None, "'?'"),
    ],
    ids=["plain", "pool", "address", "token", "long", "none"],
)
def test_a_name_is_made_fit_to_be_shown(name: object, shown: str) -> None:
    """Names of threads and tasks are the user's text: capped, without what could be a secret."""
    assert fit(name) == shown


def test_a_path_is_told_by_its_last_part() -> None:
    """What stands before a file's name could hold a user's name."""
    assert file_name("/home/somebody/games.lock") == "games.lock"
    assert file_name("/tmp/x (deleted)") == "x"


def test_given_objects_are_found_and_strangers_are_not() -> None:
    """A thread knows what it was started with, through arguments, closures, bound objects and global names."""
    thing, other = object(), object()
    go = threading.Event()

    class Holder:
        def __init__(self) -> None:
            self.thing = thing

        def run(self) -> None:
            go.wait()

    def closed() -> object:
        go.wait()
        return thing

    threads = [
        threading.Thread(target=lambda *_: go.wait(), args=(thing,), daemon=True),
        threading.Thread(target=Holder().run, daemon=True),
        threading.Thread(target=closed, daemon=True),
    ]
    for thread in threads:
        thread.start()
    book = ThreadBook()
    found, strangers = book.given_to(thing, 0), book.given_to(other, 0)
    go.set()

    assert set(threads) <= set(found)
    assert strangers == []
