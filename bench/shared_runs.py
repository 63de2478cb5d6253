"""What hundreds of writers to one run cost: each its own part, against an increment of one document for each item.

    python -m bench.shared_runs [--writers 200] [--items 500] [--seconds 10] [--json FILE]

Writers are threads of this process, each with a sender, a connection and a part of its own, as processes would have.
Every writer also tells a tenth of its neighbour's items, so that the count is only right where items count once. The
naive way runs for as many seconds and is extrapolated: Firestore itself takes about one sustained write a second for
one document, which its emulator does not show.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from heartbeat_client.backend import Backend, Conflict, StoreAway
from heartbeat_client.parts import PARTS, Part, read_part, shared_run_id
from heartbeat_client.roster import Roster
from heartbeat_client.sender import Sender
from heartbeat_client.settings import Settings
from heartbeat_client.shares import Shares
from heartbeat_client.stores.firestore import FirestoreBackend
from heartbeat_client.stores.sqlite import SqliteBackend
from heartbeat_client.stores.sqlite_file import SqliteFile, put
from tests.support.emulators import FirestoreEmulator
from watchdog.adapters.firestore import FirestoreStore
from watchdog.adapters.sqlite import SqliteStore
from watchdog.ports import Store, Where

OPERATION, KEY = "bench", "one-run"
AGAIN = 10

INCREMENT = """
UPDATE documents SET body = json_set(body, '$.done', json_extract(body, '$.done') + 1)
WHERE collection = 'bench' AND id = 'counter'
"""


class Quiet:
    """Keeps what would be said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, level: int, text: str) -> None:
        """Keep a line."""
        self.said.append(text)

    def report(self, level: int, text: str) -> None:
        """Keep a complaint."""
        self.said.append(text)


class Meter:
    """Times each call, counts what it wrote and what was contended."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seconds: list[float] = []
        self.writes = self.conflicts = self.failures = 0

    def metered(self, backend: Backend) -> Backend:
        """The backend, its commits metered."""
        commit = backend.commit

        def metered(writes: Any) -> Any:
            began = time.perf_counter()
            try:
                answers = commit(writes)
            except StoreAway:
                self.note(began, failed=True)
                raise
            self.note(began, len(writes), sum(isinstance(answer, Conflict) for answer in answers))
            return answers

        backend.commit = metered  # type: ignore[method-assign]  # a meter around the store's own
        return backend

    def note(self, began: float, writes: int = 0, conflicts: int = 0, *, failed: bool = False) -> None:
        """One call is over."""
        with self.lock:
            self.seconds.append(time.perf_counter() - began)
            self.writes += writes
            self.conflicts += conflicts
            self.failures += failed

    def figures(self, length: float) -> dict[str, Any]:
        """What was measured in so many seconds."""
        ordered = sorted(self.seconds) or [0.0]
        return {
            "writes": self.writes,
            "writes/s": self.writes / length,
            "p50 ms": 1000 * statistics.median(ordered),
            "p99 ms": 1000 * ordered[int(0.99 * (len(ordered) - 1))],
            "conflicts": self.conflicts,
            "failures": self.failures,
        }


def in_threads(count: int, work: Callable[[int], None]) -> float:
    """Let so many threads work; how long that took."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def own_parts(make: Callable[[], Backend], store: Store, writers: int, items: int, seconds: float) -> dict[str, Any]:
    """Every writer completes its items within so many seconds, and the neighbour's first tenth once more."""
    meter, voice = Meter(), Quiet()

    def work(writer: int) -> None:
        backend = meter.metered(make())
        shares = Shares()
        sender = Sender(Roster(), lambda: Settings(store=backend), voice=voice, shares=shares)
        share = shares.of(OPERATION, KEY)
        for number in range(items + items // AGAIN):
            owner = writer if number < items else (writer + 1) % writers
            share.complete(f"item-{owner}-{number % items}")
            sender.thread.wake(by=share.due())
            time.sleep(seconds / (items + items // AGAIN))
        sender.wait_share(share, 60)
        while not share.settled:
            time.sleep(0.05)
            sender.flush(60)
        backend.close()

    length = in_threads(writers, work)
    began = time.perf_counter()
    documents = store.find(PARTS, Where("run", "==", shared_run_id(OPERATION, KEY)), 100_000)
    parts = [part for one in documents if isinstance(part := read_part(one.id, one.fields), Part)]
    done = len({item for part in parts for item in part.items})
    read = {"parts": len(parts), "done": done, "expected": writers * items, "read s": time.perf_counter() - began}
    return {"way": "a part for each writer", **meter.figures(length), **read, "for all items s": length}


def one_counter(count: Callable[[], None], writers: int, items: int, seconds: float) -> dict[str, Any]:
    """Every writer increments one document for each item, for so many seconds."""
    meter = Meter()
    until = time.perf_counter() + seconds

    def work(writer: int) -> None:
        while time.perf_counter() < until:
            began = time.perf_counter()
            try:
                count()
            except Exception:  # noqa: BLE001 (whatever it is, the item is not counted)
                meter.note(began, failed=True)
            else:
                meter.note(began, 1)

    length = in_threads(writers, work)
    figures = meter.figures(length)
    return {"way": "an increment for each item", **figures, "for all items s": writers * items * length / meter.writes}


def on_firestore(writers: int, items: int, seconds: float) -> list[dict[str, Any]]:
    """Both ways on the emulator that FIRESTORE_EMULATOR_HOST names."""
    from google.cloud import firestore

    counter = firestore.Client().collection("bench").document("counter")
    counter.set({"done": 0}, timeout=60, retry=None)
    store = FirestoreStore(timeout=30)
    own = own_parts(lambda: FirestoreBackend(timeout=30), store, writers, items, seconds)
    store.close()
    one = one_counter(
        lambda: counter.update({"done": firestore.Increment(1)}, timeout=30, retry=None), writers, items, seconds
    )
    return [{"store": "firestore", **row} for row in (own, one)]


def on_sqlite(folder: Path, writers: int, items: int, seconds: float) -> list[dict[str, Any]]:
    """Both ways in a file."""
    path = folder / "runs.sqlite3"
    store = SqliteStore(path)
    own = own_parts(lambda: SqliteBackend(path, timeout=30), store, writers, items, seconds)
    store.close()
    files = threading.local()
    with SqliteFile(path, 30).writing() as connection:
        put(connection, "bench", "counter", '{"done":0}')

    def count() -> None:
        if not hasattr(files, "own"):
            files.own = SqliteFile(path, 30)
        with files.own.writing() as connection:
            connection.execute(INCREMENT)

    return [{"store": "sqlite", **row} for row in (own, one_counter(count, writers, items, seconds))]


COLUMNS = ("store", "way", "writes", "writes/s", "p50 ms", "p99 ms", "conflicts", "failures", "parts", "done", "read s")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    columns = (*COLUMNS, "for all items s")
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, default=200)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    size = (given.writers, given.items, given.seconds)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rows = on_sqlite(folder, *size)
        if "FIRESTORE_EMULATOR_HOST" not in os.environ:
            emulator = FirestoreEmulator(folder / "emulator")
            emulator.start()
            stack.callback(emulator.stop)
            os.environ |= {"FIRESTORE_EMULATOR_HOST": emulator.host, "GOOGLE_CLOUD_PROJECT": "demo-bench"}
        rows += on_firestore(*size)
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
