"""What somebody clicked in Slack, read from the request that Slack made of it. Pure.

Source: Slack's reference of block_actions payloads. The request's signature is checked before; names in it are still
whatever people call themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from .wording import one_line

__all__ = ["Click", "ClickError", "read_click"]

PREFIX = "hangwatch_"
NAME_LIMIT = 80
ID_LIMIT = 40
VALUE_LIMIT = 2000
URL_LIMIT = 2000


class ClickError(ValueError):
    """The request is none that Slack makes of a click."""


@dataclass(frozen=True)
class Click:
    """One click. action: as in `message.Button`; empty for a button, or something else, that is not ours.

    value: the button's. by: who, as in "ada (Slack U123)". channel and ts: of the message, empty where unknown.
    response_url: where an answer to this person may go, as the payload has it; empty where it has none.
    """

    action: str
    value: str
    by: str
    channel: str
    ts: str
    response_url: str


def read_click(body: bytes) -> Click:
    """Read the form that Slack sends. Raises `ClickError`."""
    payload = _payload(body)
    actions = payload.get("actions")
    pressed = actions[0] if isinstance(actions, list) and actions and payload.get("type") == "block_actions" else {}
    action = pressed if isinstance(pressed, Mapping) else {}
    action_id = _text(action, "action_id", ID_LIMIT)
    return Click(
        action=action_id.removeprefix(PREFIX) if action_id.startswith(PREFIX) else "",
        value=_text(action, "value", VALUE_LIMIT),
        by=_by(_part(payload, "user")),
        channel=_text(_part(payload, "channel"), "id", ID_LIMIT),
        ts=_text(_part(payload, "message"), "ts", ID_LIMIT),
        response_url=_text(payload, "response_url", URL_LIMIT),
    )


def _payload(body: bytes) -> Mapping[str, Any]:
    try:
        form = parse_qs(body.decode(), strict_parsing=True, max_num_fields=10)
        payload = json.loads(form["payload"][0])
    except (ValueError, KeyError, RecursionError):
        raise ClickError("expected a form with a payload of JSON, got something else") from None
    if not isinstance(payload, dict):
        raise ClickError(f"expected a payload that is an object, got {type(payload).__name__}")
    return payload


def _part(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = payload.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(part: Mapping[str, Any], name: str, longest: int) -> str:
    """The text of this name; empty where there is none, or one too long to be what it should be."""
    text = part.get(name)
    return text if isinstance(text, str) and len(text) <= longest else ""


def _by(user: Mapping[str, Any]) -> str:
    name = _text(user, "username", NAME_LIMIT) or _text(user, "name", NAME_LIMIT) or "somebody"
    return one_line(f"{name} (Slack {_text(user, 'id', ID_LIMIT) or 'user unknown'})")
