"""Who looks at the page: the assertion that Identity-Aware Proxy signs for each request, checked by google-auth.

Source: "Securing your app with signed headers" of Identity-Aware Proxy: header, issuer, keys and claims.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from .signing_keys import CLOCK_SKEW, TOKEN_LIMIT, SigningKeys, TokenError

__all__ = ["IAP_KEYS", "IapAssertions"]

IAP_KEYS = "https://www.gstatic.com/iap/verify/public_key"
ISSUER = "https://cloud.google.com/iap"


class IapAssertions:
    """Checks assertions. audience: what the proxy signs for, `/projects/NUMBER/…` as its console page says it.

    keys_url: where the public keys are, as a JSON object of key id to PEM. clock: monotonic seconds. Safe for threads.
    """

    def __init__(self, audience: str, *, keys_url: str = IAP_KEYS, clock: Callable[[], float] = time.monotonic) -> None:
        self._audience = audience
        self._keys = SigningKeys(keys_url, clock)

    def check(self, assertion: str) -> str:
        """The email of whoever is signed in. Raises `TokenError`; its text holds no part of the assertion."""
        if not 0 < len(assertion) <= TOKEN_LIMIT:
            raise TokenError("expected an assertion of Identity-Aware Proxy, got none; open the page through the proxy")
        claims = self._claims(assertion)
        if claims.get("iss") != ISSUER:
            raise TokenError("expected an assertion that Identity-Aware Proxy issued, got another issuer's")
        email = claims.get("email")
        if not isinstance(email, str) or not email:
            raise TokenError("expected an assertion with an email, got one without")
        return email

    def _claims(self, assertion: str) -> Mapping[str, Any]:
        from google.auth import jwt
        from google.auth.exceptions import GoogleAuthError

        try:
            key_id = jwt.decode_header(assertion).get("kid")
            keys = self._keys.for_key(str(key_id))
            claims = jwt.decode(assertion, certs=keys, audience=self._audience, clock_skew_in_seconds=CLOCK_SKEW)
        except TokenError:
            raise
        except (GoogleAuthError, ValueError, TypeError, AttributeError) as error:
            # The library's texts hold parts of the assertion.
            raise TokenError(f"the assertion can't be taken ({type(error).__name__}); {HINT}") from None
        if not isinstance(claims, Mapping):
            raise TokenError("expected an assertion with claims, got none")
        return claims


HINT = "is HANGWATCH_IAP_AUDIENCE the audience that the proxy's page in the console shows?"
