"""What the cold-start bench runs: whole processes that do what they are said to do."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from bench.cold_start import ON_SQLITE, OWNERS, PLAIN, REST, SHORTEST, USUAL, Scene, Way, _imports, measure
from bench.whole_process import run_whole


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """The script and a sweep over one SQLite store."""
    path = tmp_path / "beats.sqlite3"
    environment = os.environ | {"HANGWATCH_STORE": f"sqlite:///{path}"}
    sweep = Way(("-m", "watchdog", "sweep"), environment)
    return Scene("SQLite", {SHORTEST: Way(("-c", ON_SQLITE, str(path)), environment), PLAIN: sweep})


def test_the_ways_ask_the_same_store(scene: Scene, tmp_path: Path) -> None:
    """The sweep makes the store and leaves its mark in it, and the script reads that."""
    assert scene.timed(PLAIN)() > 0
    assert scene.timed(SHORTEST)() > 0

    (swept,), (asked,) = scene.runs[PLAIN], scene.runs[SHORTEST]
    assert swept.said.rstrip().endswith(" read 0")
    assert asked.said == "read 1\n"
    assert 5_000 < asked.kilobytes < swept.kilobytes
    assert min(asked.cpu, swept.cpu) > 0
    with sqlite3.connect(tmp_path / "beats.sqlite3") as connection:
        assert connection.execute("SELECT count(*) FROM documents").fetchone() == (1,)
    connection.close()


def test_memory_is_the_childs_own() -> None:
    """A process that holds 60 MB is not measured by what its parent holds, nor one that holds nothing."""
    ballast = bytearray(150_000_000)
    small, large = (run_whole(["-c", script], os.environ) for script in ("pass", "held = b'x' * 60_000_000"))

    assert small.kilobytes < 40_000
    assert 60_000 < large.kilobytes < 120_000
    assert len(ballast) == 150_000_000


def test_what_fails_is_no_measurement() -> None:
    """A process that ends badly is an error with its own words, and no figure."""
    with pytest.raises(RuntimeError, match=r"ended with 3: .*not today"):
        run_whole(["-c", "import sys; sys.stderr.write('not today\\n'); sys.exit(3)"], os.environ)


def test_imports_have_owners(scene: Scene) -> None:
    """What a sweep loads is ours and Python's; the script loads nothing of ours."""
    assert _imports(scene.ways[PLAIN])["the watchdog"] > 0
    script = _imports(scene.ways[SHORTEST])
    assert script["the watchdog"] == script["the client"] == 0
    assert script[REST] > 0


@pytest.mark.emulator
@pytest.mark.timeout(400)
def test_the_whole_bench(firestore_emulator: object) -> None:
    """The tables have each way over each store, and the target is about the usual setup on Firestore."""
    found = measure(True)

    processes, *loads = found.tables
    assert [row[:2] for row in processes.rows[:3]] == [("SQLite", name) for name in (SHORTEST, PLAIN, USUAL)]
    assert len(processes.rows) == 7
    assert [len(table.rows) for table in loads] == [len(OWNERS) + 1] * 2
    (target,) = found.targets
    assert "Firestore" in target.what
    assert all(len(taken) == 6 for scene in found.figures.values() for taken in scene.values())
