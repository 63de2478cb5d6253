"""`configure()` and `flush()`: what they change, and what they leave."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import heartbeat_client
from heartbeat_client import Heartbeat, configure, flush, settings
from heartbeat_client.limits import Limits
from heartbeat_client.settings import Settings, open_backend
from heartbeat_client.store_address import StoreAddress
from heartbeat_client.stores.sqlite import SqliteBackend
from heartbeat_client.testing import MemoryStore
from tests.client.world import last, until


def test_the_public_names() -> None:
    """The package's names are these, sorted, and each can be imported."""
    assert heartbeat_client.__all__ == sorted(heartbeat_client.__all__)
    assert {"Heartbeat", "HeartbeatLogger", "configure", "flush", "heartbeat", "track", "watch_requests"} <= set(
        heartbeat_client.__all__
    )
    assert all(hasattr(heartbeat_client, name) for name in heartbeat_client.__all__)


def test_only_what_is_given_changes(store: MemoryStore) -> None:
    """A second call keeps what the first one set."""
    configure(service="coordinator", interval="1m", error_text=True, labels={"team": "x"})
    configure(interval="2m", stalled_after=timedelta(minutes=10))

    now = settings.settings()
    assert (now.service, now.interval, now.error_text, now.labels) == ("coordinator", 120, True, {"team": "x"})
    assert now.limits == Limits(beat_every=0.05, stalled_after=600)
    assert now.store is store


def test_what_was_set_can_be_taken_back(store: MemoryStore) -> None:
    """False is a value, not the absence of one."""
    configure(error_text=True)
    configure(error_text=False)

    assert settings.settings().error_text is False


def test_a_deadline_may_be_configured_as_an_instant(store: MemoryStore) -> None:
    """An aware datetime is the deadline of every outermost run."""
    instant = datetime(2030, 1, 14, tzinfo=timezone.utc)
    configure(deadline=instant)
    with Heartbeat("load"):
        pass

    assert last(store).deadline == instant


def test_heartbeats_go_by_the_settings_of_their_start(store: MemoryStore) -> None:
    """What is configured later holds for heartbeats made later."""
    before = Heartbeat("before")
    configure(interval=60)

    assert (before._plan.interval, Heartbeat("after")._plan.interval) == (300, 60)


def test_flush_writes_what_is_known_now(store: MemoryStore) -> None:
    """After `flush()` the store has the progress that was made before it."""
    configure(beat_every=3600)
    with Heartbeat("load", total=10) as hb:
        until(lambda: store.runs, "the first record")
        hb.advance(7)

        assert flush(10) is True
        progress = last(store).progress
        assert progress is not None
        assert progress.done == 7


def test_flush_says_when_it_could_not(store: MemoryStore) -> None:
    """With the store away `flush()` returns False."""
    with Heartbeat("load"):
        store.away()

        assert flush(0.2) is False
        store.work()
        assert flush(10) is True


def test_flush_does_not_wait_for_a_store_that_refuses(store: MemoryStore) -> None:
    """A store that is asked again only in half a minute is not waited for."""
    with Heartbeat("load"):
        store.refuse()
        calls = store.calls

        assert flush(20) is False
        assert store.calls <= calls + 4
        store.work()
        assert flush(10) is True


def test_flush_tries_at_once(store: MemoryStore) -> None:
    """`flush()` does not wait for the end of the pause after a failure."""
    with Heartbeat("load"):
        store.refuse()
        flush(0.2)
        store.work()

        assert flush(10) is True  # by itself the sender would try again in 30 s


def test_a_store_by_its_address(tmp_path: Path) -> None:
    """Each address opens its kind of store, and `off` none."""
    backend = open_backend(StoreAddress("sqlite", path=tmp_path / "runs.db"))
    memory = MemoryStore()

    assert isinstance(backend, SqliteBackend)
    assert open_backend(StoreAddress("off")) is None
    assert open_backend(memory) is memory
    backend.close()


def test_another_store_may_be_configured_while_a_run_goes_on(store: MemoryStore) -> None:
    """The run's next records go to the store that was configured last."""
    other = MemoryStore()
    with Heartbeat("load"):
        until(lambda: store.runs, "the first record")
        configure(store=other)
        until(lambda: other.runs, "the record in the other store")

    assert last(other).state == "succeeded"
    assert last(store).state == "running"


def test_a_users_own_store_is_left_open(store: MemoryStore) -> None:
    """A backend object that somebody configured is its owner's to close."""
    closed: list[bool] = []

    class Own(MemoryStore):
        def close(self) -> None:
            closed.append(True)

    configure(store=Own())
    with Heartbeat("load"):
        pass
    configure(store=store)
    with Heartbeat("load"):
        pass

    assert closed == []
    assert len(store.runs) == 1


def test_nothing_is_logged_about_right_settings(caplog: pytest.LogCaptureFixture, fresh: None) -> None:
    """Every documented setting is taken without a word."""
    configure(
        store="off",
        service="coordinator",
        deadline="30m",
        interval=300,
        beat_every="15s",
        silent_after=90,
        stalled_after="5m",
        opaque_after="15m",
        max_runtime="1h",
        labels={"team": "predictions"},
        error_text=False,
        evidence="stack",
        on_sigterm=False,
        flush_timeout=2,
    )

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert settings.settings() != Settings()
