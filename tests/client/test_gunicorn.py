"""gunicorn with two workers, with and without --preload: forks of a master that has heartbeats of its own."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from heartbeat_client.run import SUCCEEDED
from tests.client.world import Process, until

pytest.importorskip("gunicorn", reason="gunicorn is not installed")

APP = """
import os, time
from heartbeat_client import Heartbeat, configure, watch_requests

configure(service="coordinator", beat_every=0.1)
with Heartbeat("import"):
    pass

def answer(environ, start_response):
    with Heartbeat("load", total=3) as hb:
        for _ in hb.track(range(3)):
            time.sleep(0.01)
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]

app = watch_requests(answer, deadline="30m")
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def get(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/start/17")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def answers(port: int) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return get(port).isdigit()
    return False


@pytest.mark.parametrize("options", [[], ["--preload"], ["--threads", "4"]], ids=["plain", "preload", "threads"])
def test_every_request_is_a_run_of_its_worker(process: Process, tmp_path: Path, options: list[str]) -> None:
    """Each of the requests to two workers is written, whole, by the process that served it."""
    (tmp_path / "served.py").write_text(APP)
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-w", "2", "-b", f"127.0.0.1:{port}", *options, "served:app"]
    with (tmp_path / "gunicorn.log").open("w") as log:
        gunicorn = subprocess.Popen(command, cwd=tmp_path, env=process.environ(), stdout=log, stderr=log)
    try:
        until(lambda: answers(port), "an answer of gunicorn")
        with ThreadPoolExecutor(8) as pool:
            served = list(pool.map(lambda _: get(port), range(40)))
    finally:
        gunicorn.send_signal(signal.SIGTERM)
        gunicorn.wait(30)

    requests = [run for run in process.runs() if run.operation == "GET /start/#"]
    assert {run.state for run in process.runs()} == {SUCCEEDED}, (tmp_path / "gunicorn.log").read_text()
    assert len(requests) >= 41
    assert {str(run.pid) for run in requests} >= set(served)
    loads = {run.parent: run for run in process.runs() if run.operation == "load"}
    assert {run.id for run in requests} == set(loads)
    assert {run.progress.done for run in loads.values() if run.progress} == {3}
