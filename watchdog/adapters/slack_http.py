"""One POST to Slack, bounded as a whole, and what came back. The address stays out of every text: it is a secret."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import requests

from ..ports import DeliveryError

__all__ = ["Answer", "ask"]

CONNECT_SECONDS = 5.0
BODY_LIMIT = 200


@dataclass(frozen=True)
class Answer:
    """Slack's answer: status, the beginning of its body, and the seconds it asks us to wait, None when it does not."""

    status: int
    body: str
    retry_after: float | None

    @property
    def delivered(self) -> bool:
        """Whether Slack took the message. A page that only says 200, such as a login's, is not Slack."""
        return self.status == HTTPStatus.OK and self.body == "ok"

    @property
    def worth_another_try(self) -> bool:
        """Whether the same request may go through later."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def ask(
    session: requests.Session, address: str, body: dict[str, Any], ends: float, clock: Callable[[], float]
) -> Answer:
    """POST a body and read the answer, until the clock says `ends` at the latest. Raises `DeliveryError`."""
    left = max(ends - clock(), 0.5)
    limits = (min(CONNECT_SECONDS, left), left)
    try:
        with session.post(address, json=body, timeout=limits, allow_redirects=False, stream=True) as response:
            return _answer(response, ends, clock)
    except requests.ConnectTimeout:
        raise DeliveryError("slack: no connection in time; is the network open?", permanent=False) from None
    except (requests.ReadTimeout, _CutShort):
        text = f"slack: no answer within {left:.0f} s, so the message may be there"
        raise DeliveryError(text, permanent=False, maybe_delivered=True) from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        raise _broken(error) from None
    except (requests.RequestException, ValueError) as error:  # urllib3 lets some of its own errors about names through
        text = f"slack: {type(error).__name__}; check HANGWATCH_SLACK_WEBHOOK_URL"
        raise DeliveryError(text, permanent=isinstance(error, ValueError)) from None


class _CutShort(Exception):
    """The answer began, and did not come to its end in time."""


def _answer(response: requests.Response, ends: float, clock: Callable[[], float]) -> Answer:
    body = _body(response, ends, clock)
    if body is None and response.status_code == HTTPStatus.OK:
        raise _CutShort
    return Answer(response.status_code, body or "", _retry_after(response))


def _body(response: requests.Response, ends: float, clock: Callable[[], float]) -> str | None:
    """The beginning of the body, None when it was cut short."""
    read = b""
    try:
        # requests bounds each read, not the whole: a body that drips would last as long as it likes.
        for byte in response.iter_content(1):
            read += byte
            if clock() > ends:
                return None
            if len(read) >= BODY_LIMIT:
                break
    except requests.RequestException:
        return None
    return read.decode("utf-8", "replace").strip()


def _retry_after(response: requests.Response) -> float | None:
    try:
        seconds = float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _broken(error: requests.RequestException) -> DeliveryError:
    # urllib3 says "Connection aborted" when the peer went away after the request was written: it may have been read.
    cut_off = not isinstance(error, requests.ConnectionError) or "aborted" in str(error) or "reset" in str(error)
    text = "the connection broke before the answer" if cut_off else "it can't be reached; is the network open?"
    return DeliveryError(f"slack: {text}", permanent=False, maybe_delivered=cut_off)
