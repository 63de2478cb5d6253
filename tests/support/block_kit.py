"""The rules of Slack's Block Kit for messages. Pure: a payload goes in, problems come out.

Figures: docs.slack.dev, "Block Kit reference", and slack_sdk's models (tests/test_slack_server.py compares with
them). Wording of the problems: Slack's own where it is known from answers of chat.postMessage. A property or a
kind of block that is not in the tables below is refused, as Slack's own schemas refuse what they don't know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["MOST_ATTACHMENTS", "MOST_BLOCKS", "Problem", "problems_of"]

MOST_BLOCKS: Final = 50
MOST_ATTACHMENTS: Final = 100
PLAIN: Final = "plain_text"
MRKDWN: Final = "mrkdwn"


@dataclass(frozen=True)
class Problem:
    """One broken rule. where: JSON pointer into the payload; says: the rule, as Slack words it."""

    where: str
    says: str

    def __str__(self) -> str:
        return f"{self.says} [json-pointer:{self.where}]"


Rule = Callable[[object, str], Iterator[Problem]]


def problems_of(payload: Mapping[str, Any]) -> list[Problem]:
    """All problems of a payload's `blocks` and `attachments`, in this order; none when Slack takes them."""
    blocks, attachments = payload.get("blocks"), payload.get("attachments")
    found = [] if blocks is None else list(_BLOCKS(blocks, "/blocks"))
    found += [] if attachments is None else _ATTACHMENTS(attachments, "/attachments")
    return found or list(_repeated_block_ids(blocks or [], attachments or []))


def _repeated_block_ids(blocks: list[Any], attachments: list[Any]) -> Iterator[Problem]:
    lists = [("/blocks", blocks)]
    lists += [(f"/attachments/{at}/blocks", one.get("blocks", [])) for at, one in enumerate(attachments)]
    seen = set()
    for where, listed in lists:
        for at, block in enumerate(listed):
            name = block.get("block_id")
            if name in seen:
                yield Problem(f"{where}/{at}/block_id", f"`{name}` already exists")
            seen.update([name] if name else [])


