"""What the sender knows of a run's record: what is written of it, and when it is to be written next."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Outgoing"]


@dataclass
class Outgoing:
    """The state of one run's record at the store. The sender alone changes it; waiters look at `settled`.

    version: of the last write that holds, None before it. confirmed: whether the store ever confirmed a write.
    said, refused: the run's edition that the store has, and that it refused to take; None before.
    closed: never to be written again. tried: monotonic time of the last attempt that was answered. not_before: of the
    next, after a conflict. learned: whether it was asked what is in force for the operation.
    claims: every start that was sent and not yet confirmed, to recognize a write whose answer was lost.
    """

    version: Any = None
    confirmed: bool = False
    said: int | None = None
    closed: bool = False
    refused: int | None = None
    seq: int = 0
    failed_writes: int = 0
    tried: float | None = None
    not_before: float = 0.0
    learned: bool = False
    revived_at: datetime | None = None
    claims: set[datetime] = field(default_factory=set)
    settled: threading.Event = field(default_factory=threading.Event)

    def begin_again(self) -> None:
        """Forget what a store knew: the records go to another one."""
        self.version, self.confirmed, self.said, self.refused, self.tried = None, False, None, None, None
        self.learned = False
        self.revived_at = None
