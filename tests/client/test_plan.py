"""What a heartbeat was asked for: asked again in the same words it is not checked again, unless something changed."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from heartbeat_client.plan import SETTINGS, Plan, plan_of
from heartbeat_client.settings import Settings

UNDER = Settings()


def asked(operation: object = "load-games", under: Settings = UNDER, **given: Any) -> Plan:
    return plan_of("Heartbeat", operation, {**dict.fromkeys(SETTINGS), "detail": "", **given}, under)


def test_the_same_words_are_the_same_plan() -> None:
    """An operation that runs again goes by the plan that was checked at its first run."""
    assert asked() is asked()
    assert asked(detail="450 players") is asked(detail="450 players")


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"operation": "load-players"}, "operation", "load-players"),
        ({"detail": "450 players"}, "detail", "450 players"),
        ({"total": 0}, "total", 0),
        ({"interval": 60}, "interval", 60.0),
        ({"deadline": "5m"}, "own_deadline", 300.0),
        ({"labels": {"team": "games"}}, "labels", {"team": "games"}),
        ({"run_id": "one"}, "run_id", "one"),
        ({"under": Settings(interval=7.0)}, "interval", 7.0),
        ({"under": Settings(deadline=60.0)}, "fallback_deadline", 60.0),
        ({"under": Settings(error_text=True)}, "error_text", True),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_whatever_else_is_asked_is_another_plan(given: dict[str, Any], name: str, value: object) -> None:
    """Another word, any setting, and other settings of the process are in the plan, and not in the next one."""
    before = asked()
    other = asked(**given)

    assert getattr(other, name) == value
    assert asked() == before


def test_the_environments_deadline_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that the environment has from now on holds for the next heartbeat."""
    monkeypatch.delenv("HANGWATCH_DEADLINE", raising=False)
    before = asked().fallback_deadline
    monkeypatch.setenv("HANGWATCH_DEADLINE", "90s")

    assert (before, asked().fallback_deadline) == (1800.0, 90.0)


@pytest.mark.parametrize(
    "given", [{"operation": "x" * 201}, {"operation": ""}, {"detail": "x" * 1001}, {"colour": None}], ids=str
)
def test_what_is_wrong_is_said_each_time(given: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """A value that can't be used is logged at each heartbeat that has it, also beside one that has not."""
    caplog.set_level(logging.ERROR)
    asked()
    asked(**given)
    asked(**given)

    assert len(caplog.records) == 2
