"""Slack by incoming webhook: one address, one channel, no way to edit or thread what was sent.

The address is a secret. requests puts it into the text of its errors, so none of those is passed on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from ..message import Message
from ..ports import DeliveryError, Receipt
from .slack_blocks import payload, plain_payload

__all__ = ["SlackWebhook"]

CONNECT_SECONDS = 5.0
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

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Deliver one message, spending at most `seconds` (and never more than 20). Raises `DeliveryError`.

        Only 429 and 5xx are tried again at once. A message whose blocks are refused goes out as plain text.
        """
        ends = self._clock() + min(seconds, LONGEST_SEND)
        answer = self._post(payload(message), ends)
        if answer.status_code == requests.codes.bad_request:
            answer = self._post(plain_payload(message), ends)
        if not answer.ok:
            raise DeliveryError(_why(answer), permanent=True)
        return Receipt()

    def _post(self, body: dict[str, Any], ends: float) -> requests.Response:
        pause = FIRST_PAUSE
        while True:
            answer = self._ask(body, ends)
            if answer.status_code != requests.codes.too_many_requests and answer.status_code < 500:
                return answer
            asked = _retry_after(answer)
            wait = pause if asked is None else asked
            if self._clock() + wait + 1 > ends:
                raise DeliveryError(_why(answer), permanent=False, retry_after=asked)
            self._pause(wait)
            pause *= 2

    def _ask(self, body: dict[str, Any], ends: float) -> requests.Response:
        left = max(ends - self._clock(), 0.5)
        try:
            return self._session.post(
                self._address, json=body, timeout=(min(CONNECT_SECONDS, left), left), allow_redirects=False
            )
        except requests.ConnectTimeout:
            raise DeliveryError("slack: no connection in time; is the network open?", permanent=False) from None
        except requests.ReadTimeout:
            text = f"slack: no answer within {left:.0f} s, so the message may be there"
            raise DeliveryError(text, permanent=False, maybe_delivered=True) from None
        except requests.ConnectionError as error:
            raise _broken(error) from None
        except requests.RequestException as error:
            text = f"slack: {type(error).__name__}; check HANGWATCH_SLACK_WEBHOOK_URL"
            raise DeliveryError(text, permanent=isinstance(error, ValueError)) from None


def _broken(error: requests.ConnectionError) -> DeliveryError:
    # urllib3 says "Connection aborted" when the peer went away after the request was written: it may have been read.
    cut_off = "aborted" in str(error) or "reset" in str(error)
    text = (
        "slack: the connection broke before the answer" if cut_off else "slack: can't be reached; is the network open?"
    )
    return DeliveryError(text, permanent=False, maybe_delivered=cut_off)


def _retry_after(answer: requests.Response) -> float | None:
    try:
        return max(0.0, float(answer.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None


def _why(answer: requests.Response) -> str:
    word = answer.text.strip()[:60] if answer.text.strip().replace("_", "").isalnum() else ""
    remedy = REMEDIES.get(word, "see Slack's status page" if answer.status_code >= 500 else "")
    said = f"slack: answered {answer.status_code} {word}".rstrip()
    return f"{said}; {remedy}" if remedy else said
