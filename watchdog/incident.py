"""The record of an incident: one problem of one run, from the first notice to the last, or of what is no run.

Beside runs there are two things that incidents can be about: a run that was expected and never came, and the watchdog
itself, when it has reason to doubt what it sees. How an incident goes on is decided in `life`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.fields import MISSING, Fields
from heartbeat_client.run import Run

from .verdict import Verdict

__all__ = [
    "ACKNOWLEDGED",
    "EDITED",
    "EXPECTED",
    "FAILURE",
    "INCIDENTS",
    "KEPT_FOR",
    "LOST",
    "OPENED",
    "RECOVERED",
    "REMINDED",
    "RESOLVED",
    "RUN",
    "WATCHDOG_ITSELF",
    "WORSENED",
    "Case",
    "Incident",
    "Told",
    "incident_id",
]

INCIDENTS = "hangwatch_incidents"

# States.
OPEN = "open"
ACKNOWLEDGED = "acknowledged"
RESOLVED = "resolved"

# Kinds of notice; `resolved` is one too. An edit changes what an earlier notice says, and tells nobody anything.
OPENED = "opened"
WORSENED = "worsened"
REMINDED = "reminded"
FAILURE = "failed"
EDITED = "edited"

# How incidents end, beside how runs do.
RECOVERED = "recovered"
LOST = "lost"

# What incidents are about.
RUN = "run"
EXPECTED = "expected"
WATCHDOG_ITSELF = "watchdog"

# How long a resolved incident is kept; `expires_at` tells when it was resolved to those who must not need a field more.
KEPT_FOR = timedelta(days=30)

STEM_LIMIT = 900


@dataclass(frozen=True)
class Told:
    """What people have heard of an incident so far.

    heard_on: names of the channels on which a notice was sent, or may have been. waiting: one still has to be sent, and
    will tell the latest. being_sent: a sweep is sending one at this moment, so that nobody can say yet. sent_late_at:
    when the last one went out that was not sent by the sweep that made it. taken_back: the newest were not needed when
    they were to be sent.
    """

    heard_on: frozenset[str] = frozenset()
    waiting: bool = False
    being_sent: bool = False
    sent_late_at: datetime | None = None
    taken_back: bool = False

    @property
    def heard(self) -> bool:
        """Whether anybody heard anything."""
        return bool(self.heard_on)


@dataclass(frozen=True)
class Case:
    """What a sweep found out about one run. run None: its record can't be read, or is gone (`verdict` None).

    run_id, operation and about name what it is about where there is no run.
    """

    run_id: str
    run: Run | None
    verdict: Verdict | None
    operation: str = ""
    about: str = RUN


@dataclass(frozen=True)
class Incident:
    """One problem of one run. Its id is made of the run and the episode, so that two sweeps can't open it twice.

    verdict: as last judged. told_severity: the worst that a notice was made for. notices: ids of the newest ones, one a
    channel; first_notices: of those that opened it; notice_count: how many times notices were made; edition: how many
    times the first ones were to be edited; heard_on: channels on which earlier ones were sent.
    again: how many times before, within an hour each, the same run went wrong and was well again, or was lost.
    well_since: since when it is well again, while the incident stays open to see whether that lasts. about: what
    `run_id` names.
    """

    id: str
    run_id: str
    episode: int
    operation: str
    verdict: Verdict
    opened_at: datetime
    state: str = OPEN
    detail: str = ""
    how: str = ""
    ending: str = ""
    about: str = RUN
    resolved_at: datetime | None = None
    acked_at: datetime | None = None
    acked_by: str = ""
    again: int = 0
    well_since: datetime | None = None
    told_severity: int = 0
    last_notice_at: datetime | None = None
    notices: tuple[str, ...] = ()
    first_notices: tuple[str, ...] = ()
    notice_count: int = 0
    edition: int = 0
    heard_on: tuple[str, ...] = ()
    expires_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether the problem goes on."""
        return self.state != RESOLVED

    @property
    def acknowledged(self) -> bool:
        """Whether somebody said that they look after it."""
        return self.state == ACKNOWLEDGED

    def judged(self, verdict: Verdict) -> Incident:
        """The incident with a newer verdict; a problem that is back was not over."""
        return replace(self, verdict=verdict, well_since=None)

    def acknowledge(self, by: str, now: datetime) -> Incident:
        """Somebody looks after it: no more reminders."""
        return replace(self, state=ACKNOWLEDGED, acked_at=now, acked_by=by)

    def to_document(self) -> dict[str, Any]:
        """The incident as plain values; `open` is a field of its own because a sweep asks for it."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        return plain | lists | {"open": self.open, "verdict": self.verdict.to_document()}

    @classmethod
    def from_document(cls, incident_id: str, document: Mapping[str, Any]) -> Incident:
        """Read back what `to_document` wrote. Raises `RecordError`."""
        fields = Fields(document)
        incident = cls(
            id=incident_id,
            run_id=fields.text("run_id", MISSING, 1500),
            episode=fields.whole("episode", MISSING),
            operation=fields.text("operation", "", 500),
            verdict=Verdict.from_fields(fields.inside("verdict")),
            opened_at=fields.instant("opened_at", MISSING),
            state=fields.one_of("state", MISSING, (OPEN, ACKNOWLEDGED, RESOLVED)),
            about=fields.text("about", RUN, 50),
            **_read(fields),
        )
        fields.raise_if_wrong(f"incident {incident_id[:80]}")
        return incident

    def noticed(
        self, notices: tuple[str, ...], heard_on: frozenset[str], now: datetime, *, first: bool = False
    ) -> Incident:
        """The incident after new notices were made for it.

        heard_on: channels that told of it before. first: the notices open it, and later ones refer to them.
        """
        return replace(
            self,
            notices=notices,
            first_notices=notices if first else self.first_notices,
            notice_count=self.notice_count + 1,
            heard_on=tuple(sorted(heard_on)),
            last_notice_at=now,
            told_severity=max(self.told_severity, self.verdict.severity),
        )


_TEXTS = ("detail", "how", "ending", "acked_by")
_COUNTS = ("again", "told_severity", "notice_count", "edition")
_INSTANTS = ("resolved_at", "acked_at", "well_since", "last_notice_at", "expires_at")
_LISTS = ("notices", "first_notices", "heard_on")
_PLAIN = ("run_id", "episode", "operation", "opened_at", "state", "about", *_TEXTS, *_COUNTS, *_INSTANTS)


def _read(fields: Fields) -> dict[str, Any]:
    return {
        **{name: fields.text(name, "", 5000) for name in _TEXTS},
        **{name: fields.whole(name, 0) for name in _COUNTS},
        **{name: fields.instant(name, None) for name in _INSTANTS},
        **{name: fields.texts(name) for name in _LISTS},
    }


def incident_id(run_id: str, episode: int) -> str:
    """The id that every sweep chooses for the same episode of the same run."""
    # A stranger's id may fill the 1,500 bytes that Firestore allows, and those of notices add words to this one.
    digest = hashlib.sha256(run_id.encode()).hexdigest()
    stem = run_id if len(run_id.encode()) <= STEM_LIMIT else f"{run_id[:100]}~{digest}"
    return f"{stem}.{episode}"
