"""The store's clock as this process knows it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from heartbeat_client.server_clock import ServerClock

NOON = datetime(2026, 1, 14, 12, 0, tzinfo=timezone.utc)


def clock() -> ServerClock:
    """At monotonic 1000 this machine's clock says noon."""
    return ServerClock(lambda: 1000.0, NOON.timestamp)


def seconds(at: datetime) -> float:
    return (at - NOON).total_seconds()


def test_before_the_store_has_spoken_this_machine_is_believed() -> None:
    """Instants come from the wall clock until there is a better one."""
    assert not clock().known
    assert clock().at(1060.0) == NOON + timedelta(minutes=1)


def test_the_stores_time_holds_from_its_first_answer() -> None:
    """The server's time belongs to the middle of the call."""
    server = clock()
    server.learn(NOON + timedelta(hours=3), 1000.0, 1002.0)

    assert server.known
    assert server.at(1001.0) == NOON + timedelta(hours=3)


ANSWERS: dict[str, tuple[list[tuple[float, float, float]], float]] = {
    "a quick answer after a slow one": ([(0, 1000, 1004), (2.5, 1010, 1010.01)], -7.505),
    "a slow one that agrees after a quick one": ([(0, 1000, 1000.01), (11, 1010, 1014)], -0.005),
    "a slow one that proves the quick one wrong": ([(0, 1000, 1000.01), (3600, 1010, 1014)], 3588),
    "an equal one a while later": ([(0, 1000, 1000.01), (100.02, 1100, 1100.01)], 0.015),
}


@pytest.mark.parametrize(("answers", "offset"), ANSWERS.values(), ids=ANSWERS)
def test_the_surer_answer_counts(answers: list[tuple[float, float, float]], offset: float) -> None:
    """A long call says little: it does not move a clock that is known better, unless it proves it wrong."""
    server = clock()
    for said, before, after in answers:
        server.learn(NOON + timedelta(seconds=said), before, after)

    assert seconds(server.at(1000.0)) == pytest.approx(offset, abs=0.001)
