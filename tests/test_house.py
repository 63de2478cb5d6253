"""The house of Hangwatch: who may import whom, how large a room may be, and what leaves the house in a wheel.

A new module gets a line in `MAY_IMPORT`, a new outside library one in `OUTSIDE`: what they don't name fails.
"""

from __future__ import annotations

import ast
import email
import json
import re
import subprocess
import sys
import zipfile
from email.message import Message
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import heartbeat_client
from tests.support.imports import FILES, PACKAGES, ROOT, STDLIB, imports_of
from tests.support.locks import LOCKS, pins

# A module and the modules of ours that it may import. A line with `*` stands for modules without a line of
# their own. Arrows point one way only: nobody imports what stands further down in its package.

RECORD = "heartbeat_client.run heartbeat_client.fields heartbeat_client.lengths"  # what both sides agree on
GROUND = (
    f"{RECORD} heartbeat_client.backend heartbeat_client.checks heartbeat_client.identity heartbeat_client.limits "
    "heartbeat_client.logline heartbeat_client.place heartbeat_client.process heartbeat_client.progress "
    "heartbeat_client.server_clock heartbeat_client.settings heartbeat_client.shield heartbeat_client.store_address"
)
RUNNING = f"{GROUND} heartbeat_client.plan heartbeat_client.outgoing heartbeat_client.live heartbeat_client.roster"
JUDGING = f"{RECORD} watchdog.wording watchdog.policy watchdog.verdict"
TELLING = (
    f"{JUDGING} watchdog.incident watchdog.life watchdog.family watchdog.doubt watchdog.snooze watchdog.message "
    "watchdog.notice"
)
KEEPING = f"{TELLING} watchdog.ports watchdog.ledger watchdog.operations watchdog.report"
SAVING = f"{KEEPING} watchdog.seen watchdog.changes watchdog.telling watchdog.audience"
SWEEPING = f"{KEEPING} watchdog.audience watchdog.answers watchdog.sweep watchdog.survey watchdog.pruning"
EXAMINING = (
    f"{KEEPING} watchdog.environment watchdog.doctor.field_settings watchdog.doctor.findings watchdog.doctor.means "
    "watchdog.doctor.trials"
)
WIRED = (
    f"{SWEEPING} watchdog.rounds watchdog.environment watchdog.wiring watchdog.adapters.console "
    "watchdog.screens watchdog.doctor.examination"
)

