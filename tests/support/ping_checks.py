"""The checks of a pinging service, as healthchecks.io keeps them: what a ping does to a check, and when it is down.

Knows no sockets and no clock. Sources: healthchecks.io's documentation of its Pinging API (paths, `rid`, `create`,
status codes, `Ping-Body-Limit`, at most 5 pings a minute for a check) and its open source (what each ping changes).
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Final

__all__ = ["BODY_LIMIT", "Check", "Checks", "Pinged", "Ruling"]

BODY_LIMIT: Final = 10_000
MOST_A_MINUTE: Final = 5
ACTIONS: Final = ("", "start", "fail", "log")
CANONICAL: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Pinged:
    """A ping that was taken. action: empty for success. body: as kept. sent: how long it was. at: seconds."""

    action: str
    rid: str | None
    body: str
    sent: int
    at: float


@dataclass(frozen=True)
class Ruling:
    """What the service answers."""

    status: int
    body: str


@dataclass
class Check:
    """One check. timeout: seconds between two successes; grace: seconds more, and the longest from start to end."""

    code: str
    slug: str = ""
    timeout: float = 60.0
    grace: float = 120.0
    status: str = "new"
    succeeded_at: float | None = None
    started_at: float | None = None
    started_rid: str | None = None
    pings: list[Pinged] = field(default_factory=list)
    durations: list[float] = field(default_factory=list)

    def state(self, now: float) -> str:
        """`new`, `up`, `grace` or `down`."""
        if self.started_at is not None and now >= self.started_at + self.grace:
            return "down"
        if self.status != "up" or self.succeeded_at is None:
            return self.status
        if now < self.succeeded_at + self.timeout:
            return "up"
        return "grace" if now < self.succeeded_at + self.timeout + self.grace else "down"

    def started(self) -> bool:
        """Whether it waits for the end of something."""
        return self.started_at is not None

    def take(self, ping: Pinged) -> None:
        """Let a ping change the check."""
        self.pings.append(ping)
        if ping.action == "log":
            return
        if ping.action == "start":
            self.started_at, self.started_rid = ping.at, ping.rid
            return
        self._end(ping)
        self.status = "down" if ping.action == "fail" else "up"
        if self.status == "up":
            self.succeeded_at = ping.at

    def _end(self, ping: Pinged) -> None:
        """Another run's success ends nothing; a failure, or a success without a run id, ends whatever was begun."""
        if self.started_at is not None and self.started_rid == ping.rid:
            self.durations.append(ping.at - self.started_at)
            self.started_at = None
        elif ping.action == "fail" or ping.rid is None:
            self.started_at = None

    def crowded(self, now: float) -> bool:
        """Whether one more ping now would be more than there may be in a minute."""
        return sum(1 for ping in self.pings if now - ping.at < 60) >= MOST_A_MINUTE


class Checks:
    """A project with a ping key. softly: refuse with 200 and words, as the hosted service has done."""

    def __init__(self, key: str, *, softly: bool = False) -> None:
        self.key = key
        self.all: list[Check] = []
        self._softly = softly

    def add(self, slug: str = "", **settings: float) -> Check:
        """A new check."""
        check = Check(str(uuid.uuid4()), slug, **settings)
        self.all.append(check)
        return check

    def rule(self, method: str, path: str, query: dict[str, str], body: bytes, now: float) -> Ruling:
        """Take a ping or refuse it."""
        if method not in ("GET", "HEAD", "POST"):
            return Ruling(405, "")
        names, action = _parts(path)
        if names is None:
            return Ruling(404, "not found")
        found = self._found(names)
        made = not found and len(names) == 2 and names[0] == self.key and query.get("create") == "1"
        if made:
            found = [self.add(names[1])]
        if len(found) > 1:
            return Ruling(409, "ambiguous slug")
        if not found:
            return Ruling(200, "OK (not found)") if self._softly else Ruling(404, "not found")
        ruling = self._taken(found[0], action, query.get("rid"), body, now)
        return Ruling(201, "Created") if made and ruling.status == 200 else ruling

    def _found(self, names: list[str]) -> list[Check]:
        if len(names) == 1:
            return [check for check in self.all if check.code == names[0]]
        return [check for check in self.all if names == [self.key, check.slug]]

    def _taken(self, check: Check, action: str, rid: str | None, body: bytes, now: float) -> Ruling:
        if rid is not None and not CANONICAL.fullmatch(rid):
            return Ruling(400, "invalid uuid format")
        if check.crowded(now):
            return Ruling(200, "OK (rate limited)") if self._softly else Ruling(429, "rate limited")
        kept = body[:BODY_LIMIT].decode("utf-8")
        check.take(Pinged(action, rid, kept, len(body), now))
        return Ruling(200, "OK")


def _parts(path: str) -> tuple[list[str] | None, str]:
    """The check's UUID, or the ping key and the slug; and the action. None where the path fits neither."""
    parts = path.strip("/").split("/")
    action = parts.pop() if parts[-1] in ACTIONS[1:] and len(parts) > 1 else ""
    fits = bool(CANONICAL.fullmatch(parts[0])) if len(parts) == 1 else len(parts) == 2
    return (parts if fits and all(parts) else None), action
