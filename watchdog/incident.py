"""The life of an incident: one problem of one run, from the first notice to the last.

`step` is the whole of it: given the incident so far, the verdict now, and what was told, it says how the incident goes
on and what people must hear. Told are: opened, worsened, reminded, resolved. Nothing else, each only on a change.

    was        the run is now           becomes                     told
    -          a problem                open, a new episode         opened
    open       the same, or less bad    open                        reminded, each remind_every; unjudged: never
    open       worse than was told      open                        worsened; opened where nobody heard yet
    open       silent past its deadline resolved: lost              resolved
    open       healthy or late          resolved: recovered         resolved
    open       ended                    resolved: as it ended       resolved
    open       no record any more       resolved: record deleted    resolved
    lost       beats again, or ended    resolved: as it went on     resolved

While a notice still waits to be sent, it is that one that will tell the latest; no second one is made. A resolved
notice follows only what was told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.fields import MISSING, Fields
from heartbeat_client.run import FAILED, INTERRUPTED, Run

from .verdict import FINISHED_LATE, HEALTHY, SILENT, UNJUDGED, Verdict

__all__ = [
    "INCIDENTS",
    "LOST",
    "OPENED",
    "RECOVERED",
    "REMINDED",
    "RESOLVED",
    "WORSENED",
    "Case",
    "Incident",
    "Step",
    "Told",
    "opened",
    "revived",
    "step",
]

INCIDENTS = "hangwatch_incidents"

OPEN = "open"
RESOLVED = "resolved"

OPENED = "opened"
WORSENED = "worsened"
REMINDED = "reminded"

RECOVERED = "recovered"
LOST = "lost"
DELETED = "record deleted"

STEM_LIMIT = 900


@dataclass(frozen=True)
class Told:
    """What people have heard of an incident so far.

    heard_on: names of the channels on which a notice was sent, or may have been. waiting: one still has to be sent, and
    will tell the latest. being_sent: a sweep is sending one at this moment, so that nobody can say yet.
    """

    heard_on: frozenset[str] = frozenset()
    waiting: bool = False
    being_sent: bool = False

    @property
    def heard(self) -> bool:
        """Whether anybody heard anything."""
        return bool(self.heard_on)


@dataclass(frozen=True)
class Case:
    """What a sweep found out about one run. run None: its record can't be read, or is gone (`verdict` None)."""

    run_id: str
    run: Run | None
    verdict: Verdict | None