MAY_IMPORT = {
    "heartbeat_client": "heartbeat_client.*",
    "heartbeat_client.offered": "heartbeat_client.*",
    "heartbeat_client.first_use": "heartbeat_client.offered",
    "heartbeat_client.fields": "",
    "heartbeat_client.lengths": "",
    "heartbeat_client.run_parts": "heartbeat_client.fields",
    "heartbeat_client.keys": "",
    "heartbeat_client.run": (
        "heartbeat_client.fields heartbeat_client.keys heartbeat_client.lengths heartbeat_client.run_forecast "
        "heartbeat_client.run_opaque heartbeat_client.run_parts"
    ),
    "heartbeat_client.parts": "heartbeat_client.fields heartbeat_client.run_parts",
    "heartbeat_client.backend": f"{RECORD} heartbeat_client.parts",
    "heartbeat_client.run_forecast": "heartbeat_client.run_parts",
    "heartbeat_client.run_opaque": "heartbeat_client.run_parts",
    "heartbeat_client.stood": RECORD,
    "heartbeat_client.limits": RECORD,
    "heartbeat_client.logline": "",
    "heartbeat_client.place": RECORD,
    "heartbeat_client.process": "",
    "heartbeat_client.progress": "",
    "heartbeat_client.server_clock": "",
    "heartbeat_client.store_address": "",
    "heartbeat_client.identity": "heartbeat_client.process heartbeat_client.store_address",
    "heartbeat_client.checks": f"{RECORD} heartbeat_client.logline",
    "heartbeat_client.shield": "heartbeat_client.logline heartbeat_client.place",
    "heartbeat_client.stores": "",
    "heartbeat_client.stores.documents": f"{RECORD} heartbeat_client.backend heartbeat_client.parts",
    "heartbeat_client.stores.sqlite*": (
        f"{RECORD} heartbeat_client.backend heartbeat_client.parts heartbeat_client.stores.documents "
        "heartbeat_client.stores.sqlite_file"
    ),
    "heartbeat_client.stores.firestore*": (
        f"{RECORD} heartbeat_client.backend heartbeat_client.parts heartbeat_client.stores.documents "
        "heartbeat_client.stores.firestore_connection heartbeat_client.stores.firestore_encoding"
    ),
    "heartbeat_client.settings": (
        f"{RECORD} heartbeat_client.backend heartbeat_client.checks heartbeat_client.limits heartbeat_client.shield "
        "heartbeat_client.store_address heartbeat_client.stores.firestore heartbeat_client.stores.sqlite"
    ),
    "heartbeat_client.plan": GROUND,
    "heartbeat_client.outgoing": "",
    "heartbeat_client.trail_point": f"{RECORD} heartbeat_client.run_parts",
    "heartbeat_client.trail": f"{RECORD} heartbeat_client.run_parts heartbeat_client.trail_point",
    "heartbeat_client.trail_keeper": f"{GROUND} heartbeat_client.run_parts heartbeat_client.trail",
    "heartbeat_client.live": (
        f"{GROUND} heartbeat_client.plan heartbeat_client.outgoing heartbeat_client.stood heartbeat_client.trail_keeper"
    ),
    "heartbeat_client.nesting": "heartbeat_client.process heartbeat_client.live",
    "heartbeat_client.roster": "heartbeat_client.live",
    "heartbeat_client.tracking": f"{GROUND} heartbeat_client.nesting",
    "heartbeat_client.background": "heartbeat_client.process heartbeat_client.shield",
    "heartbeat_client.pulse": f"{RUNNING} heartbeat_client.background",
    "heartbeat_client.outage": "",
    "heartbeat_client.store_link": GROUND,
    "heartbeat_client.conflict": RUNNING,
    "heartbeat_client.writer": f"{RUNNING} heartbeat_client.store_link heartbeat_client.conflict",
    "heartbeat_client.account": "heartbeat_client.parts",
    "heartbeat_client.share_record": f"{GROUND} heartbeat_client.plan",
    "heartbeat_client.share": (
        "heartbeat_client.account heartbeat_client.parts heartbeat_client.process heartbeat_client.share_record"
    ),
    "heartbeat_client.shares": (
        "heartbeat_client.account heartbeat_client.logline heartbeat_client.parts heartbeat_client.share "
        "heartbeat_client.share_record"
    ),
    "heartbeat_client.share_writer": (
        f"{GROUND} heartbeat_client.parts heartbeat_client.share heartbeat_client.share_record "
        "heartbeat_client.store_link heartbeat_client.writer"
    ),
    "heartbeat_client.sender": (
        f"{RUNNING} heartbeat_client.background heartbeat_client.outage heartbeat_client.store_link "
        "heartbeat_client.writer heartbeat_client.share heartbeat_client.share_writer heartbeat_client.shares"
    ),
    "heartbeat_client.shared_arguments": f"{GROUND} heartbeat_client.parts",
    "heartbeat_client.shared": (
        f"{RUNNING} heartbeat_client.lifecycle heartbeat_client.parts heartbeat_client.share "
        "heartbeat_client.share_record heartbeat_client.shared_arguments"
    ),
    "heartbeat_client.lifecycle": (
        f"{RUNNING} heartbeat_client.pulse heartbeat_client.sender heartbeat_client.sampler heartbeat_client.sidecar "
        "heartbeat_client.witness heartbeat_client.share heartbeat_client.shares"
    ),
    "heartbeat_client.heartbeat": f"{RUNNING} heartbeat_client.nesting heartbeat_client.lifecycle",
    "heartbeat_client.heartbeat_logger": f"{RUNNING} heartbeat_client.heartbeat",
    "heartbeat_client.decorator": f"{GROUND} heartbeat_client.heartbeat",
    "heartbeat_client.wsgi": f"{GROUND} heartbeat_client.heartbeat",
    "heartbeat_client.asgi": f"{GROUND} heartbeat_client.heartbeat heartbeat_client.wsgi",
    "heartbeat_client.requests_watch": (
        f"{GROUND} heartbeat_client.heartbeat heartbeat_client.wsgi heartbeat_client.asgi"
    ),
    "heartbeat_client.testing": (
        f"{RECORD} heartbeat_client.backend heartbeat_client.parts heartbeat_client.stores.documents"
    ),
    "watchdog": "",
    "watchdog.wording": RECORD,
    "watchdog.schedule": "",
    "watchdog.policy": f"{RECORD} watchdog.schedule",
    "watchdog.policy_text.values": RECORD,
    "watchdog.policy_text.expected": f"{RECORD} watchdog.policy_text.values watchdog.schedule",
    "watchdog.policy_text.file": f"{RECORD} watchdog.policy watchdog.policy_text.expected watchdog.policy_text.values",
    "watchdog.policy_text.source": f"{RECORD} watchdog.policy watchdog.policy_text.file watchdog.ports",
    "watchdog.rule_matches": "watchdog.policy watchdog.schedule watchdog.wording",
    "watchdog.expectation": f"{JUDGING} watchdog.schedule",
    "watchdog.starts": f"{RECORD} watchdog.expectation watchdog.ports",
    "watchdog.awaiting": (
        f"{RECORD} watchdog.expectation watchdog.ports watchdog.schedule watchdog.starts watchdog.verdict"
    ),
    "watchdog.past_runs": f"{RECORD} watchdog.ports",
    "watchdog.replay": f"{JUDGING} heartbeat_client.run_opaque",
    "watchdog.forecast": f"{RECORD} watchdog.wording watchdog.history heartbeat_client.run_forecast",
    "watchdog.reasons": f"{RECORD} watchdog.wording heartbeat_client.run_opaque",
    "watchdog.verdict": f"{RECORD} watchdog.wording watchdog.policy watchdog.forecast watchdog.reasons",
    "watchdog.incident": JUDGING,
    "watchdog.life": f"{JUDGING} watchdog.incident",
    "watchdog.family": f"{JUDGING} watchdog.incident",
    "watchdog.doubt": JUDGING,
    "watchdog.snooze": RECORD,
    "watchdog.until": f"{RECORD} watchdog.snooze",
    "watchdog.links": RECORD,
    "watchdog.message": RECORD,
    "watchdog.particulars": f"{JUDGING} watchdog.incident",
    "watchdog.telling": (f"{JUDGING} watchdog.incident watchdog.links watchdog.message watchdog.particulars"),
    "watchdog.notice": f"{JUDGING} watchdog.incident watchdog.message",
    "watchdog.ports": "watchdog.message",
    "watchdog.audience": f"{TELLING} watchdog.ports watchdog.telling",
    "watchdog.ledger": f"{TELLING} watchdog.ports",
    "watchdog.history": f"{RECORD} heartbeat_client.run_opaque",
    "watchdog.operations": f"{TELLING} watchdog.ports watchdog.history",
    "watchdog.report": "",
    "watchdog.metrics": JUDGING,
    "watchdog.measures": f"{TELLING} watchdog.ports watchdog.report watchdog.metrics",
    "watchdog.pruning": f"{KEEPING} heartbeat_client.parts",
    "watchdog.tally": f"{RECORD} heartbeat_client.parts",
    "watchdog.shared_runs": f"{KEEPING} watchdog.tally heartbeat_client.parts heartbeat_client.run_parts",
    "watchdog.course": f"{RECORD} watchdog.wording heartbeat_client.run_parts heartbeat_client.trail_point",
    "watchdog.survey": f"{KEEPING} watchdog.shared_runs watchdog.history watchdog.course",
    "watchdog.seen": f"{KEEPING} watchdog.shared_runs",
    "watchdog.changes": f"{KEEPING} watchdog.seen watchdog.awaiting",
    "watchdog.saving": SAVING,
    "watchdog.delivery": f"{SAVING} watchdog.shared_runs",
    "watchdog.sweep": f"{SAVING} watchdog.saving watchdog.delivery watchdog.measures",
    "watchdog.answers": f"{SAVING} watchdog.saving watchdog.delivery watchdog.until",
    "watchdog.adapters": "",
    "watchdog.adapters.slack_blocks": "watchdog.message",
    "watchdog.adapters.slack_http": "watchdog.ports watchdog.within",
    "watchdog.adapters.slack": (
        "watchdog.message watchdog.ports watchdog.adapters.slack_blocks watchdog.adapters.slack_http"
    ),
    "watchdog.adapters.slack_bot_errors": "watchdog.ports watchdog.adapters.slack_http",
    "watchdog.adapters.slack_bot": (
        "watchdog.message watchdog.ports watchdog.adapters.slack_blocks watchdog.adapters.slack_bot_errors "
        "watchdog.adapters.slack_http"
    ),
    "watchdog.adapters.slack_response": ("watchdog.ports watchdog.adapters.slack_blocks watchdog.adapters.slack_http"),
    "watchdog.slack_signature": "",
    "watchdog.slack_click": "watchdog.wording",
    "watchdog.slack_actions": "watchdog.ports watchdog.slack_click watchdog.slack_signature watchdog.wording",
    "watchdog.web": "watchdog.adapters.slack_bot watchdog.adapters.slack_response watchdog.slack_actions",
    "watchdog.adapters.cloud_monitoring_answers": "watchdog.ports",
    "watchdog.adapters.cloud_monitoring_link": "watchdog.ports watchdog.adapters.cloud_monitoring_answers",
    "watchdog.adapters.cloud_monitoring_descriptors": (
        "watchdog.metrics watchdog.adapters.cloud_monitoring_answers watchdog.adapters.cloud_monitoring_link"
    ),
    "watchdog.adapters.cloud_monitoring": "watchdog.metrics watchdog.ports watchdog.adapters.cloud_monitoring_*",
    "watchdog.adapters.ping": "watchdog.ports watchdog.within",
    "watchdog.adapters.slack_scopes": "watchdog.ports watchdog.within",
    "watchdog.adapters.firestore_admin": (
        "watchdog.doctor.field_settings watchdog.ports watchdog.adapters.store_rules "
        "heartbeat_client.stores.firestore_connection"
    ),
    "watchdog.adapters.console": "watchdog.message watchdog.ports",
    "watchdog.adapters.store_rules": f"{TELLING} watchdog.ports heartbeat_client.backend heartbeat_client.parts",
    "watchdog.adapters.sqlite": (
        "watchdog.ports watchdog.adapters.store_rules heartbeat_client.backend heartbeat_client.stores.documents "
        "heartbeat_client.stores.sqlite_file"
    ),
    "watchdog.adapters.firestore": (
        "watchdog.ports watchdog.adapters.store_rules heartbeat_client.backend heartbeat_client.stores.documents "
        "heartbeat_client.stores.firestore_connection"
    ),
    "watchdog.environment": "heartbeat_client.store_address",
    "watchdog.rounds": f"{SWEEPING} watchdog.health",
    "watchdog.wiring": (
        f"{KEEPING} watchdog.environment watchdog.policy_text.source watchdog.adapters.* heartbeat_client.store_address"
    ),
    "watchdog.terminal": "",
    "watchdog.terminal.*": (
        f"{SWEEPING} watchdog.adapters.console watchdog.forecast watchdog.history watchdog.page.allowance "
        "watchdog.terminal.bars watchdog.terminal.ink watchdog.terminal.leaving watchdog.terminal.paper "
        "watchdog.terminal.status watchdog.terminal.timeline watchdog.terminal.trail "
        "watchdog.course heartbeat_client.trail_point"
    ),
    "watchdog.screens": "watchdog.survey watchdog.terminal.*",
    "watchdog.status_watch": (
        f"{WIRED} watchdog.policy_text.source watchdog.page.metered watchdog.terminal.leaving watchdog.terminal.live"
    ),
    "watchdog.completion": f"{KEEPING} watchdog.wiring heartbeat_client.store_address",
    "watchdog.doctor.findings": "watchdog.wording",
    "watchdog.doctor.field_settings": "",
    "watchdog.health": "watchdog.notice watchdog.report heartbeat_client.lengths",
    "watchdog.within": "",
    "watchdog.doctor.means": (
        f"{KEEPING} watchdog.doctor.field_settings watchdog.wiring watchdog.adapters.* heartbeat_client.store_address"
    ),
    "watchdog.doctor.trials": "watchdog.doctor.findings watchdog.ports watchdog.within",
    "watchdog.doctor.store": f"{EXAMINING} watchdog.adapters.store_rules heartbeat_client.parts",
    "watchdog.doctor.life": f"{EXAMINING} watchdog.health",
    "watchdog.doctor.fields": f"{EXAMINING} watchdog.adapters.store_rules heartbeat_client.parts",
    "watchdog.doctor.channels": EXAMINING,
    "watchdog.doctor.client": (
        f"{EXAMINING} heartbeat_client.backend heartbeat_client.settings heartbeat_client.store_address"
    ),
    "watchdog.doctor.examination": f"{EXAMINING} watchdog.wiring watchdog.doctor.* heartbeat_client.store_address",
    "watchdog.demo": WIRED,
    "watchdog.commands": (
        f"{WIRED} watchdog.status_watch watchdog.demo watchdog.answer_commands watchdog.policy_text.source "
        "watchdog.policy_text.commands watchdog.serving"
    ),
    "watchdog.answer_commands": WIRED,
    "watchdog.policy_text.commands": f"{WIRED} watchdog.past_runs watchdog.replay watchdog.rule_matches",
    "watchdog.adapters.signing_keys": "",
    "watchdog.adapters.oidc": "watchdog.adapters.signing_keys",
    "watchdog.adapters.iap": "watchdog.adapters.signing_keys",
    "watchdog.sweep_requests": "watchdog.ports watchdog.report",
    "watchdog.desk": f"{KEEPING} watchdog.audience watchdog.answers",
    "watchdog.serving": (
        f"{WIRED} watchdog.policy_text.source watchdog.adapters.iap "
        "watchdog.adapters.oidc watchdog.adapters.slack_bot watchdog.desk "
        "watchdog.sweep_requests watchdog.web watchdog.page.access watchdog.page.front watchdog.page.reader "
        "heartbeat_client.store_address"
    ),
    "watchdog.doctor": "",
    "watchdog.policy_text": "",
    "watchdog.cli": f"{WIRED} watchdog.completion watchdog.commands",
    "watchdog.__main__": "watchdog.cli",
}

