"""Slack's contract for incoming webhooks: a request goes in, Slack's ruling comes out. Knows no sockets.

Sources: docs.slack.dev "Sending messages using incoming webhooks" and the changelog of 2016-05-17 for the
errors; invalid_blocks and invalid_attachments as webhooks were seen to answer them (slackapi/java-slack-sdk#1017
and #415).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, Protocol
from urllib.parse import parse_qs

from .block_kit import MOST_ATTACHMENTS, problems_of
from .slack_message import Message, read_message

__all__ = ["ERRORS", "Arrival", "Room", "Ruling", "WebhookRoom"]

ERRORS: Final[Mapping[str, int]] = {
    "invalid_payload": 400,
    "invalid_blocks": 400,
    "invalid_blocks_format": 400,
    "invalid_attachments": 400,
    "too_many_attachments": 400,
    "no_text": 400,
    "user_not_found": 400,
    "action_prohibited": 403,
    "invalid_token": 403,
    "posting_to_general_channel_denied": 403,
    "channel_not_found": 404,
    "no_active_hooks": 404,
    "no_service": 404,
    "no_service_id": 404,
    "no_team": 404,
    "team_disabled": 404,
    "channel_is_archived": 410,
    "rate_limited": 429,
    "rollup_error": 500,
}


@dataclass(frozen=True)
class Arrival:
    """A request as it came. at: seconds on the monotonic clock; content_type: the header, empty without one.

    headers: all of them, by their names in small letters.
    """

    at: float
    method: str
    path: str
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ruling:
    """What Slack makes of a request. problems: for the test's reader; Slack itself doesn't tell a webhook.

    taken: what happens beside the delivery of `message`, unless a scripted answer refuses the request.
    """

    status: int
    body: str
    message: Message | None = None
    problems: tuple[str, ...] = ()
    content_type: str = "text/html"  # plain words, but this is how hooks.slack.com labels them
    headers: Mapping[str, str] = field(default_factory=dict)
    taken: Callable[[], None] | None = None


class Room(Protocol):
    """One part of Slack: it rules on the requests that are for it."""

    def rule(self, arrival: Arrival) -> Ruling | None:
        """The ruling, or None when the path belongs to another room."""


class RefusedError(Exception):
    """Slack refuses a request; `error` is the answer's body and decides the status."""

    def __init__(self, error: str, *problems: str) -> None:
        self.error = error
        self.problems = problems
        super().__init__(error)


class WebhookRoom:
    """One workspace with one installed incoming webhook, at `path`."""

    def __init__(self, path: str = "/services/T0MADEUP/B0MADEUP/a-made-up-token") -> None:
        self.path = path

    def rule(self, arrival: Arrival) -> Ruling | None:
        """Slack's answer to a POST at /services/...; None for any other path."""
        if not arrival.path.startswith("/services/"):
            return None
        try:
            self._check_hook(arrival)
            payload = _payload(arrival)
            _check_payload(payload)
        except RefusedError as refused:
            return Ruling(ERRORS[refused.error], refused.error, problems=refused.problems)
        return Ruling(200, "ok", read_message(payload, arrival.at))

    def _check_hook(self, arrival: Arrival) -> None:
        asked, ours = arrival.path.split("/"), self.path.split("/")
        if len(asked) != len(ours):
            raise RefusedError("no_service")
        for part, error in enumerate(("no_team", "no_service", "invalid_token"), start=2):
            if asked[part] != ours[part]:
                raise RefusedError(error)


def _payload(arrival: Arrival) -> dict[str, Any]:
    try:
        payload = json.loads(_json_text(arrival), parse_constant=_no_such_number)
        json.dumps(payload, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, KeyError, RecursionError) as error:
        raise RefusedError("invalid_payload", str(error)) from None
    if not isinstance(payload, dict):
        raise RefusedError("invalid_payload", "the payload must be an object")
    return payload


def _json_text(arrival: Arrival) -> str:
    text, kind = arrival.body.decode(), arrival.content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return parse_qs(text, strict_parsing=True)["payload"][0]
    if kind != "application/json":
        raise ValueError(f"the content type must be application/json, got {kind!r}")
    return text


def _no_such_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_payload(payload: Mapping[str, Any]) -> None:
    text, blocks, attachments = (payload.get(name) for name in ("text", "blocks", "attachments"))
    if not isinstance(text, str | None):
        raise RefusedError("invalid_payload", "text must be a string")
    if not isinstance(blocks, list | None):
        raise RefusedError("invalid_blocks_format", "blocks must be an array")
    if isinstance(attachments, list) and len(attachments) > MOST_ATTACHMENTS:
        raise RefusedError("too_many_attachments", f"at most {MOST_ATTACHMENTS} attachments")
    if found := problems_of(payload):
        in_blocks = found[0].where.startswith("/blocks")
        raise RefusedError("invalid_blocks" if in_blocks else "invalid_attachments", *map(str, found))
    if not (text or "").strip() and not blocks and not attachments:
        raise RefusedError("no_text", "neither text nor blocks nor attachments")
