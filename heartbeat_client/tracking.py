"""`track()`: counts a loop on the heartbeat that it happens to be inside of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import TypeVar

from .logline import report
from .nesting import innermost_open
from .shield import SHIELD

__all__ = ["track"]

T = TypeVar("T")

_said: list[str] = []


def track(iterable: Iterable[T]) -> Iterator[T]:
    """The items of an iterable, counted on the innermost open heartbeat as by `Heartbeat.track`.

    Outside of any heartbeat the items come uncounted, and the log says so once in a process, as a warning.

    >>> for player in track(["first", "second"]):
    ...     pass
    """
    items = iter(iterable)  # what can't be iterated raises, as in the loop without us
    with SHIELD:
        live = innermost_open()
        if live is not None:
            return live.counter.track(items, iterable)
        _warn_once()
    return items


def _warn_once() -> None:
    if not _said:
        _said.append("said")
        report(
            logging.WARNING,
            "heartbeat_client: track(): expected to be inside of an open heartbeat, got none in this thread or task; "
            "the items are not counted; open a Heartbeat around the loop, or use its own track()",
        )