# The rooms of evidence and of the helper process, by their short names: what each needs, and no more.
EVIDENCE = {
    "activity": "lapse run",
    "children": "threadstat",
    "conclusions": "activity lapse portrait sample scene",
    "descriptors": "lapse threadstat",
    "frames": "place quiet run sample",
    "futures": "names real_threads sample surroundings",
    "kernel_wait": "children descriptors lapse sample syscalls threadstat",
    "knowing": "real_threads",
    "lapse": "",
    "lateness": "names real_threads sample threadstat",
    "locks": "names sample surroundings",
    "looking": (
        "children frames kernel_wait knowing loops operation_watch real_threads sample "
        "surroundings task_wait thread_watch waits"
    ),
    "loops": "frames futures quiet sample",
    "names": "",
    "once": "",
    "operation_watch": "loops sample subject thread_watch",
    "portrait": "activity frames sample scene",
    "quiet": "",
    "real_threads": "",
    "sample": "",
    "sampler": (
        "activity conclusions frames knowing lateness looking operation_watch real_threads sample subject thread_watch"
    ),
    "scene": "once sample",
    "sidecar": "backend live logline roster settings sidecar_line store_address",
    "sidecar_exit": "",
    "sidecar_eyes": "",
    "sidecar_line": "process sidecar_exit sidecar_process sidecar_watch",
    "sidecar_process": "sidecar_watch",
    "sidecar_speech": "backend lengths run settings sidecar_eyes store_address",
    "sidecar_watch": "sidecar_exit sidecar_eyes sidecar_speech",
    "standing": "sample",
    "subject": "frames loops place quiet real_threads sample",
    "surroundings": "frames knowing names quiet real_threads sample",
    "syscalls": "threadstat",
    "task_wait": "children descriptors frames futures kernel_wait loops sample surroundings waits",
    "thread_watch": "frames sample standing threadstat",
    "threadstat": "",
    "waits": "children frames futures kernel_wait lapse locks names quiet sample surroundings",
    "witness": "activity live run sampler shield subject",
}
MAY_IMPORT |= {
    f"heartbeat_client.{room}": " ".join(f"heartbeat_client.{other}" for other in others.split())
    for room, others in EVIDENCE.items()
}

