"""POSTs to Slack, each bounded as a whole, and what came back. Addresses and tokens stay out of every text."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import requests
from requests.auth import AuthBase

from ..ports import DeliveryError
from ..within import TimeUp, within

__all__ = ["Answer", "SlackHttp", "quotable", "status_remedy"]

CONNECT_SECONDS = 5.0
FIRST_PAUSE = 1.0
SHORTEST_TRY = 0.5
# The Web API answers with the whole message, which it takes up to some 13,000 letters of blocks.
BODY_LIMIT = 1_000_000

# Errors of the Web API after which nothing was done, and the same request may go through.
AGAIN = {"ratelimited", "rate_limited", "service_unavailable", "request_timeout"}
HEADERS = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True)
class Answer:
    """Slack's answer: status, body, and the seconds it asks us to wait, None when it does not.

    fields: the body where it is a JSON object, as the Web API's is; empty for a webhook's plain words.
    """

    status: int
    body: str
    retry_after: float | None
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def delivered(self) -> bool:
        """Whether Slack took the message. A page that only says 200, such as a login's, is not Slack."""
        return self.status == HTTPStatus.OK and (self.body == "ok" or self.fields.get("ok") is True)

    @property
    def error(self) -> str:
        """The Web API's word for what is wrong; empty where there is none."""
        word = self.fields.get("error")
        return word if isinstance(word, str) and not self.delivered else ""

    @property
    def worth_another_try(self) -> bool:
        """Whether the same request may go through later."""
        limited = self.status == HTTPStatus.TOO_MANY_REQUESTS
        return limited or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.error in AGAIN


class SlackHttp:
    """One way to Slack. setting: the name of the one that holds its address, for errors. auth: who we are, a secret.

    pause and clock: for waiting between tries, in seconds.
    """

    def __init__(
        self,
        setting: str,
        *,
        pause: Callable[[float], None],
        clock: Callable[[], float],
        auth: AuthBase | None = None,
    ) -> None:
        self._setting = setting
        self._pause = pause
        self._clock = clock
        self._session = requests.Session()
        # Given here, a .netrc of the machine can't put another in its place.
        self._session.auth = auth
        # urllib3 logs the path of each request at DEBUG, and the whole address when an answer's headers are no headers
        # at WARNING: a webhook's is the secret.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

    def ends(self, seconds: float) -> float:
        """The clock's reading in so many seconds."""
        return self._clock() + seconds

    def post(self, address: str, body: Mapping[str, Any], ends: float, why: Callable[[Answer], str]) -> Answer:
        """POST a body, again after 429 and 5xx, until the clock says `ends` at the latest. Raises `DeliveryError`.

        why: makes the error's text of an answer after which there is no time for another try.
        """
        pause = FIRST_PAUSE
        while True:
            answer = self.ask(address, body, ends)
            if not answer.worth_another_try:
                return answer
            wait = pause if answer.retry_after is None else answer.retry_after
            if self._clock() + wait + 1 > ends:
                raise DeliveryError(why(answer), permanent=False, retry_after=answer.retry_after)
            self._pause(wait)
            pause *= 2

    def ask(self, address: str, body: Mapping[str, Any], ends: float) -> Answer:
        """POST a body once and read the answer, until the clock says `ends` at the latest. Raises `DeliveryError`."""
        left = max(ends - self._clock(), SHORTEST_TRY)
        began: list[requests.Response] = []
        try:
            return within(left, lambda: self._asked(address, body, left, began))
        except TimeUp:
            if began and began[0].status_code != HTTPStatus.OK:  # a refusal that drips is still a refusal
                return _answer(began[0], "")
            raise _no_answer(left) from None
        except (requests.RequestException, ValueError) as error:
            raise _failure(error, left, self._setting) from None

    def _asked(self, address: str, body: Mapping[str, Any], left: float, began: list[requests.Response]) -> Answer:
        # Short of the whole, so that what never connected is known to be undelivered.
        limits = (min(CONNECT_SECONDS, 0.8 * left), left)
        with self._session.post(
            address, json=body, headers=HEADERS, timeout=limits, allow_redirects=False, stream=True
        ) as response:
            began.append(response)
            return _answer(response, _body(response))


def quotable(word: str, secret: str) -> str:
    """The word if it is like Slack's own, else nothing: another server may answer with what it was asked, a secret."""
    return word if re.fullmatch("[a-z_]{2,60}", word) and word not in secret else ""


def status_remedy(status: int, setting: str) -> str:
    """What to do about an answer that names no error of Slack's; `setting` holds the address that was asked."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "see Slack's status page"
    return f"that is not Slack; check {setting}" if status < HTTPStatus.BAD_REQUEST else ""


def _answer(response: requests.Response, body: str) -> Answer:
    return Answer(response.status_code, body, _retry_after(response), _fields(body))


def _body(response: requests.Response) -> str:
    """The body; of a refusal what there is of it. Raises `requests.ReadTimeout` where a 200 has no end."""
    read = b""
    try:
        for part in response.iter_content(8192):
            read += part
            if len(read) >= BODY_LIMIT:
                break
    except requests.RequestException:
        if response.status_code == HTTPStatus.OK:
            raise requests.ReadTimeout from None
    return read.decode("utf-8", "replace").strip()


def _fields(body: str) -> Mapping[str, Any]:
    try:
        found = json.loads(body) if body.startswith("{") else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after(response: requests.Response) -> float | None:
    try:
        seconds = float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _no_answer(left: float) -> DeliveryError:
    text = f"slack: no answer within {left:.0f} s, so the message may be there"
    return DeliveryError(text, permanent=False, maybe_delivered=True)


def _failure(error: Exception, left: float, setting: str) -> DeliveryError:
    if isinstance(error, requests.ConnectTimeout):
        return DeliveryError("slack: no connection in time; is the network open?", permanent=False)
    if isinstance(error, requests.ReadTimeout):
        return _no_answer(left)
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return _broken(error)
    # urllib3 lets some of its own errors about names through as ValueError.
    text = f"slack: {type(error).__name__}; check {setting}"
    return DeliveryError(text, permanent=isinstance(error, ValueError))


def _broken(error: requests.RequestException) -> DeliveryError:
    # urllib3 says "Connection aborted" when the peer went away after the request was written: it may have been read.
    cut_off = not isinstance(error, requests.ConnectionError) or "aborted" in str(error) or "reset" in str(error)
    text = "the connection broke before the answer" if cut_off else "it can't be reached; is the network open?"
    return DeliveryError(f"slack: {text}", permanent=False, maybe_delivered=cut_off)
