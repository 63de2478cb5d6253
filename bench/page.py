"""How soon a change in the store is on the status page, what that reads, and what drawing it costs.

A real browser looks at the page while up to 1,000 live runs beat; a change counts from the instant at which its write
is sent until its element is on the screen.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from heartbeat_client.backend import Backend
from heartbeat_client.run import Run
from heartbeat_client.stores.firestore import FirestoreBackend
from heartbeat_client.stores.sqlite import SqliteBackend
from tests.page.chromium import Chromium
from tests.support.emulators import EmulatorMissing
from watchdog.adapters.firestore import FirestoreStore
from watchdog.adapters.sqlite import SqliteStore
from watchdog.incident import Incident, incident_id
from watchdog.ledger import Held, Ledger
from watchdog.ports import Store
from watchdog.verdict import STALLED, Verdict

from .own_emulator import emulated
from .page_eye import Eye
from .page_runs import TOTAL, Runs
from .page_site import Site, seconds, site, viewers
from .page_tables import NAP, TOGETHER, VIEWERS, Cell, tables, targets
from .results import Result

__all__ = ["SQLITE", "Place", "cell", "measure"]

SQLITE, FIRESTORE = "SQLite", "Firestore's emulator"
LIVE = (10, 100, 1_000)
ROUNDS, QUICK_ROUNDS = 6, 2
APART = 0.14
SETTLE = 1.0
RENEWALS = 5


@dataclass(frozen=True)
class Place:
    """An empty store: the watchdog's side, one for each who uses it, and the client's."""

    name: str
    stores: Sequence[Store]
    backends: Sequence[Backend]


def measure(quick: bool) -> Result:
    """Look at each store with each number of live runs, and at a page whose machine slept."""
    found: list[Cell] = []
    naps: list[tuple[float, int]] = []
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with tempfile.TemporaryDirectory() as folder, Chromium() as chromium, _emulator(quick) as there:
        for name in (SQLITE, FIRESTORE) if there else (SQLITE,):
            for live in LIVE[:1] if quick else LIVE:
                with _place(name, Path(folder)) as place:
                    _say(f"page: {name} with {live:,} live runs")
                    found.append(cell(chromium, place, live, rounds))
        if not quick:
            with _place(SQLITE, Path(folder)) as place:
                naps.append(_nap(chromium, place))
    figures = {"cells": [asdict(one) for one in found], "naps": naps}
    return Result("page", tables(found, naps), targets(found), figures)


def cell(chromium: Chromium, place: Place, live: int, rounds: int) -> Cell:
    """Fill the store, look, change things, and count."""
    with Runs(place.backends[0], place.backends[1], live, place.stores[0].now()) as runs:
        known = {f"{kind}{number}": runs.begin(f"{kind}{number}") for kind in _KNOWN for number in range(rounds)}
        with site(place.stores[1]) as there, chromium.page() as tab:
            eye = Eye(chromium, tab, there.address)
            eye.rest(SETTLE)
            before, began = there.store.reads, time.monotonic()
            seen = _changes(eye, _acts(runs, known, Ledger(place.stores[0]), rounds))
            alone, said = _a_minute(there, before, began), eye.says
            together, answers = _together(there, eye)
        return Cell(place.name, live, seen, said, alone, together, answers, *_drawn(place.stores[2]))


_KNOWN = ("moves", "ends", "suffers")
Act = tuple[str, str, str, Callable[[], object]]


def _acts(runs: Runs, known: Mapping[str, Run], ledger: Ledger, rounds: int) -> Iterator[Act]:
    """What happens: its name, where and as what it is seen, and how it is done."""
    for number in range(rounds):
        new, moves, ends, suffers = (f"{kind}{number}" for kind in ("begins", *_KNOWN))
        done = 100 + number
        yield "a run begins", f'[data-key="run {new}"]', "", partial(runs.begin, new)
        yield (
            "progress moves",
            f'[data-key="run {moves}"]',
            f"{done} of {TOTAL} done",
            partial(runs.move, known[moves], done),
        )
        opens = partial(_open_incident, ledger, known[suffers])
        yield "an incident opens", f'[data-key="incident {incident_id(suffers, 1)}"]', "", opens
        yield "a run ends", f'[data-key="ended {ends}"]', "", partial(runs.end, known[ends])


def _changes(eye: Eye, acts: Iterable[Act]) -> dict[str, list[float]]:
    """Do it all, at any instant of the page's interval; seconds until each was seen."""
    chance = random.Random(7)
    for number, (name, where, text, act) in enumerate(acts):
        eye.await_(f"{name} {number}", where, text)
        act()
        eye.rest(2 * APART * chance.random())
    seen: dict[str, list[float]] = {}
    for name, wait in eye.seen().items():
        seen.setdefault(name.rpartition(" ")[0], []).append(wait)
    return seen


