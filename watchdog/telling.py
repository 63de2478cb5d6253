"""What a notice says, in plain words: from incidents and the runs they are about to a `Message`.

A reader who was asleep must know from it alone what is stuck, where, since when, why we think so, and how long is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from heartbeat_client.run import Run

from .incident import EDITED, EXPECTED, FAILURE, OPENED, RECOVERED, RESOLVED, RUN, WATCHDOG_ITSELF, Incident
from .links import links
from .message import Button, Message
from .particulars import facts, lasted, title, what
from .policy import Policy
from .wording import frame_lines, harmless, one_line, sentence

__all__ = ["Subject", "compose"]

LISTED = 10
FRAMES_SHOWN = 12
FACT_LIMIT = 2000
LINE_LIMIT = 500


@dataclass(frozen=True)
class Subject:
    """One incident with what is known of its run now. run None: its record can't be read, or is gone."""

    incident: Incident
    run: Run | None


def compose(kind: str, subjects: Sequence[Subject], policy: Policy, now: datetime, link_base: str = "") -> Message:
    """The message of one notice about one or more incidents; the first subject is the one that it leads with."""
    return _tidy(_composed(kind, subjects, policy, now, link_base))


def _tidy(message: Message) -> Message:
    return replace(
        message,
        title=one_line(message.title),
        sentence=harmless(message.sentence),
        facts=tuple((label, harmless(text)[:FACT_LIMIT]) for label, text in message.facts),
        frames=tuple(one_line(line)[:LINE_LIMIT] for line in message.frames),
        also=tuple(one_line(line)[:LINE_LIMIT] for line in message.also),
        footer=one_line(message.footer),
        status=one_line(message.status),
    )


def _composed(kind: str, subjects: Sequence[Subject], policy: Policy, now: datetime, link_base: str) -> Message:
    if kind == EDITED:
        subjects = sorted(subjects, key=lambda subject: not subject.incident.open)
    lead, others = subjects[0], subjects[1:]
    shown = _told_of(_shown_as(kind, lead.incident), lead, policy, now, link_base)
    shown = replace(shown, kind=kind, status=_status(kind, [subject.incident for subject in subjects], now))
    if not others:
        return shown
    also = [_line(_shown_as(kind, subject.incident), subject, shown.sentence) for subject in others[:LISTED]]
    if len(others) > LISTED:
        also.append(f"and {len(others) - LISTED} more")
    return replace(shown, title=f"{shown.title}, and {len(others)} more", also=tuple(also))


def _shown_as(kind: str, incident: Incident) -> str:
    """An edited message looks like the first one while the problem lasts, and like the last one after."""
    if kind != EDITED:
        return kind
    return OPENED if incident.open else RESOLVED


def _told_of(kind: str, subject: Subject, policy: Policy, now: datetime, link_base: str) -> Message:
    incident = subject.incident
    run = policy.applied(subject.run) if subject.run else None
    setting = policy.setting_if_missed if incident.about == EXPECTED else policy.setting
    runbook = setting(incident.operation, "runbook")
    return Message(
        kind=kind,
        mood=_mood(kind, incident),
        title=title(kind, incident, now),
        sentence=incident.ending if kind == RESOLVED else incident.verdict.reason,
        facts=facts(kind, incident, run, now),
        frames=frame_lines(run)[:FRAMES_SHOWN] if run and kind not in (RESOLVED, FAILURE) else (),
        links=links(run, now, link_base, runbook) if run else (("Runbook", runbook),) if runbook else (),
        footer=_footer(incident, run),
        to=setting(incident.operation, "slack_channel") or "",
        buttons=_buttons(incident),
    )


def _mood(kind: str, incident: Incident) -> str:
    if kind == RESOLVED:
        return "good" if incident.how == RECOVERED else "plain"
    return "worse" if incident.verdict.severity > 1 else "bad"


def _buttons(incident: Incident) -> tuple[Button, ...]:
    if not incident.open or incident.about == WATCHDOG_ITSELF:
        return ()
    buttons = [] if incident.acknowledged else [Button("acknowledge", "Acknowledge", incident.id)]
    if incident.operation:
        buttons.append(Button("snooze_hour", "Snooze 1 h", incident.operation))
        buttons.append(Button("snooze_today", "Snooze today", incident.operation))
    return tuple(buttons)


def _status(kind: str, incidents: Sequence[Incident], now: datetime) -> str:
    lead, over = incidents[0], sum(not incident.open for incident in incidents)
    if not lead.open:
        return f"resolved after {lasted(lead, now)}: {lead.how}" if kind == EDITED else ""
    parts = [
        f"acknowledged by {lead.acked_by} at {lead.acked_at:%H:%M:%S} UTC" if lead.acked_at else "",
        f"{over} of {len(incidents)} resolved" if over else "",
        f"it moves again since {lead.well_since:%H:%M:%S} UTC; open until that has lasted" if lead.well_since else "",
        _again(lead.again) if lead.again else "",
    ]
    return sentence(*parts)


def _again(times: int) -> str:
    return f"it went wrong {'once' if times == 1 else f'{times} times'} before, within an hour"


def _footer(incident: Incident, run: Run | None) -> str:
    if incident.about != RUN:
        return "told by Hangwatch"
    return f"run {incident.run_id[:60]}, told by Hangwatch" + (f", python {run.python}" if run and run.python else "")


def _line(kind: str, subject: Subject, told_above: str) -> str:
    incident, run = subject.incident, subject.run
    words = incident.how if kind == RESOLVED else incident.verdict.reason
    about = f" ({what(run)})" if run is not None and what(run) else ""
    line = f"{incident.operation or incident.run_id[:60]}{about}"
    return line if words == told_above else f"{line}: {words}"
