"""The bench of outages measures what it says: real clients over a wire that goes away, from the end of the outage."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bench.dead_wire import DeadWire
from bench.outage_clients import OURS, PLAIN
from bench.outages import CALL, CUT, FROZEN, KINDS, REFUSED, limit_of, retry_within
from tests.support.emulators import Running
from tests.support.imports import ROOT

pytestmark = pytest.mark.xdist_group("bench outages")  # measured once


@pytest.fixture(scope="module")
def found(firestore_emulator: Running, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the quick form finds, as `python -m bench` runs it: it forks, which a process with threads must not."""
    out = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "bench", "outages", "--quick", "--out", str(out)]
    environment = {**os.environ, "FIRESTORE_EMULATOR_HOST": firestore_emulator.host}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    read: dict[str, Any] = json.loads((out / "outages.json").read_text(encoding="utf-8"))
    return read


@pytest.mark.emulator
@pytest.mark.timeout(300)
def test_each_kind_of_outage_is_met_by_both_ways(found: dict[str, Any]) -> None:
    """Refused, frozen and cut off, with a client of each way; ours is back in each of them, after its end."""
    scenes = found["figures"]["scenes"]

    assert [scene["kind"] for scene in scenes] == [REFUSED, FROZEN, CUT]
    assert all(set(scene["first beat after s"]) == {OURS, PLAIN} for scene in scenes)
    for scene in scenes:
        (back,) = scene["first beat after s"][OURS]
        assert back is not None, scene
        assert back >= 0


@pytest.mark.emulator
@pytest.mark.timeout(300)
def test_the_table_and_the_targets_hold_each_kind(found: dict[str, Any]) -> None:
    """A row for each outage, a target for each kind, and what the bench itself took."""
    outages, costs = found["tables"]

    assert [row[:2] for row in outages["rows"]] == [["3 s", kind] for kind in KINDS]
    assert [target["what"].rpartition(", ")[2] for target in found["targets"]] == list(KINDS)
    assert [row[0] for row in costs["rows"]] == ["bench and clients"]


@pytest.mark.parametrize(
    ("length", "pause"),
    [(0.0, 1.2), (1.1, 1.2), (1.3, 2.4), (3.5, 2.4), (3.7, 4.8), (10.0, 6.0), (300.0, 6.0)],
    ids=["at_once", "in_the_first", "in_the_second", "late_in_it", "in_the_third", "in_the_fourth", "at_last"],
)
def test_the_limit_is_the_clients_own_pause(length: float, pause: float) -> None:
    """What recovery is held to is the longest pause that the client's rules allow at that length of an outage."""
    assert retry_within(length) == pytest.approx(pause)


@pytest.mark.parametrize(("kind", "more"), [(REFUSED, 0.0), (FROZEN, CALL), (CUT, CALL)])
def test_a_call_that_nobody_answers_is_in_the_limit(kind: str, more: float) -> None:
    """Where connections are refused a try ends at once; else it takes its timeout."""
    assert limit_of(kind, 60.0) == pytest.approx(6.0 + more)


@pytest.fixture
def echo() -> Iterator[str]:
    """The address of a server that says back what it hears."""
    code = (
        "import socket, threading\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True)\n"
        "def serve(one):\n"
        "    while data := one.recv(100): one.sendall(data)\n"
        "while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"127.0.0.1:{server.stdout.readline().strip()}"
        server.kill()


def says(connection: socket.socket, word: bytes, seconds: float) -> bytes:
    """What comes back of a word in so many seconds."""
    connection.settimeout(seconds)
    connection.sendall(word)
    try:
        return connection.recv(100)
    except TimeoutError:
        return b"nothing"


def test_a_dead_wire_carries_only_what_is_new(echo: str) -> None:
    """Once cut, connections of before and of meanwhile stay open and carry nothing, mended or not; new ones carry."""
    with DeadWire(echo) as wire:
        before = socket.create_connection(("127.0.0.1", wire.port))
        assert says(before, b"whole", 30) == b"whole"
        wire.cut()
        meanwhile = socket.create_connection(("127.0.0.1", wire.port))
        while_cut = [says(one, b"cut", 0.3) for one in (before, meanwhile)]
        wire.mend()
        after = socket.create_connection(("127.0.0.1", wire.port))

        assert while_cut == [b"nothing", b"nothing"]
        assert says(after, b"mended", 30) == b"mended"
        assert [says(one, b"mended", 0.3) for one in (before, meanwhile)] == [b"nothing", b"nothing"]
        for one in (before, meanwhile, after):
            one.close()
