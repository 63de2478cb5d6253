"""A process whose operations hang, and fail, with a secret of its own in each place where secrets lie.

    python -m tests.client.planted ARGUMENT < SECRETS        with one in the environment too

What it may say, and does, is the word under CONTROL: whoever searches for secrets must find that one.
"""

from __future__ import annotations

import asyncio
import faulthandler
import http.client
import json
import logging
import os
import queue
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from heartbeat_client import Heartbeat, configure, heartbeat

__all__ = ["CONTROL", "FAILING", "HANGING", "PLACES", "VARIABLE"]

VARIABLE = "ACCOUNT_TOKEN"
CONTROL = "control"
PLACES = (
    CONTROL,
    "argument",
    "environment",
    "local",
    "userinfo",
    "query",
    "header",
    "sql",
    "child argument",
    "child environment",
    "queue item",
    "job argument",
    "representation",
    "attribute",
    "directory",
    "coroutine argument",
    "exception",
    "cause",
    "counted by mistake",
    "store address",
)
_SOURCE = "planted-in-source"  # no source line leaves either


class Account:
    """An object that gives itself away as soon as it is written out."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.token = secrets["attribute"]
        self._words = secrets["representation"]

    def __repr__(self) -> str:
        return f"Account({self._words})"

    __str__ = __repr__

    def wait(self, event: threading.Event) -> None:
        """Hang in a method of it."""
        event.wait()


def asks(secrets: Mapping[str, str]) -> None:
    """A request to a peer that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host, port = silent.getsockname()
        url = f"http://user:{secrets['userinfo']}@{host}:{port}/load?key={secrets['query']}"
        connection = http.client.HTTPConnection(host, port)
        connection.request("GET", f"/load?key={secrets['query']}", headers={"Authorization": secrets["header"]})
        connection.getresponse()
        assert url


def queries(secrets: Mapping[str, str]) -> None:
    """A statement that waits for a lock of the database."""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/accounts.sqlite3"
        with sqlite3.connect(file) as holding:
            holding.execute("create table accounts (token text)")
            holding.commit()
            holding.execute("begin exclusive")
            statement = f"insert into accounts values ('{secrets['sql']}')"  # noqa: S608 (a secret is to be in it)
            sqlite3.connect(file, timeout=1000).execute(statement)


def starts(secrets: Mapping[str, str]) -> None:
    """A child process that never ends."""
    command = ["sh", "-c", "sleep 1000; true", secrets["child argument"]]
    subprocess.run(
        command, env={"TOKEN": secrets["child environment"], "PATH": os.environ["PATH"]}, check=True, timeout=900
    )


def puts(secrets: Mapping[str, str]) -> None:
    """A queue that is full."""
    full: queue.Queue[str] = queue.Queue(1)
    full.put(secrets["queue item"])
    full.put(secrets["queue item"] + _SOURCE)


def submits(secrets: Mapping[str, str]) -> None:
    """A job of a pool that waits for ever."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_stand, secrets["job argument"]).result()


def _stand(token: str) -> None:
    password = token
    threading.Event().wait()
    assert password


def waits(secrets: Mapping[str, str]) -> None:
    """An object whose text is a secret, and a local variable beside it."""
    password = secrets["local"]
    account = Account(secrets)
    account.wait(threading.Event())
    assert password


def opens(secrets: Mapping[str, str]) -> None:
    """A named pipe in a directory that nobody should hear of."""
    with tempfile.TemporaryDirectory(prefix=secrets["directory"]) as folder:
        pipe = Path(folder, "pipe")
        os.mkfifo(pipe)
        pipe.read_text()


def awaits(secrets: Mapping[str, str]) -> None:
    """A task that waits for a queue."""
    asyncio.run(_awaits(secrets["coroutine argument"]))


async def _awaits(token: str) -> None:
    async with Heartbeat("awaits in a task", run_id="awaits in a task"):
        queue_of_tasks: asyncio.Queue[str] = asyncio.Queue()
        await queue_of_tasks.get()
        assert token


def fails(secrets: Mapping[str, str]) -> None:
    """An exception whose text, and whose cause, say too much."""
    try:
        _ = {}[secrets["cause"]]
    except KeyError as error:
        raise ValueError(f"no such account: {secrets['exception']}") from error


def miscounts(secrets: Mapping[str, str]) -> None:
    """Data where a number should stand, which is complained of, and fails nothing."""
    rows = [Account(secrets), secrets["counted by mistake"]]
    with Heartbeat("rows", total=rows) as beating:  # type: ignore[arg-type]  # that is the mistake
        beating.progress(secrets["counted by mistake"])  # type: ignore[arg-type]  # that too
    Heartbeat("rows", deadline=rows, labels={"rows": rows})  # type: ignore[arg-type, dict-item]  # and those
    configure(store=f"postgresql://hangwatch:{secrets['store address']}@127.0.0.1/hangwatch")


HANGING: tuple[Callable[[Mapping[str, str]], None], ...] = (
    asks,
    queries,
    starts,
    puts,
    submits,
    waits,
    opens,
    awaits,
)
FAILING: tuple[Callable[[Mapping[str, str]], None], ...] = (fails, miscounts)


def _play(operation: Callable[[Mapping[str, str]], None], secrets: Mapping[str, str]) -> None:
    name = operation.__name__
    with Heartbeat(name, run_id=name, detail=secrets[CONTROL], total=None if operation is miscounts else 1):
        operation(secrets)


def main() -> None:
    """Fail, then hang in every way at once."""
    faulthandler.enable()
    logging.basicConfig(level=logging.DEBUG)
    secrets = json.load(sys.stdin)
    configure(
        service="planted", beat_every=0.3, silent_after=3, stalled_after=2, interval=1, deadline="30m", sidecar=True
    )
    for failing in FAILING:
        with suppress(ValueError):
            _play(failing, secrets)
        with suppress(ValueError):
            heartbeat(f"{failing.__name__}, decorated")(failing)(secrets)
    for hanging in HANGING:
        threading.Thread(target=_play, args=(hanging, secrets), daemon=True).start()
    time.sleep(1000)


if __name__ == "__main__":
    main()
