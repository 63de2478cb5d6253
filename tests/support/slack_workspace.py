"""A Slack workspace as the Web API leaves it: channels, and in each what was posted, as it reads now. Knows no HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .slack_message import Message, read_message

__all__ = ["BOT", "TEAM", "Channel", "Posted", "Workspace"]

TEAM: Final = "T0MADEUP"
BOT: Final = "U0HANGWATCH"
FIRST_SECOND: Final = 1_763_900_000


@dataclass
class Posted:
    """One message. payload: what it says now. thread_ts: its parent's ts; empty at the top of a channel.

    aloud: a reply that the channel shows too. by: whose it is. edits: how often it was changed.
    """

    ts: str
    payload: Mapping[str, Any]
    thread_ts: str = ""
    aloud: bool = False
    by: str = BOT
    edits: int = 0

    def read(self) -> Message:
        """What a reader sees of it now."""
        return read_message(self.payload, 0.0)


@dataclass
class Channel:
    """A channel. member: whether the bot is in it. private: else it is public. restriction: an error for posting."""

    id: str
    name: str
    member: bool = True
    private: bool = False
    archived: bool = False
    restriction: str = ""
    posts: dict[str, Posted] = field(default_factory=dict)

    def top(self) -> list[Posted]:
        """What stands in the channel itself, the oldest first; replies that were broadcast are there too."""
        return [post for post in self.posts.values() if not post.thread_ts or post.aloud]

    def thread(self, ts: str) -> list[Posted]:
        """The replies to a message, the oldest first."""
        return [post for post in self.posts.values() if post.thread_ts == ts]


class Workspace:
    """Channels by id. Times of messages are made up: each second has one."""

    def __init__(self, *channels: Channel) -> None:
        self.channels = {channel.id: channel for channel in channels}
        self._next = 0

    def find(self, asked: object) -> Channel | None:
        """The channel of this id or name, with or without its `#`; a private one only where the bot is in it."""
        named = [one for one in self.channels.values() if asked in {one.id, one.name, f"#{one.name}"}]
        return next((one for one in named if one.member or not one.private), None)

    def new_ts(self) -> str:
        """A time that no other message has."""
        self._next += 1
        return f"{FIRST_SECOND + self._next}.{self._next * 100 % 1_000_000:06d}"

    def at(self, reference: str) -> Posted:
        """The message that `CHANNEL_ID:ts` refers to. Raises KeyError."""
        channel, _, ts = reference.partition(":")
        return self.channels[channel].posts[ts]


def copied(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a request that make the message, apart from the request."""
    kept = {name: payload[name] for name in ("text", "blocks", "attachments") if payload.get(name) is not None}
    made: dict[str, Any] = json.loads(json.dumps(kept))
    return made