# The rooms of the page, by their short names: those of its own that each needs, and what of the watchdog it may see.
PAGE = {
    "": "",
    "access": "guard",
    "allowance": "",
    "asking": "",
    "bars": "",
    "cards": "bars phrases quiet stories",
    "deeds": "asking",
    "durations": "bars",
    "ends": "",
    "filters": "",
    "front": "access asking deeds filters guard overview pages phrases reader shell visitors",
    "guard": "",
    "kept": "",
    "live_runs": "allowance metered",
    "metered": "",
    "overview": "cards filters phrases quiet stories",
    "pages": "cards durations phrases quiet stories timeline",
    "phrases": "",
    "quiet": "phrases",
    "paced": "",
    "reader": "allowance surveyor",
    "shell": "asking deeds guard reader visitors",
    "stories": "",
    "surveyor": "ends kept live_runs metered paced stories",
    "timeline": "bars phrases trail",
    "trail": "bars",
    "visitors": "",
}
SEEN_BY_PAGE = (
    f"{KEEPING} watchdog.history watchdog.forecast watchdog.expectation watchdog.schedule watchdog.starts "
    "watchdog.survey watchdog.shared_runs watchdog.particulars watchdog.links watchdog.until "
    "watchdog.course"
)
MAY_IMPORT |= {
    f"watchdog.page.{room}".rstrip("."): " ".join(
        [*(SEEN_BY_PAGE.split() if room else ()), *(f"watchdog.page.{other}" for other in others.split())]
    )
    for room, others in PAGE.items()
}

