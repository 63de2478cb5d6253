"""All that the package offers, under one roof: `heartbeat_client` loads it when the first of it is asked for."""

from __future__ import annotations

from .decorator import heartbeat
from .heartbeat import Heartbeat
from .heartbeat_logger import HeartbeatLogger
from .lifecycle import flush
from .requests_watch import watch_requests
from .settings import configure
from .shared import SharedRun, attach, open_run
from .tracking import track

__all__ = [
    "Heartbeat",
    "HeartbeatLogger",
    "SharedRun",
    "attach",
    "configure",
    "flush",
    "heartbeat",
    "open_run",
    "track",
    "watch_requests",
]
