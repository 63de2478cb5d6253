"""Slack's contract for the Web API: chat.postMessage, chat.update and auth.test. Knows no sockets.

Sources: Slack's reference of these methods; that a reply to a message which is gone lands in the channel,
slack-go#1571; how much blocks may hold in all, slackapi/bolt-js#2509; that chat.update counts `text` in bytes, up to
4000, gitlab-org/gitlab!258898. Stricter than Slack: an argument that the reference doesn't list is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

from .block_kit import MOST_ATTACHMENTS, problems_of
from .slack_message import read_message
from .slack_webhooks import Arrival, Ruling
from .slack_workspace import BOT, TEAM, Channel, Posted, Workspace, copied

__all__ = ["ApiRoom"]

MOST_BLOCK_LETTERS: Final = 13_000
MOST_UPDATED_BYTES: Final = 4_000
PREFIX: Final = "/api/"
MADE_UP_TOKEN: Final = "xoxb-1234-made-up"
JSON_KIND: Final = "application/json"
FORM_KIND: Final = "application/x-www-form-urlencoded"
TS: Final = re.compile(r"\d{10}\.\d{6}")

POST_ARGUMENTS: Final = {
    "channel": str,
    "text": str,
    "blocks": list,
    "attachments": list,
    "thread_ts": str,
    "reply_broadcast": bool,
    "unfurl_links": bool,
    "unfurl_media": bool,
    "link_names": bool,
    "mrkdwn": bool,
    "parse": str,
}
UPDATE_ARGUMENTS: Final = {
    "channel": str,
    "ts": str,
    "text": str,
    "blocks": list,
    "attachments": list,
    "reply_broadcast": bool,
    "link_names": bool,
    "parse": str,
}


class ApiError(Exception):
    """Slack refuses a call; `more` goes into the answer beside the error."""

    def __init__(self, error: str, *problems: str, status: int = 200, retry_after: int | None = None, **more: Any):
        self.error = error
        self.problems = problems
        self.status = status
        self.retry_after = retry_after
        self.more = more
        super().__init__(error)


class ApiRoom:
    """One workspace, in which one app is installed. token and scopes: the app's.

    burst: how many messages a channel takes at once; then one a second, as Slack has it.
    """

    def __init__(
        self,
        workspace: Workspace,
        token: str = MADE_UP_TOKEN,
        scopes: tuple[str, ...] = ("chat:write", "chat:write.public"),
        burst: int = 100,
    ) -> None:
        self.workspace = workspace
        self.token = token
        self.scopes = scopes
        self._burst = burst
        self._buckets: dict[str, tuple[float, float]] = {}
        self._methods: Mapping[str, Callable[[Mapping[str, Any], float], Ruling]] = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "auth.test": self._auth_test,
        }

    def rule(self, arrival: Arrival) -> Ruling | None:
        """Slack's answer to a call at /api/...; None for any other path."""
        if not arrival.path.startswith(PREFIX):
            return None
        try:
            method = self._method(arrival.path.removeprefix(PREFIX))
            arguments = _arguments(arrival)
            self._check_token(arrival, arguments)
            return method({name: value for name, value in arguments.items() if name != "token"}, arrival.at)
        except ApiError as error:
            return self._refusal(error)

    def _method(self, name: str) -> Callable[[Mapping[str, Any], float], Ruling]:
        if name not in self._methods:
            raise ApiError("unknown_method", req_method=name)
        return self._methods[name]

    def _refusal(self, error: ApiError) -> Ruling:
        body = {"ok": False, "error": error.error, **error.more}
        if error.problems:
            body["response_metadata"] = {"messages": [f"[ERROR] {problem}" for problem in error.problems]}
        headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
        return Ruling(error.status, json.dumps(body), problems=error.problems, content_type=JSON_KIND, headers=headers)

    def _check_token(self, arrival: Arrival, arguments: Mapping[str, Any]) -> None:
        kind, _, token = arrival.headers.get("authorization", "").partition(" ")
        token = token if kind == "Bearer" else str(arguments.get("token", ""))
        if not token:
            raise ApiError("not_authed")
        if token != self.token:
            raise ApiError("invalid_auth")

    def _answer(self, more: Mapping[str, Any], **ruling: Any) -> Ruling:
        headers = {"x-oauth-scopes": ",".join(self.scopes)}
        return Ruling(200, json.dumps({"ok": True, **more}), content_type=JSON_KIND, headers=headers, **ruling)

    def _auth_test(self, arguments: Mapping[str, Any], at: float) -> Ruling:
        names = {"url": "https://made-up.slack.com/", "team": "Made Up", "user": "hangwatch"}
        return self._answer({**names, "team_id": TEAM, "user_id": BOT, "bot_id": "B0HANGWATCH"})

    def _post(self, arguments: Mapping[str, Any], at: float) -> Ruling:
        self._check_scope("chat:write")
        _check_arguments(arguments, POST_ARGUMENTS)
        channel = self._writable(arguments)
        _check_message(arguments)
        self._check_pace(channel.id, at)
        post = _posted(arguments, channel, self.workspace.new_ts())
        payload, notified = post.payload, read_message(post.payload, at)
        message = {"type": "message", "user": BOT, "ts": post.ts, "text": payload.get("text", "")}
        thread = {"thread_ts": post.thread_ts} if post.thread_ts else {}
        said = {"channel": channel.id, "ts": post.ts, "message": {**payload, **message, **thread}}
        return self._answer(said, message=notified, taken=lambda: channel.posts.update({post.ts: post}))

    def _update(self, arguments: Mapping[str, Any], at: float) -> Ruling:
        self._check_scope("chat:write")
        _check_arguments(arguments, UPDATE_ARGUMENTS)
        channel = self.workspace.channels.get(arguments.get("channel", ""))  # by its id, never by its name
        if channel is None or self.workspace.find(channel.id) is None:
            raise ApiError("channel_not_found")
        if channel.archived:
            raise ApiError("is_inactive")
        post = channel.posts.get(arguments.get("ts", ""))
        if post is None:
            raise ApiError("message_not_found")
        if post.by != BOT:
            raise ApiError("cant_update_message")
        if len(arguments.get("text", "").encode()) > MOST_UPDATED_BYTES:
            raise ApiError("msg_too_long")
        _check_message(arguments)
        # Blocks and attachments that the call doesn't mention stay.
        payload = {**post.payload, **copied(arguments)}
        said = {"channel": channel.id, "ts": post.ts, "text": payload.get("text", ""), "message": payload}
        return self._answer(said, taken=lambda: _change(post, payload))

    def _check_scope(self, needed: str) -> None:
        if needed not in self.scopes:
            raise ApiError("missing_scope", needed=needed, provided=",".join(self.scopes))

    def _writable(self, arguments: Mapping[str, Any]) -> Channel:
        channel = self.workspace.find(arguments.get("channel"))
        if channel is None:
            raise ApiError("channel_not_found")
        if not channel.member and "chat:write.public" not in self.scopes:
            raise ApiError("not_in_channel")
        if channel.archived:
            raise ApiError("is_archived")
        if channel.restriction:
            raise ApiError(channel.restriction)
        return channel

    def _check_pace(self, channel: str, at: float) -> None:
        left, since = self._buckets.get(channel, (float(self._burst), at))
        left = min(float(self._burst), left + at - since)
        if left < 1:
            self._buckets[channel] = (left, at)
            raise ApiError("ratelimited", status=429, retry_after=max(1, math.ceil(1 - left)))
        self._buckets[channel] = (left - 1, at)


