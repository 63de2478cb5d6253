"""Who looks, and who acts: whom Identity-Aware Proxy vouches for, else only a name that somebody types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..wording import one_line

__all__ = ["NAME_LIMIT", "Visitor", "VisitorError", "visitor"]

ASSERTION = "x-goog-iap-jwt-assertion"
EMAIL = "x-goog-authenticated-user-email"
NAME_LIMIT = 80


class VisitorError(Exception):
    """Whoever asks is not who they should be, and gets nothing."""


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser. email: proven, empty where nobody proves it. remote: their address as we see it."""

    email: str
    remote: str

    def signed(self, typed: str) -> str:
        """How an answer of theirs is recorded; typed: the name that they gave."""
        if self.email:
            return self.email
        name = one_line(typed)[:NAME_LIMIT]
        return f"{name} (page, {self.remote})" if name else f"somebody at {self.remote}"


def visitor(headers: Mapping[str, str], remote: str, prove: Callable[[str], str] | None) -> Visitor:
    """Who asks. prove: the email in an assertion of Identity-Aware Proxy, or ValueError; None: nobody is asked to.

    What the headers say of an identity is not looked at where nobody proves it: anybody may send them.
    Raises `VisitorError`.
    """
    if prove is None:
        return Visitor("", one_line(remote)[:NAME_LIMIT] or "an unknown address")
    given = {name.lower(): value for name, value in headers.items()}
    try:
        email = prove(given.get(ASSERTION, ""))
    except ValueError as error:
        raise VisitorError(str(error)) from None
    # The header stands beside the assertion, as `accounts.google.com:ada@example.com`.
    said = given.get(EMAIL, "").rpartition(":")[2]
    if said and said.lower() != email.lower():
        raise VisitorError("expected the signed-in user of the assertion, got another one in the header beside it")
    return Visitor(one_line(email)[:200], remote)
