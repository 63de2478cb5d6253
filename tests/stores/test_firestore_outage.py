"""Outages of Firestore, with the real library, the emulator and a wire that can be cut: short calls, quick recovery."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from heartbeat_client.backend import Conflict, StoreAway
from heartbeat_client.run import RUNS, SUCCEEDED
from heartbeat_client.stores.firestore import FirestoreBackend
from tests.support.emulators import EmulatorMissing, FirestoreEmulator, Running, answers
from tests.support.tcp_proxy import TcpProxy
from watchdog.adapters.firestore import FirestoreStore
from watchdog.ports import StoreError

from .records import beaten, ended, run, stored_run, write, written

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.emulator


@pytest.fixture
def wire(firestore_emulator: Running, firestore_project: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TcpProxy]:
    """What this process's Firestore is reached through."""
    with TcpProxy(firestore_emulator.host) as proxy:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", proxy.host)
        yield proxy


@pytest.fixture
def backend(wire: TcpProxy) -> Iterator[FirestoreBackend]:
    with closing(FirestoreBackend()) as opened:
        yield opened


def tries_until(succeeds: Callable[[], object], pause: float, limit: int = 60) -> int:
    """How often it failed as `away` before it succeeded."""
    for failed in range(limit):
        try:
            succeeds()
        except (StoreAway, StoreError):
            time.sleep(pause)
        else:
            return failed
    pytest.fail(f"still away after {limit} tries")


def test_the_first_try_after_an_outage_holds(wire: TcpProxy, backend: FirestoreBackend) -> None:
    """However long a store refused connections, the first try after it is back does not wait for gRPC's own backoff."""
    version = written(backend, run())
    wire.refuse()
    for _ in range(24):
        with pytest.raises(StoreAway):
            write(backend, run(seq=2), version)
        time.sleep(0.3)
    wire.forward()

    assert tries_until(lambda: written(backend, run(seq=2), version), pause=0.3) <= 1
    assert stored_run(backend).seq == 2


def test_a_sweep_reads_again_after_an_outage(wire: TcpProxy) -> None:
    """The watchdog's side fails as away during an outage, and reads at its next try after it."""
    with closing(FirestoreStore()) as store:
        assert store.find(RUNS) == []
        wire.refuse()
        for _ in range(10):
            with pytest.raises(StoreError) as raised:
                store.find(RUNS)
            assert raised.value.away is True
            time.sleep(0.3)
        wire.forward()

        assert tries_until(lambda: store.find(RUNS), pause=0.3) <= 1


def test_a_silent_store_is_given_up_and_found_again(wire: TcpProxy, backend: FirestoreBackend) -> None:
    """Where connections stay open and nothing comes back, a call ends at its timeout, and a later one finds its way."""
    version = written(backend, run())
    with closing(FirestoreBackend(timeout=1.0)) as hasty:
        tries_until(lambda: hasty.read_run("r1"), pause=0.3)
        wire.freeze()
        for _ in range(2):
            with pytest.raises(StoreAway, match="DeadlineExceeded"):
                hasty.read_run("r1")
        wire.forward()
        tries_until(lambda: hasty.read_run("r1"), pause=0.3)

    assert written(backend, run(seq=2), version) != version


def test_a_beat_that_arrives_late_does_not_revive_the_run(
    wire: TcpProxy, backend: FirestoreBackend, firestore_emulator: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A beat that was stuck on its way while the end was written by another way changes nothing once it arrives."""
    version = written(backend, run())
    with closing(FirestoreBackend(timeout=1.0)) as hasty:
        tries_until(lambda: hasty.read_run("r1"), pause=0.3)
        wire.freeze()
        with pytest.raises(StoreAway):
            write(hasty, beaten(run()), version)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.host)
    with closing(FirestoreBackend()) as direct:
        written(direct, ended(run()), version)
        wire.forward()

        for _ in range(5):
            assert isinstance(write(backend, beaten(run()), version), Conflict)
            assert stored_run(direct).state == SUCCEEDED


@pytest.mark.usefixtures("firestore_emulator", "firestore_project")
def test_a_server_that_stops_and_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may freeze, thaw, end and start again: calls fail as away meanwhile, and hold after."""
    emulator = FirestoreEmulator(tmp_path / "emulator")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.host)
    with closing(FirestoreBackend(timeout=2.0)) as backend:
        try:
            emulator.start()
            tries_until(lambda: write(backend, run()), pause=0.3)
            version = backend.read_run("r1").version
            emulator.freeze()
            with pytest.raises(StoreAway, match="DeadlineExceeded"):
                backend.read_run("r1")
            emulator.thaw()
            tries_until(lambda: backend.read_run("r1"), pause=0.3)
            assert written(backend, run(seq=2), version) != version
            emulator.stop()
            with pytest.raises(StoreAway):
                backend.read_run("r1")
            emulator.start()
            tries_until(lambda: backend.read_run("r1"), pause=0.3)
        finally:
            emulator.stop()
    assert not answers(emulator.host)


@pytest.mark.usefixtures("firestore_emulator")
def test_an_emulator_ends_with_its_owner(tmp_path: Path) -> None:
    """An emulator whose owner was killed ends by itself, java included."""
    code = """
        import pathlib, sys, time
        from tests.support.emulators import FirestoreEmulator
        emulator = FirestoreEmulator(pathlib.Path(sys.argv[1]))
        emulator.start()
        print(emulator.host, flush=True)
        time.sleep(100)
    """
    owner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    host = owner.stdout.readline().strip()
    assert answers(host)
    owner.send_signal(signal.SIGKILL)
    owner.communicate()

    until = time.monotonic() + 30
    while answers(host):
        assert time.monotonic() < until, "it lives on"
        time.sleep(0.1)


def test_a_machine_without_gcloud_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a program is missing the reason names it, so that a skipped test can say why."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EmulatorMissing, match="needs gcloud, which is not on PATH"):
        FirestoreEmulator(tmp_path).start()


FORKING = """
    import os, sys
    from heartbeat_client.stores.firestore import FirestoreBackend
    from heartbeat_client.stores.sqlite import SqliteBackend
    from tests.stores.records import run, stored_run, written

    made = (lambda: SqliteBackend(sys.argv[1])) if len(sys.argv) > 1 else FirestoreBackend
    parent = made()
    version = written(parent, run("parent"))
    for number in range(3):
        child = os.fork()
        if child == 0:
            written(made(), run(f"child{number}"))
            os._exit(0)
        version = written(parent, run("parent", seq=2 + number), version)
        assert os.waitpid(child, 0)[1] == 0
    print([stored_run(parent, name).seq for name in ("parent", "child0", "child1", "child2")])
"""


@pytest.mark.parametrize("kind", ["firestore", "sqlite"])
@pytest.mark.usefixtures("firestore_project")
def test_a_forked_child_makes_its_own(tmp_path: Path, kind: str) -> None:
    """A child that opens the store for itself writes, and its parent's goes on."""
    arguments = [str(tmp_path / "store.sqlite3")] if kind == "sqlite" else []
    said = subprocess.check_output(
        [sys.executable, "-c", textwrap.dedent(FORKING), *arguments], cwd=ROOT, text=True, timeout=60
    )

    assert said.splitlines()[-1] == "[4, 1, 1, 1]"
