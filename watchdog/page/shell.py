"""What is around each page: who looks, their permission to act, their theme, what their last answer came to.

A page has two parts. The live part is the same for all who look at the same thing, so it is drawn once for all of them
after each read. The shell is each viewer's own: the one form that all buttons belong to, with the token to act.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from flask import Response, g, make_response, render_template, request
from markupsafe import Markup

from .asking import LENGTHS, Asked
from .deeds import Outcome
from .guard import TOKEN_LENGTH, cookie_name, new_token, on_this_server
from .reader import Look
from .visitors import NAME_LIMIT, Visitor

__all__ = ["Drawn", "asking", "remembered", "sent", "told", "trouble"]

THEME_COOKIE = "hangwatch_theme"
NAME_COOKIE = "hangwatch_name"
SAID_COOKIE = "hangwatch_said"
SAID_LIMIT = 400
SAID_SECONDS = 60
YEAR = 365 * 86400

VARIANTS_KEPT = 20
COMPRESSED_FROM = 2000


@dataclass(frozen=True)
class Drawn:
    """The live part of a page. tag: changes when the text does."""

    text: str
    tag: str
    packed: bytes

    @classmethod
    def of(cls, text: str) -> Drawn:
        """From its HTML."""
        plain = text.encode("utf-8", "replace")
        return cls(text, hashlib.blake2b(plain, digest_size=12).hexdigest(), gzip.compress(plain, 4, mtime=0))


def sent(look: Look[Any], title: str, draw: Callable[[], str]) -> Response:
    """The page, or with `?part=live` its live part alone. draw: makes the HTML of the live part, unless it is there."""
    variant = request.full_path
    if variant.endswith("part=live"):
        variant = variant.removesuffix("part=live").rstrip("&")
    drawn = look.shared.get(variant)
    if not isinstance(drawn, Drawn):
        if len(look.shared) >= VARIANTS_KEPT:
            look.shared.clear()
        drawn = look.shared[variant] = Drawn.of(draw())
    if request.args.get("part") == "live":
        return _part(look, drawn)
    return _page(200, title=title, live=Markup(drawn.text), timing=_timing(look))  # noqa: S704  drawn by a template


def trouble(status: int, title: str, said: str, hint: str = "") -> Response:
    """A page about why there is none. Its live part tries again, so that it mends itself."""
    if request.args.get("part") == "live" or request.method == "POST":
        return Response(f"{title}: {said}\n", status, mimetype="text/plain")
    drawn = render_template("page/_trouble.html", title=title, said=said, hint=hint)
    return _page(status, title=title, live=Markup(drawn), timing={})  # noqa: S704  drawn by a template


def asking(asked: Asked, zone: str, outcome: Outcome | None = None) -> Response:
    """The form that asks for quiet, which is not live; outcome: why nothing was done, with what was typed kept."""
    title = "Snooze: nothing was done yet" if outcome else "Snooze"
    faults = outcome.faults if outcome else {}
    form = {"asked": asked, "zone": zone, "lengths": LENGTHS, "faults": faults, "back": on_this_server(asked.back)}
    wrong = outcome.said if outcome and not outcome.faults else ""
    status = outcome.status if outcome else 200
    return _page(status, title=title, live="", timing={}, form=form | {"wrong": wrong})


def _timing(look: Look[Any]) -> Mapping[str, str]:
    return {
        "Hangwatch-Next": str(round(1000 * look.next_in)),
        "Hangwatch-Every": str(round(1000 * look.every)),
        "Hangwatch-Slowest": str(round(1000 * look.slowest)),
        "Hangwatch-Age": str(round(1000 * look.age)),
    }


def _part(look: Look[Any], drawn: Drawn) -> Response:
    response = Response(mimetype="text/html")
    response.headers.update(_timing(look))
    response.set_etag(drawn.tag)
    response.vary.add("Accept-Encoding")
    if len(drawn.packed) > COMPRESSED_FROM // 4 and request.accept_encodings["gzip"]:
        response.set_data(drawn.packed)
        response.headers["Content-Encoding"] = "gzip"
    else:
        response.set_data(drawn.text)
    response.make_conditional(request)
    return response


def _page(status: int, **context: Any) -> Response:
    visitor: Visitor = g.visitor
    token = request.cookies.get(cookie_name(secure=_secure()), "")
    fresh = token if len(token) == TOKEN_LENGTH else new_token()
    said = unquote(request.cookies.get(SAID_COOKIE, ""))[:SAID_LIMIT]
    theme = request.cookies.get(THEME_COOKIE, "")
    typed = unquote(request.cookies.get(NAME_COOKIE, "")) or request.form.get("name", "")
    text = render_template(
        "page/base.html",
        visitor=visitor,
        token=fresh,
        typed=typed[:NAME_LIMIT],
        theme=theme if theme in ("light", "dark") else "",
        said=said,
        here=_here(),
        **context,
    )
    response = make_response(text, status)
    if fresh != token:
        _keep(response, cookie_name(secure=_secure()), fresh, None)
    if said:
        response.delete_cookie(SAID_COOKIE)
    return response


def _here() -> str:
    return request.full_path.rstrip("?")


def _secure() -> bool:
    # The proxy in front of Cloud Run ends TLS, and says so.
    return request.is_secure or request.headers.get("X-Forwarded-Proto", "") == "https"


def _keep(response: Response, name: str, value: str, seconds: int | None) -> None:
    # Lax, not Strict: who comes from a link in Slack must not get a new token, for other tabs still hold the old one.
    response.set_cookie(name, value, max_age=seconds, httponly=True, secure=_secure(), samesite="Lax", path="/")


def told(said: str, back: str) -> Response:
    """Send the viewer back to where they acted, and let that page say what came of it."""
    response = Response(status=303, headers={"Location": on_this_server(back)})
    _keep(response, SAID_COOKIE, quote(said[:SAID_LIMIT]), SAID_SECONDS)
    return response


def remembered(response: Response, typed: str) -> Response:
    """The same, and the name that the viewer typed is there the next time."""
    if typed.strip():
        _keep(response, NAME_COOKIE, quote(typed.strip()[:NAME_LIMIT]), YEAR)
    return response
