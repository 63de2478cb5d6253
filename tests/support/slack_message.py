"""A message as Slack would show it: what a reader sees, whom it pings, where its links lead. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .mrkdwn import Piece, decode, pieces

__all__ = ["MOST_TEXT", "Message", "read_message"]

# Slack cuts here and posts the rest, with a warning that a webhook doesn't see (changelog of 2018-04,
# "Truncating really long messages").
MOST_TEXT: Final = 40_000

READING_ORDER: Final = ("title", "text", "fields", "elements", "accessory", "alt_text")


@dataclass(frozen=True)
class Message:
    """A delivered message.

    at: seconds on this machine's monotonic clock when it arrived. text: everything a reader sees in the
    channel, a line for each text. notification: what a phone's banner shows. mentions: whatever would ping
    somebody, as it was written. links: (label, URL) of links and buttons. truncated: `text` was longer than
    Slack keeps.
    """

    payload: Mapping[str, Any]
    at: float
    text: str
    notification: str
    mentions: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    truncated: bool


def read_message(payload: Mapping[str, Any], at: float) -> Message:
    """What readers get of a payload that Slack takes."""
    summary = _top_text(payload)
    attachments = payload.get("attachments") or []
    # Beside blocks, `text` is for notifications only; above attachments it is shown (node-slack-sdk#1528).
    shown = [] if payload.get("blocks") else [summary]
    shown += [line for part in (payload, *attachments) for line in _lines(part.get("blocks"))]
    fallbacks = [one["fallback"] for one in attachments if one.get("fallback")]
    banner = "".join(piece.seen for piece in summary) or " ".join(fallbacks)
    every = [piece for line in [*shown, summary] for piece in line]
    return Message(
        payload=payload,
        at=at,
        text="\n".join(filter(None, ("".join(piece.seen for piece in line) for line in shown))),
        notification=banner,
        mentions=tuple(dict.fromkeys(piece.target for piece in every if piece.kind == "mention")),
        links=tuple(dict.fromkeys((piece.seen, piece.target) for piece in every if piece.kind == "link")),
        truncated=len(payload.get("text") or "") > MOST_TEXT,
    )


def _top_text(payload: Mapping[str, Any]) -> list[Piece]:
    return list(pieces((payload.get("text") or "")[:MOST_TEXT]))


def _lines(node: object) -> Iterator[list[Piece]]:
    """Each text object below a node, in reading order, as pieces."""
    if isinstance(node, list):
        for one in node:
            yield from _lines(one)
    elif isinstance(node, dict):
        yield from _own_lines(node)
    elif isinstance(node, str):
        yield [Piece("text", node)]


def _own_lines(node: Mapping[str, Any]) -> Iterator[list[Piece]]:
    kind = node.get("type")
    if kind == "mrkdwn":
        yield list(pieces(node["text"], names=not node.get("verbatim", False)))
    elif kind == "plain_text":
        yield [Piece("text", decode(node["text"]))]
    elif kind == "button":
        label = decode(node["text"]["text"])
        yield [Piece("link", label, node["url"]) if "url" in node else Piece("text", label)]
    else:
        for name in READING_ORDER:
            yield from _lines(node.get(name))
