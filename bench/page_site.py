"""The status page for its bench: the application over a real store, served, with viewers who ask as its script does."""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask

from tests.page.scene import Served
from watchdog.desk import Desk
from watchdog.page.access import Access
from watchdog.page.front import status_page
from watchdog.page.guard import LOOPBACK
from watchdog.page.metered import MeteredStore
from watchdog.page.reader import INTERVAL, READS_PER_MINUTE, Reader
from watchdog.policy import Policy
from watchdog.ports import Store
from watchdog.web import make_app

__all__ = ["Site", "seconds", "site", "viewers"]

ASK_AFTER = 0.02  # page.js adds so much to what the server says


@dataclass(frozen=True)
class Site:
    """A served page. store: counts what is read for it."""

    app: Flask
    store: MeteredStore
    port: int

    @property
    def address(self) -> str:
        """Of the first page."""
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def site(store: Store, *, interval: float = INTERVAL, reads_per_minute: float = READS_PER_MINUTE) -> Iterator[Site]:
    """Serve the page of a store within the block, as often renewed as `serve` does it unless it is said otherwise."""
    metered, policy = MeteredStore(store), Policy()
    reader = Reader(lambda: metered, lambda: policy, interval=interval, reads_per_minute=reads_per_minute)
    desk = Desk(lambda: store, [], lambda: policy, "")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it writes a line for each request
    app = make_app(desk, signing_secret="", page=status_page(reader, desk, Access(LOOPBACK)))
    served = Served(app)
    try:
        yield Site(app, metered, served.port)
    finally:
        served.close()


@contextmanager
def viewers(port: int, count: int) -> Iterator[Callable[[], int]]:
    """So many look at the first page within the block; how many answers they have had."""
    stop, answers = threading.Event(), [0] * count
    threads = [threading.Thread(target=_look, args=(port, stop, answers, number)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: sum(answers)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _look(port: int, stop: threading.Event, answers: list[int], number: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    tag, pause = "", number / len(answers)
    while not stop.wait(pause):
        connection.request("GET", "/?part=live", headers={"If-None-Match": tag, "Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        tag = answer.getheader("ETag") or ""
        pause = max(0.15, int(answer.getheader("Hangwatch-Next") or 0) / 1000 + ASK_AFTER)
        answers[number] += 1
    connection.close()


def seconds(act: Callable[[], object]) -> float:
    """What it takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
