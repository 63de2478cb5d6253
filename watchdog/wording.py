"""How figures of a run are put into words, alike in verdicts, messages and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from heartbeat_client.lengths import LONGEST, spoken
from heartbeat_client.run import Run

__all__ = [
    "activity_text",
    "ago",
    "frame_lines",
    "harmless",
    "missing_text",
    "one_line",
    "progress_text",
    "rate_text",
    "remaining",
    "sentence",
    "shared_text",
    "standing_text",
]

# All of a few, else so many that one sees what they have in common.
MISSING_ALL = 4
MISSING_SAID = 2

# Control characters but the line break, and those that turn the direction of all that follows: a name may hold them,
# and would move the cursor of a terminal or make a reader see another sentence.
_UNRULY = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def progress_text(run: Run) -> str:
    """`41 of 450 done`, `41 done`, or nothing where nothing is declared."""
    if run.progress is None:
        return ""
    done = (
        f"{run.progress.done} of {run.progress.total} done"
        if run.progress.total is not None
        else f"{run.progress.done} done"
    )
    return f"{done} ({run.progress.note})" if run.progress.note else done


def _done_text(run: Run, now: datetime) -> str:
    """`438 of 450 done, the last one 6 min ago`, of a run that spans processes."""
    at_least = "at least " if run.tally is not None and run.tally.partial else ""
    if run.moved_at is None:
        return sentence(progress_text(run), f"nothing was done since it was opened {ago(now, run.started_at)} ago")
    return f"{at_least}{progress_text(run)}, the last one {ago(now, run.moved_at)} ago"


def shared_text(run: Run, now: datetime) -> str:
    """Why a run that spans processes is stalled: `438 of 450 done, the last one 6 min ago (limit 5 min); …`."""
    limit = f"limit {spoken(run.thresholds.stalled_after)}"
    progress = run.progress
    complete = progress is not None and progress.total is not None and progress.done >= progress.total
    unended = "nobody has said that it is over: call succeed() or fail()" if complete else ""
    return sentence(
        f"{_done_text(run, now)} ({limit})", missing_text(run), _again_text(run), unended, _moved_until(run)
    )


def _moved_until(run: Run) -> str:
    if run.progress is None or not run.progress.rate or run.moved_at is None:
        return ""
    return f"it moved at {rate_text(run.progress.rate)} until {run.moved_at:%H:%M} UTC"


def missing_text(run: Run) -> str:
    """`missing: luka-doncic, nikola-jokic and 10 more`; nothing where no list of items was given."""
    tally = run.tally
    if tally is None:
        return ""
    count = tally.missing_count or 0
    named = tally.missing[: MISSING_ALL if count <= MISSING_ALL else MISSING_SAID]
    more = f" and {count - len(named)} more" if count > len(named) else ""
    missing = f"missing: {', '.join(map(one_line, named))}{more}" if named else ""
    strangers = f"{_items(tally.strangers)} done that are not on its list" if tally.strangers else ""
    return sentence(missing, strangers)


def _again_text(run: Run) -> str:
    """`12 items were completed again 340 times, the last: …`; nothing where that was before anything moved last."""
    tally = run.tally
    if tally is None or tally.again_at is None or (run.moved_at is not None and tally.again_at <= run.moved_at):
        return ""
    were = "was" if tally.again == 1 else "were"
    times = "once" if tally.again_times == 1 else f"{tally.again_times} times"
    last = f"{':' if tally.again == 1 else ', the last:'} {one_line(tally.again_last)}" if tally.again_last else ""
    return f"{_items(tally.again)} {were} completed again {times}{last}"


def _items(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"


def rate_text(rate: float) -> str:
    """`12.1/s`, or `4.3/min` and `2.0/h` where a second is too short to say it."""
    for unit, seconds in (("s", 1), ("min", 60), ("h", 3600)):
        if rate * seconds >= 1 or unit == "h":
            return f"{rate * seconds:.1f}/{unit}"
    raise AssertionError("the last unit takes every rate")


def remaining(run: Run) -> str:
    """`12.1/s, about 17 s to go` for a run that counts towards a total; nothing where that can't be known."""
    progress = run.progress
    if progress is None or not progress.rate:
        return ""
    seconds = ((progress.total or 0) - progress.done) / progress.rate
    rate = rate_text(progress.rate)
    return f"{rate}, about {spoken(seconds)} to go" if 0 < seconds <= LONGEST else rate


DOINGS = {
    "blocked": "blocked",
    "loop_blocked": "its event loop is blocked",
    "task_waiting": "its task waits, while the loop is healthy",
    "thread_ended": "its thread has ended, and the run with it went on",
    "gil_held": "one call holds Python's interpreter lock",
    "frozen": "the process does not run",
    "starved": "it wants the CPU and does not get it",
    "spinning": "busy on the CPU",
    "looping": "it runs and returns to the same place",
    "working": "at work",
    "progressing": "making progress",
    "waiting": "in a declared wait",
}


def activity_text(run: Run, now: datetime) -> str:
    """`blocked in recv at data_loaders.py:412 for 18 min; waits for peer …`; nothing without evidence."""
    activity = run.activity or {}
    kind, since = activity.get("kind"), activity.get("since")
    if not kind:
        return ""
    said = DOINGS.get(kind, kind) + _at(activity.get("at"), activity.get("call"))
    if isinstance(since, datetime):
        said += f" for {ago(now, since)}"
    waits_for = activity.get("waits_for")
    return sentence(said, f"waits for {waits_for}" if waits_for else "")


def standing_text(run: Run, now: datetime) -> str:
    """As `activity_text`, of a run that has stopped: what was seen while it still moved is not where it stands."""
    activity = run.activity or {}
    if activity.get("kind") != "progressing":
        return activity_text(run, now)
    last = _at(activity.get("at"), activity.get("call"))
    return f"where it stands has not been seen yet; it was{last} as it still moved" if last else ""


def _at(place: object, call: object) -> str:
    if not isinstance(place, Mapping) or not place.get("file"):
        return f" in {call}" if call else ""
    within = call or place.get("function")
    return (f" in {within}" if within else "") + f" at {place['file']}:{place.get('line', 0)}"


def frame_lines(run: Run) -> tuple[str, ...]:
    """The chain of frames, innermost first: `data_loaders.py:412 load_batch, 18 min`."""
    frames = (run.activity or {}).get("frames")
    return (
        tuple(_frame_line(frame) for frame in frames if isinstance(frame, Mapping)) if isinstance(frames, list) else ()
    )


def _frame_line(frame: Mapping[str, Any]) -> str:
    age = frame.get("age")
    seen = f", {spoken(age)}" if isinstance(age, (int, float)) and age >= 1 else ""
    return f"{frame.get('file', '')}:{frame.get('line', 0)} {frame.get('function', '')}{seen}"


def ago(now: datetime, then: datetime) -> str:
    """How long since `then`."""
    return spoken((now - then).total_seconds())


def sentence(*parts: str) -> str:
    """The parts that say something, as one sentence."""
    return "; ".join(part for part in parts if part)


def harmless(text: str) -> str:
    """The text without characters that act on what is around it."""
    return _UNRULY.sub(" ", text)


def one_line(text: str) -> str:
    """The text on one line, without characters that act on what is around it."""
    return " ".join(harmless(text).split())
