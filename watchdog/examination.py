"""`doctor`: each part tried for real, one finding each, with what to do about it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from heartbeat_client.lengths import spoken

from .ledger import WATCHDOG, Ledger
from .policy import Policy, PolicyError
from .ports import Create, Delete, Store, StoreError
from .wiring import Settings, SettingsError, clock_here, open_store, read_policy, settings

__all__ = ["Finding", "examine"]

CLOCK_TOLERANCE = 5.0


@dataclass(frozen=True)
class Finding:
    """What came of trying one part. todo: what to do about it, empty when it is good."""

    part: str
    good: bool
    said: str
    todo: str = ""

    def line(self) -> str:
        """The finding as a line for people."""
        text = f"{'ok  ' if self.good else 'FAIL'} {self.part}: {self.said}"
        return f"{text}; {self.todo}" if self.todo else text

    def as_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        return {"part": self.part, "good": self.good, "said": self.said, "todo": self.todo or None}


def examine(environment: Mapping[str, str], store: str | None = None) -> list[Finding]:
    """Try settings, policy, store and channels. Never raises for what it finds."""
    try:
        known = settings(environment, store)
    except SettingsError as error:
        return [Finding("settings", False, str(error))]
    findings = [Finding("settings", True, f"the store is {known.store}")]
    findings.extend(_policy(known))
    findings.extend(_store(known))
    findings.append(_channel(known))
    return findings


def _policy(known: Settings) -> Iterator[Finding]:
    try:
        policy = read_policy(known.policy)
    except PolicyError as error:
        yield from (Finding("policy", False, problem) for problem in error.problems)
        return
    where = str(known.policy) if known.policy else "none set, the defaults hold"
    yield Finding("policy", True, f"{where}; {len(policy.rules)} rules" if policy != Policy() else where)


def _store(known: Settings) -> Iterator[Finding]:
    try:
        store = open_store(known.store)
    except StoreError as error:
        yield Finding("store", False, str(error))
        return
    try:
        yield from _tries(store)
    finally:
        store.close()


def _tries(store: Store) -> Iterator[Finding]:
    trials: tuple[tuple[str, Callable[[Store], Finding]], ...] = (
        ("read", _read),
        ("write", _write),
        ("clock", _clock),
        ("sweeps", _sweeps),
    )
    for part, trial in trials:
        try:
            yield trial(store)
        except StoreError as error:
            yield Finding(part, False, str(error))


def _read(store: Store) -> Finding:
    running = len(Ledger(store).running(store.now()))
    return Finding("read", True, f"{running} runs say they are running")


def _write(store: Store) -> Finding:
    trial = f"doctor-{secrets.token_hex(4)}"
    if not store.commit([Create(WATCHDOG, trial, {"made_by": "doctor"})]):
        return Finding("write", False, "a new document could not be made", "is another doctor at work?")
    store.commit([Delete(WATCHDOG, trial)])
    return Finding("write", True, "made and deleted a document")


def _clock(store: Store) -> Finding:
    ahead = (store.now() - clock_here()).total_seconds()
    if abs(ahead) <= CLOCK_TOLERANCE:
        return Finding("clock", True, f"within {spoken(abs(ahead))} of the store's")
    side = "behind" if ahead > 0 else "ahead of"
    # Verdicts go by the store's clock alone, so this does no harm; links and logs of this machine would mislead.
    return Finding("clock", False, f"this machine is {spoken(abs(ahead))} {side} the store", "set its clock")


def _sweeps(store: Store) -> Finding:
    last = Ledger(store).state().value.last_sweep_at
    if last is None:
        return Finding("sweeps", True, "none yet: python -m watchdog sweep --watch 60")
    return Finding("sweeps", True, f"the last was {spoken((store.now() - last).total_seconds())} ago")


def _channel(known: Settings) -> Finding:
    if known.slack_webhook_url:
        return Finding("channels", True, "Slack by incoming webhook; python -m watchdog test-notice sends a message")
    return Finding(
        "channels",
        False,
        "no Slack: notices are only printed",
        "set HANGWATCH_SLACK_WEBHOOK_URL to an incoming webhook",
    )