# An outside library and the modules that may import it: no other module, and no other library.
OUTSIDE = {
    "cronsim": ("watchdog.schedule", "watchdog.policy_text.expected"),
    "flask": (
        "watchdog.web*",
        "watchdog.slack_actions",
        "watchdog.sweep_requests",
        "watchdog.serving",
        "watchdog.page.front",
        "watchdog.page.shell",
    ),
    "gunicorn": ("watchdog.serving",),
    "google": (
        "heartbeat_client.stores.firestore*",
        "watchdog.adapters.oidc",
        "watchdog.adapters.iap",
        "watchdog.adapters.firestore*",
        "watchdog.adapters.cloud_monitoring*",
    ),
    "grpc": ("watchdog.adapters.cloud_monitoring*",),
    "markupsafe": ("watchdog.page.shell",),
    "requests": ("watchdog.adapters.slack*", "watchdog.adapters.ping", "watchdog.adapters.signing_keys"),
    "rich": ("watchdog.terminal.*", "watchdog.demo"),
    "shtab": ("watchdog.completion",),
    "tomli": ("watchdog.wiring", "watchdog.policy_text.source"),
    "werkzeug": ("watchdog.slack_actions", "watchdog.page.front"),
}

# Decided by their arguments alone: no clock, network, log or thread.
PURE = (
    "heartbeat_client.run",
    "heartbeat_client.fields",
    "heartbeat_client.lengths",
    "heartbeat_client.limits",
    "heartbeat_client.parts",
    "heartbeat_client.share_record",
    "heartbeat_client.trail",
    "heartbeat_client.trail_point",
    "watchdog.tally",
    "watchdog.wording",
    "heartbeat_client.run_forecast",
    "heartbeat_client.run_opaque",
    "heartbeat_client.stood",
    "watchdog.schedule",
    "watchdog.policy",
    "watchdog.policy_text.expected",
    "watchdog.policy_text.file",
    "watchdog.policy_text.values",
    "watchdog.rule_matches",
    "watchdog.expectation",
    "watchdog.replay",
    "watchdog.history",
    "watchdog.forecast",
    "watchdog.reasons",
    "watchdog.verdict",
    "watchdog.incident",
    "watchdog.life",
    "watchdog.family",
    "watchdog.doubt",
    "watchdog.snooze",
    "watchdog.until",
    "watchdog.links",
    "watchdog.message",
    "watchdog.particulars",
    "watchdog.telling",
    "watchdog.notice",
    "watchdog.slack_click",
    "watchdog.slack_signature",
    "watchdog.page.asking",
    "watchdog.page.bars",
    "watchdog.page.cards",
    "watchdog.page.durations",
    "watchdog.page.filters",
    "watchdog.page.overview",
    "watchdog.page.phrases",
    "watchdog.page.quiet",
    "watchdog.page.timeline",
    "watchdog.page.trail",
    "watchdog.course",
    "watchdog.metrics",
    "watchdog.measures",
    "watchdog.health",
    "watchdog.doctor.field_settings",
    "watchdog.doctor.findings",
)
CLOCKS = {"random", "sched", "time"}
NETWORK = {
    "asyncio",
    "http",
    "select",
    "selectors",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "urllib.request",
}
PROCESSES = {"concurrent", "multiprocessing", "queue", "signal", "subprocess", "threading"}
IMPURE = CLOCKS | NETWORK | PROCESSES | {"logging"}

