"""What tests of the client share."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from heartbeat_client import configure, flush, lifecycle, settings, shield, tracking
from heartbeat_client.settings import Settings
from heartbeat_client.testing import MemoryStore
from tests.client.world import Process, World, now, until


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Generator[None, None, None]:
    """Settings as in a new process; no run of one test goes on into the next."""
    monkeypatch.setattr(settings, "_settings", Settings(store=MemoryStore()))
    monkeypatch.setattr(shield.SHIELD, "_seen", set())
    monkeypatch.setattr(tracking, "_said", [])
    yield
    configure(store=MemoryStore())
    lifecycle.interrupt_open_runs("the test is over", 10)
    until(
        lambda: all(thread.name != "hangwatch-lines" for thread in threading.enumerate()), "lines that are being said"
    )


@pytest.fixture
def store(fresh: None) -> MemoryStore:
    """This process's store, in memory and on this machine's time; beats come twenty times a second."""
    memory = MemoryStore(clock=now)
    configure(store=memory, beat_every=0.05)
    assert flush(10)
    return memory


@pytest.fixture
def world() -> World:
    """Roster, pulse and sender on a manual clock."""
    return World()


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """Scripts as processes of their own."""
    return Process(tmp_path)
