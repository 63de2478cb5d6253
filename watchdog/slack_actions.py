"""`POST /slack/actions`: clicks on a notice's buttons, checked, carried out, and answered within Slack's three seconds.

What takes longer goes on in the background, and is told to the clicker when it is done. On Cloud Run that needs CPU
beyond the answer; without it the rest is done at the next request.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final, Literal, Protocol

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from .ports import DeliveryError, StoreError
from .slack_click import Click, ClickError, read_click
from .slack_signature import WINDOW, SignatureError, check_signature
from .wording import one_line

__all__ = ["BODY_LIMIT", "Answers", "slack_actions"]

log = logging.getLogger("watchdog")

# A click brings the message that it was made on, of some 13,000 letters of blocks at most.
BODY_LIMIT = 1_000_000
# Slack shows a warning sign after 3 s; the rest is for the way.
ANSWER_WITHIN = 2.0
WORKERS = 4
MOST_REMEMBERED = 10_000


class Answers(Protocol):
    """What clicks do. Each returns a sentence about what happened, for people, and raises `StoreError`.

    by: who, as in "ada (Slack U123)".
    """

    def acknowledge(self, incident_id: str, by: str) -> str:
        """Somebody looks after the incident. Raises LookupError if there is no such incident."""

    def snooze(self, operation: str, length: Literal["hour", "today"], by: str) -> str:
        """Nothing is told of the operation for an hour, or until the day is over."""


def slack_actions(
    answers: Answers, signing_secret: str, tell: Callable[[str, str], None], clock: Callable[[], float]
) -> Blueprint:
    """The part of the app that hears clicks.

    tell: sends a text to a response_url, or raises `DeliveryError`. clock: seconds since the epoch.
    """
    part = Blueprint("slack", __name__)
    heard = _Replays()
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="hangwatch click")

    @part.post("/slack/actions")
    def actions() -> Response:
        try:
            click = _checked(signing_secret, heard, clock())
        except SignatureError as error:
            log.warning("slack: a request to /slack/actions is refused: %s", error)
            return Response("not signed by Slack\n", 401, mimetype="text/plain")
        except ClickError as error:
            log.warning("slack: a signed request to /slack/actions can't be read: %s", error)
            return Response("not a click\n", 400, mimetype="text/plain")
        if _known(click):
            wait([pool.submit(_carry_out, answers, click, tell)], timeout=ANSWER_WITHIN)
        return Response("", 200)

    return part


def _checked(secret: str, heard: _Replays, now: float) -> Click:
    request.max_content_length = BODY_LIMIT
    signature = request.headers.get("X-Slack-Signature", "")
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        log.warning("slack: a request to /slack/actions is refused: more than %d bytes", BODY_LIMIT)
        raise
    check_signature(secret, request.headers.get("X-Slack-Request-Timestamp", ""), signature, body, now)
    if not heard.first_time(signature, now):
        raise SignatureError("expected a new request, got one that came before")
    return read_click(body)


class _Replays:
    """Signatures of requests that were taken: none is taken twice by this process while its time is within bounds.

    Another process may take it: both things that a click does are done once more by doing nothing, or by a snooze
    that is longer by no more than those bounds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, float] = {}

    def first_time(self, signature: str, now: float) -> bool:
        """Whether it was not taken before; from now on it was."""
        with self._lock:
            self._forget(now)
            if signature in self._heard:
                return False
            self._heard[signature] = now
            return True

    def _forget(self, now: float) -> None:
        # Slack's clock may be ahead by the window, and the request is then valid for twice as long.
        while self._heard and now - next(iter(self._heard.values())) > 2 * WINDOW:
            del self._heard[next(iter(self._heard))]
        if len(self._heard) >= MOST_REMEMBERED:
            del self._heard[next(iter(self._heard))]


LENGTHS: Final[Mapping[str, Literal["hour", "today"]]] = {"snooze_hour": "hour", "snooze_today": "today"}


def _known(click: Click) -> bool:
    if click.action == "acknowledge" or click.action in LENGTHS:
        return True
    log.warning("slack: %s clicked what is no button of ours (%s)", click.by, one_line(click.action) or "no name")
    return False


def _carry_out(answers: Answers, click: Click, tell: Callable[[str, str], None]) -> None:
    said = _done(answers, click)
    log.info("slack: %s clicked %s: %s", click.by, click.action, said)
    try:
        tell(click.response_url, said)
    except DeliveryError as error:
        log.warning("slack: %s can't be told what came of %s: %s", click.by, click.action, error)
    except Exception as error:  # noqa: BLE001  in the background nobody else would hear of it
        log.error("slack: answering a click failed with %s; this is a defect", type(error).__name__)


def _done(answers: Answers, click: Click) -> str:
    try:
        if click.action in LENGTHS:
            return answers.snooze(click.value, LENGTHS[click.action], click.by)
        return answers.acknowledge(click.value, click.by)
    except LookupError as error:
        return f"Nothing was done: {error.args[0] if error.args else 'it is not there any more'}"
    except StoreError as error:
        log.error("slack: %s by %s is not done: %s", click.action, click.by, error)
        return f"Nothing was done: {error}"
    except Exception as error:  # noqa: BLE001  whoever clicked must hear that it did not help
        log.error("slack: %s failed with %s; this is a defect", click.action, type(error).__name__)
        return "It is not known whether it was done: the watchdog has a defect, see its log"