MODULE_LINES = 320
FUNCTION_LINES = 45
SUBJECTLESS = {"utils", "util", "helpers", "helper", "common", "misc"}

STRANGERS = {"watchdog", "heartbeat-client"}  # PyPI's packages that are called like our folders


def allowed_for(module: str) -> str | None:
    """What the table allows a module: by its own line, else by a pattern's; None when it has neither."""
    pattern = next((key for key in MAY_IMPORT if "*" in key and fnmatchcase(module, key)), module)
    return MAY_IMPORT.get(module, MAY_IMPORT.get(pattern))


def sources() -> list[Path]:
    folders = (*PACKAGES, "bench", "docs", "examples", "tests")
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


every_module = pytest.mark.parametrize("module", sorted(FILES))


def test_both_packages_are_there() -> None:
    """The checks of this file have something to check."""
    assert {name.split(".", 1)[0] for name in FILES} == set(PACKAGES)


@every_module
def test_a_module_imports_only_what_the_table_allows(module: str) -> None:
    """First-party imports follow the arrows of the table."""
    allowed = allowed_for(module)
    assert allowed is not None, f"{module} is not in MAY_IMPORT: add it to the table, with what it may import"

    ours = [entry for entry in imports_of(module) if entry.target not in {None, module}]
    wrong = [
        f"{FILES[module].relative_to(ROOT)}:{entry.line} imports {entry.target}"
        for entry in ours
        if not any(fnmatchcase(str(entry.target), key) for key in allowed.split())
    ]
    assert not wrong, f"{wrong}; {module} may import {allowed or 'none of ours'}"


