"""Who asks for a sweep: Google's OIDC tokens, checked by google-auth against Google's public keys.

Cloud Scheduler signs each call with a token of the service account that the job names. Sources: "Authenticating
service-to-service" of Cloud Run, and the claims in Google's "OpenID Connect" reference.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

__all__ = ["GOOGLE_CERTS", "OidcTokens", "TokenError"]

GOOGLE_CERTS = "https://www.googleapis.com/oauth2/v1/certs"
ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})

# google-auth's own allowance; two machines of Google's need not agree to the second.
CLOCK_SKEW = 10
FETCH_SECONDS = 5.0
TOKEN_LIMIT = 16_384
# Google rotates its keys every week or so, and says how long an answer may be kept; this where it does not.
KEPT_FOR = 3600.0
# A token with an unknown key makes us ask at once, but nobody can make us ask all the time.
LEAST_PAUSE = 60.0


class TokenError(ValueError):
    """A request does not come from whom it should. The text never holds the token."""


class OidcTokens:
    """Checks tokens. audience: the address that the token must be for. account: the service account's email.

    certs_url: where the public keys are, as a JSON object of key id to certificate. clock: monotonic seconds. Safe for
    threads.
    """

    def __init__(
        self,
        audience: str,
        account: str,
        *,
        certs_url: str = GOOGLE_CERTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._audience = audience
        self._account = account
        self._keys = _Keys(certs_url, clock)

    def check(self, authorization: str) -> str:
        """The account that signed the request; authorization: the header. Raises `TokenError`."""
        claims = self._claims(_bearer(authorization))
        if claims.get("iss") not in ISSUERS:
            raise TokenError("expected a token that Google issued, got another issuer's")
        if claims.get("email") != self._account or claims.get("email_verified") is not True:
            raise TokenError("expected the token of the account in HANGWATCH_SWEEP_ACCOUNT, got another account's")
        return self._account

    def _claims(self, token: str) -> Mapping[str, Any]:
        from google.auth import jwt
        from google.auth.exceptions import GoogleAuthError

        try:
            certs = self._keys.for_key(_key_id(jwt.decode_header(token)))
            claims = jwt.decode(token, certs=certs, audience=self._audience, clock_skew_in_seconds=CLOCK_SKEW)
        except TokenError:
            raise
        except (GoogleAuthError, ValueError, TypeError) as error:
            # The library's texts hold parts of the token.
            raise TokenError(f"the token can't be taken: {_reason(str(error))}") from None
        if not isinstance(claims, Mapping):
            raise TokenError("expected a token with claims, got none")
        return claims


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenError("expected a bearer token, got none; does the scheduler's job name a service account?")
    if len(token) > TOKEN_LIMIT:
        raise TokenError(f"expected a token of at most {TOKEN_LIMIT} letters, got a longer one")
    return token.strip()


def _key_id(header: object) -> str:
    key_id = header.get("kid") if isinstance(header, Mapping) else None
    if not isinstance(key_id, str) or not key_id:
        raise TokenError("expected a token that names its key, got one that does not")
    return key_id


REASONS = {
    "audience": "it is for another audience than HANGWATCH_SWEEP_AUDIENCE; is that the address in the scheduler's job?",
    "expired": "it has expired",
    "too early": "it is not valid yet; is this machine's clock right?",
    "algorithm": "it is not signed in a way that Google signs",
    "key type": "it is not signed in a way that Google signs",
    "signature": "its signature is not that of the key it names",
    "not found": "it names a key that Google does not have",
    "required claim": "it does not say when it was made, or until when it holds",
}


def _reason(said: str) -> str:
    return next((words for sign, words in REASONS.items() if re.search(sign, said, re.IGNORECASE)), "it is no token")


class _Keys:
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
