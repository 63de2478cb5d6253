"""A run's time line as a drawing: what it did, beats, incidents and notices under one scale.

What lies between the start and the last beat is what the run's trail tells. Of a record without one, only the last beat
and the last move are known: up to there a lane is drawn as alive, after it as quiet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from heartbeat_client.run import Run, standing_since
from heartbeat_client.trail_point import TrailPoint

from ..course import points_of
from ..notice import SENT
from ..survey import Story
from .bars import cell
from .ink import DIM, STYLES, Signs, signs
from .trail import activity_cells, done_cells, gap_cells, letters

__all__ = ["TimeLine"]

LABEL = 10
MOST_CELLS = 120
LEAST_CELLS = 20
ROOM = 0.02
MORE_THAN_A_DAY = timedelta(hours=20)


@dataclass(frozen=True)
class TimeLine:
    """The time line of a story whose record can be read; empty for one that can't, or a terminal too narrow."""

    story: Story

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        run, width = self.story.view.run, min(MOST_CELLS, options.max_width - LABEL)
        if run is None or width < LEAST_CELLS:
            return
        drawing = _Drawing(self.story, run, width, signs(options))
        for label, line in drawing.lanes():
            yield Text.assemble((f"{label:<{LABEL}}", DIM if label == "time" else ""), line)


@dataclass(frozen=True)
class _Drawing:
    story: Story
    run: Run
    width: int
    drawn: Signs

    def lanes(self) -> Iterable[tuple[str, Text]]:
        """Each lane with its name, the scale first."""
        yield "time", self._scale()
        if self.points:
            yield from self._course()
        if not self.run.shared:
            yield "beats", self._beats()
        if not self.points:
            yield "moved", self._alive(standing_since(self.run) or self.run.moved_at, "cyan")
        if self.story.incidents:
            yield "incidents", self._troubles()
        if self.story.notices:
            yield "notices", self._notices()
        yield "", self._marks()
        if any(point.kind for point in self.points):
            yield from (("", line) for line in letters(self.points, self.width))

    @property
    def points(self) -> tuple[TrailPoint, ...]:
        """The trail, empty where the record has none."""
        return points_of(self.run)

    @property
    def begin(self) -> datetime:
        return self.run.started_at

    @property
    def end(self) -> datetime:
        """The latest of all that is drawn, and a little room behind it."""
        run, now = self.run, self.story.now
        known = [run.ended_at, run.beat_at, None if run.ended else now, None if run.ended else run.deadline]
        known += [incident.resolved_at for incident in self.story.incidents]
        known += [notice.sent_at for notice in self.story.notices]
        last = max([run.started_at, *(at for at in known if at is not None)])
        return last + max(timedelta(seconds=1), (last - run.started_at) * ROOM)

    @property
    def lives_until(self) -> datetime:
        return self.run.ended_at or self.story.now

    def at(self, instant: datetime) -> int:
        """The cell of an instant."""
        return cell((instant - self.begin).total_seconds(), (self.end - self.begin).total_seconds(), self.width)

    def _scale(self) -> Text:
        dated = "%m-%d %H:%M" if self.end - self.begin > MORE_THAN_A_DAY else "%H:%M:%S"
        first, last = f"{self.begin:{dated}}", f"{self.end:{dated}}"
        return Text(f"{first}{last:>{self.width - len(first)}}", style=DIM)

    def _course(self) -> Iterable[tuple[str, Text]]:
        if any(point.done is not None for point in self.points):
            yield "done", done_cells(self.run, self.points, self.at, self.drawn)
        if any(point.kind for point in self.points):
            yield "activity", activity_cells(self.run, self.points, self.at, self.drawn)

    def _beats(self) -> Text:
        line = self._alive(self.run.beat_at, "green")
        for first, last in gap_cells(self.run, self.points, self.at):
            line = _written(line, first, Text(self.drawn.failed * (last + 1 - first), style="yellow"))
        return line

    def _alive(self, until: datetime | None, style: str) -> Text:
        """Drawn up to where the last sign of it came, quiet from there to the present."""
        ended = self.run.ended_at is not None
        last = self.at(self.lives_until if ended else (until or self.begin))
        quiet = max(0, self.at(self.lives_until) - last)
        return Text.assemble((self.drawn.done * (last + 1), style), (self.drawn.quiet * quiet, DIM))

    def _troubles(self) -> Text:
        cells = [(" ", "")] * self.width
        for incident in self.story.incidents:
            ends = self.at(incident.resolved_at or self.story.now)
            for number in range(self.at(incident.opened_at), ends + 1):
                cells[number] = (self.drawn.trouble, STYLES.get(incident.verdict.state, ""))
        return Text.assemble(*cells)

    def _notices(self) -> Text:
        cells = [(" ", "")] * self.width
        for notice in self.story.notices:
            sent = notice.state == SENT
            sign = (notice.kind[:1].upper(), "bold") if sent else (self.drawn.failed, "yellow")
            cells[self.at(notice.sent_at or notice.made_at)] = sign
        return Text.assemble(*cells)

    def _marks(self) -> Text:
        """`now` and the deadline below all lanes, each where it lies; the deadline gives way where both do not fit."""
        line = Text(" " * self.width)
        marks = [] if self.run.ended else [(self.story.now, f"{self.drawn.now} now")]
        if self.run.deadline is not None and self.run.deadline <= self.end:
            marks.append((self.run.deadline, f"{self.drawn.deadline} deadline"))
        for instant, said in reversed(marks):
            line = _written(line, min(self.at(instant), self.width - len(said)), said)
        return line


def _written(line: Text, at: int, said: str | Text) -> Text:
    before, _, after = line.divide([at, at + len(said)])
    return Text.assemble(before, said, after)
