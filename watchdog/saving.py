"""Saving what a sweep changes: each incident in one commit with the notices about it, before any of them is sent."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from .audience import Audience
from .changes import Change
from .incident import EDITED, OPENED, RESOLVED, Incident
from .ledger import Held, Ledger
from .notice import Notice, channel_of, notice_id
from .ports import ThreadedChannel
from .report import SweepReport
from .telling import Subject

__all__ = ["Saving"]

log = logging.getLogger("watchdog")

# A store takes 400 writes at once, and beside those of the incidents there are those of the notices.
MOST_TOGETHER = 300


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
        for group in groups.values():
            for begin in range(0, len(group), MOST_TOGETHER):
                self._save_together(group[begin : begin + MOST_TOGETHER])

    def _save_together(self, group: Sequence[Change]) -> None:
        if not self._save_group(group) and len(group) > 1:
            for change in group:
                self._save_group([change])

    def _save_group(self, group: Sequence[Change]) -> bool:
        kind = group[0].tell
        notices = self._notices(kind, group) if kind is not None else []
        edits = self.edits([change.held.value for change in group if change.stale]) if kind != OPENED else []
        incidents = [Held(self._after(change, notices, edits), change.held.version) for change in group]
        given_up = [change.give_up for change in group if change.give_up is not None]
        if self._ledger.commit(incidents, [*notices, *edits], given_up):
            return True
        log.info("another sweep was first with %s", ", ".join(held.value.id for held in incidents))
        return False

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
