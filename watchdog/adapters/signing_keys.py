"""The public keys that an issuer signs with, fetched when needed and kept; shared by those who check its tokens."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping

import requests

__all__ = ["CLOCK_SKEW", "TOKEN_LIMIT", "SigningKeys", "TokenError"]

# google-auth's own allowance; two machines of Google's need not agree to the second.
CLOCK_SKEW = 10
TOKEN_LIMIT = 16_384
FETCH_SECONDS = 5.0
# Google rotates its keys every week or so, and says how long an answer may be kept; this where it does not.
KEPT_FOR = 3600.0
# A token with an unknown key makes us ask at once, but nobody can make us ask all the time.
LEAST_PAUSE = 60.0


class TokenError(ValueError):
    """A request does not come from whom it should. The text never holds the token."""


class SigningKeys:
    """The issuer's public keys, fetched when needed and kept; old ones serve while new ones can't be had."""

    def __init__(self, address: str, clock: Callable[[], float]) -> None:
        self._address = address
        self._clock = clock
        self._lock = threading.Lock()
        self._certs: Mapping[str, str] = {}
        self._fresh_until = 0.0
        self._asked_at: float | None = None

    def for_key(self, key_id: str) -> Mapping[str, str]:
        """Keys, this one among them if the issuer has it. Raises `TokenError` where none can be had."""
        with self._lock:
            now = self._clock()
            if (key_id not in self._certs or now >= self._fresh_until) and self._may_ask(now):
                self._fetch(now)
            if not self._certs:
                raise TokenError("the keys to check tokens with can't be fetched; is the network open?")
            return self._certs

    def _may_ask(self, now: float) -> bool:
        return self._asked_at is None or not self._certs or now - self._asked_at >= LEAST_PAUSE

    def _fetch(self, now: float) -> None:
        self._asked_at = now
        try:
            answer = requests.get(self._address, timeout=FETCH_SECONDS, allow_redirects=False)
            certs = json.loads(answer.content) if answer.status_code == requests.codes.ok else None
        except (requests.RequestException, ValueError):
            return
        if isinstance(certs, dict) and certs and all(isinstance(text, str) for text in certs.values()):
            self._certs, self._fresh_until = certs, now + _kept_for(answer.headers.get("Cache-Control", ""))


def _kept_for(cache_control: str) -> float:
    found = re.search(r"max-age=(\d{1,7})", cache_control)
    return float(found[1]) if found else KEPT_FOR
