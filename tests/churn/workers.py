"""Settings of gunicorn: each worker notes what it holds before its first request and after its last one.

It imports nothing of ours, for under gevent nothing of ours may be there before gevent has put its parts in place.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

from .figures import figures, open_links

max_requests = 40  # so many that a leak in each request stands out, so few that workers come and go
max_requests_jitter = 10
timeout = 60
graceful_timeout = 40

_first: dict[str, Any] = {}


def post_worker_init(worker: Any) -> None:
    """gunicorn calls it in a worker that is about to serve."""
    _first.update(figures(), links=open_links())


def worker_exit(server: Any, worker: Any) -> None:
    """gunicorn calls it in a worker that has served all that it was given."""
    if not _first:
        return
    storms = sys.modules.get("tests.churn.storms")
    gc.collect()
    links = _first.pop("links")
    told = {
        "pid": os.getpid(),
        "requests": worker.nr,
        "before": _first,
        "after": {**figures(), "held": len(storms.HELD) if storms is not None else 0},
        "left open": dict(open_links() - links),
    }
    with open(os.environ["CHURN_WORKERS"], "a", encoding="utf-8") as file:
        file.write(json.dumps(told) + "\n")
