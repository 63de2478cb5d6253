"""A run's time line: when it beat and moved, when people heard of it, what is still to come. Geometry in per cent.

What lies between the start and the last beat is what the run's trail tells. A record without one holds the last beat
and the last move alone: what lies before is drawn as beaten and moved then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from heartbeat_client.lengths import spoken
from heartbeat_client.run import Run, overdue_at, silent_at, stalled_at, standing_since

from ..course import gaps_of, points_of
from ..incident import Incident
from ..notice import SENT, Notice
from ..survey import Story
from ..wording import ago
from .bars import share
from .phrases import clock
from .trail import DrawnTrail, drawn_trail

__all__ = ["Event", "Lane", "Span", "Tick", "Timeline", "timeline"]

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800)
MOST_TICKS = 6
ROOM = 0.04

# Pixels: of a lane's name, of what is drawn below it, of the pause to the next.
NAMED, LANE, BAND, CURVE, PAUSE = 18, 12, 18, 64, 4


@dataclass(frozen=True)
class Span:
    """A stretch of one lane, in per cent. kind: how it is drawn."""

    lane: str
    kind: str
    x: float
    width: float
    said: str


@dataclass(frozen=True)
class Event:
    """An instant that mattered. kind: start, end, beat, move, limit, deadline, incident, notice or now."""

    kind: str
    at: datetime
    x: float
    said: str


@dataclass(frozen=True)
class Tick:
    """A mark of the scale: so long after the start."""

    x: float
    said: str


@dataclass(frozen=True)
class Lane:
    """A lane with its name above it, in pixels from the drawing's top."""

    name: str
    y: int
    height: int = LANE


@dataclass(frozen=True)
class Timeline:
    """All of it. now: where the present lies, None once the run has ended. trail: None where the record has none.

    lanes: by name, from the top down: `progress` and `activity` from the trail, else `work`; `beats`, `incidents`.
    """

    spans: tuple[Span, ...]
    events: tuple[Event, ...]
    ticks: tuple[Tick, ...]
    now: float | None
    deadline: float | None
    trail: DrawnTrail | None = None

    @property
    def lanes(self) -> dict[str, Lane]:
        """The lanes that are drawn."""
        drawn = ["activity" if self.trail else "work", "beats", "incidents"]
        if self.trail is not None and self.trail.curve is not None:
            drawn.insert(0, "progress")
        lanes, y = {}, 0
        for name in drawn:
            lanes[name] = Lane(name, y + NAMED, {"progress": CURVE, "activity": BAND}.get(name, LANE))
            y += NAMED + lanes[name].height + PAUSE
        return lanes

    @property
    def floor(self) -> int:
        """Where the lowest lane ends, in pixels from the top; the scale stands below."""
        return max(lane.y + lane.height for lane in self.lanes.values()) + 2 * PAUSE

    @property
    def said(self) -> str:
        """What the drawing shows, for those who can't see it."""
        return f"Time line: {self.trail.said}" if self.trail else "Time line; its events are listed below it"


@dataclass(frozen=True)
class _Scale:
    begin: datetime
    end: datetime

    def __call__(self, at: datetime) -> float:
        return share((at - self.begin).total_seconds(), self.length)

    @property
    def length(self) -> float:
        return max(1.0, (self.end - self.begin).total_seconds())


def timeline(story: Story) -> Timeline | None:
    """The time line of a story; None where the record can't be read."""
    run, now = story.view.run, story.now
    if run is None:
        return None
    scale = _scale(story, run)
    trail = drawn_trail(run, lambda seconds: share(seconds, scale.length))
    told = [*_moments(run, now), *_incidents(story.incidents, now), *_notices(story.notices)]
    events = tuple(Event(kind, at, scale(at), said) for kind, at, said in sorted(told, key=lambda one: one[1]))
    return Timeline(
        spans=(
            *(_activity(trail, scale) if trail else _work(run, now, scale)),
            *_beats(run, now, scale),
            *_gaps(run, scale),
            *_troubles(story.incidents, now, scale),
        ),
        events=events,
        ticks=tuple(_ticks(scale)),
        now=None if run.ended else scale(now),
        deadline=scale(run.deadline) if run.deadline and run.deadline <= scale.end else None,
        trail=trail,
    )


def _scale(story: Story, run: Run) -> _Scale:
    known = [run.ended_at, run.beat_at, run.deadline if not run.ended else None, None if run.ended else story.now]
    known += [incident.resolved_at for incident in story.incidents]
    end = max([run.started_at, *(at for at in known if at is not None)])
    return _Scale(run.started_at, end + max(timedelta(seconds=1), (end - run.started_at) * ROOM))


