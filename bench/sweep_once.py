"""A process that sweeps a store some times and says what each sweep took, read, wrote and asked for.

    python -m bench.sweep_once TIMES [--running] [--full]

Store and channel come from the environment, as with `python -m watchdog sweep`. It prints JSON. A request is what goes
over the wire: on Firestore an RPC, on SQLite a question to the file.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

from watchdog.adapters.firestore import FirestoreStore
from watchdog.policy import Policy
from watchdog.ports import Create, Delete, Document, Replace, Store, Where
from watchdog.rounds import Rounds
from watchdog.wiring import channels, open_store, settings

__all__ = ["Counted", "peak"]


class Counted:
    """A `Store` over another, which counts documents as Firestore's bill does, and requests."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wire = isinstance(store, FirestoreStore)
        self.reads = self.writes = self.requests = 0
        if isinstance(store, FirestoreStore):
            connection = store._connection  # noqa: SLF001  what goes over the wire is known nowhere else
            connection.call = self._counting(connection.call)  # type: ignore[method-assign]

    def _counting(self, call: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def counted(rpc: Any) -> Any:
            self.requests += 1
            return call(rpc)

        return counted

    def now(self) -> datetime:
        """See `Store.now`."""
        self._asked(1)
        return self._store.now()

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """See `Store.get`."""
        self._asked(len(set(ids)))
        return self._store.get(collection, ids)

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """See `Store.get_now`."""
        self._asked(len(set(ids)))
        return self._store.get_now(collection, ids)

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """See `Store.find`."""
        found = self._store.find(collection, where, limit)
        self._asked(max(1, len(found)))
        return found

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """See `Store.commit`."""
        self._asked(0)
        self.writes += len(writes)
        return self._store.commit(writes)

    def put(self, write: Create | Replace) -> Any | None:
        """See `Store.put`."""
        self._asked(0)
        self.writes += 1
        return self._store.put(write)

    def close(self) -> None:
        """See `Store.close`."""
        self._store.close()

    def _asked(self, documents: int) -> None:
        self.reads += documents
        self.requests += not self._wire


def peak() -> float:
    """The most memory that this process ever held, in MB."""
    with open("/proc/self/status", encoding="ascii") as status:
        held = next(line for line in status if line.startswith("VmHWM"))
    return int(held.split()[1]) / 1000


def main() -> None:
    """Sweep, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("times", type=int)
    parser.add_argument("--running", action="store_true", help="as each 15 minutes: read all that runs")
    parser.add_argument("--full", action="store_true", help="as once a day: read all")
    given = parser.parse_args()
    known = settings()
    policy = Policy()
    if given.running:
        policy = replace(policy, pace=replace(policy.pace, audit_every=0.0))
    with closing(Counted(open_store(known.store))) as store:
        store.now()  # libraries and connection are another bench's
        before = peak()
        rounds = Rounds(store, channels(known), lambda: policy)
        sweeps = [_swept(store, rounds, full=given.full) for _ in range(given.times)]
    print(json.dumps({"sweeps": sweeps, "peak MB": peak(), "before MB": before}))


def _swept(store: Counted, rounds: Rounds, *, full: bool) -> dict[str, Any]:
    gc.collect()
    counted = store.reads, store.writes, store.requests
    began = time.perf_counter()
    report = rounds.go(audit=full)
    took = time.perf_counter() - began
    reads, writes, requests = (store.reads - counted[0], store.writes - counted[1], store.requests - counted[2])
    seen = {"due": report.due, "told": len(report.told), "audit": report.audit, "undelivered": len(report.undelivered)}
    return {"seconds": took, "reads": reads, "writes": writes, "requests": requests, **seen}


if __name__ == "__main__":
    main()
