"""A message as Slack draws it: Block Kit within Slack's limits, in which no name can call people or hide an address.

Among the facts a name may still show in bold or italics: Slack has no escape for `*` and `_`. Limits and escaping:
Slack's "Block Kit" and "Formatting text" references.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from ..message import Button, Message

__all__ = ["ACTION_PREFIX", "escaped", "payload", "plain_payload"]

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
FIELDS_LIMIT = 10
LABEL_LIMIT = 100
BUTTONS_LIMIT = 25
BUTTON_LIMIT = 75
VALUE_LIMIT = 2000
ID_LIMIT = 255
# chat.update refuses `text` beyond 4000 bytes, counted after escaping, while chat.postMessage takes ten times as much.
TEXT_BYTES = 3900
ACTION_PREFIX = "hangwatch_"

COLOURS = {"bad": "#daa038", "worse": "#d0021b", "good": "#2eb67d", "plain": "#8d8d8d"}
SIGNS = {"bad": "\U0001f7e0", "worse": "\U0001f534", "good": "\u2705", "plain": "\u26aa"}
SIGN_OF_KIND = {"failed": "\u274c"}


def payload(message: Message, *, buttons: bool = False, aside: str = "") -> dict[str, Any]:
    """What Slack is sent: text for the notification, a header, and the rest beside a bar of colour.

    buttons: whether clicks have somewhere to go; without an address for them Slack shows a warning sign at each.
    aside: a line of our own about this delivery.
    """
    above = [_header(message), _small(message.status), _small(aside)]
    lists = [_listed("Calls, innermost first", message.frames), _listed("Also", message.also)]
    # Slack may hide the end of a long attachment behind "Show more": what can be done stands before the lists.
    actions = _actions(message) if buttons else None
    blocks = [_sentence(message), _fields(message), actions, *lists, _links(message), _small(message.footer)]
    beside = [block for block in blocks if block]
    attachment = {"color": COLOURS.get(message.mood, COLOURS["plain"]), "blocks": beside}
    return {
        "text": _fitting(f"{_sign(message)} {message.title}: {message.sentence}".rstrip(": "), TEXT_BYTES, _bytes),
        "blocks": [block for block in above if block],
        "attachments": [attachment] if beside else [],
    }


def plain_payload(message: Message, *, aside: str = "") -> dict[str, Any]:
    """The same in one text, for a server that refuses the blocks: told plainly is better than not told."""
    facts = [f"{label}: {text}" for label, text in message.facts]
    head = [f"{_sign(message)} {message.title}", message.status, aside, message.sentence]
    lines = [*head, *facts, *message.frames, *message.also]
    links = "".join(f"\n{link}" for link in _linked(message))
    text = _fitting("\n".join(line for line in lines if line), TEXT_BYTES - _bytes(links), _bytes)
    return {"text": text + links}


def escaped(text: str) -> str:
    """Text that Slack shows as it stands. Only these three: escaping more shows the reader the escapes."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sign(message: Message) -> str:
    return SIGN_OF_KIND.get(message.kind) or SIGNS.get(message.mood, SIGNS["plain"])


def _header(message: Message) -> dict[str, Any]:
    return {"type": "header", "text": _plain(f"{_sign(message)} {message.title}", HEADER_LIMIT)}


def _sentence(message: Message) -> dict[str, Any] | None:
    if not message.sentence:
        return None
    return {"type": "section", "text": _plain(message.sentence[:1].upper() + message.sentence[1:], SECTION_LIMIT)}


def _fields(message: Message) -> dict[str, Any] | None:
    labels = [f"*{escaped(_cut(label, LABEL_LIMIT))}*\n" for label, _ in message.facts]
    texts = [text for _, text in message.facts]
    fields = [_mrkdwn(label, text, FIELD_LIMIT) for label, text in zip(labels, texts, strict=True)][:FIELDS_LIMIT]
    return {"type": "section", "fields": fields} if fields else None


def _listed(label: str, lines: tuple[str, ...]) -> dict[str, Any] | None:
    if not lines:
        return None
    text = "\n".join(f"• {line}" for line in lines)
    return {"type": "section", "text": _mrkdwn(f"*{label}*\n", text, SECTION_LIMIT)}


def _links(message: Message) -> dict[str, Any] | None:
    # Links in text, not buttons: without an interactivity address Slack shows a warning sign beside each click.
    links = _linked(message)
    return {"type": "section", "text": {"type": "mrkdwn", "text": "  ·  ".join(links)}} if links else None


def _small(text: str) -> dict[str, Any] | None:
    return {"type": "context", "elements": [_plain(text, FIELD_LIMIT)]} if text else None


def _actions(message: Message) -> dict[str, Any] | None:
    # Of two with one action_id Slack would refuse the message; a value can't be cut, for it says what it is about.
    known = {
        button.action: button for button in message.buttons if button.label and 0 < len(button.value) <= VALUE_LIMIT
    }
    drawn = [_button(button) for action, button in known.items() if len(ACTION_PREFIX + action) <= ID_LIMIT]
    return {"type": "actions", "elements": drawn[:BUTTONS_LIMIT]} if drawn else None


def _button(button: Button) -> dict[str, Any]:
    drawn = {"type": "button", "text": _plain(button.label, BUTTON_LIMIT), "value": button.value}
    style = {"style": "primary"} if button.action == "acknowledge" else {}
    return drawn | {"action_id": ACTION_PREFIX + button.action} | style


def _plain(text: str, limit: int) -> dict[str, Any]:
    # In plain text Slack looks for no markup at all, so that a name cannot call a channel or hide behind a link.
    return {"type": "plain_text", "text": _cut(text, limit), "emoji": False}


def _mrkdwn(before: str, text: str, limit: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": before + (_fitting(text, limit - len(before)) or "-"), "verbatim": True}


def _fitting(text: str, room: int, size: Callable[[str], int] = len) -> str:
    """The text, escaped, in at most `room` letters, or what `size` counts; never cut within an escape."""
    text = _cut(text, room)
    while (over := size(shown := escaped(text)) - room) > 0:
        text = _cut(text, len(text) - max(1, over // 5))
    return shown


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _linked(message: Message) -> list[str]:
    # What stands between the brackets and is no address may be a call: <!channel|…>, <@U…|…>.
    safe = [(label, address) for label, address in message.links if address.startswith(("https://", "http://"))]
    kept: list[str] = []
    for label, address in safe:
        link = f"<{_address(address)}|{_fitting(label, LABEL_LIMIT)}>"
        if sum(_bytes(one) + 5 for one in [*kept, link]) < SECTION_LIMIT:
            kept.append(link)
    return kept


def _address(address: str) -> str:
    address = re.sub(r"[\s|<>]", lambda found: quote(found[0]), address)
    return escaped(address)
