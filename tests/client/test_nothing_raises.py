"""A heartbeat never raises into the operation: what can't be used is an error in the log, and the default holds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from heartbeat_client import Heartbeat, HeartbeatLogger, configure, flush, heartbeat, settings, track, watch_requests
from heartbeat_client.run import SUCCEEDED
from heartbeat_client.shield import Shield
from heartbeat_client.testing import MemoryStore
from tests.client.world import last

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a negative interval": ({"interval": -5}, "interval: expected a length above zero"),
    "an interval that is no length": ({"interval": "soon"}, "interval: expected a length above zero"),
    "an interval of nothing": ({"interval": 0}, "interval: expected a length above zero"),
    "an interval that is not a number": ({"interval": float("nan")}, "interval: expected a length above zero"),
    "an interval too short to be meant": ({"interval": 0.001}, "interval: expected 0.05 s or more, got 0.001 s"),
    "beats too many to be meant": ({"beat_every": 0.001}, "beat_every: expected 0.05 s or more, got 0.001 s"),
    "a total that is text": ({"total": "450"}, "total: expected a whole number of 0 or more, got '450'"),
    "a total below zero": ({"total": -1}, "total: expected a whole number of 0 or more, got -1"),
    "a total of a half": ({"total": 1.5}, "total: expected a whole number of 0 or more, got 1.5"),
    "a total of True": ({"total": True}, "total: expected a whole number of 0 or more, got True"),
    "a detail that is no text": ({"detail": ["450"]}, "detail: expected text, got list"),
    "a detail that is too long": ({"detail": "x" * 1001}, "detail: expected at most 1000 characters, got 1001"),
    "a deadline without a time zone": (
        {"deadline": datetime(2026, 1, 14)},
        "deadline: expected an instant with a time zone",
    ),
    "a deadline that is no time": ({"deadline": "tomorrow"}, "deadline: expected a length above zero"),
    "labels that are no mapping": ({"labels": "batch"}, "labels: expected a mapping of text to text, got str"),
    "a label that is no text": ({"labels": {"batch": object()}}, "label 'batch': expected text, got object"),
    "too many labels": ({"labels": {str(n): "x" for n in range(33)}}, "labels: expected at most 32, got 33"),
    "an id that is no text": ({"run_id": 17}, "run_id: expected text on one line, got 17"),
    "an empty id": ({"run_id": " "}, "run_id: expected text on one line, got ' '"),
    "an id that is too long": ({"run_id": "x" * 201}, "run_id: expected at most 200 characters, got 201"),
    "silence shorter than two beats": (
        {"silent_after": 20},
        "silent_after: expected at least two beats (30 s), got 20 s",
    ),
    "standstill shorter than two beats": (
        {"stalled_after": 29.9},
        "stalled_after: expected at least two beats (30 s), got 29.9 s",
    ),
    "a setting that does not exist": (
        {"intervall": 5},
        "intervall: expected a setting that exists, got 'intervall', did you mean interval?",
    ),
    "a setting like none": (
        {"colour": 5},
        "colour: expected a setting that exists, got 'colour'; there are beat_every",
    ),
}


@pytest.mark.parametrize(("given", "text"), WRONG.values(), ids=WRONG)
def test_a_wrong_value_is_an_error_in_the_log(
    store: MemoryStore, caplog: pytest.LogCaptureFixture, given: dict[str, Any], text: str
) -> None:
    """A value that can't be used is logged with who, expected and got, and the run is as without it."""
    settings._settings = settings.Settings(store=store)
    with Heartbeat("load-games", **given):
        pass

    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert errors[0].startswith(f"heartbeat_client: Heartbeat 'load-games': {text}")
    assert "; " in errors[0]
    run = last(store)
    assert (run.operation, run.state) == ("load-games", SUCCEEDED)
    assert run.thresholds.beat_every == 15
    assert (run.thresholds.silent_after, run.thresholds.stalled_after) in {(90, 300), (30, 300), (90, 30)}


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        (None, "unnamed-operation"),
        (17, "unnamed-operation"),
        ("", "unnamed-operation"),
        (" \n", "unnamed-operation"),
        ("x" * 201, "x" * 200),
        ("load\x00\ngames", "load games"),
    ],
    ids=["none", "a number", "empty", "blank", "too long", "with control characters"],
)
def test_an_operation_always_has_a_name(store: MemoryStore, operation: Any, named: str) -> None:
    """An operation that can't be a name gets one, for a run without one could not be found."""
    with Heartbeat(operation):
        pass

    assert last(store).operation == named


