"""A ping to whoever raises the alarm when this watchdog falls silent, by the conventions of healthchecks.io.

done: the plain address; failed: with `/fail`; began: with `/start`; the doctor's try: with `/log`, which
healthchecks.io shows and which changes no state. The address is a secret: who knows it can keep a dead watchdog
looking alive.
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

import requests

from ..ports import DeliveryError
from ..within import TimeUp, within

__all__ = ["Ping"]

LONGEST = 10.0
CONNECT_SECONDS = 3.0
PAUSE = 0.5
SHORTEST_TRY = 0.5

# healthchecks.io keeps the first 10 kB (self-hosted, by default) or 100 kB of a body.
BODY_LIMIT = 10_000
ANSWER_LIMIT = 100

MEND = "check HANGWATCH_PING_URL"

# healthchecks.io's own service has answered 200 with these words where its open source says 404 and 429.
REFUSED_WITH_200: dict[str, int] = {
    "ok (not found)": HTTPStatus.NOT_FOUND,
    "ok (rate limited)": HTTPStatus.TOO_MANY_REQUESTS,
}
REMEDIES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: f"that is no address of a check; {MEND}",
    HTTPStatus.UNAUTHORIZED: f"that is no address of a check; {MEND}",
    HTTPStatus.FORBIDDEN: f"this check takes no such ping; look at its settings, or {MEND}",
    HTTPStatus.NOT_FOUND: "there is no such check; make one and set HANGWATCH_PING_URL",
    HTTPStatus.METHOD_NOT_ALLOWED: f"that is no address of a check; {MEND}",
    HTTPStatus.CONFLICT: "several checks share this slug; set HANGWATCH_PING_URL to the check's UUID address",
    HTTPStatus.GONE: "the check is gone; make one and set HANGWATCH_PING_URL",
    HTTPStatus.TOO_MANY_REQUESTS: "healthchecks.io takes 5 pings a minute for a check; sweep less often",
}
PASSING: set[int] = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}

log = logging.getLogger("watchdog")


class _TooOften(DeliveryError):
    """The check takes no more pings for now, because it got so many of late."""


@dataclass(frozen=True)
class _Answer:
    """An answer's status, as what it means (see REFUSED_WITH_200), and the seconds it asks us to wait."""

    status: int
    retry_after: float | None

    @property
    def hiccup(self) -> bool:
        """Whether the same request may go through a moment later."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and self.retry_after is None


class Ping:
    """A `Telltale`. address: the check's, a secret; its query string is kept. One thread at a time.

    The address may be a check's UUID (`https://hc-ping.com/UUID`) or a slug (`https://hc-ping.com/KEY/SLUG?create=1`).
    pause and clock: for waiting between tries, in seconds.
    """

    name = "ping"

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
        self._rid = ""
        self._session = requests.Session()
        # urllib3 logs the path of each request at DEBUG, and here the path is the secret.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    def began(self, *, seconds: float) -> None:
        """See `Telltale.began`. From here to `done` or `failed` pings carry one `rid`, which pairs them up."""
        self._rid = str(uuid.uuid4())
        self._tell_unless_too_often("start", "", seconds)

    def done(self, said: str, *, seconds: float) -> None:
        """See `Telltale.done`. said: kept by the check, at most 10 kB of it."""
        try:
            self._tell_unless_too_often("", said, seconds)
        finally:
            self._rid = ""

    def failed(self, said: str, *, seconds: float) -> None:
        """See `Telltale.failed`. said: kept by the check, at most 10 kB of it."""
        try:
            self._tell("fail", said, seconds)
        finally:
            self._rid = ""

    def logged(self, said: str, *, seconds: float) -> None:
        """Leave a line at the check that changes nothing of its state. Raises `DeliveryError`."""
        self._tell("log", said, seconds)

    def _tell_unless_too_often(self, action: str, said: str, seconds: float) -> None:
        """A check that has heard of so many sweeps that it takes no more knows that they go on: that is no trouble."""
        try:
            self._tell(action, said, seconds)
        except _TooOften as error:
            log.info("%s", error)

    def _tell(self, action: str, said: str, seconds: float) -> None:
        ends = self._clock() + min(seconds, LONGEST)
        address = _address(self._address, action, self._rid)
        body = said.encode("utf-8", "replace")[:BODY_LIMIT]
        answer = self._first(address, body, ends)
        if answer is None:
            self._pause(PAUSE)
            answer = self._ask(address, body, ends)
        _check(answer)

    def _first(self, address: str, body: bytes, ends: float) -> _Answer | None:
        """The answer to the first try; None where a second one may go through and there is time for it."""
        try:
            answer = self._ask(address, body, ends)
        except DeliveryError as error:
            if error.permanent or not self._time_for_another(ends):
                raise
            return None
        return None if answer.hiccup and self._time_for_another(ends) else answer

    def _time_for_another(self, ends: float) -> bool:
        return self._clock() + PAUSE + SHORTEST_TRY <= ends

    def _ask(self, address: str, body: bytes, ends: float) -> _Answer:
        left = max(ends - self._clock(), SHORTEST_TRY)
        try:
            return within(left, lambda: self._asked(address, body, left))
        except requests.ConnectTimeout:
            raise DeliveryError("ping: no connection in time; is the network open?", permanent=False) from None
        except (requests.ReadTimeout, TimeUp):
            text = f"ping: no answer within {left:.0f} s, so it may be there"
            raise DeliveryError(text, permanent=False, maybe_delivered=True) from None
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            text = "ping: no connection, or it broke before the answer; is the network open?"
            raise DeliveryError(text, permanent=False, maybe_delivered=True) from None
        except (requests.RequestException, ValueError) as error:  # urllib3 lets its own errors about names through
            raise DeliveryError(f"ping: {type(error).__name__}; {MEND}", permanent=True) from None

    def _asked(self, address: str, body: bytes, seconds: float) -> _Answer:
        with self._session.post(
            address,
            data=body,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=(min(CONNECT_SECONDS, seconds), seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            return _read(response)


def _check(answer: _Answer) -> None:
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise _TooOften(_said(answer.status), permanent=False, retry_after=answer.retry_after)
    passing = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in PASSING
    raise DeliveryError(_said(answer.status), permanent=not passing, retry_after=answer.retry_after)


def _said(status: int) -> str:
    return f"ping: answered {status}; {_remedy(status)}"


def _address(address: str, action: str, rid: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        raise DeliveryError(f"ping: that is no address; {MEND}", permanent=True) from None
    path = f"{parts.path.rstrip('/')}/{action}" if action else parts.path
    query = "&".join(part for part in (parts.query, f"rid={rid}" if rid else "") if part)
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _read(response: requests.Response) -> _Answer:
    said = b""
    # Of a body that never ends no more than this is read; a body that drips is ended by `within`.
    for byte in response.iter_content(1):
        said += byte
        if len(said) >= ANSWER_LIMIT:
            break
    word = said.decode("utf-8", "replace").strip().lower()
    status = REFUSED_WITH_200.get(word, response.status_code) if response.ok else response.status_code
    return _Answer(int(status), _retry_after(response))


def _retry_after(response: requests.Response) -> float | None:
    try:
        seconds = float(response.headers["Retry-After"])
    except (KeyError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _remedy(status: int) -> str:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "see the status page of the service"
    if status < HTTPStatus.BAD_REQUEST:
        return f"a redirect is not followed, for it would take the secret elsewhere; {MEND}"
    return REMEDIES.get(status, MEND)
