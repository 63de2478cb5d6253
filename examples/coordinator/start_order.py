"""What a caller of POST /start may ask for, read from the request's body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from .faults import Fault, parse_fault


class OrderError(ValueError):
    """A body that can't be followed; the text is one line for the caller."""


@dataclass(frozen=True)
class StartOrder:
    """One call of /start."""

    game_date: str
    force: bool
    fault: Fault | None


def read_order(body: object, players: list[str], today: Callable[[], date]) -> StartOrder:
    """The order in a parsed JSON body; raises OrderError or FaultError. `today` answers what TODAY is."""
    if not isinstance(body, Mapping):
        raise OrderError('body must be a JSON object such as {"game_date": "TODAY", "force": true}')
    if unknown := sorted(set(body) - {"game_date", "force", "fault"}):
        raise OrderError(f'body has an unknown "{unknown[0]}"; known are game_date, force and fault')
    force = body.get("force", False)
    if not isinstance(force, bool):
        raise OrderError(f"force must be true or false, got {force!r}")
    fault = parse_fault(body["fault"], players) if "fault" in body else None
    return StartOrder(_game_date(body.get("game_date"), today), force, fault)


def _game_date(text: object, today: Callable[[], date]) -> str:
    if text == "TODAY":
        return today().isoformat()
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
    raise OrderError(f'game_date must be a date such as "2026-11-23", or "TODAY", got {text!r}')
