"""Slack with a bot's token: threads, edits of what was said, a channel for each operation, buttons.

Slack answers 200 to nearly everything; what it made of a request stands in `ok` and `error`. Sources: the errors of
chat.postMessage and chat.update in Slack's reference.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.auth import AuthBase

from ..message import Message
from ..ports import DeliveryError, Receipt
from .slack_blocks import payload, plain_payload
from .slack_bot_errors import ELSEWHERE, UNDRAWABLE, refusal, remedy
from .slack_http import Answer, SlackHttp

__all__ = ["SLACK_API", "SlackBot"]

SLACK_API = "https://slack.com/api"
LONGEST_SEND = 20.0
SETTING = "HANGWATCH_SLACK_API_URL"

# Neither does Slack look into links of ours, nor does it take `@here` in a name for a call.
POSTED = {"unfurl_links": False, "unfurl_media": False, "parse": "none"}
# chat.update takes `client` where nothing is said, and then looks for names.
UPDATED = {"parse": "none"}


class SlackBot:
    """A `ThreadedChannel`. token: the bot's, a secret. channel: an id, or a name such as `#alerts`.

    buttons: whether clicks have an address to go to. pause and clock: for waiting between tries, in seconds.
    A reference is `CHANNEL_ID:ts`, as Slack answers them.
    """

    name = "slack"

    def __init__(
        self,
        token: str,
        channel: str,
        *,
        api_url: str = SLACK_API,
        buttons: bool = False,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token = token
        self._channel = channel
        self._api_url = api_url.rstrip("/")
        self._buttons = buttons
        self._http = SlackHttp(f"{SETTING} and HANGWATCH_SLACK_TOKEN", pause=pause, clock=clock, auth=_Bearer(token))

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Deliver one message, spending at most `seconds` (and never more than 20). Raises `DeliveryError`.

        It goes to `message.to` where that is set. If Slack refuses that channel it goes to the usual one with a line
        that says so: told in the wrong place is better than not told.
        """
        return self._posted(message, {"channel": message.to.strip() or self._channel}, self._ends(seconds))

    def reply(self, thread: str, message: Message, *, seconds: float, aloud: bool) -> Receipt:
        """Say it in the thread of the message that `thread` refers to; aloud: in its channel as well.

        If that message was deleted Slack itself puts the reply into the channel. Limits and errors as for `send`.
        """
        channel, ts = _parts(thread)
        where = {"channel": channel, "thread_ts": ts, "reply_broadcast": aloud}
        return self._posted(message, where, self._ends(seconds))

    def edit(self, reference: str, message: Message, *, seconds: float) -> None:
        """Make the message that `reference` refers to say this now. Limits and errors as for `send`."""
        channel, ts = _parts(reference)
        where = {"channel": channel, "ts": ts, **UPDATED}
        self._taken("chat.update", self._drawn("chat.update", message, where, self._ends(seconds)))

    def _ends(self, seconds: float) -> float:
        return self._http.ends(min(seconds, LONGEST_SEND))

    def _posted(self, message: Message, where: Mapping[str, Any], ends: float) -> Receipt:
        answer = self._drawn("chat.postMessage", message, {**where, **POSTED}, ends)
        if answer.error in ELSEWHERE and where["channel"] != self._channel:
            meant = " ".join(str(where["channel"]).split())[:80]
            aside = f"meant for {meant}, which Slack refused ({answer.error}); {remedy(answer.error)}"
            answer = self._drawn("chat.postMessage", message, {"channel": self._channel, **POSTED}, ends, aside)
        return _receipt(self._taken("chat.postMessage", answer))

    def _drawn(self, method: str, message: Message, where: Mapping[str, Any], ends: float, aside: str = "") -> Answer:
        """Slack's answer to the message with blocks, or as plain text where it refuses those."""
        drawn = payload(message, buttons=self._buttons, aside=aside)
        answer = self._called(method, {**where, **drawn}, ends)
        if answer.error in UNDRAWABLE:
            # chat.update keeps the blocks that it is not told to take away.
            plain = plain_payload(message, aside=aside) | {"blocks": [], "attachments": []}
            answer = self._called(method, {**where, **plain}, ends)
        return answer

    def _called(self, method: str, body: Mapping[str, Any], ends: float) -> Answer:
        address = f"{self._api_url}/{method}"
        return self._http.post(address, body, ends, lambda answer: str(self._refused(method, answer)))

    def _taken(self, method: str, answer: Answer) -> Answer:
        if answer.delivered:
            return answer
        raise self._refused(method, answer)

    def _refused(self, method: str, answer: Answer) -> DeliveryError:
        return refusal(method, answer, self._token, SETTING)


class _Bearer(AuthBase):
    """The token as a header, where neither a repr nor an error of requests shows it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _receipt(answer: Answer) -> Receipt:
    channel, ts = answer.fields.get("channel"), answer.fields.get("ts")
    reference = f"{channel}:{ts}"
    return Receipt(reference if re.fullmatch(_REFERENCE, reference) else "")


_REFERENCE = r"([A-Z][A-Z0-9]{1,30}):(\d{1,20}\.\d{1,20})"


def _parts(reference: str) -> tuple[str, str]:
    found = re.fullmatch(_REFERENCE, reference)
    if found is None:
        text = f"slack: expected a reference such as C0123:1700000000.000100, got {reference!r:.60}; tell it anew"
        raise DeliveryError(text, permanent=True)
    return found[1], found[2]