@dataclass(frozen=True)
class Incident:
    """One problem of one run. Its id is made of the run and the episode, so that two sweeps can't open it twice.

    verdict: as last judged. told_severity: the worst that a notice was made for. notices: ids of the newest ones, one a
    channel; notice_count: how many times notices were made; heard_on: channels on which earlier ones were sent.
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
    resolved_at: datetime | None = None
    told_severity: int = 0
    last_notice_at: datetime | None = None
    notices: tuple[str, ...] = ()
    notice_count: int = 0
    heard_on: tuple[str, ...] = ()
    expires_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether the problem goes on."""
        return self.state != RESOLVED

    def judged(self, verdict: Verdict) -> Incident:
        """The incident with a newer verdict."""
        return replace(self, verdict=verdict)

    def to_document(self) -> dict[str, Any]:
        """The incident as plain values; `open` is a field of its own because a sweep asks for it."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        return plain | {"open": self.open, "verdict": self.verdict.to_document(), **self._lists()}

    def _lists(self) -> dict[str, list[str]]:
        return {"notices": list(self.notices), "heard_on": list(self.heard_on)}

    @classmethod
    def from_document(cls, incident_id: str, document: Mapping[str, Any]) -> Incident:
        """Read back what `to_document` wrote. Raises `RecordError`."""
        fields = Fields(document)
        read = {name: fields.text(name, "", 5000) for name in ("detail", "how", "ending")}
        incident = cls(
            id=incident_id,
            run_id=fields.text("run_id", MISSING, 1500),
            episode=fields.whole("episode", MISSING),
            operation=fields.text("operation", "", 500),
            verdict=Verdict.from_fields(fields.inside("verdict")),
            opened_at=fields.instant("opened_at", MISSING),
            state=fields.one_of("state", MISSING, (OPEN, RESOLVED)),
            resolved_at=fields.instant("resolved_at", None),
            told_severity=fields.whole("told_severity", 0),
            last_notice_at=fields.instant("last_notice_at", None),
            notices=fields.texts("notices"),
            notice_count=fields.whole("notice_count", 0),
            heard_on=fields.texts("heard_on"),
            expires_at=fields.instant("expires_at", None),
            **read,
        )
        fields.raise_if_wrong(f"incident {incident_id[:80]}")
        return incident

    def noticed(self, notices: tuple[str, ...], heard_on: frozenset[str], now: datetime) -> Incident:
        """The incident after new notices were made for it; heard_on: channels that told of it before."""
        return replace(
            self,
            notices=notices,
            notice_count=self.notice_count + 1,
            heard_on=tuple(sorted(heard_on)),
            last_notice_at=now,
            told_severity=max(self.told_severity, self.verdict.severity),
        )


_PLAIN = (
    "run_id",
    "episode",
    "operation",
    "detail",
    "state",
    "opened_at",
    "how",
    "ending",
    "resolved_at",
    "told_severity",
    "last_notice_at",
    "notice_count",
    "expires_at",
)


@dataclass(frozen=True)
class Step:
    """How an incident goes on. tell: the kind of notice to make, None for none. why: the reason, for the log."""

    incident: Incident
    tell: str | None
    why: str


def opened(case: Case, verdict: Verdict, episode: int, now: datetime) -> Incident:
    """The incident that a problem begins."""
    operation = case.run.operation if case.run else ""
    return Incident(
        id=f"{_stem(case.run_id)}.{episode}",
        run_id=case.run_id,
        episode=episode,
        operation=operation,
        detail=case.run.detail if case.run else "",
        verdict=verdict,
        opened_at=now,
    )


def _stem(run_id: str) -> str:
    # A stranger's id may fill the 1,500 bytes that Firestore allows, and those of notices add words to this one.
    digest = hashlib.sha256(run_id.encode()).hexdigest()
    return run_id if len(run_id.encode()) <= STEM_LIMIT else f"{run_id[:100]}~{digest}"


def revived(last: Incident | None, case: Case, now: datetime) -> Step | None:
    """Take back that a run is lost, when it beats again: told as resolved once more, this time as recovered."""
    if last is None or last.how != LOST or case.verdict is None or case.verdict.problem:
        return None
    how, ending = _ending(case)
    ending = f"it was given up as lost, and beats again: {ending}"
    return Step(replace(last, how=how, ending=ending, resolved_at=now), RESOLVED, f"{how}: {ending}")


def step(before: Incident, case: Case, told: Told, remind_every: timedelta, now: datetime) -> Step | None:
    """How an open incident goes on, None when nothing about it changes.

    told: what people have heard of it so far. remind_every: how long it may stay quiet.
    """
    verdict = case.verdict
    if verdict is not None and verdict.problem and not _is_lost(verdict, told):
        return _goes_on(before.judged(verdict), before, told, remind_every, now)
    if told.being_sent:
        return None
    how, ending = _ending(case)
    after = replace(
        before,
        state=RESOLVED,
        how=how,
        ending=ending,
        resolved_at=now,
        expires_at=now + timedelta(days=30),
    )
    return Step(after, RESOLVED if told.heard else None, f"{how}: {ending}")


def _goes_on(after: Incident, before: Incident, told: Told, remind_every: timedelta, now: datetime) -> Step | None:
    kind, why = _news(after, before, told, now - (before.last_notice_at or before.opened_at) >= remind_every)
    if told.waiting and not told.being_sent and not told.heard:
        after = replace(after, told_severity=max(after.told_severity, after.verdict.severity))
    return None if kind is None and _alike(after, before) else Step(after, kind, why)


def _news(after: Incident, before: Incident, told: Told, quiet_for_long: bool) -> tuple[str | None, str]:
    if told.waiting or told.being_sent:
        return None, "the notice that waits will tell the latest"
    if after.verdict.severity > before.told_severity:
        return (WORSENED if told.heard else OPENED), _rise(before.verdict, after.verdict)
    if quiet_for_long and not (told.heard and after.verdict.state == UNJUDGED):
        return (REMINDED if told.heard else OPENED), "it goes on"
    return None, "nothing that was not told"


def _rise(was: Verdict, now_is: Verdict) -> str:
    return (
        f"{now_is.state} is past the deadline now"
        if was.state == now_is.state
        else f"{was.state} became {now_is.state}"
    )


def _alike(one: Incident, other: Incident) -> bool:
    known = ((i.verdict.state, i.verdict.since, i.told_severity) for i in (one, other))
    return next(known) == next(known)


def _is_lost(verdict: Verdict, told: Told) -> bool:
    return verdict.state == SILENT and verdict.past_deadline and told.heard and not told.waiting and not told.being_sent


def _ending(case: Case) -> tuple[str, str]:
    if case.verdict is None:
        return DELETED, "its record is gone from the store"
    if case.verdict.problem:
        return LOST, "it stayed silent past its deadline; given up, until it beats again"
    if case.run is not None and case.run.state in (FAILED, INTERRUPTED):
        return case.run.state, case.verdict.reason
    if case.verdict.state == FINISHED_LATE:
        return FINISHED_LATE, case.verdict.reason
    if case.run is not None and case.run.ended:
        return RECOVERED, case.verdict.reason
    return RECOVERED, f"it moves again: {case.verdict.reason}" if case.verdict.state == HEALTHY else case.verdict.reason