@every_module
def test_an_outside_library_stays_in_its_module(module: str) -> None:
    """What is neither ours nor Python's is imported where the table says, and nowhere else."""
    outside = {entry.root for entry in imports_of(module)} - STDLIB - set(PACKAGES)

    wrong = [root for root in outside if not any(fnmatchcase(module, key) for key in OUTSIDE.get(root, ()))]
    assert not wrong, f"{module} imports {wrong}, which belong in {[OUTSIDE.get(root) for root in wrong]}"


@every_module
def test_inside_the_watchdog_imports_are_relative(module: str) -> None:
    """Nobody finds the watchdog by its name: PyPI has another package of that name."""
    assert [entry for entry in imports_of(module) if entry.root == "watchdog" and not entry.relative] == []


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_has_no_clock_network_log_or_thread(module: str) -> None:
    """What decides imports nothing that lets two calls with equal arguments differ."""
    names = [f"{entry.name}." for entry in imports_of(module)]

    assert [name for name in names if any(name.startswith(f"{bad}.") for bad in IMPURE)] == []


def test_the_tables_name_no_module_that_left() -> None:
    """The line of a module that is gone or has a new name leaves the tables too."""
    keys = [*MAY_IMPORT, *PURE, *(key for line in OUTSIDE.values() for key in line)]
    keys += [key for line in MAY_IMPORT.values() for key in line.split()]

    assert sorted({key for key in keys if not any(fnmatchcase(name, key) for name in FILES)}) == []


def test_no_module_is_crowded() -> None:
    """A module past its limit is two modules; test files may be long, each test is read by itself."""
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources()}

    assert {name: n for name, n in lines.items() if n > MODULE_LINES and "/test_" not in name} == {}


def test_no_function_is_crowded() -> None:
    """A function fits on a screen, its docstring with it."""
    functions = [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert {name: n for name, n in functions if n > FUNCTION_LINES} == {}


def test_every_module_has_a_name_that_says_what_it_owns() -> None:
    """No module or folder has a name that any code would fit under."""
    assert [path for path in sources() if SUBJECTLESS & {path.stem, *path.relative_to(ROOT).parts}] == []


def in_a_clean_interpreter(code: str) -> Any:
    """What `code` prints as JSON."""
    return json.loads(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True, timeout=60))


