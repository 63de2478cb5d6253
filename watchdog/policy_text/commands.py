"""`check-policy FILE`: its mistakes; or which operations match which rule, and what it would have told lately."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from heartbeat_client.run import Run

from ..ledger import Ledger
from ..past_runs import ended_runs
from ..policy import Policy, PolicyError
from ..ports import Store, StoreError
from ..replay import Replay, replay
from ..rule_matches import RuleMatches, rule_matches
from ..wiring import Settings, SettingsError, open_store, read_policy, settings

__all__ = ["check_policy"]

DONE, TROUBLE = 0, 1


def check_policy(given: argparse.Namespace) -> int:
    """`check-policy FILE`. Raises `PolicyError` with a line for each mistake."""
    policy = read_policy(Path(given.file))
    if not given.json:
        print(f"{given.file}: {_counted(policy)}, no mistakes")
    try:
        known = settings(store=given.store)
        with closing(open_store(known.store)) as store:
            matches, replayed = _looked(store, known, policy, timedelta(seconds=given.over))
    except (StoreError, SettingsError) as error:
        print(f"watchdog: the store can't be asked what would have been told: {error}", file=sys.stderr)
        return TROUBLE
    _show(given, policy, known, matches, replayed)
    return DONE


def _counted(policy: Policy) -> str:
    rules, expected = len(policy.rules), len(policy.expected)
    said = f"{rules} rule{'s' if rules != 1 else ''}"
    return f"{said}, {expected} expected run{'s' if expected != 1 else ''}" if expected else said


def _looked(store: Store, known: Settings, policy: Policy, over: timedelta) -> tuple[RuleMatches, Replay]:
    ledger = Ledger(store)
    now = ledger.now()
    since = now - over
    ended = ended_runs(store, since, _reading)
    running = [run for record in ledger.running(now) if (run := record.readable)]
    _reading(None)
    return rule_matches(policy, _names([*ended, *running])), replay(ended, policy, _in_force(known), since, now)


def _reading(count: int | None) -> None:
    if sys.stderr.isatty():
        said = "" if count is None else f"reading the runs that have ended: {count} so far"
        print(f"\r\x1b[K{said}", end="", file=sys.stderr, flush=True)


def _names(runs: list[Run]) -> list[str]:
    return sorted({run.operation for run in runs})


def _in_force(known: Settings) -> Policy:
    try:
        return read_policy(known.policy)
    except PolicyError as error:
        print(f"watchdog: the policy in force has mistakes, so the defaults stand for it: {error}", file=sys.stderr)
        return Policy()


def _show(given: argparse.Namespace, policy: Policy, known: Settings, matches: RuleMatches, replayed: Replay) -> None:
    if given.json:
        print(json.dumps({**matches.as_json(), "replay": replayed.as_json()}, indent=2))
        return
    named = [policy.defaults.slack_channel, *(rule.settings.slack_channel for rule in policy.rules)]
    named += [expected.slack_channel for expected in policy.expected]
    for line in (*matches.lines(), *replayed.lines()):
        print(f"  {line}")
    if not known.slack_token and any(named):
        print("  note: slack_channel has no effect with an incoming webhook, which has one channel of its own")
