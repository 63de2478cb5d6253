"""Slack by incoming webhook: one address, one channel, no way to edit or thread what was sent.

The address is a secret. requests puts it into the text of its errors, so none of those is passed on.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import requests

from ..message import Message
from ..ports import DeliveryError, Receipt
from .slack_blocks import payload, plain_payload
from .slack_http import Answer, ask

__all__ = ["SlackWebhook"]

LONGEST_SEND = 20.0
FIRST_PAUSE = 1.0

REMEDIES = {
    "invalid_token": "the webhook's address is wrong; make a new one and set HANGWATCH_SLACK_WEBHOOK_URL",
    "no_service": "the webhook was removed; make a new one and set HANGWATCH_SLACK_WEBHOOK_URL",
    "no_service_id": "the webhook's address is wrong; set HANGWATCH_SLACK_WEBHOOK_URL anew",
    "no_active_hooks": "the webhook is switched off; make a new one and set HANGWATCH_SLACK_WEBHOOK_URL",
    "no_team": "the workspace is gone; make a webhook in another and set HANGWATCH_SLACK_WEBHOOK_URL",
    "team_disabled": "the workspace is disabled; ask its owner",
    "channel_not_found": "the webhook's channel is gone; make a webhook for another channel",
    "channel_is_archived": "the webhook's channel is archived; unarchive it or make a webhook for another channel",
    "action_prohibited": "an administrator forbids posting; ask them to allow this webhook",
    "posting_to_general_channel_denied": "posting to #general is restricted; make a webhook for another channel",
}


class SlackWebhook:
    """A `Channel`. address: the webhook's, a secret. pause and clock: for waiting between tries, in seconds."""

    name = "slack"

    def __init__(
        self,
        address: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._pause = pause
        self._clock = clock
        self._session = requests.Session()
        # urllib3 logs the path of each request at DEBUG, and here the path is the secret.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Deliver one message, spending at most `seconds` (and never more than 20). Raises `DeliveryError`.

        Only 429 and 5xx are tried again at once. A message whose blocks are refused goes out as plain text.
        """
        ends = self._clock() + min(seconds, LONGEST_SEND)
        answer = self._post(payload(message), ends)
        if answer.status == HTTPStatus.BAD_REQUEST:
            answer = self._post(plain_payload(message), ends)
        if not answer.delivered:
            raise DeliveryError(self._why(answer), permanent=True)
        return Receipt()

    def _post(self, body: dict[str, Any], ends: float) -> Answer:
        pause = FIRST_PAUSE
        while True:
            answer = ask(self._session, self._address, body, ends, self._clock)
            if not answer.worth_another_try:
                return answer
            wait = pause if answer.retry_after is None else answer.retry_after
            if self._clock() + wait + 1 > ends:
                raise DeliveryError(self._why(answer), permanent=False, retry_after=answer.retry_after)
            self._pause(wait)
            pause *= 2

    def _why(self, answer: Answer) -> str:
        # Only words like Slack's own are quoted: another server may answer with what it was asked, the secret address.
        word = answer.body if re.fullmatch("[a-z_]{2,60}", answer.body) and answer.body not in self._address else ""
        said = f"slack: answered {answer.status} {word}".rstrip()
        remedy = REMEDIES.get(word) or _remedy(answer.status)
        return f"{said}; {remedy}" if remedy else said


def _remedy(status: int) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "see Slack's status page"
    if status < HTTPStatus.BAD_REQUEST:
        return "that is not Slack; check HANGWATCH_SLACK_WEBHOOK_URL"
    return ""
