"""The peers, as the play meets them: what a scenario's process is given of each, and what it has told by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from .ears import MONITOR_CONFIG, Ears
from .findings import Said
from .limits import DEADLINE, FROZEN_AFTER, MARGIN, PATIENCE, SEED_EVERY
from .stacks import Stack, of_faulthandler, of_hanging_threads, places

__all__ = [
    "FAULTHANDLER",
    "HANGING_THREADS",
    "HEALTHCHECKS",
    "OUTPUT",
    "SEED",
    "SENTRY",
    "CheckedIn",
    "Dumped",
    "Frozen",
    "Logged",
    "Pinged",
    "Watcher",
]

HEALTHCHECKS: Final = "healthchecks"
SENTRY: Final = "Sentry Crons"
SEED: Final = "first user's class"
HANGING_THREADS: Final = "hanging_threads"
FAULTHANDLER: Final = "faulthandler"

OUTPUT: Final = "output.txt"
_DUMP: Final = "faulthandler.txt"


class Watcher(Protocol):
    """One who is compared. folder: of the scenario's process, with its OUTPUT in it."""

    @property
    def name(self) -> str:
        """In tables."""

    @property
    def key(self) -> str:
        """In what `under_peers.py` is given."""

    @property
    def waited(self) -> float:
        """For how many seconds after a hang's start it is waited for to tell; what it never tells needs no waiting."""

    @property
    def goes_on(self) -> float:
        """For how many seconds after a hang's start more may come from it when it has told: other threads' stacks."""

    def given(self, folder: Path) -> Mapping[str, Any]:
        """What the scenario's process is given for it."""

    def look(self, scenario: str, folder: Path, now: float, began: float) -> Said | None:
        """What it has told of the scenario by now; instants in seconds since the epoch."""


@dataclass(frozen=True)
class Pinged:
    """healthchecks: a ping at the start, a ping at the end, down when the grace between them has passed."""

    ears: Ears
    url: str
    name: str = HEALTHCHECKS
    key: str = "healthchecks"
    waited: float = DEADLINE + PATIENCE
    goes_on: float = 0.0

    def given(self, folder: Path) -> Mapping[str, Any]:
        del folder
        return {"url": self.url}

    def look(self, scenario: str, folder: Path, now: float, began: float) -> Said | None:
        del folder, now
        came = self.ears.downs.get(scenario)
        return Said("down", came - began) if came else None


@dataclass(frozen=True)
class CheckedIn:
    """sentry_sdk.monitor, and Sentry's rule for its check-ins."""

    ears: Ears
    name: str = SENTRY
    key: str = "sentry"
    waited: float = DEADLINE + MARGIN
    goes_on: float = 0.0

    def given(self, folder: Path) -> Mapping[str, Any]:
        del folder
        return {"dsn": self.ears.dsn, "config": MONITOR_CONFIG}

    def look(self, scenario: str, folder: Path, now: float, began: float) -> Said | None:
        del folder
        checkin = self.ears.checkins.get(scenario)
        told = checkin.told(now) if checkin else None
        return Said(told, now - began) if told else None

    def status(self, scenario: str) -> str:
        """How its check-in stands; `nothing came` where none arrived."""
        checkin = self.ears.checkins.get(scenario)
        return checkin.status if checkin else "nothing came"


@dataclass(frozen=True)
class Logged:
    """The first user's class: it has lines for a start, an end, and for still running; none for a hang."""

    name: str = SEED
    key: str = "seed"
    waited: float = 0.0
    goes_on: float = 0.0

    def given(self, folder: Path) -> Mapping[str, Any]:
        del folder
        return {"interval": SEED_EVERY}

    def look(self, scenario: str, folder: Path, now: float, began: float) -> Said | None:
        """A line that says anything else than that it began, still runs, or ended well."""
        del scenario, now, began
        errors = [line for line in _text(folder / OUTPUT).splitlines() if "HEARTBEAT END (ERROR)" in line]
        return Said(errors[0]) if errors else None

    def still_running(self, folder: Path) -> int:
        """How many times it printed that the operation still runs."""
        return sum(line.startswith("💓") and "still running" in line for line in _text(folder / OUTPUT).splitlines())


@dataclass(frozen=True)
class Frozen:
    """hanging_threads: the stack of each thread that stood at one place for too long, on stderr."""

    name: str = HANGING_THREADS
    key: str = "hanging_threads"
    waited: float = 2 * FROZEN_AFTER + MARGIN
    goes_on: float = FROZEN_AFTER + MARGIN

    def given(self, folder: Path) -> Mapping[str, Any]:
        del folder
        return {"seconds": FROZEN_AFTER}

    def look(self, scenario: str, folder: Path, now: float, began: float) -> Said | None:
        return _of_stacks(scenario, of_hanging_threads(_text(folder / OUTPUT)), now - began, "hangs")


@dataclass(frozen=True)
class Dumped:
    """faulthandler.dump_traceback_later: the stacks of all threads when the time is up, cancelled by the end."""

    name: str = FAULTHANDLER
    key: str = "faulthandler"
    waited: float = DEADLINE + MARGIN
    goes_on: float = DEADLINE + 1.0

    def given(self, folder: Path) -> Mapping[str, Any]:
        return {"seconds": DEADLINE, "file": str(folder / _DUMP)}

    def look(self, scenario: str, folder: Path, now: float, began: float) -> Said | None:
        return _of_stacks(scenario, of_faulthandler(_text(folder / _DUMP)), now - began, "Timeout")


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""


def _of_stacks(scenario: str, stacks: list[Stack], after: float, words: str) -> Said | None:
    if not stacks:
        return None
    return Said(words, after, tuple(sorted(places(scenario, stacks))), len(stacks))
