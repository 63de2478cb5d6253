"""What was written since an instant, as the status page asks for it: the store's own times tell, in both stores."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from heartbeat_client.backend import Backend, Write, Written
from heartbeat_client.run import Run
from tests.stores.conftest import Place
from tests.support.world import a_run
from watchdog.ledger import Ledger
from watchdog.page.live_runs import MARGIN

LIMIT = 100


def written(backend: Backend, run: Run, version: object = None) -> Written:
    """Write a run as its client does."""
    (answer,) = backend.commit([Write(run, version)])
    assert isinstance(answer, Written)
    return answer


def after_margin(ledger: Ledger, instant: datetime) -> datetime:
    """The store's clock, so long after an instant that asking since then, with the margin, leaves it out."""
    while (now := ledger.now()) - instant < 2 * MARGIN:
        time.sleep(0.02)
    return now


def test_what_clients_wrote_since_is_found(place: Place) -> None:
    """What began, beat or ended since is there, with what goes on apart from what does not; what was before is not."""
    backend, ledger = place.backend(), Ledger(place.store())
    first = {name: written(backend, a_run(name)) for name in ("quiet", "beats", "ends")}
    asked = after_margin(ledger, first["ends"].server_time)
    written(backend, replace(a_run("beats"), seq=3), first["beats"].version)
    written(backend, replace(a_run("ends"), state="failed", ended_at=asked), first["ends"].version)
    written(backend, replace(a_run("begins"), started_at=asked))

    found = ledger.written_since(asked - MARGIN, a_run().started_at, LIMIT)
    assert {record.id for record in found.living} == {"beats", "begins"}
    assert [(record.id, record.readable.state) for record in found.over if record.readable] == [("ends", "failed")]


def test_what_is_no_run_of_ours_is_not_called_living(place: Place) -> None:
    """A record that says nothing of its state, or something that we do not know, is not among what goes on."""
    ledger = Ledger(place.store())
    now = ledger.now()
    place.stranger_writes("hangwatch_runs", "theirs", {"beat_at": now, "operation": "x"})
    place.stranger_writes("hangwatch_runs", "odd", {"beat_at": now, "operation": "x", "state": "dancing"})
    place.stranger_writes("hangwatch_runs", "broken", {"beat_at": now, "state": "running"})
    found = ledger.written_since(now - MARGIN, now, LIMIT)

    assert [record.id for record in found.living] == ["broken"]
    assert {record.id for record in found.over} == {"theirs", "odd"}


def test_the_first_of_more_than_fit_are_given(place: Place) -> None:
    """Of more than were asked for come those that were written first, so that asking again goes on from there."""
    backend, ledger = place.backend(), Ledger(place.store())
    times = {}
    for number in range(4):
        times[f"run{number}"] = written(backend, a_run(f"run{number}")).server_time
        time.sleep(0.01)  # Firestore's times are in milliseconds
    found = ledger.written_since(times["run0"] - MARGIN, a_run().started_at, 2)

    assert [record.id for record in found.living] == ["run0", "run1"]
