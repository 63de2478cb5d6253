"""From samples to what an operation is doing: kind, where, since when, what it waits for. Pure: no clock, no thread.

The first rule that holds decides. What is concluded is named with the figures that it rests on, and with what can't be
known: a wait is no proof of a hang, and CPU no proof of useful work.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from .activity import KINDS, Activity
from .lapse import lapse
from .portrait import FRAMES_LIMIT, capped, portray
from .sample import FrameSeen, Gap, Sight, Since
from .scene import IDLE, Scene

__all__ = ["conclude"]

_BUSY = 0.8
_LITTLE = 0.25
_STARVED = 0.5
_LIFT = "count the work with hb.track(...) or hb.advance() and it will be known"


def conclude(sight: Sight) -> Activity:
    """What an operation is doing, from what was seen of it."""
    scene = Scene(sight)
    for rule in _RULES:
        found = rule(scene)
        if found is not None:
            return found
    return _working(scene)


def _declared_wait(scene: Scene) -> Activity | None:
    reason = scene.sight.waiting
    if reason is None:
        return None
    return portray(scene, "waiting", scene.blamed, _call_since(scene), waits_for=reason, evidence="a declared wait")


def _progressing(scene: Scene) -> Activity | None:
    if not scene.sight.moved:
        return None
    return portray(scene, "progressing", scene.around, None, evidence="declared progress moves")


def _thread_ended(scene: Scene) -> Activity | None:
    if scene.task is not None and scene.task.done:
        first = next(one for one in scene.sight.tasks if one.done)
        since = _since_look([one.at for one in scene.sight.tasks if not one.done], first.at)
        return portray(scene, "thread_ended", scene.blamed, since, evidence="its asyncio task is over, the run is open")
    if scene.last.alive:
        return None
    first_gone = next(one for one in scene.sight.samples if not one.alive)
    since = _since_look([one.at for one in scene.sight.samples if one.alive], first_gone.at)
    evidence = "the thread that opened the run is gone, the run is open"
    return portray(scene, "thread_ended", scene.blamed, since, evidence=evidence, unknown="how it ended can't be known")


def _since_look(before: list[float], by: float) -> Since:
    return Since(before[-1] if before else -math.inf, by)


def _after_gap(scene: Scene) -> Activity | None:
    """What kept the sampler from running, told after the fact."""
    gap = scene.gap
    if gap is None or gap.kind == "unclear":
        return None
    if gap.kind in ("burning", "held"):
        return _gil_held(scene, gap)
    kind = "frozen" if gap.kind == "frozen" else "starved"
    what = "nothing of the process ran" if kind == "frozen" else "it wanted CPU and did not get it"
    unknown = "stopped, throttled or a paused machine: which can't be known" if kind == "frozen" else None
    evidence = f"for {lapse(gap.length)} {what}; {gap.facts}"
    return portray(scene, kind, scene.blamed, Since(gap.begun, gap.begun), evidence=evidence, unknown=unknown)


def _gil_held(scene: Scene, gap: Gap) -> Activity:
    doing = "while it used the CPU" if gap.kind == "burning" else "and used no CPU"
    who = f" by thread {gap.thread_name}" if gap.thread_name else " by a thread that can't be told"
    shown = scene
    if gap.frames:
        shown = Scene(replace(scene.sight, samples=(replace(scene.last, stack=gap.frames, wait=None),), tasks=()))
    return portray(
        shown,
        "gil_held",
        shown.blamed,
        Since(gap.begun, gap.begun),
        evidence=f"Python was held for {lapse(gap.length)}{who} {doing}; {gap.facts}",
        unknown="the line is that of the first look after it, at or just after the call that held Python",
        cpu=scene.cpu,
    )


def _starved(scene: Scene) -> Activity | None:
    if scene.queued < _STARVED or scene.cpu is None or scene.cpu > _LITTLE:
        return None
    evidence = f"it waited for a processor {100 * min(scene.queued, 1):.0f} % of the time"
    return portray(scene, "starved", scene.around, _window_since(scene), evidence=evidence)


def _loop_blocked(scene: Scene) -> Activity | None:
    task = scene.task
    if task is None or task.unanswered is None or task.unanswered.least(scene.at) < max(1.9 * scene.every, 0.5):
        return None
    busy = scene.busy is not None and scene.busy > _BUSY
    frame = scene.around if busy else scene.blamed
    state = f"burning CPU ({100 * scene.cpu:.0f} %)" if busy and scene.cpu is not None else "not running"
    evidence = (
        f"the event loop has answered nothing for {lapse(task.unanswered.least(scene.at))}; its thread is {state}"
    )
    wait = scene.last.wait if not busy else None
    return portray(scene, "loop_blocked", frame, task.unanswered, wait=wait, evidence=evidence)


def _task_waiting(scene: Scene) -> Activity | None:
    task = scene.task
    if task is None or task.since is None or not scene.stands(task.since):
        return None
    beyond = _beyond(scene)
    if beyond is not None and beyond.kind in ("working", "spinning", "looping", "progressing"):
        return _behind(scene, beyond, task.since, beyond.kind, task.chain)
    answer = f"answers in {1000 * task.latency:.1f} ms" if task.latency is not None else "was not asked yet"
    evidence = f"the event loop {answer}, the task has awaited the same for {lapse(task.since.least(scene.at))}"
    if beyond is not None:
        return replace(_behind(scene, beyond, task.since, "task_waiting", task.chain), evidence=evidence)
    frame = next((seen for seen in task.chain if seen.own), task.chain[-1] if task.chain else None)
    return portray(scene, "task_waiting", frame, task.since, wait=task.wait, evidence=evidence, stack=task.chain)


def _task_running(scene: Scene) -> Activity | None:
    """A task whose awaits end again and again, on a loop that answers."""
    task = scene.task
    if task is None:
        return None
    seen = task.chain or scene.stack
    frame = next((one for one in seen if one.own), None)
    busy = scene.busy is not None and scene.busy > _BUSY
    kind = "spinning" if busy else "looping" if scene.cpu is not None and scene.cpu < _LITTLE else "working"
    evidence = f"the event loop answers, the task awaits something new at each look, {_cpu_words(scene)}"
    unknown = f"how much of the loop's CPU is the task's, and whether it gets anywhere, can't be known; {_LIFT}"
    return portray(scene, kind, frame, None, wait=task.wait, evidence=evidence, unknown=unknown, stack=seen)


def _blocked(scene: Scene) -> Activity | None:
    since = _stands_since(scene)
    if since is None or scene.flow:
        return None
    turned = scene.turned
    if turned is not None and turned.by > since.by:
        if not scene.stands(turned):
            return portray(
                scene, "working", scene.blamed, turned, wait=scene.wait, evidence="what it waits for changes"
            )
        since = turned
    beyond = _beyond(scene)
    if beyond is not None:
        kind = beyond.kind if beyond.kind in ("working", "spinning", "looping", "starved") else "blocked"
        return _behind(scene, beyond, since, kind, scene.stack)
    return portray(scene, "blocked", scene.blamed, since, wait=scene.wait, evidence=_still_words(scene, since))


def _stands_since(scene: Scene) -> Since | None:
    """Since when the thread stands in one call, None when it does not, or comes back to it again and again."""
    still = scene.last.still if scene.stands(scene.last.still) else None
    if still is not None and scene.comes_back:
        still = None
    idle = scene.cpu is not None and scene.cpu < IDLE
    unclocked = scene.cpu is None and scene.same_spot is not None and scene.looks >= 3
    call = scene.call if (idle or unclocked) and scene.stands(scene.call) else None
    if still is None and call is None and scene.wait is not None and scene.wait.polls and idle:
        call = scene.same_spot if scene.stands(scene.same_spot) else None
    return min((one for one in (still, call) if one is not None), key=lambda one: one.by, default=None)


def _still_words(scene: Scene, since: Since) -> str:
    still = scene.last.still
    if still is not None and scene.stands(still):
        words = f"the thread has not run one instruction for {lapse(still.least(scene.at))}"
        return words if since is still else f"{words}, and has been in the same call for {lapse(since.least(scene.at))}"
    return f"in one and the same call for {lapse(since.least(scene.at))}, {_cpu_words(scene)}"


def _looping(scene: Scene) -> Activity | None:
    if scene.cpu is None or scene.cpu >= _LITTLE or scene.files or scene.flow or scene.looks < 2:
        return None
    back = scene.last.comes_back
    times = f"; it came back to the same place {back.times} times" if back and scene.comes_back else ""
    evidence = f"it runs and returns, {_cpu_words(scene)}{times}"
    unknown = f"whether this is healthy waiting or a retry that never succeeds can't be known; {_LIFT}"
    frame = scene.around
    return portray(
        scene, "looping", frame, frame.since if frame else None, wait=scene.wait, evidence=evidence, unknown=unknown
    )


def _spinning(scene: Scene) -> Activity | None:
    if scene.busy is None or scene.busy < _BUSY or scene.files:
        return None
    frame = scene.around
    evidence = f"{_cpu_words(scene)} in {scene.looks} of {scene.looks} looks"
    unknown = f"whether this is useful work can't be known; {_LIFT}"
    return portray(scene, "spinning", frame, frame.since if frame else None, evidence=evidence, unknown=unknown)


def _working(scene: Scene) -> Activity:
    if scene.flow:
        evidence = f"{scene.flow:.0f} bytes/s come over the connection, {_cpu_words(scene)}"
    elif scene.files:
        evidence = f"{scene.files / 1024:.0f} KiB/s to and from files, {_cpu_words(scene)}"
    else:
        evidence = _cpu_words(scene) if scene.looks > 1 else "seen once so far"
    unknown = f"whether the work gets anywhere can't be known; {_LIFT}"
    flow = scene.wait if scene.flow else None
    return portray(scene, "working", scene.blamed, _call_since(scene), wait=flow, evidence=evidence, unknown=unknown)


def _cpu_words(scene: Scene) -> str:
    return "CPU unknown" if scene.cpu is None else f"CPU {100 * scene.cpu:.0f} %"


def _call_since(scene: Scene) -> Since | None:
    return scene.call or scene.last.still or (scene.blamed.since if scene.blamed else None)


def _window_since(scene: Scene) -> Since | None:
    return Since(-math.inf, scene.window[0].at) if scene.window else None


def _beyond(scene: Scene) -> Activity | None:
    """What the thread is doing that it waits for; of one that only could be the one to act, only if it stands."""
    wait, sight = scene.wait, scene.sight.beyond
    if wait is None or sight is None or len(sight.samples) < 2:
        return None
    found = conclude(sight)
    return found if wait.certain or found.kind == "blocked" else None


def _behind(scene: Scene, beyond: Activity, since: Since, kind: str, stack: tuple[FrameSeen, ...]) -> Activity:
    """The culprit's place at the head of the operation's own chain; it has lasted as long as both have."""
    own = portray(scene, kind, scene.blamed, since, stack=stack)
    least = min(own.since_at_least, beyond.since_at_least)
    waits = f"{scene.wait.sentence}, which is {_doing(beyond)}" if scene.wait else _doing(beyond)
    # A thread that stands in nothing of the user's has nothing to blame.
    at = beyond.at or own.at
    half = FRAMES_LIMIT // 2
    return replace(
        own,
        at=at,
        frames=beyond.frames[:half] + own.frames[:half],
        since_at_least=least,
        since_at_most=min(
            (most for most in (own.since_at_most, beyond.since_at_most) if most is not None), default=None
        ),
        waits_for=capped(waits),
        evidence=beyond.evidence,
        unknown=beyond.unknown,
        call=beyond.call,
    )


def _doing(activity: Activity) -> str:
    words = f"{KINDS[activity.kind]}{' in ' + activity.call if activity.call else ''}"
    return f"{words}, waiting for {activity.waits_for}" if activity.waits_for else words


_RULES: tuple[Callable[[Scene], Activity | None], ...] = (
    _declared_wait,
    _progressing,
    _thread_ended,
    _after_gap,
    _starved,
    _loop_blocked,
    _task_waiting,
    _task_running,
    _blocked,
    _looping,
    _spinning,
)
