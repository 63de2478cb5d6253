"""Draws a Slack message, Block Kit and attachments, as an HTML page that looks like Slack. Pure: no files, no network.

Only what Hangwatch sends is drawn; anything else shows as a box that names it. Every text is escaped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Final, Literal

from docs.slack_style import AVATAR, EMOJI, STYLE
from tests.support.mrkdwn import Piece, decode, pieces

__all__ = ["Theme", "draw"]

Theme = Literal["light", "dark"]

_CODE: Final = re.compile(r"```\n?(?P<block>.+?)\n?```|`(?P<word>[^`\n]+)`", re.DOTALL)
_SHORTCODE: Final = re.compile(r":([a-z0-9_+-]+):")
_STYLES: Final = [
    (re.compile(rf"(?<![\w{mark}]){mark}(?![\s{mark}])([^\n]*?[^\s{mark}]){mark}(?![\w{mark}])"), tag)
    for mark, tag in ((r"\*", "b"), ("_", "i"), ("~", "s"))
]
_QUOTE: Final = re.compile(r"(?:^&gt;[^\n]*(?:\n|\Z))+", re.MULTILINE)
# Drawn pieces wait behind these characters while bold and italics are looked for in the text around them.
_FIRST_SEAT: Final = 0xF0000
_SEATS: Final = re.compile("[\U000f0000-\U000ffffd]")  # private use, and more of them than `text` has characters


def draw(payload: Mapping[str, Any], title: str, *, theme: Theme = "light", clock: str = "10:42 AM") -> str:
    """The page for one message. title: the page's; clock: the time beside the sender's name, as Slack writes it."""
    body = "".join(_message(payload))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_escape(title)}</title>'
        f'<style>{STYLE}</style></head><body class="{theme}"><main><div class="avatar">{AVATAR}</div><article>'
        f'<div class="sender"><b>Hangwatch</b><span class="app">APP</span><time>{_escape(clock)}</time></div>'
        f"{body}</article></main></body></html>\n"
    )


def _message(payload: Mapping[str, Any]) -> Iterator[str]:
    blocks = payload.get("blocks") or []
    if not blocks and payload.get("text"):
        yield f'<div class="block">{_mrkdwn(payload["text"])}</div>'
    yield from map(_block, blocks)
    for attachment in payload.get("attachments") or []:
        yield _attachment(attachment)


def _attachment(attachment: Mapping[str, Any]) -> str:
    named = {"good": "#2eb67d", "warning": "#ecb22e", "danger": "#e01e5a"}
    color = str(attachment.get("color", "#dddddd"))
    bar = named.get(color, color if re.fullmatch("#[0-9A-Fa-f]{6}", color) else "#dddddd")
    inside = "".join(map(_block, attachment.get("blocks") or []))
    return f'<div class="attachment"><i style="background:{bar}"></i><div>{inside}</div></div>'


def _block(block: Mapping[str, Any]) -> str:
    kind = str(block.get("type"))
    drawers = {"header": _header, "section": _section, "context": _context, "actions": _actions}
    if kind == "divider":
        return "<hr>"
    if kind not in drawers:
        return f'<div class="block unknown">a block of type {_escape(kind)} is not drawn here</div>'
    return f'<div class="block {kind}">{drawers[kind](block)}</div>'


def _header(block: Mapping[str, Any]) -> str:
    return _text(block["text"])


def _section(block: Mapping[str, Any]) -> str:
    text = f"<div>{_text(block['text'])}</div>" if "text" in block else ""
    fields = "".join(f"<div>{_text(field)}</div>" for field in block.get("fields") or [])
    accessory = _element(block["accessory"]) if "accessory" in block else ""
    left = text + (f'<div class="fields">{fields}</div>' if fields else "")
    return f'<div class="beside"><div>{left}</div>{accessory}</div>' if accessory else left


def _context(block: Mapping[str, Any]) -> str:
    return "".join(f"<span>{_element(element)}</span>" for element in block["elements"])


def _actions(block: Mapping[str, Any]) -> str:
    return "".join(map(_element, block["elements"]))


def _element(element: Mapping[str, Any]) -> str:
    if element.get("type") in {"plain_text", "mrkdwn"}:
        return _text(element)
    if element.get("type") != "button":
        return f'<span class="unknown">{_escape(str(element.get("type")))}</span>'
    style = element.get("style") if element.get("style") in {"primary", "danger"} else ""
    return _link(element.get("url", ""), _text(element["text"]), f"button {style}".strip())


def _text(text: Mapping[str, Any]) -> str:
    if text["type"] == "mrkdwn":
        return _mrkdwn(text["text"])
    shown = _escape(decode(text["text"])).replace("\n", "<br>")
    return _emoji(shown) if text.get("emoji", True) else shown


def _mrkdwn(text: str) -> str:
    """Slack's markup as HTML."""
    seats: list[str] = []

    def seat(drawn: str) -> str:
        seats.append(drawn)
        return chr(_FIRST_SEAT + len(seats) - 1)

    def code(found: re.Match[str]) -> str:
        tag = "pre" if found["block"] else "code"
        seen = "".join(piece.seen for piece in pieces(found["block"] or found["word"]))
        return seat(f"<{tag}>{_escape(seen)}</{tag}>")

    text = _CODE.sub(code, _SEATS.sub("\ufffd", text))
    text = "".join(_escape(one.seen) if one.kind == "text" else seat(_piece(one)) for one in pieces(text))
    text = _SHORTCODE.sub(lambda found: seat(_emoji(found[0])), text)
    for pattern, tag in _STYLES:
        text = pattern.sub(rf"<{tag}>\1</{tag}>", text)
    text = _QUOTE.sub(_quote, text).replace("\n", "<br>")
    return _put_back(text, seats)


