"""What a heartbeat was asked for, checked and completed from the process's settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from .checks import Checks
from .limits import INTERVAL, LEAST, NAMES, Limits
from .run import DETAIL_LIMIT, LABELS_LIMIT, OPERATION_LIMIT, Thresholds
from .settings import DEADLINE, Settings, deadline_from_environment

__all__ = ["SETTINGS", "UNNAMED", "Plan", "plan_of"]

UNNAMED: Final = "unnamed-operation"

# What a heartbeat takes by name, beside its operation.
SETTINGS: Final = ("detail", "total", "interval", *NAMES, "deadline", "labels", "run_id")

_RUN_ID_LIMIT = 200


@dataclass(frozen=True)
class Plan:
    """A heartbeat's settings. Lengths in seconds, a deadline is a length from the start or an instant.

    name: how log lines call it. own_deadline: given on the heartbeat itself. fallback_deadline: for an outermost run
    without one of its own.
    """

    operation: str
    name: str
    detail: str = ""
    total: int | None = None
    interval: float = INTERVAL
    limits: Limits = field(default_factory=Limits)
    own_deadline: float | datetime | None = None
    fallback_deadline: float | datetime = DEADLINE
    labels: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    error_text: bool = False


def plan_of(who: str, operation: object, given: Mapping[str, Any], current: Settings) -> Plan:
    """Check what a caller gave; each value that can't be used is logged, and the default is used.

    who: the caller in errors, such as `Heartbeat`. given: some of `SETTINGS`, and whatever else came, which is refused.
    """
    common = current.deadline if current.deadline is not None else deadline_from_environment()
    key = _key(operation, given, common)
    known = None if key is None else _known.get(key)
    if known is not None and known[0] is current:
        return known[1]
    checks = Checks(who + (f" {operation[:60]!r}" if isinstance(operation, str) else ""))
    plan = _checked(checks, operation, given, current, common)
    if key is not None and not checks.complained:
        if len(_known) >= _KNOWN_LIMIT:
            _known.clear()
        _known[key] = current, plan
    return plan


# Plans of heartbeats that were asked for by words alone, with the settings that they hold under. Most operations run
# again and again, and what there is to check is checked at the first.
_known: dict[tuple[object, ...], tuple[Settings, Plan]] = {}
_KNOWN_LIMIT: Final = 256


def _key(operation: object, given: Mapping[str, Any], common: object) -> tuple[object, ...] | None:
    """What a plan follows from beside the settings; None where anything but an operation and a detail was given."""
    detail = given.get("detail", "")
    if type(operation) is not str or type(detail) is not str:
        return None
    for name, value in given.items():
        if name not in SETTINGS or (value is not None and name != "detail"):
            return None
    return operation, detail, common


def _checked(
    checks: Checks, operation: object, given: Mapping[str, Any], current: Settings, common: float | datetime | None
) -> Plan:
    """A plan; common: the deadline of all heartbeats, where there is one."""
    checks.unknown([name for name in given if name not in SETTINGS], SETTINGS)
    named = checks.name("operation", operation, OPERATION_LIMIT, UNNAMED)
    detail = checks.text("detail", given.get("detail"), DETAIL_LIMIT)
    own = checks.deadline(given.get("deadline"))
    return Plan(
        operation=named,
        name=f"{named} ({detail})" if detail else named,
        detail=detail,
        total=checks.count("total", given.get("total")),
        interval=checks.length("interval", given.get("interval"), LEAST) or current.interval,
        limits=_limits(checks, given, current.limits, deadline=own is not None or common is not None),
        own_deadline=own,
        fallback_deadline=DEADLINE if common is None else common,
        labels=_labels(current.labels, checks.labels(given.get("labels"))),
        run_id=_run_id(checks, given.get("run_id")),
        error_text=current.error_text,
    )


def _limits(checks: Checks, given: Mapping[str, Any], usual: Limits, *, deadline: bool) -> Limits:
    limits = usual.changed(checks.lengths(NAMES, given, LEAST))
    held = limits.beat_every or Thresholds().beat_every
    for name in ("silent_after", "stalled_after"):
        value = getattr(limits, name)
        if value is not None and value < 2 * held:
            expected = f"expected at least two beats ({2 * held:g} s), got {value:g} s"
            checks.wrong(name, expected, f"{2 * held:g} s is used; give more, or beat more often with beat_every")
    explicit = tuple(name for name in NAMES if getattr(limits, name) is not None) + (("deadline",) if deadline else ())
    return limits if limits.explicit == explicit else replace(limits, explicit=explicit)


def _labels(common: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    return dict(list({**own, **common, **own}.items())[:LABELS_LIMIT])


def _run_id(checks: Checks, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not value.strip() or re.search(r"[\x00-\x1f\x7f]", value):
        checks.wrong("run_id", f"expected text on one line, got {value!r:.60}", "an id is made")
        return ""
    if len(value) > _RUN_ID_LIMIT or len(value.encode(errors="replace")) > 2 * _RUN_ID_LIMIT:
        checks.wrong("run_id", f"expected at most {_RUN_ID_LIMIT} characters, got {len(value)}", "an id is made")
        return ""
    return value
