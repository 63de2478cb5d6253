"""Hangwatch on the zoo, by the zoo's own means: the notice at a Slack, and the line that the notice names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tests.zoo.expectations import HANGS
from tests.zoo.records import Outcome, play_together, wrong

from .findings import Finding, Said, found

__all__ = ["HANGWATCH", "Record", "of_hangwatch"]

HANGWATCH = "Hangwatch"


class Record(NamedTuple):
    """Of a hang. seconds: until it was right, None if it never was. wrong: what in it is not, as the zoo judges."""

    seconds: float | None
    wrong: list[str]


def of_hangwatch(scenarios: Sequence[str]) -> tuple[list[Finding], dict[str, Record]]:
    """Play some scenarios at once, as `make zoo` does; either only hangs or only healthy ones.

    Returns what was told of each, and the record of each hang.
    """
    outcomes = play_together(scenarios)
    hangs = [outcome for outcome in outcomes if outcome.name in HANGS]
    records = {outcome.name: Record(outcome.seconds, wrong(outcome)) for outcome in hangs}
    return [found(outcome.name, HANGWATCH, _said(outcome)) for outcome in outcomes], records


def _said(outcome: Outcome) -> Said | None:
    """The newest notice; the first line of the scenario that it names is the one it blames."""
    if not outcome.notices:
        return None
    text = outcome.notices[-1]
    named = re.search(rf"\b{re.escape(outcome.name)}\.py:(\d+)", text)
    lines = (int(named[1]),) if named else ()
    return Said(text.partition("\n*")[0].replace("\n", ": "), None, lines, len(lines))
