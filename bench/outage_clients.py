"""Who writes a beat a second while its store goes away and comes back, each in a process of its own.

A process of its own, because gRPC shares connections, and how long to wait before the next try of one, between all
clients of a process that go to the same address.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from heartbeat_client import Heartbeat, configure
from heartbeat_client.backend import Backend, PartWrite, Stored, Write, Written
from heartbeat_client.stores.firestore import FirestoreBackend

__all__ = ["BEAT_EVERY", "OURS", "PLAIN", "Client", "begin"]

BEAT_EVERY = 1.0  # seconds; at 15 a short outage would pass between two beats

OURS = "heartbeat_client"
PLAIN = "set() with the library's own retry"

_ORPHANED_AFTER = 5.0


class Client:
    """A client in its process, seen from the bench. beats: gives the monotonic time of each beat that was confirmed."""

    def __init__(self, way: str, process: BaseProcess, beats: Connection) -> None:
        self.way = way
        self.process = process
        self.beats = beats

    def go(self, host: str, project: str) -> None:
        """Begin to beat into the emulator at an address."""
        self.beats.send((host, project))

    def end(self) -> None:
        """End the process, and wait until it has gone; may be called again."""
        with suppress(OSError):
            self.beats.send(None)
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def begin(ways: Sequence[str]) -> list[Client]:
    """Fork a client for each of the ways: to be called before this process has threads or connections.

    The library is loaded before, once for all of them.
    """
    from google.cloud import firestore  # noqa: F401  what is loaded here is loaded in each fork

    context = multiprocessing.get_context("fork")
    clients: list[Client] = []
    for way in ways:
        ours, theirs = context.Pipe()
        process = context.Process(target=_be, args=(way, theirs, os.getpid()), daemon=True)
        process.start()
        theirs.close()
        clients.append(Client(way, process, ours))
    return clients


def _be(way: str, bench: Connection, parent: int) -> None:
    """What a client's process does, until it is told to end or its parent is gone."""
    logging.basicConfig(stream=open(os.devnull, "w"), level=logging.INFO)  # noqa: SIM115  as long as the process
    given = _told(bench, parent)
    if given is not None:
        host, project = given
        os.environ |= {"FIRESTORE_EMULATOR_HOST": host, "GOOGLE_CLOUD_PROJECT": project}

        def beaten() -> None:
            with suppress(OSError):
                bench.send(time.monotonic())

        WAYS[way](beaten)
        _told(bench, parent)
    os._exit(0)  # an exit in good order would wait for a store that is away


def _told(bench: Connection, parent: int) -> tuple[str, str] | None:
    with suppress(EOFError, OSError):
        while os.getppid() == parent:
            if bench.poll(_ORPHANED_AFTER):
                said: tuple[str, str] | None = bench.recv()
                return said
    return None


class _Noting:
    """A backend that notes each commit that wrote."""

    def __init__(self, inner: Backend, beaten: Callable[[], None]) -> None:
        self.read_run = inner.read_run
        self.read_part = inner.read_part
        self.read_operation: Callable[[str], Stored] = inner.read_operation
        self.close = inner.close
        self._inner = inner
        self._beaten = beaten

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[object]:
        """See `Backend.commit`."""
        answers = self._inner.commit(writes)
        if any(isinstance(answer, Written) for answer in answers):
            self._beaten()
        return answers


def _heartbeat(beaten: Callable[[], None]) -> None:
    """Hangwatch's client, with nothing set but how often it beats."""
    configure(store=_Noting(FirestoreBackend(), beaten), beat_every=BEAT_EVERY)  # type: ignore[arg-type]  # a Backend
    Heartbeat("bench-outage").__enter__()  # never left: the process ends as one that is killed


def _set(beaten: Callable[[], None]) -> None:
    """A thread that writes each second as the library's documentation shows it, and goes on after an error."""
    from google.api_core.exceptions import GoogleAPIError
    from google.cloud import firestore

    document = firestore.Client().collection("bench-outages").document(f"plain-{os.getpid()}")

    def beat() -> None:
        number = 0
        while True:
            began = time.monotonic()
            with suppress(GoogleAPIError):  # RetryError too, once the library's own patience is at its end
                document.set({"seq": number, "beat_at": firestore.SERVER_TIMESTAMP})
                beaten()
            number += 1
            time.sleep(max(0.0, began + BEAT_EVERY - time.monotonic()))

    threading.Thread(target=beat, daemon=True).start()


WAYS: dict[str, Callable[[Callable[[], None]], None]] = {OURS: _heartbeat, PLAIN: _set}
