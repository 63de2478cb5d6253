"""The grammar of a policy file: from parsed TOML to a `Policy`, or a line for each mistake that a person can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo

from heartbeat_client.lengths import seconds_of

from .policy import Pace, Policy, PolicyError, Rule, Settings

__all__ = ["parse_policy"]


def parse_policy(tables: Mapping[str, Any], who: str = "policy") -> Policy:
    """Check parsed TOML as a whole and make a policy of it.

    Raises `PolicyError` with a line for each mistake found, so that one look at the file mends them all.
    """
    problems: list[str] = []
    problems += [_unknown_table(name, who) for name in tables if name not in _TABLES]
    defaults = _settings(_table(tables, "defaults", who, problems), f"{who}: [defaults]", problems)
    rules = _rules(tables.get("operation", []), who, problems)
    pace = _pace(_table(tables, "watchdog", who, problems), f"{who}: [watchdog]", problems)
    if problems:
        raise PolicyError(problems)
    return Policy(defaults, rules, pace)


_TABLES = ("defaults", "operation", "watchdog")


def _unknown_table(name: str, who: str) -> str:
    return f"{who}: [{_named(name)}]: expected [defaults], [[operation]] or [watchdog]{_nearest(name, _TABLES)}"


def _table(tables: Mapping[str, Any], name: str, who: str, problems: list[str]) -> Mapping[str, Any]:
    table = tables.get(name, {})
    if isinstance(table, Mapping):
        return table
    problems.append(f"{who}: {name}: expected a table [{name}], got {table!r:.60}")
    return {}


def _rules(tables: Any, who: str, problems: list[str]) -> tuple[Rule, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        problems.append(
            f"{who}: operation: expected tables [[operation]], with two brackets, got {type(tables).__name__}"
        )
        return ()
    return tuple(_rule(table, f"{who}: [[operation]] {n}", problems) for n, table in enumerate(tables, 1))


def _rule(table: Mapping[str, Any], who: str, problems: list[str]) -> Rule:
    match = table.get("match")
    if not isinstance(match, str) or not match.strip():
        problems.append(f'{who}: match: expected a pattern such as "load-*", got {match!r:.60}; add match = "…"')
        match = ""
    who = f"{who} (match {match!r:.60})" if match else who
    return Rule(match, _settings({k: v for k, v in table.items() if k != "match"}, who, problems))


def _settings(table: Mapping[str, Any], who: str, problems: list[str]) -> Settings:
    known = tuple(f.name for f in fields(Settings))
    return Settings(**_read(table, known, _SETTING_READERS, who, problems))


def _pace(table: Mapping[str, Any], who: str, problems: list[str]) -> Pace:
    known = tuple(f.name for f in fields(Pace))
    return Pace(**_read(table, known, _PACE_READERS, who, problems))


def _read(
    table: Mapping[str, Any], known: tuple[str, ...], readers: Mapping[str, Any], who: str, problems: list[str]
) -> dict[str, Any]:
    read = {}
    for name, value in table.items():
        if name not in known:
            problems.append(
                f"{who}: {_named(name)} is not a setting{_nearest(name, known)}; expected one of {', '.join(known)}"
            )
            continue
        try:
            read[name] = readers.get(name, seconds_of)(value)
        except ValueError as error:
            problems.append(f"{who}: {name}: {error}")
    return read


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ValueError(
            f"expected a share of the way to the deadline above 0 and up to 1, such as 0.8, got {value!r:.60}"
        )
    return float(value)


def _address(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s<>|]{1,1990}", value):
        raise ValueError(f"expected an address that starts with https://, got {value!r:.60}")
    return value


def _slack_channel(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 100:
        raise ValueError(f'expected a channel such as "#predictions" or an id such as "C0123456", got {value!r:.60}')
    return value


def _yes_or_no(value: object) -> bool:
    if value is True or value is False:
        return value
    raise ValueError(f"expected true or false, got {value!r:.60}")


def _time_zone(value: object) -> str:
    try:
        ZoneInfo(value if isinstance(value, str) else "")
    except (ValueError, OSError):
        raise ValueError(f'expected a time zone such as "America/New_York", got {value!r:.60}') from None
    return str(value)


_SETTING_READERS = {
    "warn_at": _share,
    "runbook": _address,
    "slack_channel": _slack_channel,
    "on_failure": _yes_or_no,
}
_PACE_READERS = {"time_zone": _time_zone}


def _named(name: str) -> str:
    # A quoted key of TOML may hold line breaks, and each mistake is one line.
    return name if re.fullmatch(r"[\w-]{1,60}", name) else f"{name!r:.60}"


def _nearest(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, 1)
    return f" (did you mean {near[0]}?)" if near else ""
