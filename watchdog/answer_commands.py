"""The commands by which people answer a notice: `ack`, `snooze` and `wake`."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from contextlib import closing

from .answers import Answers
from .audience import Audience
from .ledger import Ledger
from .survey import find_run
from .wiring import channels, open_store, read_policy, settings

__all__ = ["ack", "snooze", "wake"]

DONE, TROUBLE = 0, 1


def ack(given: argparse.Namespace) -> int:
    """`ack RUN`: somebody looks after the open incident of a run."""

    def answer(answers: Answers, ledger: Ledger) -> str:
        record = find_run(ledger, given.run)
        return answers.acknowledge_run(record.id if record else given.run, _by(given))

    return _answered(given, answer)


def snooze(given: argparse.Namespace) -> int:
    """`snooze OPERATION --for LENGTH`: quiet about an operation, or a pattern of them."""
    return _answered(
        given, lambda answers, _: answers.snooze_for(given.operation, given.length, _by(given), given.why or "")
    )


def wake(given: argparse.Namespace) -> int:
    """`wake OPERATION`: the end of that quiet."""
    return _answered(given, lambda answers, _: answers.wake(given.operation, _by(given)))


def _by(given: argparse.Namespace) -> str:
    if given.by:
        return str(given.by)
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "somebody"


def _answered(given: argparse.Namespace, answer: Callable[[Answers, Ledger], str]) -> int:
    known = settings(store=given.store)
    policy = read_policy(known.policy)
    with closing(open_store(known.store)) as store:
        ledger = Ledger(store)
        answers = Answers(ledger, Audience(tuple(channels(known)), policy, known.link_base))
        try:
            print(answer(answers, ledger))
        except (LookupError, ValueError) as error:
            print(f"watchdog: {error.args[0]}", file=sys.stderr)
            return TROUBLE
    return DONE
