"""`status --watch`: one reader that looks at the store again and again, whatever becomes of the store meanwhile."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .ledger import Ledger
from .page.metered import MeteredStore
from .policy_text.source import PolicySource
from .survey import survey
from .terminal.leaving import ended_well
from .terminal.live import Board, Reading, drawn, watch
from .wiring import Settings, open_store, read_policy

__all__ = ["watch_status"]

DONE = 0


def watch_status(known: Settings, every: float, *, ended: bool, as_json: bool) -> int:
    """Show what runs each `every` seconds until Ctrl-C; 0 then. ended: ended runs too. as_json: a line of it a look.

    SIGTERM and SIGHUP end the process once the terminal is as it was. Raises `PolicyError` where the policy has
    mistakes from the beginning.
    """
    read_policy(known.policy)
    eye = _Eye(known, ended)
    with ended_well():
        try:
            watch(eye.look, every, _lines if as_json else drawn)
        finally:
            eye.close()
    return DONE


class _Eye:
    """Looks at the store, which is opened at the first look that can."""

    def __init__(self, known: Settings, ended: bool) -> None:
        self._known = known
        self._ended = ended
        self._policy = PolicySource(known.policy)
        self._store: MeteredStore | None = None

    def look(self) -> Reading:
        """What is there now. Raises `StoreError`."""
        if self._store is None:
            self._store = MeteredStore(open_store(self._known.store))
        before = self._store.reads
        seen = survey(Ledger(self._store), self._policy.current(), ended=self._ended)
        return Reading(seen, self._store.reads - before)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()


@contextmanager
def _lines(board: Board) -> Iterator[Callable[[], None]]:
    """A line of JSON for each look; one that failed is a line on standard error."""

    def show() -> None:
        if board.healthy and board.survey is not None:
            print(json.dumps(board.survey.as_json()), flush=True)
        else:
            print(f"watchdog: {board.said}", file=sys.stderr, flush=True)

    yield show
