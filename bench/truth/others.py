"""The rules that others go by, each as a small pure function of a trace, with its source.

Their machines are taken to work always: they check at their own pace and send at once. Only what the watched process
has to send is late or lost, as it is for Hangwatch. Each watches the outermost run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .oracle import Alarm
from .trace import DEADLINE, NEVER, Trace, Window

__all__ = ["RULES", "Rule"]


@dataclass(frozen=True)
class Rule:
    """One way to tell. says: what it does. source: where that stands. assumed: what was set, or is not confirmed."""

    name: str
    alarms: Callable[[Trace], list[Alarm]]
    says: str
    source: str
    assumed: str = ""


def _never(trace: Trace) -> list[Alarm]:
    return []


def _silence(limit: float, every: float, checked: float, *, supervised: bool = False) -> Callable[[Trace], list[Alarm]]:
    """Alarm when no beat came for `limit`; a timer beats each `every`, whoever looks does so each `checked`.

    supervised: a process of its own beats, which sees at once when the watched one exits.
    """

    def alarms(trace: Trace) -> list[Alarm]:
        if supervised and trace.helper and trace.dead_at < NEVER:
            return [Alarm(trace.dead_at + checked, trace.id, "crashed")]
        dark = _dark(trace, supervised=supervised)
        return [Alarm(at, trace.id, "silent") for window in dark for at in _gone(trace, window, limit, every, checked)]

    return alarms


def _dark(trace: Trace, *, supervised: bool) -> list[Window]:
    """When no beat can arrive. Who beats from another process is not stopped by what holds Python's lock."""
    mute = [] if supervised and trace.stands == "gil_held" else list(trace.mute)
    dead = [(trace.dead_at, NEVER)] if trace.dead_at < NEVER else []
    return sorted([*mute, *trace.cut, *dead])


def _gone(trace: Trace, dark: Window, limit: float, every: float, checked: float) -> Iterator[float]:
    begin, end = max(dark[0], trace.started), dark[1]
    if end <= trace.started or begin >= trace.ended:
        return
    last = trace.started + (begin - trace.started) // every * every
    back = NEVER if end == NEVER else trace.started + math.ceil((end - trace.started) / every) * every
    if trace.ended < NEVER:
        back = min(back, max(trace.ended, end))
    at = math.ceil((last + limit) / checked) * checked
    if at < back:
        yield at


def _too_long(limit: float, checked: float) -> Callable[[Trace], list[Alarm]]:
    """Alarm when no end was told within `limit` of the start. An end that can't be sent at once is lost."""

    def alarms(trace: Trace) -> list[Alarm]:
        arrived = trace.ended if not any(begin <= trace.ended < end for begin, end in trace.cut) else NEVER
        if arrived <= trace.started + limit:
            return []
        return [Alarm(math.ceil((trace.started + limit) / checked) * checked, trace.id, "too long")]

    return alarms


def _work_or_too_long(limit: float, longest: float, throttle: float) -> Callable[[Trace], list[Alarm]]:
    """Alarm when the work itself sent no beat for `limit`, where it can; and in any case after `longest`.

    throttle: beats are held back for so long, the newest is sent then.
    """

    def alarms(trace: Trace) -> list[Alarm]:
        stops = [one.at for one in _too_long(longest, 1.0)(trace)]
        if trace.operation.counted:
            stops += _standstills(trace, limit, throttle)
        return [Alarm(min(stops), trace.id, "timeout")] if stops else []

    return alarms


def _standstills(trace: Trace, limit: float, throttle: float) -> Iterator[float]:
    """When `limit` has passed since the last beat that arrived, for each time that the next one came later."""
    dark = _dark(trace, supervised=False)
    last = trace.started
    for sent in (*_sent(trace.steps, throttle), trace.ended):
        arrives = next((end for begin, end in dark if begin <= sent < end), sent)
        if arrives > last + limit:
            yield last + limit
        last = arrives


def _sent(steps: Iterable[float], throttle: float) -> Iterator[float]:
    """The first beat goes at once; those that come within `throttle` of one that went, together at the end of that."""
    last = -NEVER
    for step in steps:
        if step > last:
            last = max(step, last + throttle)
            yield last


RULES: tuple[Rule, ...] = (
    Rule(
        "the first user's logger",
        _never,
        "logs a line each 5 min, for as long as its timer runs",
        "the class this project began with",
    ),
    Rule(
        "5 min of silence",
        _silence(300, 60, 300),
        "a timer in the process beats; who is silent for 5 min is stale; checked each 5 min",
        "a Cloud Function over Firestore heartbeats, found in a public repository",
        "a beat each 60 s",
    ),
    Rule(
        "15 min of silence",
        _silence(900, 60, 300),
        "the same function's second limit: after 15 min it is dead",
        "as above",
        "a beat each 60 s",
    ),
    Rule(
        "Airflow",
        _silence(300, 5, 10, supervised=True),
        "task_instance_heartbeat_timeout, 300 s, looked for each 10 s; a supervisor process beats for the task",
        "https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html",
        "300 s confirmed by a maintainer (apache/airflow#73244), 10 s by users' files only; no execution_timeout",
    ),
    Rule(
        "Prefect",
        _silence(540, 180, 10, supervised=True),
        "an automation marks a run crashed that sent no heartbeat within three periods",
        "https://docs.prefect.io/v3/advanced/detect-zombie-flows",
        "three periods confirmed for 30 s; a period of 180 s as the default by users' files only",
    ),
    Rule(
        "Temporal",
        _work_or_too_long(300, DEADLINE, 60),
        "a heartbeat timeout where the activity counts, and a start-to-close timeout",
        "https://docs.temporal.io/encyclopedia/detecting-activity-failures",
        "neither has a default: 5 min as stalled_after and 30 min as the deadline; beats throttled to one in 60 s",
    ),
    Rule(
        "healthchecks",
        _too_long(DEADLINE, 10),
        "/start, and no success within the grace time: down",
        "https://healthchecks.io/docs/measuring_script_run_time/",
        "a grace of 30 min, the deadline; the default is 1 h",
    ),
    Rule(
        "Sentry Crons",
        _too_long(DEADLINE, 60),
        "in_progress, and no ok within max_runtime: timed out; looked for each minute",
        "https://github.com/getsentry/sentry/blob/master/src/sentry/monitors/constants.py",
        "max_runtime at its default of 30 min",
    ),
)
