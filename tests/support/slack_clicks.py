"""A person who clicks: the request that Slack makes of a click on a message's button, and what it tells the person.

Sources: Slack's reference of block_actions payloads, "Verifying requests from Slack", and "Handling user
interaction" for what a response_url takes: five answers within 30 minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import requests

from .slack_webhooks import Arrival, Ruling
from .slack_workspace import BOT, TEAM, Channel, Posted

__all__ = ["ResponseRoom", "click_body", "click_payload", "press", "signed"]

MOST_ANSWERS: Final = 5
ANSWER_SECONDS: Final = 1800.0
FORM: Final = "application/x-www-form-urlencoded"


@dataclass
class ResponseRoom:
    """The addresses that clicks bring along. told: (address's path, payload) of each answer that Slack took."""

    told: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    _opened: dict[str, float] = field(default_factory=dict)
    _used: dict[str, int] = field(default_factory=dict)

    def open(self) -> str:
        """The path of a new address, which lives for 30 minutes."""
        path = f"/actions/{TEAM}/{4000 + len(self._opened)}/made-up-secret-{len(self._opened)}"
        self._opened[path] = time.monotonic()
        return path

    def rule(self, arrival: Arrival) -> Ruling | None:
        """Slack's answer to a POST at /actions/...; None for any other path."""
        if not arrival.path.startswith("/actions/"):
            return None
        if arrival.at - self._opened.get(arrival.path, -math.inf) > ANSWER_SECONDS:
            return _refused(404, "expired_url")
        if self._used.get(arrival.path, 0) >= MOST_ANSWERS:
            return _refused(404, "used_url")
        return self._read(arrival)

    def _read(self, arrival: Arrival) -> Ruling:
        kind = arrival.content_type.partition(";")[0].strip().lower()
        try:
            payload = json.loads(arrival.body.decode())
        except ValueError:
            return _refused(400, "invalid_payload")
        if kind != "application/json" or not isinstance(payload, dict) or not str(payload.get("text", "")).strip():
            return _refused(400, "invalid_payload")
        if payload.get("response_type") not in {"ephemeral", "in_channel", None}:
            return _refused(400, "invalid_response_type")
        return Ruling(200, "ok", taken=lambda: self._take(arrival, payload))

    def _take(self, arrival: Arrival, payload: Mapping[str, Any]) -> None:
        self._used[arrival.path] = self._used.get(arrival.path, 0) + 1
        self.told.append((arrival.path, payload))


def _refused(status: int, error: str) -> Ruling:
    return Ruling(status, json.dumps({"ok": False, "error": error}), content_type="application/json")


def _buttons(post: Posted) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each button of a message with the id of its block, which Slack makes up where the app gave none."""
    lists = [post.payload.get("blocks", [])]
    lists += [one.get("blocks", []) for one in post.payload.get("attachments", [])]
    blocks = [block for listed in lists for block in listed]
    for at, block in enumerate(blocks):
        for element in block.get("elements", []) if block.get("type") == "actions" else []:
            yield block.get("block_id", f"bLk{at}"), element


def click_payload(
    channel: Channel, post: Posted, action_id: str, response_url: str, user: tuple[str, str] = ("U0ADA", "ada")
) -> dict[str, Any]:
    """The payload of a click on the button of this action_id. Raises LookupError when the message has none such."""
    found = next(((block, one) for block, one in _buttons(post) if one.get("action_id") == action_id), None)
    if found is None:
        raise LookupError(f"no button {action_id} on {post.ts}, got {[one for _, one in _buttons(post)]}")
    block_id, button = found
    user_id, name = user
    shown = {"type": "message", "user": BOT, "ts": post.ts, **post.payload}
    action = {name: button[name] for name in ("type", "action_id", "text", "value", "style") if name in button}
    return {
        "type": "block_actions",
        "user": {"id": user_id, "username": name, "name": name, "team_id": TEAM},
        "api_app_id": "A0MADEUP",
        "token": "made-up-verification-token",
        "container": {
            "type": "message_attachment",
            "message_ts": post.ts,
            "attachment_id": 1,
            "channel_id": channel.id,
            "is_ephemeral": False,
            "is_app_unfurl": False,
        },
        "trigger_id": "1234.5678.made-up",
        "team": {"id": TEAM, "domain": "made-up"},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": channel.name},
        "message": shown,
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [{**action, "block_id": block_id, "action_ts": "1763900999.000100"}],
    }


def click_body(payload: Mapping[str, Any]) -> bytes:
    """The payload as the form that Slack sends."""
    return urlencode({"payload": json.dumps(payload)}).encode()


def signed(secret: str, body: bytes, at: float) -> dict[str, str]:
    """The headers of a request that Slack signed at that second."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"Content-Type": FORM, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def press(payload: Mapping[str, Any], to: str, secret: str, at: float) -> requests.Response:
    """Deliver a click to an app, as Slack does: once, and three seconds are all it waits in earnest."""
    body = click_body(payload)
    return requests.post(to, data=body, headers=signed(secret, body, at), timeout=30, allow_redirects=False)
