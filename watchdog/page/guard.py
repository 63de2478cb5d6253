"""What keeps strangers' pages from acting through a viewer's browser, and a stranger's name from becoming code.

A change needs three things: it comes from a page of ours, as the browser itself says (`Sec-Fetch-Site`, else `Origin`);
it carries the token that our page was given, which is also in a cookie; and the cookie is not sent with others' posts.
On loopback only names of this machine are answered, so that no name of a stranger's can be pointed at it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = [
    "HEADERS",
    "LOOPBACK",
    "GuardError",
    "check_host",
    "check_origin",
    "check_token",
    "cookie_name",
    "new_token",
    "on_this_server",
]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

TOKEN_BYTES = 24
TOKEN_LENGTH = 32

POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types hangwatch",
)

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(POLICY),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Without a referrer at all, browsers would say `Origin: null` with our own posts.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class GuardError(Exception):
    """A request is refused. The text is for whoever sent it, and for the log."""


def check_host(host: str, allowed: frozenset[str] | None) -> None:
    """Raise `GuardError` for a Host header that is none of these, with any port; None: all are fine."""
    name = urlsplit(f"//{host}").netloc.lower()
    name = name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() else name
    if allowed is not None and name not in allowed:
        raise GuardError(
            f"expected a request for {' or '.join(sorted(allowed))}, got one for another name; "
            "set HANGWATCH_LINK_BASE to the address that people use"
        )


def check_origin(headers: Mapping[str, str], host: str) -> None:
    """Raise `GuardError` unless the browser says that a post comes from a page of this very server."""
    given = {name.lower(): value for name, value in headers.items()}
    site, origin = given.get("sec-fetch-site", ""), given.get("origin", "")
    if site and site != "same-origin":
        raise GuardError(f"expected a post from this page, got one from elsewhere ({site[:20]})")
    # Behind a proxy the scheme that we see is another than the browser's.
    if origin and urlsplit(origin).netloc.lower() != host.lower():
        raise GuardError("expected a post from this page, got one from another origin")
    if not site and not origin:
        raise GuardError("expected a post from a browser, which says where it comes from; use python -m watchdog ack")


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def check_token(cookie: str, given: str) -> None:
    """Raise `GuardError` unless the token of the form is that of the cookie."""
    if len(cookie) != TOKEN_LENGTH or not secrets.compare_digest(cookie.encode(), given.encode()):
        raise GuardError("the page is older than its permission to act; load it again, and answer once more")


def on_this_server(address: str) -> str:
    """The path if it is one of this server's, else the first page's: `//host` and `/\\host` would be another's."""
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours else "/"


def cookie_name(*, secure: bool) -> str:
    """The cookie's name; with this prefix browsers take it from nobody but this host, over TLS."""
    return "__Host-hangwatch" if secure else "hangwatch"
