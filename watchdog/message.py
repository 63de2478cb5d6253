"""What a notice says, in plain words, before any channel gives it a look.

A reader who was asleep must know from it alone what is stuck, where, since when, why we think so, and how long is left.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from heartbeat_client.fields import Fields
from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from .incident import RECOVERED, REMINDED, RESOLVED, WORSENED, Incident
from .links import links
from .policy import Policy
from .verdict import UNJUDGED
from .wording import activity_text, frame_lines, harmless, one_line, progress_text, remaining

__all__ = ["Button", "Message", "Subject", "compose"]

LISTED = 10
FRAMES_SHOWN = 12
FACT_LIMIT = 2000
LINE_LIMIT = 500
LONGEST_TYPED = 200


@dataclass(frozen=True)
class Button:
    """What a reader may do about it: `acknowledge`, `snooze_hour` or `snooze_today`, and what it is about."""

    action: str
    label: str
    value: str


@dataclass(frozen=True)
class Message:
    """One message to people.

    kind: opened, worsened, reminded, resolved, failed or test. mood: `bad`, `worse`, `good` or `plain`, for a colour.
    title: one line. status: what became of it since it was first told, one line. sentence: why we think so.
    facts and links: (label, text) pairs. frames: the chain of calls, innermost first. also: a line for each other
    run of the same cause. footer: small print. to: the chat channel that the policy names, empty for the usual one.
    """

    kind: str
    mood: str
    title: str
    sentence: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    frames: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    footer: str = ""
    status: str = ""
    to: str = ""
    buttons: tuple[Button, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """The message as plain values: pairs as maps, since Firestore takes no list within a list."""
        return {
            "kind": self.kind,
            "mood": self.mood,
            "title": self.title,
            "sentence": self.sentence,
            "facts": [{"label": label, "text": text} for label, text in self.facts],
            "links": [{"label": label, "text": text} for label, text in self.links],
            "frames": list(self.frames),
            "also": list(self.also),
            "footer": self.footer,
            "status": self.status,
            "to": self.to,
            "buttons": [{"action": b.action, "label": b.label, "value": b.value} for b in self.buttons],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Message:
        """Read back what `to_document` wrote; what is not as expected is left out rather than refused."""
        fields = Fields(document)
        names = ("kind", "mood", "title", "sentence", "footer", "status", "to")
        words = {name: fields.text(name, "", 4000) for name in names}
        return cls(
            facts=_pairs(document.get("facts")),
            buttons=tuple(Button(*words) for words in _texts(document.get("buttons"), ("action", "label", "value"))),
            links=_pairs(document.get("links")),
            frames=fields.texts("frames"),
            also=fields.texts("also"),
            **words,
        )


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
    )


def _composed(kind: str, subjects: Sequence[Subject], policy: Policy, now: datetime, link_base: str) -> Message:
    lead, others = subjects[0], subjects[1:]
    shown = _told_of(kind, lead, policy, now, link_base)
    if not others:
        return shown
    also = [_line(kind, subject, shown.sentence) for subject in others[:LISTED]]
    if len(others) > LISTED:
        also.append(f"and {len(others) - LISTED} more")
    return replace(shown, title=f"{shown.title}, and {len(others)} more", also=tuple(also))


def _told_of(kind: str, subject: Subject, policy: Policy, now: datetime, link_base: str) -> Message:
    incident = subject.incident
    run = policy.applied(subject.run) if subject.run else None
    runbook = policy.setting(incident.operation, "runbook")
    return Message(
        kind=kind,
        mood=_mood(kind, incident),
        title=_title(kind, incident, now),
        sentence=incident.ending if kind == RESOLVED else incident.verdict.reason,
        facts=_facts(kind, incident, run, now),
        frames=frame_lines(run)[:FRAMES_SHOWN] if run and kind != RESOLVED else (),
        links=links(run, now, link_base, runbook) if run else (("Runbook", runbook),) if runbook else (),
        footer=_footer(incident, run),
    )


def _mood(kind: str, incident: Incident) -> str:
    if kind == RESOLVED:
        return "good" if incident.how == RECOVERED else "plain"
    return "worse" if incident.verdict.severity > 1 else "bad"


def _title(kind: str, incident: Incident, now: datetime) -> str:
    what = incident.operation or f"run {incident.run_id[:60]}"
    state = "can't be judged" if incident.verdict.state == UNJUDGED else f"is {incident.verdict.state}"
    if incident.verdict.past_deadline:
        state += ", past its deadline"
    if kind == RESOLVED:
        return f"{what}: {incident.how} after {_length(incident, now)}"
    if kind == REMINDED:
        return f"{what} {state}, still, for {_length(incident, now)}"
    return f"{what} {state} now" if kind == WORSENED else f"{what} {state}"


def _length(incident: Incident, now: datetime) -> str:
    began = min(incident.verdict.since or incident.opened_at, incident.opened_at)
    return spoken(((incident.resolved_at or now) - began).total_seconds())


def _facts(kind: str, incident: Incident, run: Run | None, now: datetime) -> tuple[tuple[str, str], ...]:
    if run is None:
        return _unread(kind, incident.run_id)
    facts = [
        ("What", _what(run)),
        ("Where", _where(run, now)),
        ("Since", _since(incident, now)),
        ("Time left", _time_left(run, now) if kind != RESOLVED else ""),
        ("Started", _clock(run.started_at, now)),
        ("Runs at", _runs_at(run)),
    ]
    return tuple((label, text) for label, text in facts if text)


def _unread(kind: str, run_id: str) -> tuple[tuple[str, str], ...]:
    if kind == RESOLVED or len(run_id) > LONGEST_TYPED:
        return (("Run", run_id),)
    # The id is a stranger's, and people paste what they read into a shell.
    command = f"python -m watchdog prune {shlex.quote(run_id)}"
    return (("Run", run_id), ("What to do", f"find out who writes it, or delete it: {command}"))


def _what(run: Run) -> str:
    labels = ", ".join(f"{name} {value}" for name, value in sorted(run.labels.items()))
    return "; ".join(part for part in (run.detail, labels) if part)


def _where(run: Run, now: datetime) -> str:
    inside = "inside a nested run" if run.child and run.progress is None else ""
    parts = (progress_text(run), remaining(run), inside, "" if run.ended else activity_text(run, now))
    return "; ".join(part for part in parts if part)


def _since(incident: Incident, now: datetime) -> str:
    return _clock(incident.verdict.since or incident.opened_at, now)


def _clock(at: datetime, now: datetime) -> str:
    away = spoken(abs((now - at).total_seconds()))
    return f"{_instant(at, now)} (in {away})" if at > now else f"{_instant(at, now)} ({away} ago)"


def _instant(at: datetime, now: datetime) -> str:
    day = "" if at.date() == now.date() else f"{at:%Y-%m-%d} "
    return f"{day}{at:%H:%M:%S} UTC"


def _time_left(run: Run, now: datetime) -> str:
    if run.deadline is None or run.ended:
        return ""
    left = (run.deadline - now).total_seconds()
    if left <= 0:
        return f"none: {_after_deadline(run)}; the deadline was {_clock(run.deadline, now)}"
    return f"{spoken(left)}, until {_instant(run.deadline, now)}; then {_at_deadline(run)}"


def _at_deadline(run: Run) -> str:
    if run.platform == "cloud_run_service":
        return "the response is cut, while the code may go on"
    return "the task is killed" if run.platform == "cloud_run_job" else "its deadline has come"


def _after_deadline(run: Run) -> str:
    if run.platform == "cloud_run_service":
        return "the response is cut by now, while the code may go on"
    return "the task is killed by now" if run.platform == "cloud_run_job" else "its deadline has passed"


def _runs_at(run: Run) -> str:
    process = f"{run.host} pid {run.pid}" if run.host and not run.instance else ""
    instance = f"instance {run.instance[-12:]} pid {run.pid}" if run.instance else ""
    return " / ".join(part for part in (run.service, run.revision, instance or process) if part)


def _footer(incident: Incident, run: Run | None) -> str:
    return f"run {incident.run_id[:60]}, told by Hangwatch" + (f", python {run.python}" if run and run.python else "")


def _line(kind: str, subject: Subject, told_above: str) -> str:
    incident, run = subject.incident, subject.run
    words = incident.how if kind == RESOLVED else incident.verdict.reason
    about = f" ({_what(run)})" if run is not None and _what(run) else ""
    line = f"{incident.operation or incident.run_id[:60]}{about}"
    return line if words == told_above else f"{line}: {words}"


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    return tuple((label, text) for label, text in _texts(value, ("label", "text")))


def _texts(value: object, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    listed = value if isinstance(value, list) else []
    return (tuple(str(one.get(name, "")) for name in names) for one in listed if isinstance(one, Mapping))
