"""Slack by incoming webhook: one address, one channel, no way to edit or thread what was sent.

The address is a secret. requests puts it into the text of its errors, so none of those is passed on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from ..message import Message
from ..ports import DeliveryError, Receipt
from .slack_blocks import payload, plain_payload
from .slack_http import Answer, SlackHttp, quotable, status_remedy

__all__ = ["SlackWebhook"]

LONGEST_SEND = 20.0
SETTING = "HANGWATCH_SLACK_WEBHOOK_URL"

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
        self._http = SlackHttp(SETTING, pause=pause, clock=clock)

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Deliver one message, spending at most `seconds` (and never more than 20). Raises `DeliveryError`.

        Only 429 and 5xx are tried again at once. A message whose blocks are refused goes out as plain text.
        """
        ends = self._http.ends(min(seconds, LONGEST_SEND))
        answer = self._http.post(self._address, payload(message), ends, self._why)
        if answer.status == HTTPStatus.BAD_REQUEST:
            answer = self._http.post(self._address, plain_payload(message), ends, self._why)
        if not answer.delivered:
            raise DeliveryError(self._why(answer), permanent=True)
        return Receipt()

    def _why(self, answer: Answer) -> str:
        word = quotable(answer.body, self._address)
        said = f"slack: answered {answer.status} {word}".rstrip()
        remedy = REMEDIES.get(word) or status_remedy(answer.status, SETTING)
        return f"{said}; {remedy}" if remedy else said
