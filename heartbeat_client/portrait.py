"""An activity drawn from a scene: the chain of frames to show, ages, and words capped to what an alert bears. Pure."""

from __future__ import annotations

import math

from .activity import Activity, At
from .frames import place_of_frame
from .sample import FrameSeen, Since, Wait
from .scene import Scene

__all__ = ["FRAMES_LIMIT", "capped", "portray"]

FRAMES_LIMIT = 12
_OWN_FRAMES = 8
_TEXT_LIMIT = 300


def portray(
    scene: Scene,
    kind: str,
    frame: FrameSeen | None,
    since: Since | None,
    *,
    wait: Wait | None = None,
    waits_for: str | None = None,
    evidence: str = "",
    unknown: str | None = None,
    cpu: float | None = None,
    stack: tuple[FrameSeen, ...] | None = None,
) -> Activity:
    """The activity that a rule has found; `frame` is the one to blame, `since` None: since the run's start."""
    known = since or Since(scene.sight.started, scene.at)
    most = known.most(scene.at)
    longest = scene.at - scene.sight.started
    if wait is not None:
        waits_for = ", ".join(part for part in (wait.sentence, wait.facts) if part) or None
        unknown = wait.unknown or unknown
    share = scene.cpu if cpu is None else cpu
    return Activity(
        kind,
        at=None if frame is None else place_of_frame(frame),
        frames=_chain(scene.stack if stack is None else stack, scene.at),
        since_at_least=min(known.least(scene.at), longest) if longest < math.inf else known.least(scene.at),
        since_at_most=min(most, longest) if min(most, longest) < math.inf else None,
        waits_for=capped(waits_for) if waits_for else None,
        evidence=capped(evidence),
        unknown=unknown or _unknown(kind),
        cpu=share,
        call=wait.call if wait is not None else "",
        seen=max(0.0, scene.sight.now - scene.at),
    )


def _unknown(kind: str) -> str | None:
    if kind in ("blocked", "loop_blocked", "task_waiting"):
        return "whether it will go on can't be known; a timeout on this call would end it"
    return None


def capped(text: str) -> str:
    """A text of a length that a record and an alert bear."""
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}…"


def _chain(stack: tuple[FrameSeen, ...], at: float) -> tuple[At, ...]:
    """The frames to show: the innermost two, the innermost of the user's own, and the outermost two."""
    own = [index for index, seen in enumerate(stack) if seen.own][:_OWN_FRAMES]
    shown = sorted({*range(min(2, len(stack))), *own, *range(max(0, len(stack) - 2), len(stack))})[:FRAMES_LIMIT]
    return tuple(At(place_of_frame(stack[one]), _age(stack[one].since, at)) for one in shown)


def _age(since: Since | None, at: float) -> float | None:
    return None if since is None else since.least(at)