def _put_back(text: str, seats: list[str]) -> str:
    while _SEATS.search(text):  # a link's label may hold code
        text = _SEATS.sub(lambda found: seats[ord(found[0]) - _FIRST_SEAT], text)
    return text


def _quote(lines: re.Match[str]) -> str:
    inner = "\n".join(line.removeprefix("&gt;").lstrip() for line in lines[0].rstrip("\n").split("\n"))
    return f"<blockquote>{inner}</blockquote>"


def _piece(piece: Piece) -> str:
    if piece.kind == "link":
        return _link(piece.target, _emoji(_escape(piece.seen)), "")
    if piece.kind == "date":
        return _date(piece)
    return f'<span class="mention">{_escape(piece.seen)}</span>'


def _date(piece: Piece) -> str:
    stamp, _, rest = piece.target.partition("^")
    form, _, link = rest.partition("^")
    try:
        moment = datetime.fromtimestamp(int(stamp), timezone.utc)
        shown = re.sub(r"\{(\w+)\}", lambda word: _date_word(word[1], moment), form)
    except (ValueError, OverflowError, OSError):
        shown = piece.seen  # as Slack does where it can't read a date
    return _link(link, _escape(shown), "") if link else _escape(shown)


def _date_word(word: str, moment: datetime) -> str:
    """One of Slack's date words. Slack counts in the reader's time zone; a picture has no reader, so in UTC."""
    day, hour = moment.day, moment.hour % 12 or 12
    ending = "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    words = {
        "date_num": f"{moment:%Y-%m-%d}",
        "date_slash": f"{moment:%m/%d/%Y}",
        "date": f"{moment:%B} {day}{ending}, {moment:%Y}",
        "date_short": f"{moment:%b} {day}, {moment:%Y}",
        "date_long": f"{moment:%A}, {moment:%B} {day}{ending}, {moment:%Y}",
        "time": f"{hour}:{moment:%M %p}",
        "time_secs": f"{hour}:{moment:%M:%S %p}",
    }
    if word.removesuffix("_pretty") not in words:
        raise ValueError(f"{word} is none of Slack's date words")
    return words[word.removesuffix("_pretty")]


def _link(url: str, drawn: str, kind: str) -> str:
    known = re.match(r"(?:https?://|mailto:|tel:)", url, re.IGNORECASE)
    target = f' href="{_escape(url)}"' if known else ""
    styled = f' class="{kind}"' if kind else ""
    return f"<a{styled}{target}>{drawn}</a>"


def _emoji(text: str) -> str:
    return _SHORTCODE.sub(
        lambda found: f'<span class="emoji">{EMOJI[found[1]]}</span>' if found[1] in EMOJI else found[0], text
    )


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
