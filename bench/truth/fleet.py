"""A fleet: services, their operations, some five hundred runs over a day, and all that befalls them. From one seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from heartbeat_client.run import SUCCEEDED

from .beats import Life, writes_of
from .shapes import SHAPES
from .story import Phase, Story, befall, end_with_service, truth_of
from .surroundings import HOUR, Surroundings, surroundings
from .trace import BURSTS, MANY_CALLS, NESTED, NEVER, ONE_CALL, STEADY, Family, Operation, Trace

__all__ = ["RUNS_EACH", "Fleet", "fleet"]

RUNS_EACH = 500

# How long the last runs are watched beyond their begin: past the deadline, the end of what hangs, and its being lost.
AFTER = 2.5 * HOUR

EVIDENCE = 0.8  # of operations


@dataclass(frozen=True)
class Fleet:
    """One fleet. number: which of those that the seed makes."""

    number: int
    families: tuple[Family, ...]
    around: Surroundings

    @property
    def traces(self) -> list[Trace]:
        """All runs, the first to begin first."""
        return sorted((t for family in self.families for t in family.traces), key=lambda trace: trace.started)


def fleet(seed: int, number: int, runs: int = RUNS_EACH) -> Fleet:
    """The fleet of this number: the same whoever makes it, and in whatever order."""
    chance = Random(f"hangwatch {seed} {number}")
    services = {
        f"service-{s}": [f"service-{s}-{i}" for i in range(chance.randint(1, 4))] for s in range(chance.randint(1, 3))
    }
    operations = _operations(list(services), chance)
    starts = _starts(runs, chance)
    around = surroundings(services, starts[-1], AFTER, chance)
    families = [
        _family(f"f{number}r{i}", befall(chance.choice(operations), at, chance), services, around, chance)
        for i, at in enumerate(starts)
    ]
    return Fleet(number, tuple(families), around)


def _operations(services: list[str], chance: Random) -> list[Operation]:
    styles = [ONE_CALL, MANY_CALLS, STEADY, BURSTS, NESTED]
    return [_operation(style, f"{style.replace(' ', '-')}", chance.choice(services), chance) for style in styles]


def _operation(style: str, name: str, service: str, chance: Random) -> Operation:
    shape = chance.choice(list(SHAPES))
    median = chance.uniform(20, 420)
    evidence = chance.random() < EVIDENCE
    inner: tuple[Operation, ...] = ()
    if style == NESTED:
        parts = chance.choices([ONE_CALL, MANY_CALLS, STEADY, BURSTS], k=chance.randint(2, 4))
        inner = tuple(_operation(part, f"{name}-{i}", service, chance) for i, part in enumerate(parts))
    return Operation(name, style, shape, median if style != NESTED else 0.0, service, evidence, inner)


def _starts(runs: int, chance: Random) -> list[float]:
    """Runs begin by chance, at a rate that differs between fleets: from 30 to 240 an hour."""
    rate = chance.uniform(30, 240) / HOUR
    at, starts = 60.0, []
    for _ in range(runs):
        at += chance.expovariate(rate)
        starts.append(at)
    return starts


def _family(name: str, story: Story, services: dict[str, list[str]], around: Surroundings, chance: Random) -> Family:
    instance = chance.choice(services[story.operation.service])
    for deploy in around.deploys:
        if deploy.service == story.operation.service:
            end_with_service(story, deploy.at, deploy.graceful)
    truth = truth_of(story)
    scene = _Scene(story, instance, around, chance)
    if story.operation.style != NESTED:
        return Family((scene.trace(name, story.phases[0]),), truth)
    ids = [f"{name}.{i}" for i in range(len(story.phases))]
    inner = tuple((i, phase.started, phase.ended) for i, phase in zip(ids, story.phases, strict=True))
    whole = Phase(story.operation, story.started, story.ended, _moves(story))
    outermost = replace(scene.trace(name, whole), inner=inner)
    parts = [replace(scene.trace(i, p), ancestors=(name,)) for i, p in zip(ids, story.phases, strict=True)]
    return Family((outermost, *parts), truth)


def _moves(story: Story) -> list[float]:
    """What moves the outer run: an inner one that begins or ends, or counts an item."""
    moves = [at for phase in story.phases for at in (phase.started, phase.ended)]
    moves += [step for phase in story.phases if phase.operation.counted for step in phase.steps]
    return sorted(at for at in moves if at < NEVER)


@dataclass(frozen=True)
class _Scene:
    """Where and how a story takes place."""

    story: Story
    instance: str
    around: Surroundings
    chance: Random

    def trace(self, name: str, phase: Phase) -> Trace:
        """One of its runs."""
        story, cut = self.story, self.around.cut(self.instance)
        dead_at = NEVER if phase.ended < NEVER else story.dead_at
        # Who is killed right after an inner run's end takes that to the grave, if the store was away.
        until = min(self.around.ticks[-1], story.dead_at)
        life = Life(phase.started, phase.ended, dead_at, story.mute, cut, until)
        # What freezes a process from outside freezes its helper too; what holds Python's lock does not.
        helper_beats = story.stands == "gil_held"
        return Trace(
            id=name,
            operation=phase.operation,
            instance=self.instance,
            started=phase.started,
            deadline=story.deadline,
            steps=tuple(phase.steps),
            writes=writes_of(life, self.chance, helper_beats=helper_beats, helper_tells=story.helper),
            total=phase.total,
            ended=phase.ended,
            state=story.state if phase.ended == story.ended else SUCCEEDED,
            stuck=story.stuck,
            stands=story.stands,
            mute=tuple(story.mute),
            cut=cut,
            dead_at=dead_at,
            helper=story.helper,
        )
