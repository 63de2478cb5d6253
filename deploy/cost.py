"""What Hangwatch costs a month on Google Cloud, from request counts that tests measure: python deploy/cost.py

The counts in `COUNTS` are those of tests/deploy/test_cost.py, which fails when the code asks for more or less. Prices
are list prices of us-central1 in US dollars; `PRICES` says where each comes from, and which are not confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass

DAYS = 30
BEAT_SECONDS = 15
KEPT_DAYS = 7
SWEEPS = 24 * 60
AUDITS = 24 * 4
LOOKS = 24 * 12


@dataclass(frozen=True)
class Counts:
    """Documents, as Firestore bills them.

    sweep_reads, sweep_writes: of a sweep with metrics that finds nothing new. run_reads: of a client at a run's start;
    run_writes: at its start and end, besides one for each beat in between. ended_reads: of the audit that follows a
    run's end; audit_reads: of the daily full audit, for each record that is kept.
    """

    sweep_reads: int = 7
    sweep_writes: int = 1
    run_reads: int = 1
    run_writes: int = 2
    ended_reads: int = 1
    audit_reads: int = 1


@dataclass(frozen=True)
class Price:
    """Dollars for so many of something. free: a day (Firestore) or a month (the rest)."""

    dollars: float
    per: int
    free: int
    confirmed: bool
    source: str

    def of(self, amount: float, free: float = 0) -> float:
        """The price of an amount of which so much is free."""
        return max(0.0, amount - free) * self.dollars / self.per


COUNTS = Counts()
FIRESTORE = "https://cloud.google.com/firestore/pricing (Standard edition; free: one database of a project)"
RUN = "https://cloud.google.com/run/pricing (billing by request, tier 1)"
PRICES = {
    "reads": Price(0.03, 100_000, 50_000, True, FIRESTORE),
    "writes": Price(0.09, 100_000, 20_000, False, FIRESTORE),
    "deletes": Price(0.01, 100_000, 20_000, False, FIRESTORE),
    "cpu": Price(0.000024, 1, 180_000, True, RUN),
    "memory": Price(0.0000025, 1, 360_000, False, RUN),
    "requests": Price(0.40, 1_000_000, 2_000_000, False, RUN),
    "job": Price(0.10, 1, 3, False, "https://cloud.google.com/scheduler/pricing (free: three of a billing account)"),
}


@dataclass(frozen=True)
class Load:
    """What is watched. minutes: how long a run takes. operations: how many different ones run within 15 minutes."""

    runs: int
    minutes: float = 10
    operations: int = 5


def per_day(load: Load, counts: Counts = COUNTS) -> dict[str, float]:
    """Documents read, written and deleted a day."""
    running = load.runs * load.minutes / (24 * 60)
    writes_of_a_run = counts.run_writes + load.minutes * 60 / BEAT_SECONDS
    histories = AUDITS * load.operations
    read_of_a_run = counts.run_reads + counts.ended_reads + counts.audit_reads * KEPT_DAYS
    return {
        "reads": SWEEPS * counts.sweep_reads + LOOKS * running + load.runs * read_of_a_run + histories,
        "writes": SWEEPS * counts.sweep_writes + load.runs * writes_of_a_run + histories,
        "deletes": load.runs,
    }


def firestore(load: Load, *, free: bool) -> float:
    """Dollars a month. free: whether this is the database of the project that has the free quota."""
    asked = per_day(load).items()
    return DAYS * sum(PRICES[name].of(amount, PRICES[name].free if free else 0) for name, amount in asked)


def service(*, free: bool, seconds: float = 1.0, memory: float = 0.5) -> float:
    """Dollars a month for sweeps that take so many seconds each, of one CPU and so many GiB, and for their schedule."""
    sweeps = SWEEPS * DAYS
    asked = {"cpu": sweeps * seconds, "memory": sweeps * seconds * memory, "requests": sweeps, "job": 1}
    return sum(PRICES[name].of(amount, PRICES[name].free if free else 0) for name, amount in asked.items())


def table() -> str:
    """The table of deploy/README.md."""
    lines = [
        "| runs a day | reads a day | writes a day | deletes a day | a month, no free quota | a month, with it |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for runs in (10, 1_000, 10_000):
        load = Load(runs)
        cells = [f"{runs:,}", *(f"{round(amount):,}" for amount in per_day(load).values())]
        cells += [f"${firestore(load, free=free):.2f}" for free in (False, True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def said() -> str:
    """The table, and what does not depend on the number of runs."""
    unsure = ", ".join(name for name, price in PRICES.items() if not price.confirmed)
    return (
        f"{table()}\n\nDollars a month, runs of {Load(0).minutes:g} minutes. The service and its schedule: "
        f"${service(free=False):.2f}, ${service(free=True):.2f} within the free quota. Prices not confirmed: {unsure}."
    )


if __name__ == "__main__":
    print(said())