def _moments(run: Run, now: datetime) -> Iterator[tuple[str, datetime, str]]:
    yield "start", run.started_at, "started"
    if run.beat_at and not run.ended:
        yield "beat", run.beat_at, f"last beat, number {run.seq}"
    if run.moved_at:
        yield "move", run.moved_at, "last moved"
    if since := standing_since(run):
        yield "move", since, "stands in one call since"
    if run.gone_at:
        yield "end", run.gone_at, f"the process was gone: {run.gone_how or 'how is not known'}"
    if run.ended_at:
        yield "end", run.ended_at, f"{run.state} after {ago(run.ended_at, run.started_at)}"
    if run.deadline:
        passed = "deadline" if now < run.deadline or run.ended else "deadline, passed"
        yield "deadline", run.deadline, passed
    if not run.ended:
        yield "now", now, "now"
        yield from _limits(run, now)


def _limits(run: Run, now: datetime) -> Iterator[tuple[str, datetime, str]]:
    """What comes next unless something moves."""
    coming = ((silent_at(run), "silent"), (stalled_at(run), "stalled"), (overdue_at(run), "overdue"))
    for at, state in coming:
        if at is not None and at > now:
            yield "limit", at, f"{state} from here, unless {_unless(state)}"


def _unless(state: str) -> str:
    return {"silent": "it beats", "stalled": "it moves", "overdue": "it ends"}[state]


def _incidents(incidents: list[Incident], now: datetime) -> Iterator[tuple[str, datetime, str]]:
    for incident in incidents:
        yield "incident", incident.opened_at, f"incident {incident.episode} opened: {incident.verdict.state}"
        if incident.acked_at:
            yield "incident", incident.acked_at, f"acknowledged by {incident.acked_by}"
        if incident.resolved_at:
            yield "incident", incident.resolved_at, f"incident {incident.episode} resolved: {incident.how}"


def _notices(notices: list[Notice]) -> Iterator[tuple[str, datetime, str]]:
    for notice in notices:
        told = f"notice by {notice.channel}: {notice.kind}"
        yield "notice", notice.sent_at or notice.made_at, told if notice.state == SENT else f"{told} ({notice.state})"


def _span(lane: str, kind: str, scale: _Scale, stretch: tuple[datetime, datetime], said: str) -> Iterator[Span]:
    begin, end = stretch
    if end > begin:
        x = scale(begin)
        yield Span(lane, kind, x, round(scale(end) - x, 2), said)


def _beats(run: Run, now: datetime, scale: _Scale) -> Iterator[Span]:
    if run.ended:
        yield from _span("beats", "alive", scale, (run.started_at, run.ended_at or now), "it ran")
        return
    last = run.beat_at or run.started_at
    yield from _span("beats", "alive", scale, (run.started_at, last), "it beat")
    quiet = "gap" if (now - last).total_seconds() >= 2 * run.thresholds.beat_every and not run.shared else "alive"
    yield from _span("beats", quiet, scale, (last, now), f"no beat for {ago(now, last)}")


def _gaps(run: Run, scale: _Scale) -> Iterator[Span]:
    """The times without a beat that are over; the one that goes on hangs on the last beat."""
    for gap in gaps_of(points_of(run)):
        x = share(gap.since, scale.length)
        width = round(share(gap.until, scale.length) - x, 2)
        yield Span(
            "beats", "gap", x, width, f"no beat for {spoken(gap.gap or 0.0)}, {spoken(gap.since)} after the start"
        )


def _activity(trail: DrawnTrail, scale: _Scale) -> Iterator[Span]:
    for one in trail.stretches:
        x = share(one.since, scale.length)
        yield Span("activity", one.kind or "unseen", x, round(share(one.until, scale.length) - x, 2), one.said)


def _work(run: Run, now: datetime, scale: _Scale) -> Iterator[Span]:
    until, since = run.ended_at or now, run.moved_at or run.started_at
    stood = standing_since(run) if run.progress is None else None
    since = max(since, stood) if stood else since
    if run.progress is None and stood is None and run.moved_at is None:
        yield from _span("work", "unknown", scale, (run.started_at, until), "nothing to count was declared")
        return
    yield from _span("work", "moved", scale, (run.started_at, min(since, until)), "it moved")
    kind = "moved" if run.ended else "stands"
    yield from _span("work", kind, scale, (since, until), f"it has not moved for {ago(until, since)}")


def _troubles(incidents: list[Incident], now: datetime, scale: _Scale) -> Iterator[Span]:
    for incident in incidents:
        stretch = (max(incident.opened_at, scale.begin), incident.resolved_at or now)
        said = f"{incident.verdict.state} from {clock(incident.verdict.since or incident.opened_at, now)}"
        yield from _span("incidents", incident.verdict.state, scale, stretch, said)


def _ticks(scale: _Scale) -> Iterator[Tick]:
    step = next((step for step in STEPS if scale.length / step <= MOST_TICKS), STEPS[-1])
    for number in range(int(scale.length // step) + 1):
        if number <= 2 * MOST_TICKS:
            yield Tick(share(number * step, scale.length), spoken(number * step) if number else "0")
