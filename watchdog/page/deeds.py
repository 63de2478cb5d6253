"""What a viewer may do: acknowledge, snooze, wake. Each is a post, checked, signed with who did it, and answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from heartbeat_client.lengths import seconds_of

from ..ports import StoreError
from ..wording import one_line

__all__ = ["Answers", "Outcome", "acknowledge", "snooze", "wake"]

log = logging.getLogger("watchdog")

VALUE_LIMIT = 2000
WHY_LIMIT = 500
TODAY: Final = "today"


class Answers(Protocol):
    """Does what viewers ask for. Each returns a sentence about what happened, for people, and raises `StoreError`."""

    def acknowledge(self, incident_id: str, by: str) -> str:
        """Somebody looks after the incident. Raises LookupError if there is no such incident."""

    def snooze(self, operation: str, length: Literal["hour", "today"], by: str) -> str:
        """Nothing is told of the operation for an hour, or until the day is over."""

    def snooze_for(self, operation: str, seconds: float, by: str, why: str) -> str:
        """The same for so many seconds. Raises ValueError where that is too long."""

    def wake(self, operation: str) -> str:
        """End a snooze. Raises LookupError when there is none."""


@dataclass(frozen=True)
class Outcome:
    """What came of a post. done: whether anything was; status: HTTP's."""

    said: str
    done: bool = True
    status: int = 200


def acknowledge(answers: Answers, form: Mapping[str, str], by: str) -> Outcome:
    """Acknowledge the incident that the form names."""
    return _tried("acknowledge", by, lambda: answers.acknowledge(_value(form, "incident"), by))


def snooze(answers: Answers, form: Mapping[str, str], length: str, by: str) -> Outcome:
    """Snooze the operation that the form names; length: `today`, or a length such as 4h."""
    operation, why = _value(form, "operation"), one_line(form.get("why", ""))[:WHY_LIMIT]
    if length == TODAY:
        return _tried("snooze", by, lambda: answers.snooze(operation, TODAY, by))
    return _tried("snooze", by, lambda: answers.snooze_for(operation, seconds_of(length), by, why))


def wake(answers: Answers, form: Mapping[str, str], by: str) -> Outcome:
    """End the snooze that the form names."""
    return _tried("wake", by, lambda: answers.wake(_value(form, "operation")))


def _value(form: Mapping[str, str], name: str) -> str:
    return form.get(name, "")[:VALUE_LIMIT]


def _tried(what: str, by: str, do: Callable[[], str]) -> Outcome:
    try:
        said = do()
    except LookupError as error:
        return Outcome(f"Nothing was done: {error.args[0] if error.args else 'it is not there any more'}", False, 404)
    except ValueError as error:
        return Outcome(f"Nothing was done: {error}", False, 400)
    except StoreError as error:
        log.error("page: %s by %s is not done: %s", what, by, error)
        return Outcome(f"Nothing was done: {error}", False, 503)
    log.info("page: %s: %s: %s", by, what, said)
    return Outcome(said)
