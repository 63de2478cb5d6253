"""What single values of a policy file may be: each reader gives it, or says in a ValueError what it expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from heartbeat_client.lengths import seconds_of

__all__ = ["address", "named", "nearest", "read_values", "share", "slack_channel", "time_zone", "yes_or_no"]

Reader = Callable[[object], Any]


def read_values(
    table: Mapping[str, Any], known: Sequence[str], readers: Mapping[str, Reader], who: str, problems: list[str]
) -> dict[str, Any]:
    """The values of one table; a line in `problems` for each that is unknown or can't be read.

    readers: by name, a length in seconds for a name without one. who: where the table stands, the start of each line.
    """
    read = {}
    for name, value in table.items():
        if name not in known:
            problems.append(
                f"{who}: {named(name)} is not a setting{nearest(name, known)}; expected one of {', '.join(known)}"
            )
            continue
        try:
            read[name] = readers.get(name, seconds_of)(value)
        except ValueError as error:
            problems.append(f"{who}: {name}: {error}")
    return read


def share(value: object) -> float:
    """A share of the way to the deadline."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ValueError(
            f"expected a share of the way to the deadline above 0 and up to 1, such as 0.8, got {value!r:.60}"
        )
    return float(value)


def address(value: object) -> str:
    """An address that a notice may link to."""
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s<>|]{1,1990}", value):
        raise ValueError(f"expected an address that starts with https://, got {value!r:.60}")
    return value


def slack_channel(value: object) -> str:
    """A channel of Slack, by name or id."""
    if not isinstance(value, str) or not value.strip() or len(value) > 100:
        raise ValueError(f'expected a channel such as "#predictions" or an id such as "C0123456", got {value!r:.60}')
    return value


def yes_or_no(value: object) -> bool:
    """True or false."""
    if value is True or value is False:
        return value
    raise ValueError(f"expected true or false, got {value!r:.60}")


def time_zone(value: object) -> str:
    """A name of the IANA time zone database."""
    name = value if isinstance(value, str) else ""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):  # no file, no path, or no such zone
        near = nearest(name.strip().replace(" ", "_"), _zone_names(name)) if name else ""
        raise ValueError(f'expected a time zone such as "America/New_York", got {value!r:.60}{near}') from None
    return name


def _zone_names(name: str) -> list[str]:
    """Names of zones; those of the place alone too, for people write `New York`."""
    zones = sorted(available_timezones())
    asked = name.strip().replace(" ", "_").lower()
    return [zone for zone in zones if zone.lower().rpartition("/")[2] == asked][:1] or zones


def named(name: str) -> str:
    """A key as it can be shown in one line, for a quoted key of TOML may hold line breaks."""
    return name if re.fullmatch(r"[\w-]{1,60}", name) else f"{name!r:.60}"


def nearest(name: str, known: Collection[str]) -> str:
    """` (did you mean time_zone?)`, or nothing where no known name is near."""
    near = list(known) if len(known) == 1 else get_close_matches(name[:100], known, 1)
    return f" (did you mean {near[0]}?)" if near else ""
