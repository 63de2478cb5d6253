"""The screen of `status`: a table of runs that fits its terminal, open incidents below, and the watchdog itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console, ConsoleOptions, OverflowMethod, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run

from ..history import History
from ..incident import Incident
from ..snooze import Snooze
from ..survey import Survey, View
from ..wording import one_line, progress_text, remaining, sentence
from .bars import progress_bar, time_bar
from .ink import DIM, STYLES, Signs, signs, words

__all__ = ["StatusScreen"]

EMPTY = """Nothing runs, and nothing is wrong.
To watch an operation, wrap it:

    from heartbeat_client import Heartbeat

    with Heartbeat("load-historical-games", detail="450 players"):
        ...
"""

# What a terminal of at least so many columns has room for, the operation's name beside it.
WIDE, ROOMY = 150, 100
LAYOUTS = (
    (WIDE, ("operation", "verdict", "time", "runs for", "usually", "deadline in", "progress", "last beat", "run")),
    (ROOMY, ("operation", "verdict", "time", "runs for", "deadline in", "progress", "run")),
    (0, ("operation", "verdict", "time", "runs for", "progress", "run")),
)
LEAST_RUNS = 3
WOKEN_SHOWN = timedelta(days=1)
HEX_ID = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class StatusScreen:
    """All of a survey. fitted: no higher than the terminal, runs in one line each and the worst of them only."""

    survey: Survey
    fitted: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        below = list(_below(self.survey))
        runs = self._shown(console, options, below)
        yield _table(self.survey, runs, options, self.fitted) if runs else Text(EMPTY)
        if len(runs) < len(self.survey.runs):
            yield words(f"and {len(self.survey.runs) - len(runs)} more runs, none of them worse", DIM)
        yield from below

    def _shown(self, console: Console, options: ConsoleOptions, below: list[RenderableType]) -> list[View]:
        if not self.fitted:
            return self.survey.runs
        taken = sum(len(console.render_lines(part, options.update(height=None))) for part in below)
        room = (options.height or options.size.height) - taken - 2
        return self.survey.runs[: max(LEAST_RUNS, room)]


def _below(survey: Survey) -> Iterable[RenderableType]:
    for incident in survey.incidents:
        yield from _incident(incident)
    for notice in survey.waiting:
        said = f"not delivered: {notice.message.title} ({notice.channel}: {notice.error or notice.state})"
        yield words(one_line(said), "yellow")
    for snooze in survey.snoozes.in_force(survey.now):
        yield words(_snoozed(snooze), DIM)
    for snooze in survey.snoozes.woken_lately(survey.now, WOKEN_SHOWN):
        yield words(_woken(snooze), DIM)
    yield words(_watchdog(survey), DIM)


def _snoozed(snooze: Snooze) -> str:
    return f"snoozed: {one_line(snooze.operation)} {_wish(snooze)}"


def _woken(snooze: Snooze) -> str:
    at = f"{snooze.woken_at:%Y-%m-%d %H:%M:%S} UTC" if snooze.woken_at else ""
    return f"woken: {one_line(snooze.operation)} at {at}{_by(snooze.woken_by)}; it was snoozed {_wish(snooze)}"


def _wish(snooze: Snooze) -> str:
    why = f": {one_line(snooze.why)}" if snooze.why else ""
    return f"until {snooze.until:%Y-%m-%d %H:%M:%S} UTC{_by(snooze.by)}{why}"


def _by(who: str) -> str:
    return f" by {one_line(who)}" if who else ""


def _incident(incident: Incident) -> Iterable[RenderableType]:
    verdict, acknowledged = incident.verdict, ""
    if incident.acknowledged:
        acknowledged = f" (acknowledged by {one_line(incident.acked_by)})"
    named = one_line(incident.operation or incident.run_id)
    yield words(f"incident {named}: {verdict.state}{acknowledged}", STYLES.get(verdict.state, ""))
    yield Padding(words(verdict.reason), (0, 0, 0, 2), expand=False)


def _watchdog(survey: Survey) -> str:
    last = survey.state.last_sweep_at
    if last is None:
        return "no sweep yet: python -m watchdog sweep --watch 60"
    said = f"last sweep {spoken((survey.now - last).total_seconds())} ago"
    if survey.state.doubt_until is not None and survey.now < survey.state.doubt_until:
        why = survey.state.doubt.said if survey.state.doubt else ""
        said += f"; silence is not told until {survey.state.doubt_until:%H:%M:%S} UTC: {why}"
    return said


@dataclass(frozen=True)
class _Row:
    """One run on its way into the table."""

    view: View
    survey: Survey
    drawn: Signs
    width: int

    def cells(self, names: Iterable[str]) -> list[Text]:
        """What stands under each of these names."""
        return [CELLS[name](self) for name in names]

    @property
    def run(self) -> Run | None:
        return self.view.run

    @property
    def history(self) -> History:
        return self.survey.histories.get(self.run.operation, History()) if self.run else History()

    @property
    def style(self) -> str:
        return STYLES.get(self.view.verdict.state, "")

    @property
    def wide(self) -> bool:
        return self.width >= WIDE


def _table(survey: Survey, runs: list[View], options: ConsoleOptions, fitted: bool) -> Table:
    drawn, width = signs(options), options.max_width
    names = next(names for least, names in LAYOUTS if width >= least)
    legend = f"{drawn.usual} usual {drawn.deadline} deadline" if width >= ROOMY else "time"
    cut: OverflowMethod = "crop" if options.ascii_only else "ellipsis"  # rich's ellipsis is no ASCII
    table = Table(box=None, pad_edge=False, header_style=DIM)
    for name in names:
        # Where there is too little room the column that may wrap gives way before the others.
        first = name == "operation"
        overflow: OverflowMethod = "fold" if first and not fitted else cut
        table.add_column(legend if name == "time" else name, no_wrap=not first, overflow=overflow)
    for view in runs:
        cells = _Row(view, survey, drawn, width).cells(names)
        cells[0].no_wrap = fitted
        table.add_row(*cells)
    return table


def _operation(row: _Row) -> Text:
    if row.run is None:
        return words("(unreadable)")
    detail = f" ({row.run.detail})" if row.run.detail else ""
    return words(one_line(row.run.operation + detail)[:80])


def _verdict(row: _Row) -> Text:
    return words(row.run.state if row.run and row.run.ended else row.view.verdict.state, row.style)


def _time(row: _Row) -> Text:
    if row.run is None:
        return Text("")
    width = 24 if row.wide else 18 if row.width >= ROOMY else 10
    return time_bar(row.run, row.history, row.survey.now, width=width, drawn=row.drawn, style=row.style or "green")


def _runs_for(row: _Row) -> Text:
    if row.run is None:
        return Text("")
    return words(spoken(((row.run.ended_at or row.survey.now) - row.run.started_at).total_seconds()))


def _usually(row: _Row) -> Text:
    summary = row.history.summary
    return words(spoken(summary["median"]) if summary else "")


def _deadline(row: _Row) -> Text:
    if row.run is None or row.run.ended or row.run.deadline is None:
        return Text("")
    left = (row.run.deadline - row.survey.now).total_seconds()
    return words(spoken(left) if left > 0 else f"passed {spoken(-left)} ago")


def _progress(row: _Row) -> Text:
    run = row.run
    if run is None or run.progress is None:
        return Text("")
    progress = run.progress
    told = f"{progress.done}/{progress.total}" if progress.total is not None else str(progress.done)
    if row.width < ROOMY:
        return words(told)
    if row.wide:
        told = sentence(progress_text(run), "" if run.ended else remaining(run))
    bar = progress_bar(progress, 10, row.drawn)
    return Text(" ").join(part for part in (bar, words(one_line(told))) if part)


def _last_beat(row: _Row) -> Text:
    run = row.run
    if run is None or run.ended:
        return Text("")
    if run.shared:
        return words("shared")
    return words("none yet" if run.beat_at is None else f"{spoken((row.survey.now - run.beat_at).total_seconds())} ago")


def _id(row: _Row) -> Text:
    # Eight of sixteen random digits name one run of any store that we know of; `show` takes the beginning of an id.
    short = not row.wide and HEX_ID.fullmatch(row.view.id)
    return words(one_line(row.view.id[: 8 if short else 24]))


CELLS: dict[str, Callable[[_Row], Text]] = {
    "operation": _operation,
    "verdict": _verdict,
    "time": _time,
    "runs for": _runs_for,
    "usually": _usually,
    "deadline in": _deadline,
    "progress": _progress,
    "last beat": _last_beat,
    "run": _id,
}
