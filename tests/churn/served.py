"""A WSGI application for gunicorn whose requests churn: each passes through one of the storms."""

from __future__ import annotations

import faulthandler
import json
import random
import sys
from collections.abc import Callable, Iterable
from typing import Any

from heartbeat_client import Heartbeat, configure, watch_requests
from heartbeat_client.lifecycle import works

from .forking import UNEXPECTED
from .storms import BEAT_EVERY, NOT_UNDER_GEVENT, STORMS

faulthandler.enable()
configure(service="churn", evidence="full", beat_every=BEAT_EVERY)
with Heartbeat("import"):  # under --preload the master has a heartbeat's threads, and forks
    pass


# In a worker of gunicorn's, gevent may miss for ever that a child ended, with and without a heartbeat (1 of 50
# plays without one, the machine overrun); who waits for it by `subprocess` hangs.
_NOT_HERE = NOT_UNDER_GEVENT | {"programs"}


def answer(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Pass through a storm, and tell what went wrong in this worker so far."""
    storms = [one for one in STORMS if "gevent" not in sys.modules or one.__name__ not in _NOT_HERE]
    storm = random.choice(storms)
    with Heartbeat("storm", detail=storm.__name__):
        storm()
    sampler = works().sampler
    told = {"looked": sampler._turn, "trouble": sampler.trouble, "unexpected": UNEXPECTED}
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Length", str(len(body))), ("Content-Type", "application/json")])
    return [body]


app = watch_requests(answer, deadline="30m")
