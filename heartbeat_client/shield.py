"""The wall between Hangwatch and the operation: what goes wrong on our side is said once, and stays on our side."""

from __future__ import annotations

import logging
from contextlib import suppress
from types import TracebackType
from typing import Final

from .logline import report
from .place import innermost, type_name

__all__ = ["SHIELD", "Shield"]

_SEEN_LIMIT = 100


class Shield:
    """`with SHIELD:` swallows any `Exception` of the block and logs its type and place, each once in a process."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str, int]] = set()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if kind is None or not issubclass(kind, Exception):
            return False
        with suppress(Exception):  # there is nobody left to tell
            self._report(kind, traceback)
        return True

    def _report(self, kind: type[BaseException], traceback: TracebackType | None) -> None:
        place = innermost(traceback)
        where = (type_name(kind), place.file if place else "?", place.line if place else 0)
        if where in self._seen or len(self._seen) >= _SEEN_LIMIT:
            return
        self._seen.add(where)
        report(
            logging.ERROR,
            f"heartbeat_client: an error of its own, {where[0]} at {where[1]}:{where[2]}; the operation is not "
            "touched, its heartbeat may be incomplete; please report it",
        )


SHIELD: Final = Shield()
