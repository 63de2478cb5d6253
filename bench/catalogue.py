"""The benches by name. Each is a module of this package with `measure(quick) -> Result`, loaded when it is run."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from .results import Result

__all__ = ["BENCHES", "Bench", "measure"]


@dataclass(frozen=True)
class Bench:
    """name: as `make bench-NAME` has it. module: below bench. about: half a line for lists.

    waits: it does next to nothing but wait, so that it may run beside the others.
    """

    name: str
    module: str
    about: str
    waits: bool = False


_ALL = (
    Bench("evidence", "evidence", "what being watched costs an operation"),
    Bench("counting", "counting", "track() and advance() against a bare loop and tqdm"),
    Bench("entering", "entering", "beginning and ending a run, against the first user's class and sentry_sdk"),
    Bench("importing", "importing", "importing the client alone"),
    Bench("many-runs", "many_runs", "10,000 runs in one process, against a thread and a write for each"),
    Bench("store", "store", "beats into Firestore's emulator and SQLite, what a run costs"),
    Bench("outages", "outages", "the first beat after the store was away", waits=True),
    Bench("shared-runs", "shared_runs", "hundreds of writers to one run"),
    Bench("sweep", "sweep", "what a sweep reads and takes with up to 100,000 live runs"),
    Bench("cold-start", "cold_start", "a sweep from nothing, against the shortest script that asks once"),
    Bench("page", "page", "the status page with up to 1,000 live runs"),
    Bench("peers", "peers", "what others say of the hangs of the zoo"),
    Bench("truth", "truth.measured", "how truly and how soon it tells, in virtual time"),
)

BENCHES = {one.name: one for one in _ALL}


def measure(name: str, quick: bool) -> Result:
    """Run a bench in this process; quick: a short look, with rough figures. KeyError for a name that there is not."""
    module = import_module(f"{__package__}.{BENCHES[name].module}")
    result = module.measure(quick)
    if not isinstance(result, Result):
        raise TypeError(f"bench {name}: measure() must return a Result, got {type(result).__name__}")
    return result
