"""Saving what a sweep changes: each incident in one commit with the notices about it, before any of them is sent.

Groups of changes that have nothing to do with each other share a commit too, where they fit: a thousand problems at
once are a handful of requests.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from .audience import Audience
from .changes import Change
from .incident import EDITED, OPENED, RESOLVED, Incident
from .ledger import Held, Ledger, RunRecord
from .notice import Notice, channel_of, notice_id
from .ports import StoreError, ThreadedChannel
from .report import SweepReport
from .telling import Subject

__all__ = ["Saving"]

log = logging.getLogger("watchdog")

# A store takes 400 writes at once, and beside those of the incidents there are those of the notices.
MOST_WRITES = 400
MOST_TOGETHER = 300


@dataclass(frozen=True)
class _Group:
    """Changes that share their notices, and what is to be written of them."""

    changes: Sequence[Change]
    incidents: Sequence[Held[Incident]]
    notices: Sequence[Notice]
    given_up: Sequence[RunRecord]

    @property
    def writes(self) -> int:
        """How many documents it changes."""
        return len(self.incidents) + len(self.notices) + len(self.given_up)


class Saving:
    """The saving part of one sweep."""

    def __init__(self, ledger: Ledger, audience: Audience, report: SweepReport) -> None:
        self._ledger = ledger
        self._audience = audience
        self._report = report

    def save(self, changes: Iterable[Change]) -> None:
        """Save them all, those of one group together. Raises `StoreError`."""
        groups: dict[Hashable, list[Change]] = {}
        for change in changes:
            alone = change.tell is None or change.give_up is not None
            groups.setdefault(change.held.value.id if alone else change.group, []).append(change)
        parts = [
            group[begin : begin + MOST_TOGETHER]
            for group in groups.values()
            for begin in range(0, len(group), MOST_TOGETHER)
        ]
        for batch in _batches([self._prepared(part) for part in parts]):
            self._save_batch(batch)

    def _save_batch(self, batch: Sequence[_Group]) -> None:
        """Save groups in one commit; each by itself where that fails, for one of them must not stop the others."""
        if len(batch) == 1 or not self._committed_together(batch):
            for group in batch:
                self._save_group(group)

    def _committed_together(self, batch: Sequence[_Group]) -> bool:
        try:
            return self._commit(batch)
        except StoreError as error:
            if error.away:
                raise
            return False

    def _save_group(self, group: _Group) -> None:
        if self._commit([group]):
            return
        _log_overtaken(group)
        if len(group.changes) > 1:
            for change in group.changes:
                alone = self._prepared([change])
                if not self._commit([alone]):
                    _log_overtaken(alone)

    def _prepared(self, changes: Sequence[Change]) -> _Group:
        kind = changes[0].tell
        notices = self._notices(kind, changes) if kind is not None else []
        edits = self.edits([change.held.value for change in changes if change.stale]) if kind != OPENED else []
        incidents = [Held(self._after(change, notices, edits), change.held.version) for change in changes]
        given_up = [change.give_up for change in changes if change.give_up is not None]
        return _Group(changes, incidents, [*notices, *edits], given_up)

    def _commit(self, groups: Sequence[_Group]) -> bool:
        return self._ledger.commit(
            [held for group in groups for held in group.incidents],
            [notice for group in groups for notice in group.notices],
            [record for group in groups for record in group.given_up],
        )

    def _after(self, change: Change, notices: Sequence[Notice], edits: Sequence[Notice]) -> Incident:
        incident = change.held.value
        if edits:
            incident = replace(incident, edition=incident.edition + 1)
        if change.tell is None:
            return incident
        ids = tuple(notice.id for notice in notices)
        return incident.noticed(ids, change.heard_on, self._report.now, first=change.tell == OPENED)

    def _notices(self, kind: str, group: Sequence[Change]) -> list[Notice]:
        now = self._report.now
        subjects = [Subject(change.held.value, change.case.run) for change in group]
        message = self._audience.message(kind, subjects, now)
        lead = subjects[0].incident
        ids = tuple(subject.incident.id for subject in subjects)
        heard_on = frozenset[str]().union(*(change.heard_on for change in group))
        names = [c.name for c in self._audience.channels if kind != RESOLVED or c.name in heard_on]
        return [
            Notice(notice_id(lead, lead.notice_count + 1, kind, name), kind, name, ids, message, made_at=now)
            for name in names
        ]

    def edits(self, incidents: Sequence[Incident]) -> list[Notice]:
        """Notices that bring the first message about these incidents up to date, where a channel can do that.

        Incidents that were opened together have one first message, and need one edit.
        """
        if not incidents:
            return []
        lead, now = incidents[0], self._report.now
        able = {channel.name for channel in self._audience.channels if isinstance(channel, ThreadedChannel)}
        names = sorted(able.intersection(map(channel_of, lead.first_notices)))
        if not names:
            return []
        message = self._audience.message(EDITED, [Subject(lead, None)], now)
        return [
            Notice(notice_id(lead, lead.edition + 1, EDITED, name), EDITED, name, (lead.id,), message, made_at=now)
            for name in names
        ]


def _batches(groups: Iterable[_Group]) -> list[list[_Group]]:
    """The groups in their order, as many together as one commit takes."""
    batches: list[list[_Group]] = []
    room = 0
    for group in groups:
        if group.writes > room:
            batches.append([])
            room = MOST_WRITES
        batches[-1].append(group)
        room -= group.writes
    return batches


def _log_overtaken(group: _Group) -> None:
    log.info("another sweep was first with %s", ", ".join(held.value.id for held in group.incidents))
