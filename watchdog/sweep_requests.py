"""`POST /sweep`: a sweep when Cloud Scheduler asks for one, and only then.

Scheduler may ask twice for one minute, and for the next while one is under way. Both are harmless, and cost nothing
here: one sweep at a time, and none twice for one slot of the schedule.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from .ports import StoreError
from .report import SweepReport

__all__ = ["sweep_requests"]

log = logging.getLogger("watchdog")

# Same for all tries of one slot. Source: "Deduplicate job requests" of Cloud Scheduler.
SLOT = "X-CloudScheduler-ScheduleTime"
SLOT_LIMIT = 100


def sweep_requests(sweep: Callable[[], SweepReport], check: Callable[[str], str]) -> Blueprint:
    """The part of the app that sweeps.

    sweep: does one; raises `StoreError`. check: takes the Authorization header, returns who asks, raises ValueError.
    """
    part = Blueprint("sweep", __name__)
    turn = _Turn()

    @part.post("/sweep")
    def asked() -> tuple[Response, int]:
        try:
            check(request.headers.get("Authorization", ""))
        except ValueError as error:
            log.warning("a request to /sweep is refused: %s", error)
            return _said("refused", str(error)), 403
        return turn.take(request.headers.get(SLOT, "")[:SLOT_LIMIT], sweep)

    return part


class _Turn:
    """One sweep at a time, and one for each slot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = ""

    def take(self, slot: str, sweep: Callable[[], SweepReport]) -> tuple[Response, int]:
        if not self._lock.acquire(blocking=False):
            return _said("skipped", "another sweep is under way"), 200
        try:
            if slot and slot == self._done:
                return _said("skipped", f"the sweep of {slot} is done already"), 200
            answer = _swept(sweep)
            self._done = slot if answer[1] == 200 else self._done
            return answer
        finally:
            self._lock.release()


def _swept(sweep: Callable[[], SweepReport]) -> tuple[Response, int]:
    try:
        report = sweep()
    except StoreError as error:
        log.error("no sweep this time: %s", error)
        return _said("failed", str(error)), 503
    except Exception as error:  # the scheduler asks again in a minute, and the log says what is wrong
        log.exception("no sweep this time; this is a defect of the watchdog")
        return _said("failed", f"{type(error).__name__}; this is a defect of the watchdog"), 500
    # What could not be delivered is tried again by the next sweep; another try of this slot would not help.
    return jsonify({"outcome": "swept", **report.as_json()}), 200


def _said(outcome: str, why: str) -> Response:
    said: dict[str, Any] = {"outcome": outcome, "why": why}
    return jsonify(said)
