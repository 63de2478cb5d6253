"""What the environment says: one frozen record, read once, wrong values refused in one line."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(ValueError):
    """An environment variable that can't be used; the text says which, what was expected and what to do."""


@dataclass(frozen=True)
class Work:
    """How long the work takes, in seconds, already multiplied by COORDINATOR_TIME_SCALE."""

    load: float
    publish: float
    predict: float
    consolidate: float


@dataclass(frozen=True)
class Thresholds:
    """Hangwatch's thresholds in seconds, already divided by HANGWATCH_EXAMPLE_SPEEDUP.

    `opaque_after` is None where the environment does not name it: Hangwatch derives it from the deadline.
    """

    interval: float
    beat_every: float
    silent_after: float
    stalled_after: float
    opaque_after: float | None
    deadline: float


@dataclass(frozen=True)
class PubSub:
    """Where Pub/Sub is, and which URLs its push subscriptions call."""

    project: str
    coordinator_url: str
    worker_url: str


@dataclass(frozen=True)
class Settings:
    """All that the coordinator, its worker and `setup_pubsub` read from the environment."""

    api_key: str
    state: Path
    players: int
    faults: bool
    work: Work
    thresholds: Thresholds
    pubsub: PubSub | None
    """None where neither an emulator nor a project is configured: the services then push to each other."""
    coordinator_url: str
    worker_url: str
    """Empty where the environment does not name it: without Pub/Sub the coordinator then predicts itself."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read every setting; raises SettingsError for the first one that can't be used."""
        return cls(
            api_key=environ.get("COORDINATOR_API_KEY", ""),
            state=Path(environ.get("COORDINATOR_STATE") or Path(tempfile.gettempdir()) / "coordinator-state.db"),
            players=_players(environ),
            faults=environ.get("COORDINATOR_FAULTS") == "1",
            work=_work(environ),
            thresholds=_thresholds(environ),
            pubsub=_pubsub(environ),
            coordinator_url=environ.get("COORDINATOR_URL", ""),
            worker_url=environ.get("WORKER_URL", ""),
        )


def _players(environ: Mapping[str, str]) -> int:
    text = environ.get("COORDINATOR_PLAYERS", "450")
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"coordinator: COORDINATOR_PLAYERS must be a whole number from 1, got {text!r}; set one")
    return int(text)


def _work(environ: Mapping[str, str]) -> Work:
    scale = _number(environ, "COORDINATOR_TIME_SCALE", 1.0)
    return Work(
        load=scale * _number(environ, "COORDINATOR_LOAD_SECONDS", 8.0),
        publish=scale * _number(environ, "COORDINATOR_PUBLISH_SECONDS", 4.0),
        predict=scale * _number(environ, "COORDINATOR_PREDICT_SECONDS", 0.05),
        consolidate=scale * _number(environ, "COORDINATOR_CONSOLIDATE_SECONDS", 3.0),
    )


def _thresholds(environ: Mapping[str, str]) -> Thresholds:
    speedup = _number(environ, "HANGWATCH_EXAMPLE_SPEEDUP", 1.0)
    if speedup == 0:
        raise SettingsError("coordinator: HANGWATCH_EXAMPLE_SPEEDUP must be above 0, got 0; 60 turns 30 min into 30 s")

    def seconds(name: str, default: float) -> float:
        return _number(environ, f"HANGWATCH_EXAMPLE_{name}", default / speedup)

    return Thresholds(
        interval=seconds("INTERVAL", 300),
        beat_every=seconds("BEAT_EVERY", 15),
        silent_after=seconds("SILENT_AFTER", 90),
        stalled_after=seconds("STALLED_AFTER", 300),
        opaque_after=seconds("OPAQUE_AFTER", 0) or None,
        deadline=seconds("DEADLINE", 1800),
    )


def _pubsub(environ: Mapping[str, str]) -> PubSub | None:
    project = environ.get("GCP_PROJECT_ID") or ("demo" if environ.get("PUBSUB_EMULATOR_HOST") else "")
    if not project:
        return None
    return PubSub(
        project=project,
        coordinator_url=environ.get("COORDINATOR_URL") or "http://127.0.0.1:8080",
        worker_url=environ.get("WORKER_URL") or "http://127.0.0.1:8081",
    )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SettingsError(f"coordinator: {name} must be a number from 0, got {text!r}; correct it or unset it")
    return number