def _string(most: int, least: int = 1) -> Rule:
    def rule(value: object, where: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield Problem(where, "must be a string")
        elif len(value) < least:
            yield Problem(where, f"must be more than {least - 1} characters")
        elif len(value) > most:
            yield Problem(where, f"must be less than {most + 1} characters")

    return rule


def _matching(pattern: str, says: str, most: int) -> Rule:
    def rule(value: object, where: str) -> Iterator[Problem]:
        yield from _string(most)(value, where)
        if isinstance(value, str) and value and not re.fullmatch(pattern, value):
            yield Problem(where, says)

    return rule


def _one_of(*words: str) -> Rule:
    def rule(value: object, where: str) -> Iterator[Problem]:
        if value not in words:
            yield Problem(where, f"must be one of: {', '.join(words)}")

    return rule


def _flag(value: object, where: str) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(where, "must be a boolean")


def _list(item: Rule, most: int, least: int = 1) -> Rule:
    def rule(value: object, where: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield Problem(where, "must be an array")
            return
        if len(value) < least:
            yield Problem(where, f"no less than {least} items allowed")
        if len(value) > most:
            yield Problem(where, f"no more than {most} items allowed")
        for at, one in enumerate(value):
            yield from item(one, f"{where}/{at}")

    return rule


def _shape(needed: Mapping[str, Rule], allowed: Mapping[str, Rule]) -> Rule:
    rules = {**needed, **allowed}

    def rule(value: object, where: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(where, "must be an object")
            return
        yield from (Problem(where, f"missing required field: {name}") for name in needed if name not in value)
        for name, inner in value.items():
            if name in rules:
                yield from rules[name](inner, f"{where}/{name}")
            else:
                yield Problem(where, f"invalid additional property: {name}")

    return rule


def _by_type(table: Mapping[str, Rule]) -> Rule:
    def rule(value: object, where: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(where, "must be an object")
        elif not isinstance(kind := value.get("type"), str) or kind not in table:
            yield Problem(where, f"unsupported type: {kind}")
        else:
            yield from table[kind](value, where)

    return rule


def _text(most: int, kinds: Collection[str] = (PLAIN, MRKDWN)) -> Rule:
    text = {"type": _one_of(*kinds), "text": _string(most)}
    # Slack answers invalid_blocks to `emoji` on mrkdwn (grafana/oncall#702, slack-go#1414).
    own = {PLAIN: {"emoji": _flag}, MRKDWN: {"verbatim": _flag}}
    return _by_type({kind: _shape(text, own[kind]) for kind in kinds})


def _unique_action_ids(value: object, where: str) -> Iterator[Problem]:
    """Within one block each action_id stands once, or the whole message is refused."""
    elements = value.get("elements") if isinstance(value, dict) else None
    seen = set()
    for at, element in enumerate(elements if isinstance(elements, list) else []):
        name = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(name, str):
            if name in seen:
                yield Problem(f"{where}/elements/{at}/action_id", f"`{name}` already exists")
            seen.add(name)


def _text_or_fields(value: object, where: str) -> Iterator[Problem]:
    if isinstance(value, dict) and "text" not in value and "fields" not in value:
        yield Problem(where, "must define either `text` or `fields`")


def _both(first: Rule, second: Rule) -> Rule:
    def rule(value: object, where: str) -> Iterator[Problem]:
        yield from first(value, where)
        yield from second(value, where)

    return rule


# Which schemes Slack takes is written nowhere; a file:// button was refused (StackStorm/hubot-stackstorm#166).
_URL: Final = _matching(r"https?://[^\s/?#]+[^\s]*", "must be a valid URL", 3000)
_COLOR: Final = _matching(r"good|warning|danger|#[0-9A-Fa-f]{6}", "must be a hex color code", 7)
_TYPE: Final[Mapping[str, Rule]] = {"type": _string(40)}  # _by_type has compared it already

_CONFIRM: Final = _shape(
    {"title": _text(100, [PLAIN]), "text": _text(300), "confirm": _text(30, [PLAIN]), "deny": _text(30, [PLAIN])},
    {"style": _one_of("primary", "danger")},
)
_BUTTON: Final = _shape(
    {**_TYPE, "text": _text(75, [PLAIN])},
    {
        "action_id": _string(255),
        "url": _URL,
        "value": _string(2000),
        "style": _one_of("primary", "danger"),
        "confirm": _CONFIRM,
        "accessibility_label": _string(75),
    },
)
_PICTURE: Final[Mapping[str, Rule]] = {**_TYPE, "image_url": _URL, "alt_text": _string(2000)}
_ID: Final[Mapping[str, Rule]] = {"block_id": _string(255)}

_SECTION: Final = _shape(
    _TYPE,
    {
        **_ID,
        "text": _text(3000),
        "fields": _list(_text(2000), 10),
        "accessory": _by_type({"button": _BUTTON, "image": _shape(_PICTURE, {})}),
        "expand": _flag,
    },
)
_CONTEXT: Final = _list(
    _by_type({PLAIN: _text(3000, [PLAIN]), MRKDWN: _text(3000, [MRKDWN]), "image": _shape(_PICTURE, {})}), 10
)
_ACTIONS: Final = _list(_by_type({"button": _BUTTON}), 25)

_BLOCK: Final = _by_type(
    {
        "section": _both(_SECTION, _text_or_fields),
        "header": _shape({**_TYPE, "text": _text(150, [PLAIN])}, _ID),
        "context": _shape({**_TYPE, "elements": _CONTEXT}, _ID),
        "actions": _both(_shape({**_TYPE, "elements": _ACTIONS}, _ID), _unique_action_ids),
        "divider": _shape(_TYPE, _ID),
        "image": _shape(_PICTURE, {**_ID, "title": _text(2000, [PLAIN])}),
    }
)
_BLOCKS: Final = _list(_BLOCK, MOST_BLOCKS, least=0)

# Beside an attachment's blocks only these two pass: text, callback_id, footer or ts make it invalid_attachments
# (slackapi/bolt-js#717, slackapi/node-slack-sdk#1112, slack-go#826). How long a fallback may be is written nowhere.
# Attachments without blocks are Slack's older kind; nobody here sends one.
_ATTACHMENT: Final = _shape({"blocks": _BLOCKS}, {"color": _COLOR, "fallback": _string(40_000)})
_ATTACHMENTS: Final = _list(_ATTACHMENT, MOST_ATTACHMENTS, least=0)
