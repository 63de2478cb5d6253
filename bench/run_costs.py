"""What one run asks of Firestore in its life, counted on the wire, and what that costs a month.

The run is twelve minutes of virtual time with the real sender; the watchdog sweeps once in each of them, for real.
Prices and what does not come of a run are deploy/cost.py's.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy import cost
from heartbeat_client.stores.firestore import FirestoreBackend
from tests.support.firestore_recorder import FirestoreRecorder
from tests.support.monitoring_server import MonitoringServer
from watchdog.adapters.cloud_monitoring import CloudMonitoring
from watchdog.adapters.firestore import FirestoreStore
from watchdog.policy import Policy
from watchdog.sweep import Sweep

from .beating import BEAT_EVERY, Fleet
from .results import Table

__all__ = ["Life", "cost_table", "life_table", "one_life"]

MINUTES = 12
PLAYERS = 450
READS = ("BatchGetDocuments", "RunQuery")


@dataclass
class Life:
    """Counted: documents that the client and a sweep read and wrote. rpcs: of the client."""

    minutes: int
    rpcs: int
    client_reads: int
    client_writes: int
    sweeps: int
    sweep_reads: float
    sweep_writes: float
    idle_reads: int
    idle_writes: int


def one_life(emulator: str) -> Life:
    """Count a healthy run with its sweeps, in a database of its own. emulator: address and port."""
    project = f"demo-{uuid.uuid4().hex[:12]}"
    with FirestoreRecorder(emulator) as recorder, MonitoringServer() as monitoring, _at(recorder.host):
        store, tally = FirestoreStore(project, timeout=60.0), recorder.tally
        meter = CloudMonitoring("demo-project", endpoint=monitoring.endpoint)

        def sweep() -> tuple[int, int]:
            tally.clear()
            Sweep(store, [], Policy(), meter=meter).run()
            return tally.reads, tally.writes

        sweep()  # the first of a database audits everything
        idle_reads, idle_writes = sweep()
        life = Life(MINUTES, 0, 0, 0, 0, 0.0, 0.0, idle_reads, idle_writes)
        tally.clear()
        fleet = Fleet(FirestoreBackend(project, timeout=60.0), 1)
        for beat in range(1, int(MINUTES * 60 / BEAT_EVERY)):
            fleet.beat()
            if beat % (60 / BEAT_EVERY) == 0:
                _add(life, recorder)
                _swept(life, *sweep())
                tally.clear()
        fleet.end()
        _add(life, recorder)
        store.close()
    return life


@contextmanager
def _at(host: str) -> Iterator[None]:
    before = os.environ["FIRESTORE_EMULATOR_HOST"]
    os.environ["FIRESTORE_EMULATOR_HOST"] = host
    try:
        yield
    finally:
        os.environ["FIRESTORE_EMULATOR_HOST"] = before


def _add(life: Life, recorder: FirestoreRecorder) -> None:
    life.rpcs += recorder.tally.methods.total()
    life.client_reads += recorder.tally.reads
    life.client_writes += recorder.tally.writes


def _swept(life: Life, reads: int, writes: int) -> None:
    life.sweep_reads = (life.sweep_reads * life.sweeps + reads) / (life.sweeps + 1)
    life.sweep_writes = (life.sweep_writes * life.sweeps + writes) / (life.sweeps + 1)
    life.sweeps += 1


def life_table(life: Life) -> Table:
    """What was counted, beside what deploy/cost.py goes by."""
    counts = cost.COUNTS
    expected = counts.run_writes + life.minutes * 60 // cost.BEAT_SECONDS
    rows = (
        ("its client reads", f"{life.client_reads}", f"{counts.run_reads}"),
        ("its client writes", f"{life.client_writes}", f"at most {expected}"),
        ("its client's RPCs", f"{life.rpcs}", ""),
        ("a sweep reads while it goes on", f"{life.sweep_reads:g}", f"{counts.sweep_reads}"),
        ("a sweep reads with nothing there", f"{life.idle_reads}", f"{counts.sweep_reads}"),
        ("a sweep writes", f"{life.sweep_writes:g}", f"{counts.sweep_writes}"),
    )
    note = (
        "Documents as Firestore bills them, counted on the wire between the real client, the real sweep and the "
        f"emulator: a run of {life.minutes} minutes that beats each {cost.BEAT_SECONDS} s, in virtual time for the "
        "client, and a sweep with metrics in each minute. Audits each 15 minutes and looks for metrics each 5, which "
        "do read what runs, are in the months below."
    )
    return Table(f"A healthy run of {life.minutes} minutes", ("", "counted", "deploy/cost.py goes by"), rows, note)


@dataclass(frozen=True)
class _Way:
    """One way of telling that runs live. reads, writes: documents a day."""

    name: str
    reads: float
    writes: float
    deletes: float

    def dollars(self, *, free: bool) -> float:
        """A month of it."""
        asked = {"reads": self.reads, "writes": self.writes, "deletes": self.deletes}
        prices = cost.PRICES
        return cost.DAYS * sum(prices[one].of(amount, prices[one].free if free else 0) for one, amount in asked.items())


def cost_table(life: Life) -> Table:
    """Months of a few runs and of many, ours and others'."""
    loads = (
        ("3 batches of 450 players", cost.Load(3, life.minutes, 1), True),
        ("1,000 runs", cost.Load(1_000, life.minutes, 5), False),
    )
    rows = tuple(_row(name, load, way) for name, load, batch in loads for way in _ways(load, life, batch=batch))
    note = (
        f"Runs of {life.minutes} minutes, a month of {cost.DAYS} days, prices and audits of deploy/cost.py, for "
        "Firestore alone. A `set()` for each beat stands for the least that somebody would write: a document each "
        f"{cost.BEAT_SECONDS} s and at the end, and one query for all that run, once a minute. It judges nothing else, "
        "keeps no incident and audits nothing. A write costs what it costs alone or in a batch, so that in writes we "
        "can only be as dear; what grows with what runs is what we read less."
    )
    columns = ("a day", "way", "writes of a run", "reads a day", "writes a day", "a month", "with the free quota")
    return Table("What it costs", columns, rows, note)


def _ways(load: cost.Load, life: Life, *, batch: bool) -> list[_Way]:
    ours = cost.per_day(load)
    running = load.runs * load.minutes / (24 * 60)
    beats = load.minutes * 60 / cost.BEAT_SECONDS + 1
    polls = cost.SWEEPS * max(1.0, running)  # a query that finds nothing counts as a read
    ways = [
        _Way("heartbeat_client and its sweeps", ours["reads"], ours["writes"], ours["deletes"]),
        _Way("a set() for each beat", polls, load.runs * beats, load.runs),
    ]
    return [*ways, _Way("a set() for each player", polls, load.runs * (PLAYERS + 1), load.runs)] if batch else ways


def _row(load_name: str, load: cost.Load, way: _Way) -> tuple[str, ...]:
    ours = way.name.startswith("heartbeat_client")
    of_a_run = cost.COUNTS.run_writes + load.minutes * 60 / cost.BEAT_SECONDS if ours else way.writes / load.runs
    return (
        load_name,
        way.name,
        f"{of_a_run:,.0f}",
        f"{way.reads:,.0f}",
        f"{way.writes:,.0f}",
        f"${way.dollars(free=False):.2f}",
        f"${way.dollars(free=True):.2f}",
    )
