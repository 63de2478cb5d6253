"""Reads Slack's mrkdwn: what a reader sees, where a link leads, whom it pings. Pure.

`&`, `<` and `>` are Slack's control characters: `<...>` is a link, a mention or a date, and exactly three
entities are decoded in the rest (docs.slack.dev, "Formatting message text").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["Piece", "decode", "pieces"]

Kind = Literal["text", "link", "mention", "date"]

_TOKEN: Final = re.compile(r"<([^<>\n]+)>")
_NAMED: Final = re.compile(r"(?<!\w)@(?:here|channel|everyone)\b")
_SCHEME: Final = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """A stretch of mrkdwn.

    seen: what a reader sees, decoded (a date's fallback text). target: a link's URL, a mention's token as it
    was written, a date's `timestamp^format^link`; empty for text.
    """

    kind: Kind
    seen: str
    target: str = ""


def decode(text: str) -> str:
    """The text with Slack's three entities decoded, and no other."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def pieces(text: str, *, names: bool = False) -> Iterator[Piece]:
    """The pieces of a mrkdwn text, in order.

    names: also take a bare `@here`, `@channel` or `@everyone` for a mention. Slack does so with "certain
    mentions" where a text object is not `verbatim`; which ones is not documented, so all three count.
    """
    end = 0
    for token in _TOKEN.finditer(text):
        yield from _plain(text[end : token.start()], names)
        yield _piece(token.group(1), token.group(0))
        end = token.end()
    yield from _plain(text[end:], names)


def _plain(text: str, names: bool) -> Iterator[Piece]:
    end = 0
    for name in _NAMED.finditer(text) if names else ():
        if text[end : name.start()]:
            yield Piece("text", decode(text[end : name.start()]))
        yield Piece("mention", name.group(), name.group())
        end = name.end()
    if text[end:]:
        yield Piece("text", decode(text[end:]))


def _piece(inside: str, whole: str) -> Piece:
    target, _, label = inside.partition("|")
    if target.startswith("!date^"):
        return Piece("date", decode(label), decode(target.removeprefix("!date^")))
    if target.startswith(("@", "!", "#")):
        shown = decode(label or target.replace("!", "@", 1))
        # `<#C…>` leads to a channel and pings nobody.
        return Piece("text", shown) if target.startswith("#") else Piece("mention", shown, whole)
    if _SCHEME.match(target):
        return Piece("link", decode(label or target), decode(target))
    return Piece("text", decode(whole))