def test_an_operation_may_be_forgotten(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """Not even a call without any argument raises."""
    with Heartbeat(), HeartbeatLogger():
        pass

    assert [run.operation for run in store.runs] == ["unnamed-operation", "unnamed-operation"]
    assert caplog.text.count("operation: expected text, got empty text") == 2


def test_arguments_too_many_are_an_error_in_the_log(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """What comes without a name is said not to be used."""
    with Heartbeat("load", "450 players"), HeartbeatLogger("load", 300, 5):  # type: ignore[arg-type]  # wrong on purpose
        pass

    assert caplog.text.count("expected settings by name, got 1 without one") == 2


CALLS: dict[str, Callable[[Heartbeat], object]] = {
    "advance by text": lambda hb: hb.advance("3"),  # type: ignore[arg-type]
    "advance by a half": lambda hb: hb.advance(0.5),  # type: ignore[arg-type]
    "advance by less than nothing": lambda hb: hb.advance(-1),
    "progress in text": lambda hb: hb.progress("3"),  # type: ignore[arg-type]
    "progress with a total in text": lambda hb: hb.progress(0, total="450"),  # type: ignore[arg-type]
    "progress with a note that is no text": lambda hb: hb.progress(0, note=[]),  # type: ignore[arg-type]
    "a note that is no text": lambda hb: hb.note(object()),  # type: ignore[arg-type]
    "a note that is too long": lambda hb: hb.note("x" * 5000),
    "a wait that is no length": lambda hb: hb.waiting("the lock", "soon").__enter__(),
    "a wait for nothing": lambda hb: hb.waiting("the lock", 0).__enter__(),
    "an extension by no length": lambda hb: hb.extend("soon"),
    "an extension backwards": lambda hb: hb.extend(-5),
    "a failure without words": lambda hb: hb.fail(object()),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_wrong_call_does_not_disturb_the_operation(
    store: MemoryStore, caplog: pytest.LogCaptureFixture, call: Callable[[Heartbeat], object]
) -> None:
    """A method called with what it can't use logs an error and returns, and the run is still counted and written."""
    with Heartbeat("load") as hb:
        call(hb)
        hb.advance(2)

    progress = last(store).progress
    assert progress is not None
    assert progress.done == 2
    assert "heartbeat_client: Heartbeat 'load': " in caplog.text


def test_a_count_that_is_none_is_said_once_a_run(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """A loop that counts wrongly a million times logs one error."""
    with Heartbeat("load") as hb:
        for _ in range(1000):
            hb.advance("3")  # type: ignore[arg-type]  # wrong on purpose

    assert caplog.text.count("advance: expected a whole number of 0 or more, got '3'; it is not counted") == 1


MISUSES: dict[str, Callable[[], object]] = {
    "left without being entered": lambda: Heartbeat("load").__exit__(None, None, None),
    "counted without being entered": lambda: Heartbeat("load").advance(),
    "left twice": lambda: [(hb := Heartbeat("load")).__enter__(), *(hb.__exit__(None, None, None) for _ in range(2))],
    "flush for no time": lambda: flush("soon"),
    "flush for less than none": lambda: flush(-1),
    "configured with a store that is none": lambda: configure(store="firestor"),
    "configured with a store that is no text": lambda: configure(store=17),  # type: ignore[arg-type]
    "configured with lengths that are none": lambda: configure(interval="x", beat_every=-1, deadline=[]),  # type: ignore[arg-type]
    "configured with words that are none": lambda: configure(evidence="some", error_text="yes"),  # type: ignore[arg-type]
    "configured with a setting that does not exist": lambda: configure(intervall=5),  # type: ignore[arg-type]
    "an application that is none": lambda: watch_requests(17),
    "paths that are none": lambda: watch_requests(lambda environ, start: [], paths=17),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
def test_misuse_raises_nothing(store: MemoryStore, misuse: Callable[[], object]) -> None:
    """Calls in the wrong order or with wrong values come back."""
    misuse()


def test_a_wrong_configuration_leaves_what_was_right(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """Of several settings those that can be used are used, and each of the others is an error."""
    configure(interval=60, beat_every=-1, evidence="some", store="sqlite:runs.db")

    assert settings.settings().interval == 60
    assert settings.settings().limits.beat_every == 0.05
    assert settings.settings().evidence == "full"
    assert settings.settings().store is store
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 3


def test_what_can_not_be_iterated_raises_as_without_us(store: MemoryStore) -> None:
    """`for` over a number is the caller's own mistake, and stays a TypeError."""
    with Heartbeat("load") as hb:
        for loop in (hb.track, track):
            with pytest.raises(TypeError, match="not iterable"):
                loop(17)  # type: ignore[arg-type]  # wrong on purpose


def test_an_exception_of_the_operation_goes_through(store: MemoryStore) -> None:
    """What the operation raises reaches its caller untouched."""
    raised = ValueError("the operation's own")
    with pytest.raises(ValueError, match="own") as caught, Heartbeat("load"):
        raise raised

    assert caught.value is raised


def test_a_generator_is_refused_at_decoration() -> None:
    """Only a decorated generator raises, and at once: a run around it would show its caller's pace."""
    with pytest.raises(TypeError, match="got the generator"):

        @heartbeat("load")
        def games() -> Any:
            yield 1

    with pytest.raises(TypeError, match="got the generator"):

        @heartbeat("load")
        async def more_games() -> Any:
            yield 1


def test_an_error_of_our_own_is_said_once_and_stays_here(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong inside is logged once for each place, with type and place, never with its text."""
    shield = Shield()
    for _ in range(3):
        with shield:
            raise ValueError("a secret")

    assert len(caplog.records) == 1
    assert "ValueError at" in caplog.text
    assert "test_nothing_raises.py" in caplog.text
    assert "a secret" not in caplog.text


def test_whoever_stops_the_operation_is_not_held_up() -> None:
    """KeyboardInterrupt and its like pass the wall."""
    with pytest.raises(KeyboardInterrupt), Shield():
        raise KeyboardInterrupt


def test_a_thread_that_can_not_be_started_costs_only_the_beats(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a process may have no more threads, the operation runs and its lines are written."""
    from heartbeat_client import lifecycle

    def refuse(self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(lifecycle, "_works", None)
    monkeypatch.setattr("threading.Thread.start", refuse)
    with Heartbeat("load"):
        pass

    assert capsys.readouterr().out.splitlines() == [
        "HEARTBEAT START: load",
        "HEARTBEAT END: load completed in 0.0 min",
    ]
