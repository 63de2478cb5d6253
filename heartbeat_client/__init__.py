"""Heartbeats for long operations: tells when one is stuck, where, and why.

>>> from heartbeat_client import Heartbeat
>>> with Heartbeat("load-historical-games", detail="450 players") as hb:
...     hb.note("the last 90 days")
HEARTBEAT START: load-historical-games (450 players)
HEARTBEAT END: load-historical-games (450 players) completed in 0.0 min
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .first_use import load_at_first_use

if TYPE_CHECKING:
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

load_at_first_use(__name__)
