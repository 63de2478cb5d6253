"""`HeartbeatLogger`: the class of the first user's coordinator, with the same call and the same lines."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from .checks import Length
from .heartbeat import Heartbeat
from .plan import Plan

__all__ = ["HeartbeatLogger"]

_NUMBER = re.compile(r"\d+")

Self = TypeVar("Self", bound="HeartbeatLogger")


class HeartbeatLogger(Heartbeat):
    """A heartbeat by the name that the log shows: `HeartbeatLogger("Loading games for 450 players", interval=300)`.

    Both keywords are there for ever. The run's operation is the name with each number replaced by `#`, so that runs of
    different sizes share it, and the numbers are its detail. It may be entered again, and is then a new run.

    operation_name: how log lines call it, untouched. interval_seconds, interval: between the "still running" lines of
    the log, 300 s; `interval` wins.

    >>> with HeartbeatLogger("Loading historical games for 450 players", interval=300):
    ...     pass
    HEARTBEAT START: Loading historical games for 450 players
    HEARTBEAT END: Loading historical games for 450 players completed in 0.0 min
    """

    def __init__(
        self,
        operation_name: str = "",
        interval_seconds: Length | None = None,
        *extra: NoReturn,
        interval: Length | None = None,
        **unknown: NoReturn,
    ) -> None:
        self.operation_name = operation_name
        self.start_time: float | None = None
        name: Any = operation_name
        text = name if isinstance(name, str) else ""
        numbers = ", ".join(_NUMBER.findall(text))
        given = {"interval": interval_seconds if interval is None else interval, "detail": numbers}
        self._set_up("HeartbeatLogger", _NUMBER.sub("#", text) if text else name, {**given, **unknown}, extra)

    @property
    def interval(self) -> float:
        """Seconds between two "still running" lines."""
        return self._plan.interval

    def _planned(self, plan: Plan) -> Plan:
        return replace(plan, name=str(self.operation_name))

    def _enter(self) -> None:
        self.start_time = time.time()  # noqa: TID251 (the attribute of the first user's class holds just this)
        super()._enter()
