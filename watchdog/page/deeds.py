"""What a viewer may do: acknowledge, snooze, wake. Each is a post, checked, signed with who did it, and answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..ports import StoreError
from ..until import UntilError
from .asking import LENGTH, Asked, exact

__all__ = ["Answers", "Outcome", "acknowledge", "snooze", "wake"]

log = logging.getLogger("watchdog")


class Answers(Protocol):
    """Does what viewers ask for. Each returns a sentence about what happened, for people, and raises `StoreError`."""

    def acknowledge(self, incident_id: str, by: str) -> str:
        """Somebody looks after the incident. Raises LookupError if there is no such incident."""

    def snooze_as_asked(self, operation: str, asked: str, by: str, why: str) -> str:
        """Nothing is told of the operation for as long as somebody wrote.

        Raises `UntilError` for what is no such end, ValueError for too many snoozes.
        """

    def wake(self, operation: str, by: str) -> str:
        """End a snooze, and keep who did. Raises LookupError when there is none."""

    def zone(self) -> str:
        """The time zone that days and times are meant in."""


@dataclass(frozen=True)
class Outcome:
    """What came of a post. done: whether anything was; status: HTTP's. faults: what is wrong with a form, by field."""

    said: str
    done: bool = True
    status: int = 200
    faults: Mapping[str, str] = field(default_factory=dict)


def acknowledge(answers: Answers, form: Mapping[str, str], by: str) -> Outcome:
    """Acknowledge the incident that the form names."""
    return _tried("acknowledge", by, lambda: answers.acknowledge(exact(form, "incident"), by))


def snooze(answers: Answers, asked: Asked, by: str) -> Outcome:
    """Snooze what a form asks for, for as long as it says."""
    faults = asked.faults()
    if faults:
        return _faulty(faults)
    return _tried("snooze", by, lambda: answers.snooze_as_asked(asked.operation, asked.end, by, asked.why))


def wake(answers: Answers, form: Mapping[str, str], by: str) -> Outcome:
    """End the snooze that the form names."""
    return _tried("wake", by, lambda: answers.wake(exact(form, "operation"), by))


def _faulty(faults: Mapping[str, str]) -> Outcome:
    return Outcome(f"Nothing was done: {'; '.join(faults.values())}", False, 400, faults)


def _tried(what: str, by: str, do: Callable[[], str]) -> Outcome:
    try:
        said = do()
    except LookupError as error:
        return Outcome(f"Nothing was done: {error.args[0] if error.args else 'it is not there any more'}", False, 404)
    except UntilError as error:
        return _faulty({LENGTH: str(error)})
    except ValueError as error:
        return Outcome(f"Nothing was done: {error}", False, 400)
    except StoreError as error:
        log.error("page: %s by %s is not done: %s", what, by, error)
        return Outcome(f"Nothing was done: {error}", False, 503)
    log.info("page: %s: %s: %s", by, what, said)
    return Outcome(said)
