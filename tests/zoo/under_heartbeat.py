"""Runs one scenario under a real `Heartbeat`, which writes to the store of the environment: `… NAME`."""

from __future__ import annotations

import asyncio
import inspect
import os
import runpy
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))

from heartbeat_client import Heartbeat, configure  # noqa: E402  it is run as a script

SETTINGS = {
    "beat_every": 0.5,
    "silent_after": 8,
    "stalled_after": 4,
    "opaque_after": 8,
    "deadline": 600,
    "interval": 600,
}


def main(name: str) -> None:
    """Play it, with progress declared that never comes unless ZOO_OPAQUE is set."""
    if name == "thread_ended":
        _abandoned(name)
    # A service each: what goes wrong together in one service is told as one.
    configure(**SETTINGS, service=f"zoo-{name}", sidecar="ZOO_SIDECAR" in os.environ)  # type: ignore[arg-type]  # by name
    operation = runpy.run_path(str(Path(__file__).parent / "scenarios" / f"{name}.py"), run_name="zoo")["operation"]
    total = None if "ZOO_OPAQUE" in os.environ else 1
    if inspect.iscoroutinefunction(operation):
        asyncio.run(_async(name, operation, total))
    else:
        with Heartbeat(name, run_id=name, total=total):
            operation()


def _abandoned(name: str) -> None:
    """A heartbeat whose thread ends without leaving it."""
    configure(**SETTINGS, service=f"zoo-{name}")  # type: ignore[arg-type]  # by name
    thread = threading.Thread(target=Heartbeat(name, run_id=name, total=1).__enter__)
    thread.start()
    thread.join()
    time.sleep(1000)


async def _async(name: str, operation: object, total: int | None) -> None:
    async with Heartbeat(name, run_id=name, total=total):
        await operation()  # type: ignore[operator]  # a coroutine function, as asked above


if __name__ == "__main__":
    main(sys.argv[1])
