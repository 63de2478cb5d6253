"""A process that is watched neither crashes nor locks up nor leaks, whatever it goes through meanwhile."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from heartbeat_client.frames import can_walk

from .modes import MODES, NEEDS, play
from .outcome import PACKAGE_ROOT

SECONDS = 3.0  # `python -m tests.churn` takes longer

pytestmark = [
    pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs Linux: what leaks is counted in /proc"),
    pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read"),
    pytest.mark.timeout(300),
]


@pytest.mark.parametrize("mode", MODES)
def test_churn_neither_crashes_nor_locks_up_nor_leaks(mode: str) -> None:
    """Nothing ends by a signal, nothing hangs, and no thread, descriptor, child or frame is left."""
    for name in NEEDS.get(mode, ()):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    outcome = play(mode, sys.executable, SECONDS)

    assert outcome.wrong == []
    assert outcome.runs > 0
    assert outcome.looked > 0


# A parent that dies at once, and a child in which its greenlets go on; how often the parent's run has beaten is told
# when the parent is gone, and a second later.
INHERITED = """
from gevent import monkey
monkey.patch_all()
import json, os, sqlite3, sys, time
from heartbeat_client import Heartbeat, configure
configure(store=f"sqlite:///{sys.argv[1]}", beat_every=0.05)
beating = Heartbeat("parent").__enter__()
def beats():
    (body,) = sqlite3.connect(sys.argv[1]).execute("SELECT body FROM documents").fetchone()
    return json.loads(body)["seq"]
time.sleep(0.5)
if os.fork():
    os._exit(0)
while os.getppid() == int(sys.argv[2]): time.sleep(0.01)
time.sleep(0.2)
before = beats()
time.sleep(1)
print(before, beats(), flush=True)
os._exit(0)
"""


def test_a_child_in_which_greenlets_go_on_beats_for_nobody_else(tmp_path: Path) -> None:
    """Under gevent the sender of a parent that died does not go on beating in the child."""
    if importlib.util.find_spec("gevent") is None:
        pytest.skip("gevent is not installed")
    program = ["import os, sys; sys.argv.append(str(os.getpid()))", INHERITED]
    done = subprocess.run(
        [sys.executable, "-c", "".join(program), str(tmp_path / "runs.sqlite3")],
        env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    before, after = done.stdout.split()[-2:]

    assert int(before) > 0
    assert before == after
