"""What hundreds of writers to one run cost: each its own part, against an increment of one document for each item.

Writers are threads of this process, each with a sender, a connection and a part of its own, as processes would have.
Every writer also tells a tenth of its neighbour's items, so that the count is only right where items count once. The
naive way runs for as many seconds and is extrapolated: Firestore itself takes about one sustained write a second for
one document, which its emulator does not show.
"""

from __future__ import annotations

import math
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from heartbeat_client.backend import Backend
from heartbeat_client.parts import PARTS, Part, read_part, shared_run_id
from heartbeat_client.roster import Roster
from heartbeat_client.sender import Sender
from heartbeat_client.settings import Settings
from heartbeat_client.shares import Shares
from heartbeat_client.stores.firestore import FirestoreBackend
from heartbeat_client.stores.sqlite import SqliteBackend
from heartbeat_client.stores.sqlite_file import SqliteFile, put
from watchdog.adapters.firestore import FirestoreStore
from watchdog.adapters.sqlite import SqliteStore
from watchdog.ports import Store, Where

from .metered import Meter, Quiet
from .own_emulator import emulated
from .results import Result, Table, Target

__all__ = ["measure"]

OPERATION, KEY = "bench", "one-run"
AGAIN = 10

INCREMENT = """
UPDATE documents SET body = json_set(body, '$.done', json_extract(body, '$.done') + 1)
WHERE collection = 'bench' AND id = 'counter'
"""


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


def one_counter(count: Callable[[], object], writers: int, items: int, seconds: float) -> dict[str, Any]:
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
    took = writers * items * length / meter.writes if meter.writes else math.inf
    return {"way": "an increment for each item", **meter.figures(length), "for all items s": took}


def on_firestore(writers: int, items: int, seconds: float) -> list[dict[str, Any]]:
    """Both ways on the emulator that the environment names."""
    from google.cloud import firestore

    counter = firestore.Client().collection("bench").document("counter")
    counter.set({"done": 0}, timeout=60, retry=None)
    store = FirestoreStore(timeout=30)
    own = own_parts(lambda: FirestoreBackend(timeout=30), store, writers, items, seconds)
    store.close()
    one = one_counter(
        lambda: counter.update({"done": firestore.Increment(1)}, timeout=30, retry=None), writers, items, seconds
    )
    return [{"store": "Firestore's emulator", **row} for row in (own, one)]


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

    return [{"store": "SQLite", **row} for row in (own, one_counter(count, writers, items, seconds))]


def measure(quick: bool) -> Result:
    """200 writers with 500 items each; quick: 8 with 20."""
    size = (8, 20, 1.0) if quick else (200, 500, 6.0)
    with tempfile.TemporaryDirectory() as folder:
        _progress("SQLite", *size)
        rows = on_sqlite(Path(folder), *size)
    with emulated(f"demo-shared-{uuid.uuid4().hex[:8]}"):
        _progress("Firestore's emulator", *size)
        rows += on_firestore(*size)
    return Result("shared-runs", [_table(rows, *size)], _targets(rows), {"rows": rows})


def _progress(store: str, writers: int, items: int, seconds: float) -> None:
    print(f"shared-runs: {store}, {writers} writers, {items} items each in {seconds:g} s", file=sys.stderr, flush=True)


def _table(rows: Sequence[dict[str, Any]], writers: int, items: int, seconds: float) -> Table:
    columns = ("store", "way", "writes", "half within", "99 % within", "failed", "counted", "all items take")
    note = (
        f"{writers:,} writers with {items:,} items each, completed within {seconds:g} s; every writer also tells the "
        "first tenth of its neighbour's, which must not count twice. Increments go as fast as they can for as long, "
        "and what all items take is reckoned from that."
    )
    return Table("Many writers on one run", columns, tuple(map(_row, rows)), note)


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    took = row["for all items s"]
    return (
        row["store"],
        row["way"],
        f"{row['writes']:,}",
        _ms(row["p50 ms"]),
        _ms(row["p99 ms"]),
        f"{row['failures']:,}",
        f"{row['done']:,} of {row['expected']:,}" if "done" in row else "",
        "never" if took == math.inf else f"{took:.0f} s" if took < 120 else f"{took / 60:.0f} min",
    )


def _ms(ms: float) -> str:
    return f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.2f} ms"


def _targets(rows: Sequence[dict[str, Any]]) -> list[Target]:
    ours = [row for row in rows if "done" in row]
    return [target for row in ours for target in (_counted(row), _failed(row))]


def _counted(row: dict[str, Any]) -> Target:
    done, expected = row["done"], row["expected"]
    why = "" if done == expected else f"{abs(expected - done):,} items were lost or counted twice"
    return Target(f"items counted once each, {row['store']}", f"{expected:,}", f"{done:,}", done == expected, why)


def _failed(row: dict[str, Any]) -> Target:
    failed = row["failures"]
    why = "" if failed == 0 else "the store answered too late under this load; what failed was written again"
    return Target(f"failed writes, {row['store']}", "0", f"{failed:,}", failed == 0, why)
