"""The screen of `show RUN`: what it is, how it stands, where, against those before it, and what was told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from ..adapters.console import as_text
from ..forecast import forecast, standing
from ..history import History
from ..incident import Incident
from ..notice import Notice
from ..survey import Story
from ..wording import activity_text, frame_lines, one_line, progress_text, remaining, sentence
from .bars import sparkline
from .ink import DIM, STYLES, Signs, signs, words
from .timeline import LABEL, TimeLine

__all__ = ["StoryScreen"]


@dataclass(frozen=True)
class StoryScreen:
    """All about one run, top down."""

    story: Story

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        view, run = self.story.view, self.story.view.run
        yield words(one_line(f"{run.operation if run else '(unreadable)'}  {view.id}"), "bold")
        yield words(f"{view.verdict.state}: {view.verdict.reason}", STYLES.get(view.verdict.state, ""))
        if run is not None:
            yield from _about(self.story, run, signs(options))
            yield from _drawn(self.story)
        for incident in self.story.incidents:
            yield _incident(incident)
        for notice in self.story.notices:
            yield from _notice(notice)


def _about(story: Story, run: Run, drawn: Signs) -> Iterable[RenderableType]:
    for label, value in (*_facts(run, story.now), *_compared(run, story.history, story.now)):
        if value:
            yield _labelled(label, words(value))
    for number, frame in enumerate(frame_lines(run)):
        yield _labelled("" if number else "frames", words(frame, "bold" if number == 0 else ""))
    if story.history.runs:
        runs = story.history.runs[-50:]
        lengths = [taken.seconds for taken in runs]
        said = f"  {spoken(min(lengths))} to {spoken(max(lengths))}, the oldest first"
        yield _labelled("history", Text.assemble(sparkline(runs, run.id, drawn), (said, DIM)))


def _labelled(label: str, value: Text) -> RenderableType:
    """A label and its value, which goes on below itself where the line ends."""
    named = Text.assemble((f"{label:<{LABEL}}", DIM), value)
    return named if "\n" in value.plain else _Hanging(named)


@dataclass(frozen=True)
class _Hanging:
    """Text whose lines after the first are indented, so that labels stand out."""

    text: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        label, value = self.text.divide([LABEL])
        width = max(1, options.max_width - LABEL)
        for number, line in enumerate(value.wrap(console, width, overflow="fold")):
            yield Text.assemble(label if number == 0 else " " * LABEL, line)


def _drawn(story: Story) -> Iterable[RenderableType]:
    yield Text("")
    yield TimeLine(story)
    yield Text("")


def _incident(incident: Incident) -> Text:
    ended = f", {incident.how} at {_clock(incident.resolved_at)}" if incident.resolved_at else ", goes on"
    ended += (
        f", acknowledged by {one_line(incident.acked_by)} at {_clock(incident.acked_at)}" if incident.acked_at else ""
    )
    said = f"incident {incident.episode}: {incident.verdict.state} from {_clock(incident.opened_at)}{ended}"
    return words(said, "" if incident.resolved_at else STYLES.get(incident.verdict.state, ""))


def _notice(notice: Notice) -> Iterable[RenderableType]:
    when = _clock(notice.sent_at) if notice.sent_at else notice.error or "not sent"
    yield words(f"notice {notice.kind} by {notice.channel}: {notice.state} ({when})")
    yield Padding(words(as_text(notice.message), DIM), (0, 0, 0, 2), expand=False)


def _facts(run: Run, now: datetime) -> list[tuple[str, str]]:
    place = " / ".join(part for part in (run.service, run.revision, run.instance, f"{run.host} pid {run.pid}") if part)
    return [
        ("detail", run.detail),
        ("labels", ", ".join(f"{name}={value}" for name, value in run.labels.items())),
        ("started", f"{_clock(run.started_at)} ({spoken((now - run.started_at).total_seconds())} ago)"),
        ("last beat", _last_beat(run)),
        ("ended", _clock(run.ended_at)),
        ("deadline", _clock(run.deadline)),
        ("progress", _progress(run)),
        ("runs at", place),
        ("inside", ", ".join(run.ancestors)),
        ("limits", _limits(run)),
        ("failure", _failure(run)),
        ("activity", activity_text(run, now)),
        ("evidence", str((run.activity or {}).get("evidence") or "")),
        ("unknown", str((run.activity or {}).get("unknown") or "")),
    ]


def _compared(run: Run, history: History, now: datetime) -> list[tuple[str, str]]:
    lasted = ((run.ended_at or now) - run.started_at).total_seconds()
    told = forecast(run, now)
    return [
        ("lasted", f"{spoken(lasted)}; {standing(history, lasted)}" if history.lengths else spoken(lasted)),
        ("forecast", told.text(run.deadline) if told else ""),
    ]


def _progress(run: Run) -> str:
    return sentence(progress_text(run), "" if run.ended else remaining(run))


def _last_beat(run: Run) -> str:
    if run.shared:
        return "none: a shared run has no process"
    return f"{_clock(run.beat_at)}, number {run.seq}" if run.beat_at else "none yet"


def _failure(run: Run) -> str:
    if run.failure is None:
        return run.reason
    place = run.failure.place
    return f"{run.failure.type} at {place.file}:{place.line}" if place else run.failure.type


def _limits(run: Run) -> str:
    limits = run.thresholds
    silent, stalled = spoken(limits.silent_after), spoken(limits.stalled_after)
    return f"silent after {silent}, stalled after {stalled}, overdue at {limits.warn_at:.0%} of the way to the deadline"


def _clock(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
