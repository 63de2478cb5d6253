"""Plays one scenario under watch and prints what is concluded about it, a JSON line every half a second."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))

from heartbeat_client.sampler import Sampler
from heartbeat_client.subject import Subject

EVERY = float(os.environ.get("ZOO_EVERY", "0.5"))


def play(operation: Callable[..., Any]) -> None:
    """Run an operation, or a coroutine function in a loop, as its heartbeat would see it."""
    sampler = Sampler()
    if inspect.iscoroutinefunction(operation):
        asyncio.run(_played_async(sampler, operation))
    else:
        subject = Subject.here()
        _watch(sampler, subject)
        operation()
        sampler.unwatch(subject)


async def _played_async(sampler: Sampler, operation: Callable[..., Any]) -> None:
    subject = Subject.here()
    _watch(sampler, subject)
    await operation()
    sampler.unwatch(subject)


def _watch(sampler: Sampler, subject: Subject) -> None:
    sampler.watch(subject, EVERY)
    threading.Thread(target=_report, args=(sampler, subject), name="zoo-report", daemon=True).start()


def _report(sampler: Sampler, subject: Subject) -> None:
    while True:
        time.sleep(EVERY)
        found = sampler.evidence(subject)
        if found is not None:
            now = datetime.now(timezone.utc)
            print(
                json.dumps(found.to_document(now) | {"beat": now, "trouble": sampler.trouble}, default=str), flush=True
            )
