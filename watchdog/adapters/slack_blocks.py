"""A message as Slack draws it: Block Kit within Slack's limits, with nothing in it that Slack would take for markup.

Limits and escaping: Slack's "Block Kit" and "Formatting text" references.
"""

from __future__ import annotations

from typing import Any

from ..message import Message

__all__ = ["escaped", "payload", "plain_payload"]

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
FIELDS_LIMIT = 10
LABEL_LIMIT = 100
TEXT_LIMIT = 3500

COLOURS = {"bad": "#daa038", "worse": "#d0021b", "good": "#2eb67d", "plain": "#8d8d8d"}
SIGNS = {"bad": "\U0001f7e0", "worse": "\U0001f534", "good": "\u2705", "plain": "\u26aa"}


def payload(message: Message) -> dict[str, Any]:
    """The whole of a webhook's request: text for the notification, a header, and the rest beside a bar of colour."""
    blocks = [_sentence(message), _fields(message), _also(message), _links(message), _footer(message)]
    return {
        "text": _notification(message),
        "blocks": [{"type": "header", "text": _plain(f"{_sign(message)} {message.title}", HEADER_LIMIT)}],
        "attachments": [{"color": COLOURS.get(message.mood, COLOURS["plain"]), "blocks": [b for b in blocks if b]}],
    }


def plain_payload(message: Message) -> dict[str, Any]:
    """The same in one text, for a server that refuses the blocks: told plainly is better than not told."""
    facts = [f"{label}: {text}" for label, text in message.facts]
    lines = [f"{_sign(message)} {message.title}", message.sentence, *facts, *message.also]
    links = _linked(message)
    text = "\n".join(escaped(line) for line in lines if line)
    return {"text": "\n".join([_cut(text, TEXT_LIMIT), *links])}


def escaped(text: str) -> str:
    """Text that Slack shows as it stands. Only these three: escaping more shows the reader the escapes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sign(message: Message) -> str:
    return SIGNS.get(message.mood, SIGNS["plain"])


def _notification(message: Message) -> str:
    return _cut(escaped(f"{_sign(message)} {message.title}: {message.sentence}".rstrip(": ")), TEXT_LIMIT)


def _sentence(message: Message) -> dict[str, Any] | None:
    if not message.sentence:
        return None
    return {"type": "section", "text": _plain(message.sentence[:1].upper() + message.sentence[1:], SECTION_LIMIT)}


def _fields(message: Message) -> dict[str, Any] | None:
    labels = [f"*{escaped(_cut(label, LABEL_LIMIT))}*\n" for label, _ in message.facts]
    texts = [text for _, text in message.facts]
    fields = [_mrkdwn(label, text, FIELD_LIMIT) for label, text in zip(labels, texts, strict=True)][:FIELDS_LIMIT]
    return {"type": "section", "fields": fields} if fields else None


def _also(message: Message) -> dict[str, Any] | None:
    if not message.also:
        return None
    return {
        "type": "section",
        "text": _mrkdwn("*Also*\n", "\n".join(f"• {line}" for line in message.also), SECTION_LIMIT),
    }


def _links(message: Message) -> dict[str, Any] | None:
    # Links in text, not buttons: without an interactivity address Slack shows a warning sign beside each click.
    links = _linked(message)
    kept: list[str] = []
    for link in links:
        if sum(len(one) + 5 for one in [*kept, link]) < SECTION_LIMIT:
            kept.append(link)
    return {"type": "section", "text": {"type": "mrkdwn", "text": "  ·  ".join(kept)}} if kept else None


def _footer(message: Message) -> dict[str, Any] | None:
    return {"type": "context", "elements": [_plain(message.footer, FIELD_LIMIT)]} if message.footer else None


def _plain(text: str, limit: int) -> dict[str, Any]:
    # In plain text Slack looks for no markup at all, so that a name cannot call a channel or hide behind a link.
    return {"type": "plain_text", "text": _cut(text, limit), "emoji": False}


def _mrkdwn(before: str, text: str, limit: int) -> dict[str, Any]:
    room = limit - len(before)
    shown = escaped(_cut(text, room))
    while len(shown) > room:
        text = _cut(text, len(text) - max(1, (len(shown) - room) // 5))
        shown = escaped(text)
    return {"type": "mrkdwn", "text": before + (shown or "-"), "verbatim": True}


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _linked(message: Message) -> list[str]:
    # What stands between the brackets and is no address may be a call: <!channel|…>, <@U…|…>.
    safe = [(label, address) for label, address in message.links if address.startswith(("https://", "http://"))]
    return [f"<{_address(address)}|{escaped(_cut(label, LABEL_LIMIT))}>" for label, address in safe]


def _address(address: str) -> str:
    for mark, code in (("|", "%7C"), (">", "%3E"), ("<", "%3C"), (" ", "%20")):
        address = address.replace(mark, code)
    return address
