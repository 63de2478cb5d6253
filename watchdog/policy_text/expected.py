"""The grammar of `[[expected]]` in a policy file: runs that should start, and a line for each mistake about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSimError

from heartbeat_client.lengths import spoken
from heartbeat_client.run import OPERATION_LIMIT

from ..schedule import EARLY, GRACE, LOOK_FROM, Expected, shortest_gap, slots
from .values import address, read_values, slack_channel, time_zone

__all__ = ["read_expected"]

KNOWN = ("operation", "schedule", "every", "after", "within", "grace", "time_zone", "runbook", "slack_channel")
RULES = ("schedule", "every", "after")
ANY_RULE = 'schedule = "0 7 * * *", every = "6h" or after = "an-operation"'
EXAMPLE = 'expected five fields of cron such as "0 7 * * *"'

# With `after`, so long before the end that it follows a start counts: a run may start the next one as its last act.
EARLY_AFTER = 60.0

RANGES = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "a day from 1 to 31 that the months have, or L for the last",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 or SUN to SAT, 5L for the last Friday, 1#2 for the second Monday",
}
WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def read_expected(tables: object, who: str, zone: str, problems: list[str]) -> tuple[Expected, ...]:
    """The expectations of a policy. zone: the time zone of those that name none. Mistakes go to `problems`."""
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        got = type(tables).__name__
        problems.append(f"{who}: expected: expected tables [[expected]], with two brackets, got {got}")
        return ()
    found: dict[str, int] = {}
    expectations = []
    for number, table in enumerate(tables, 1):
        one = _expected(table, f"{who}: [[expected]] {number}", zone, problems)
        if one is None:
            continue
        if found.setdefault(one.identity, number) != number:
            problems.append(
                f"{who}: [[expected]] {number} says the same as {found[one.identity]}; leave one of them out"
            )
        expectations.append(one)
    return tuple(expectations)


def _expected(table: Mapping[str, Any], who: str, zone: str, problems: list[str]) -> Expected | None:
    """One expectation, None where it has a mistake."""
    mine: list[str] = []
    if isinstance(table.get("operation"), str):
        who = f"{who} (operation {table['operation']!r:.60})"
    read = read_values(table, KNOWN, _READERS, who, mine)
    if "operation" not in table:
        mine.append(f'{who}: operation: expected the name of an operation, got none; add operation = "…"')
    mine += [f"{who}: {said}" for said in _rule_mistakes(table)]
    if not mine:
        zone = read.get("time_zone", zone)
        mine += [f"{who}: {said}" for said in _time_mistakes(read, zone)]
    problems += mine
    return None if mine else _made(read, zone)


def _rule_mistakes(table: Mapping[str, Any]) -> list[str]:
    given = [name for name in RULES if name in table]
    if not given:
        return [f"expected one of schedule, every and after, got none; add {ANY_RULE}"]
    if len(given) > 1:
        return [f"expected one of schedule, every and after, got {' and '.join(given)}; keep one, or make two tables"]
    if given != ["after"]:
        return ["within is only for after; write grace, or after"] if "within" in table else []
    said = ["grace is not for after; make within longer"] if "grace" in table else []
    if "within" not in table:
        said.append('within: expected a length such as "20m", got none; add it')
    if table["after"] == table.get("operation"):
        said.append('after: expected another operation, got its own; write every = "…"')
    return said


def _time_mistakes(read: Mapping[str, Any], zone: str) -> list[str]:
    """What is wrong between settings that are each fine by themselves."""
    if "schedule" in read and next(slots(Expected("", read["schedule"], time_zone=zone), LOOK_FROM), None) is None:
        return [f"schedule: {read['schedule']!r} never comes; expected one that does"]
    grace, gap = read.get("grace"), _gap(read, zone)
    if grace is None or gap is None or grace < gap:
        return []
    between = "every" if "every" in read else "the shortest time between two of its instants"
    return [f"grace ({spoken(grace)}) must be shorter than {between} ({spoken(gap)}); lower it"]


def _gap(read: Mapping[str, Any], zone: str) -> float | None:
    if "schedule" not in read:
        every: float | None = read.get("every")
        return every
    gap = shortest_gap(read["schedule"], ZoneInfo(zone))
    return gap.total_seconds() if gap else None


def _made(read: Mapping[str, Any], zone: str) -> Expected:
    plain = {name: value for name, value in read.items() if name not in ("within", "grace")}
    gap = _gap(read, zone)
    if "within" in read:
        times = {"grace": read["within"], "early": min(EARLY_AFTER, read["within"] / 4)}
    elif gap is None:
        times = {"grace": read.get("grace", GRACE)}
    else:
        times = {"grace": read.get("grace", min(GRACE, gap / 2)), "early": min(EARLY, gap / 4)}
    return Expected(**{**plain, **times, "time_zone": zone})


def _operation(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > OPERATION_LIMIT:
        raise ValueError(f"expected the name of an operation of at most {OPERATION_LIMIT} letters, got {value!r:.60}")
    if "*" in value:
        raise ValueError(f"expected the name of one operation, got the pattern {value!r:.60}; write a table for each")
    return value


def _schedule(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise ValueError(f"{EXAMPLE}, got {value!r:.60}")
    word = value.strip().lower()
    if word in WORDS:
        raise ValueError(f'{EXAMPLE}, got {value!r}; write "{WORDS[word]}"')
    count = len(value.split())
    if count == 6:  # cronsim would read seconds
        raise ValueError(f"{EXAMPLE}, got six: {value!r:.60}; leave the seconds out")
    if count != 5:
        raise ValueError(f"{EXAMPLE}, got {count}: {value!r:.60}")
    return _read_cron(value)


def _read_cron(value: str) -> str:
    try:
        shortest_gap(value, ZoneInfo("UTC"))
    except CronSimError as error:
        field = str(error).removeprefix("Bad ")
        expected = RANGES.get(field, "another")
        raise ValueError(f"{value!r:.60}: its {field} can't be read; expected {expected}") from None
    except (AssertionError, ValueError):  # what its reader never thought of
        raise ValueError(f"{value!r:.60} can't be read; {EXAMPLE}") from None
    return " ".join(value.split())


_READERS = {
    "operation": _operation,
    "schedule": _schedule,
    "after": _operation,
    "time_zone": time_zone,
    "runbook": address,
    "slack_channel": slack_channel,
}