def _open_incident(ledger: Ledger, run: Run) -> None:
    now = ledger.now()
    verdict = Verdict(STALLED, "has not moved, says the bench", now)
    incident = Incident(incident_id(run.id, 1), run.id, 1, run.operation, verdict, now)
    if not ledger.commit([Held(incident, None)]):
        raise RuntimeError(f"bench: expected to open {incident.id}, somebody else was first")


def _a_minute(there: Site, before: int, began: float) -> float:
    return 60 * (there.store.reads - before) / (time.monotonic() - began)


def _together(there: Site, eye: Eye) -> tuple[float, int]:
    """Reads a minute while twenty look, the browser among them, and how many answers the others had."""
    with viewers(there.port, VIEWERS - 1) as answers:
        eye.rest(SETTLE)
        before, had, began = there.store.reads, answers(), time.monotonic()
        eye.rest(TOGETHER)
        return _a_minute(there, before, began), answers() - had


def _drawn(store: Store) -> tuple[float, float, float, int]:
    """Seconds of the server for the first page, for one that is renewed, and for one that is there; bytes sent."""
    packed = {"Accept-Encoding": "gzip"}
    with site(store, interval=0.0, reads_per_minute=1e12) as eager, site(store, interval=60.0) as lazy:
        client, waiting = eager.app.test_client(), lazy.app.test_client()
        first = seconds(lambda: client.get("/"))
        again = statistics.median(seconds(lambda: client.get("/")) for _ in range(RENEWALS))
        sent = len(waiting.get("/?part=live", headers=packed).data)
        shared = statistics.median(seconds(lambda: waiting.get("/?part=live", headers=packed)) for _ in range(RENEWALS))
        return first, again, shared, sent


def _nap(chromium: Chromium, place: Place) -> tuple[float, int]:
    """Seconds from waking to a page that shows what happened meanwhile, and the page's questions till then."""
    with Runs(place.backends[0], place.backends[1], 10, place.stores[0].now()) as runs:
        run = runs.begin("moves0")
        with site(place.stores[1]) as there, chromium.page() as tab:
            eye = Eye(chromium, tab, there.address)
            eye.rest(SETTLE)
            before = eye.questions
            eye.await_("moved", '[data-key="run moves0"]', f"100 of {TOTAL} done")
            eye.sleep(NAP, lambda: runs.move(run, 100))
            (waited,) = eye.seen().values()
            return waited - eye.slept, eye.questions - before


@contextmanager
def _emulator(quick: bool) -> Iterator[bool]:
    """Whether Firestore's emulator is there within the block."""
    if quick:
        yield False
        return
    with ExitStack() as stack:
        try:
            stack.enter_context(emulated("demo-page"))
        except EmulatorMissing as missing:
            _say(f"page: {missing}; its rows are left out")
            yield False
            return
        yield True


@contextmanager
def _place(name: str, folder: Path) -> Iterator[Place]:
    """An empty store, each side of it opened as often as the bench has threads that use it."""
    unused = uuid.uuid4().hex
    with ExitStack() as stack:
        stores: list[Store] = []
        backends: list[Backend] = []
        for _ in range(3):
            made: tuple[Store, Backend]
            if name == SQLITE:
                path = folder / f"{unused}.sqlite3"
                made = SqliteStore(path), SqliteBackend(path, timeout=30)
            else:
                project = f"demo-page-{unused[:8]}"
                made = FirestoreStore(project), FirestoreBackend(project, timeout=30)
            stores.append(stack.enter_context(closing(made[0])))
            backends.append(stack.enter_context(closing(made[1])))
        yield Place(name, stores, backends)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
