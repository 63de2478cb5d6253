"""Who asks for a sweep: Google's OIDC tokens, checked by google-auth against Google's public keys.

Cloud Scheduler signs each call with a token of the service account that the job names. Sources: "Authenticating
service-to-service" of Cloud Run, and the claims in Google's "OpenID Connect" reference.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from .signing_keys import CLOCK_SKEW, TOKEN_LIMIT, SigningKeys, TokenError

__all__ = ["GOOGLE_CERTS", "OidcTokens"]

GOOGLE_CERTS = "https://www.googleapis.com/oauth2/v1/certs"
ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})


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
        self._keys = SigningKeys(certs_url, clock)

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
