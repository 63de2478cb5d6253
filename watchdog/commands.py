"""What each command does: open what it needs, call the part that does the work, print.

A sweep may be a process of its own each minute: so what it does not need itself is loaded by the command that does.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from .ledger import Ledger
from .message import Message
from .policy_text.source import PolicySource, StoreShelf
from .ports import Channel, DeliveryError, Store, StoreError
from .report import sweep_line
from .rounds import Rounds
from .wiring import Settings, channels, meter, open_store, read_policy, settings, telltale

__all__ = [
    "ack",
    "check_policy",
    "demo",
    "doctor",
    "prune",
    "serve",
    "show",
    "snooze",
    "status",
    "sweep",
    "test_notice",
    "wake",
]

DONE, TROUBLE, WRONG = 0, 1, 2

log = logging.getLogger("watchdog")


def sweep(given: argparse.Namespace) -> int:
    """`sweep`: one pass, or one each so many seconds until stopped."""
    known = settings(store=given.store)
    with _store(known) as store:
        source = PolicySource(known.policy, StoreShelf(store))
        rounds = Rounds(
            store,
            channels(known),
            source.current,
            meter=meter(known),
            telltale=telltale(known),
            link_base=known.link_base,
            wait=time.sleep if given.watch is None else None,
        )
        return _pass(given, rounds) if given.watch is None else _watch(given, known, rounds)


def _watch(given: argparse.Namespace, known: Settings, rounds: Rounds) -> int:
    if not given.json:
        print(f"sweeping {known.store} each {given.watch:g} s; stop with Ctrl-C", flush=True)
    while True:
        began = time.monotonic()
        try:
            _pass(given, rounds)
        except StoreError as error:
            log.error("no sweep this time: %s", error)
        except Exception:  # a watchdog that ends tells nobody of anything; the next pass may do better
            log.exception("no sweep this time; this is a defect of the watchdog")
        time.sleep(max(0.0, given.watch - (time.monotonic() - began)))


def _pass(given: argparse.Namespace, rounds: Rounds) -> int:
    report = rounds.go(audit=given.audit)
    if given.json:
        print(json.dumps(report.as_json()), flush=True)
    else:
        print(sweep_line(report), flush=True)
    return DONE if report.complete else TROUBLE


def serve(given: argparse.Namespace) -> int:
    """`serve`: the web application, until stopped."""
    from .serving import serve as run

    known = settings(store=given.store)
    run(known, given.host, given.port or known.port, given.sweep_every)
    return DONE


def status(given: argparse.Namespace) -> int:
    """`status`: all that runs."""
    from .survey import survey

    known = settings(store=given.store)
    if given.watch is not None:
        from .status_watch import watch_status

        return watch_status(known, given.watch, ended=given.all, as_json=given.json)
    with _store(known) as store:
        seen = survey(Ledger(store), read_policy(known.policy), ended=given.all)
    _print(given.json, seen.as_json, lambda screens: screens.status_screen(seen))
    return DONE


def show(given: argparse.Namespace) -> int:
    """`show RUN`: all about one run."""
    from .survey import story

    known = settings(store=given.store)
    with _store(known) as store:
        told = story(Ledger(store), read_policy(known.policy), given.run)
    if told is None:
        print(f"watchdog: show: {_no_such_run(given.run)}", file=sys.stderr)
        return TROUBLE
    _print(given.json, told.as_json, lambda screens: screens.story_screen(told))
    return DONE


def ack(given: argparse.Namespace) -> int:
    """`ack RUN`: somebody looks after the open incident of a run."""
    from . import answer_commands

    return answer_commands.ack(given)


def snooze(given: argparse.Namespace) -> int:
    """`snooze OPERATION --for LENGTH`: quiet about an operation, or a pattern of them."""
    from . import answer_commands

    return answer_commands.snooze(given)


def wake(given: argparse.Namespace) -> int:
    """`wake OPERATION`: the end of that quiet."""
    from . import answer_commands

    return answer_commands.wake(given)


def check_policy(given: argparse.Namespace) -> int:
    """`check-policy FILE`: its mistakes, or what it would have told lately."""
    from .policy_text import commands

    return commands.check_policy(given)


def _no_such_run(run: str) -> str:
    return f"expected the id of one run or its beginning, got {run[:80]!r}, which fits none or many; see status --all"


def doctor(given: argparse.Namespace) -> int:
    """`doctor`: try each part, and say each finding as it comes."""
    from .doctor.examination import examination, exit_status

    findings = []
    for finding in examination(os.environ, given.store, given.fix, client=given.client, trying=_trying):
        findings.append(finding)
        if not given.json:
            print(finding.line(), flush=True)
    if given.json:
        print(json.dumps([finding.as_json() for finding in findings], indent=2))
    return exit_status(findings)


def _trying(part: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[Ktrying {part} …\r", end="", file=sys.stderr, flush=True)


def test_notice(given: argparse.Namespace) -> int:
    """`test-notice`: a real message through each channel."""
    known = settings(store=given.store)
    message = Message(
        kind="test",
        mood="plain",
        title="Hangwatch: a test notice",
        sentence="if you can read this, notices reach you; nothing is wrong",
        footer="sent by python -m watchdog test-notice",
    )
    outcomes = [_try(channel, message) for channel in channels(known)]
    return DONE if all(outcomes) else TROUBLE


def _try(channel: Channel, message: Message) -> bool:
    try:
        channel.send(message, seconds=20)
    except DeliveryError as error:
        print(f"watchdog: not delivered: {error}", file=sys.stderr)
        return False
    print(f"{channel.name}: delivered")
    return True


def prune(given: argparse.Namespace) -> int:
    """`prune`: delete what has expired, or the runs named."""
    from .pruning import prune_expired

    known = settings(store=given.store)
    with _store(known) as store:
        if given.runs:
            return _prune_named(store, given.runs, given.dry_run)
        for collection, count in prune_expired(store, dry_run=given.dry_run):
            print(f"{collection}: {count} expired{'' if given.dry_run else ' and deleted'}")
    return DONE


def _prune_named(store: Store, runs: list[str], dry_run: bool) -> int:
    from .pruning import prune_runs

    found = prune_runs(store, runs, dry_run=dry_run)
    for run in runs:
        print(f"{run}: {'found' if dry_run else 'deleted'}" if run in found else f"{run}: there is no such run")
    return DONE if len(found) == len(runs) else TROUBLE


def demo(given: argparse.Namespace) -> int:
    """`demo`: a healthy batch and one that hangs, on this machine."""
    from .demo import run_demo

    return run_demo()


@contextmanager
def _store(known: Settings) -> Any:
    store = open_store(known.store)
    try:
        yield store
    finally:
        store.close()


def _print(as_json: bool, document: Callable[[], Any], screen: Callable[[Any], Any]) -> None:
    if as_json:
        print(json.dumps(document(), indent=2))
        return
    from . import screens

    screens.print_screen(screen(screens))
