"""What the commands print for people: tables and lines, coloured on a terminal, plain elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from .adapters.console import as_text
from .forecast import forecast, standing
from .history import History
from .report import SweepReport
from .survey import Story, Survey, View
from .wording import activity_text, frame_lines, harmless, one_line, progress_text, remaining

__all__ = ["print_screen", "status_screen", "story_screen", "sweep_line"]

STYLES = {
    "healthy": "green",
    "late": "yellow",
    "silent": "bold red",
    "stalled": "bold red",
    "overdue": "bold red",
    "unjudged": "bold magenta",
    "finished late": "yellow",
    "missed": "bold red",
    "doubtful": "bold magenta",
}

EMPTY = """Nothing runs, and nothing is wrong.
To watch an operation, wrap it:

    from heartbeat_client import Heartbeat

    with Heartbeat("load-historical-games", detail="450 players"):
        ...
"""


def print_screen(screen: RenderableType) -> None:
    """Print to standard output; never cut text short where no terminal sets the width."""
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, markup=False, width=200)
    console.print(screen)


def _text(words: str, style: str = "") -> Text:
    # A name may hold what would move the terminal's cursor or set its title.
    return Text(harmless(words), style=style)


def status_screen(survey: Survey) -> RenderableType:
    """The table of runs, open incidents, and how the watchdog itself is doing."""
    parts: list[RenderableType] = [_runs(survey) if survey.runs else Text(EMPTY)]
    for incident in survey.incidents:
        line = f"incident {incident.operation or incident.run_id}: {incident.verdict.state}, {incident.verdict.reason}"
        line += f" (acknowledged by {one_line(incident.acked_by)})" if incident.acknowledged else ""
        parts.append(_text(line, style=STYLES.get(incident.verdict.state, "")))
    for notice in survey.waiting:
        parts.append(
            _text(
                f"not delivered: {notice.message.title} ({notice.channel}: {notice.error or notice.state})",
                style="yellow",
            )
        )
    parts += _snoozed(survey)
    parts.append(_text(_watchdog(survey), style="dim"))
    return Group(*parts)


def _watchdog(survey: Survey) -> str:
    last = survey.state.last_sweep_at
    if last is None:
        return "no sweep yet: python -m watchdog sweep --watch 60"
    said = f"last sweep {spoken((survey.now - last).total_seconds())} ago"
    if survey.state.doubt_until is not None and survey.now < survey.state.doubt_until:
        why = survey.state.doubt.said if survey.state.doubt else ""
        said += f"; silence is not told until {survey.state.doubt_until:%H:%M:%S} UTC: {why}"
    return said


def _snoozed(survey: Survey) -> list[Text]:
    return [
        _text(
            f"snoozed: {one_line(snooze.operation)} until {_clock(snooze.until)}"
            f"{f' by {one_line(snooze.by)}' if snooze.by else ''}{f': {one_line(snooze.why)}' if snooze.why else ''}",
            style="dim",
        )
        for snooze in survey.snoozes.in_force(survey.now)
    ]


def _runs(survey: Survey) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("operation", "verdict", "runs for", "usually", "progress", "deadline in", "last beat", "run"):
        table.add_column(name, no_wrap=name != "operation")
    for view in survey.runs:
        table.add_row(*_row(view, survey.now, survey.histories))
    return table


def _row(view: View, now: datetime, known: Mapping[str, History]) -> list[Text]:
    verdict = _text(view.verdict.state, style=STYLES.get(view.verdict.state, ""))
    run = view.run
    if run is None:
        return [
            _text("(unreadable)"),
            verdict,
            _text(""),
            _text(""),
            _text(""),
            _text(""),
            _text(""),
            _text(one_line(view.id[:24])),
        ]
    name = f"{run.operation} ({run.detail})" if run.detail else run.operation
    shown = _text(run.state if run.ended else view.verdict.state, style=STYLES.get(view.verdict.state, ""))
    length = ((run.ended_at or now) - run.started_at).total_seconds()
    return [
        _text(one_line(name)[:80]),
        shown,
        _text(spoken(length)),
        _text(_usually(known.get(run.operation, History()))),
        _text(one_line(_progress(run))),
        *_times(run, now),
        _text(one_line(view.id[:24])),
    ]


def _usually(history: History) -> str:
    return spoken(history.summary["median"]) if history.summary else ""


def _times(run: Run, now: datetime) -> list[Text]:
    if run.ended:
        return [_text(""), _text("")]
    left = "" if run.deadline is None else _left((run.deadline - now).total_seconds())
    if run.shared:
        return [_text(left), _text("shared")]
    beat = "none yet" if run.beat_at is None else f"{spoken((now - run.beat_at).total_seconds())} ago"
    return [_text(left), _text(beat)]


def _left(seconds: float) -> str:
    return spoken(seconds) if seconds > 0 else f"passed {spoken(-seconds)} ago"


def _progress(run: Run) -> str:
    if run.progress is None:
        return ""
    return "; ".join(part for part in (progress_text(run), "" if run.ended else remaining(run)) if part)


def story_screen(story: Story) -> RenderableType:
    """All about one run, top down: what it is, how it stands, what was told."""
    view, run = story.view, story.view.run
    lines = [_text(f"{run.operation if run else '(unreadable)'}  {view.id}", style="bold")]
    lines.append(_text(f"{view.verdict.state}: {view.verdict.reason}", style=STYLES.get(view.verdict.state, "")))
    if run is not None:
        about = [*_about(run, story.now), *_compared(run, story.history, story.now)]
        lines += [_text(f"{label:<10}{value}") for label, value in about if value]
        lines += [_text(f"          {frame}") for frame in frame_lines(run)]
    for incident in story.incidents:
        ended = f", {incident.how} at {_clock(incident.resolved_at)}" if incident.resolved_at else ", goes on"
        ended += f", acknowledged by {incident.acked_by} at {_clock(incident.acked_at)}" if incident.acked_at else ""
        lines.append(
            _text(f"incident {incident.episode}: {incident.verdict.state} from {_clock(incident.opened_at)}{ended}")
        )
    for notice in story.notices:
        when = _clock(notice.sent_at) if notice.sent_at else notice.error or "not sent"
        lines.append(_text(f"notice {notice.kind} by {notice.channel}: {notice.state} ({when})"))
        lines.append(_text(as_text(notice.message), style="dim"))
    return Group(*lines)


def _about(run: Run, now: datetime) -> list[tuple[str, str]]:
    place = " / ".join(part for part in (run.service, run.revision, run.instance, f"{run.host} pid {run.pid}") if part)
    return [
        ("detail", run.detail),
        ("labels", ", ".join(f"{name}={value}" for name, value in run.labels.items())),
        ("started", f"{_clock(run.started_at)} ({spoken((now - run.started_at).total_seconds())} ago)"),
        ("last beat", _last_beat(run)),
        ("ended", _clock(run.ended_at)),
        ("deadline", _clock(run.deadline)),
        ("progress", _progress(run)),
        ("activity", activity_text(run, now)),
        ("evidence", str((run.activity or {}).get("evidence") or "")),
        ("unknown", str((run.activity or {}).get("unknown") or "")),
        ("failure", _failure(run)),
        ("runs at", place),
        ("inside", ", ".join(run.ancestors)),
        ("limits", _limits(run)),
    ]


def _compared(run: Run, history: History, now: datetime) -> list[tuple[str, str]]:
    lasted = ((run.ended_at or now) - run.started_at).total_seconds()
    told = forecast(run, now)
    return [
        ("lasted", f"{spoken(lasted)}; {standing(history, lasted)}" if history.lengths else spoken(lasted)),
        ("forecast", told.text(run.deadline) if told else ""),
    ]


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


def sweep_line(report: SweepReport) -> str:
    """One sweep in one line."""
    parts = [f"{report.now:%H:%M:%S} read {report.read}"]
    for name in ("told", "undelivered", "unjudged", "held"):
        count = len(getattr(report, name))
        if count:
            parts.append(f"{name} {count}")
    titles = [str(told["title"]) for told in report.told] + [str(left["why"]) for left in report.undelivered]
    return ", ".join(parts) + "".join(f"\n  {title}" for title in titles)