def test_importing_the_library_loads_no_outside_library() -> None:
    """`import heartbeat_client` costs a coordinator nothing but modules of Python's own."""
    import_it = "import json, sys; old = set(sys.modules); import heartbeat_client; "
    loaded = in_a_clean_interpreter(import_it + "print(json.dumps(sorted(set(sys.modules) - old)))")

    # sysconfig's data is called after the machine, so no list of modules has its name.
    outside = {name.split(".", 1)[0] for name in loaded if not name.startswith("_sysconfigdata_")} - STDLIB
    assert outside == {"heartbeat_client"}


def test_public_names_are_sorted_and_there() -> None:
    """`__all__` is sorted, has no name twice, and each of its names can be imported."""
    there = "[(name, hasattr(c, name)) for name in c.__all__]"
    names = in_a_clean_interpreter(f"import json, heartbeat_client as c; print(json.dumps({there}))")

    assert [name for name, _ in names] == sorted({name for name, _ in names})
    assert [name for name, is_there in names if not is_there] == []


def test_the_front_door_holds_public_names_and_nothing_else() -> None:
    """`heartbeat_client/__init__.py` imports for type checkers, lists, and has the list loaded at its first use."""
    docstring, *body = ast.parse((ROOT / "heartbeat_client/__init__.py").read_text()).body
    names, use = (ast.unparse(node) for node in body[-2:])

    assert isinstance(docstring, ast.Expr)
    assert [type(node) for node in body[:-2] if not isinstance(node, ast.ImportFrom)] == [ast.If]
    assert names.startswith("__all__ = ")
    assert use == "load_at_first_use(__name__)"


def test_what_is_offered_is_what_the_front_door_lists() -> None:
    """Type checkers and first use see the same names of the same modules."""
    door, offered = (_imported(ROOT / "heartbeat_client" / name) for name in ("__init__.py", "offered.py"))

    assert door - offered == {"typing.TYPE_CHECKING", "first_use.load_at_first_use"}
    assert offered <= door
    assert sorted(name.rpartition(".")[2] for name in offered - {"__future__.annotations"}) == heartbeat_client.__all__


def _imported(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {f"{node.module}.{alias.name}" for node in nodes for alias in node.names}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    run = subprocess.run(build, capture_output=True, text=True, timeout=100, check=False)

    assert run.returncode == 0, run.stdout + run.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.fixture
def metadata(wheel: zipfile.ZipFile) -> Message:
    (path,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return email.message_from_bytes(wheel.read(path))


@pytest.mark.xdist_group("wheel")
def test_the_wheel_holds_the_library_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """The wheel is heartbeat_client/ with its type marker: a watchdog/ in it would overwrite a stranger's."""
    source = {str(path.relative_to(ROOT)) for path in (ROOT / "heartbeat_client").rglob("*.py")}
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert files == source | {"heartbeat_client/py.typed"}


@pytest.mark.xdist_group("wheel")
def test_the_wheel_requires_nothing(metadata: Message) -> None:
    """The library comes alone; Firestore's client comes with its extra."""
    needed = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]

    assert metadata["Name"] == "hangwatch-client"
    assert [one for one in needed if not one.marker or one.marker.evaluate({"extra": ""})] == []
    assert [one.name for one in needed] == ["google-cloud-firestore"]


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_holds_a_stranger(lock: str) -> None:
    """PyPI's `watchdog` and `heartbeat-client` are other people's: no environment of ours has them."""
    assert pins(lock)
    assert STRANGERS & pins(lock).keys() == set()


# Put together here, so that this file does not say them itself.
HOSTS = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("deb", "debian", "org"))
UNSAID = {
    "a package registry's host": "|".join("[.]".join(labels) for labels in HOSTS),
    "an install of the stranger's client": "pip3? install (-[^ ]+ )*[\"']?" + "heartbeat[-_]client",
}


@pytest.mark.parametrize("unsaid", UNSAID)
def test_no_file_says(unsaid: str) -> None:
    """No file of the project names a registry's host, or tells anybody to install a stranger's package."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout, to know which files are the project's")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.check_output(listed, cwd=ROOT, text=True, timeout=60).split("\0")
    paths = [ROOT / name for name in names if name and (ROOT / name).is_file()]

    assert [path for path in paths if re.search(UNSAID[unsaid].encode(), path.read_bytes())] == []