def _change(post: Posted, payload: Mapping[str, Any]) -> None:
    post.payload = payload
    post.edits += 1


def _posted(arguments: Mapping[str, Any], channel: Channel, ts: str) -> Posted:
    parent = channel.posts.get(arguments.get("thread_ts", ""))
    if parent is None or parent.thread_ts:  # a thread hangs on a message of the channel that is still there
        return Posted(ts, copied(arguments))
    return Posted(ts, copied(arguments), parent.ts, bool(arguments.get("reply_broadcast")))


def _arguments(arrival: Arrival) -> dict[str, Any]:
    kind, _, parameters = arrival.content_type.partition(";")
    kind = kind.strip().lower()
    if kind == FORM_KIND:
        return _from_form(arrival.body)
    if kind != JSON_KIND:
        raise ApiError("invalid_post_type" if kind else "missing_post_type")
    if "charset" in parameters and not re.search(r"charset=\"?utf-8\"?", parameters, re.IGNORECASE):
        raise ApiError("invalid_charset")
    return _from_json(arrival.body)


def _from_json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode() or "{}", parse_constant=_no_such_number)
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        raise ApiError("invalid_json") from None
    if not isinstance(found, dict):
        raise ApiError("json_not_object")
    return found


def _from_form(body: bytes) -> dict[str, Any]:
    try:
        pairs: dict[str, Any] = dict(parse_qsl(body.decode(), strict_parsing=bool(body)))
        parsed: dict[str, Any] = {name: json.loads(pairs[name]) for name in ("blocks", "attachments") if name in pairs}
    except ValueError:
        raise ApiError("invalid_form_data") from None
    flags = {name: value in {"1", "true"} for name, value in pairs.items() if POST_ARGUMENTS.get(name) is bool}
    return {**pairs, **parsed, **flags}


def _no_such_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_arguments(arguments: Mapping[str, Any], known: Mapping[str, type]) -> None:
    problems = [f"unsupported argument: {name}" for name in arguments if name not in known]
    problems += [
        f"must be a {known[name].__name__} [json-pointer:/{name}]"
        for name, value in arguments.items()
        if name in known and not isinstance(value, known[name])
    ]
    problems += [
        f"invalid timestamp [json-pointer:/{name}]"
        for name in ("ts", "thread_ts")
        if isinstance(arguments.get(name), str) and not TS.fullmatch(arguments[name])
    ]
    if arguments.get("parse") not in {None, "none", "full"}:
        problems.append("invalid value [json-pointer:/parse]")
    if problems:
        raise ApiError("invalid_arguments", *problems)


def _check_message(arguments: Mapping[str, Any]) -> None:
    text, blocks, attachments = (arguments.get(name) for name in ("text", "blocks", "attachments"))
    if len(attachments or []) > MOST_ATTACHMENTS:
        raise ApiError("too_many_attachments", f"at most {MOST_ATTACHMENTS} attachments")
    if found := problems_of(arguments):
        in_blocks = found[0].where.startswith("/blocks")
        raise ApiError("invalid_blocks" if in_blocks else "invalid_attachments", *map(str, found))
    if len(json.dumps([blocks or [], attachments or []], ensure_ascii=False)) > MOST_BLOCK_LETTERS:
        raise ApiError("msg_blocks_too_long")
    if not (text or "").strip() and not blocks and not attachments:
        raise ApiError("no_text")
