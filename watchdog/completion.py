"""Shell completion: a script that defines `hangwatch`, short for `python -m watchdog` from anywhere, and completes it.

shtab writes the script from the parser, so a new command or option is completed without a word here. Names of
operations and runs are asked for while a person types, and only where that costs nothing: in a SQLite store.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import shtab

from heartbeat_client.store_address import SQLITE

from .ledger import Ledger
from .ports import StoreError
from .wiring import SettingsError, open_store, settings

__all__ = ["CHOICES", "NAME", "SHELLS", "printed"]

NAME = "hangwatch"
SHELLS = ("bash", "zsh", "fish")

# What an argument takes, by its destination.
RUNS, OPERATIONS = "runs", "operations"
CHOICES = (*SHELLS, RUNS, OPERATIONS)
TAKES: Mapping[str, Any] = {
    "run": shtab.cmd(f"{NAME} completion {RUNS}"),
    "runs": shtab.cmd(f"{NAME} completion {RUNS}"),
    "operation": shtab.cmd(f"{NAME} completion {OPERATIONS}"),
    "file": shtab.FILE,
}

SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")


def printed(wanted: str, parser: argparse.ArgumentParser, store: str | None = None) -> str:
    """One of `SHELLS`: its script. `runs` or `operations`: what the script asks for, a name a line.

    parser: that of `python -m watchdog`. store: an address that overrules HANGWATCH_STORE.
    """
    return _script(wanted, parser) if wanted in SHELLS else "\n".join(_names(wanted, store))


def _script(shell: str, parser: argparse.ArgumentParser) -> str:
    parser.prog = NAME
    for command in _commands(parser):
        for action in command._actions:  # noqa: SLF001 - argparse has no other way to list them
            if action.dest in TAKES:
                action.complete = TAKES[action.dest]  # type: ignore[attr-defined]  # what shtab reads
    return f"{_function(shell)}\n{shtab.complete(parser, shell=shell)}"


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - see above
    return [command for group in groups for command in group.choices.values()]


def _function(shell: str) -> str:
    """What makes the name a command, from wherever it is called."""
    root, python = shlex.quote(str(Path(__file__).parents[1])), shlex.quote(sys.executable)
    if shell == "fish":
        return f"function {NAME}\n    set -lx PYTHONPATH {root} $PYTHONPATH\n    {python} -m watchdog $argv\nend\n"
    path = f'{root}"${{PYTHONPATH:+:$PYTHONPATH}}"'
    return f'{NAME}() {{\n  PYTHONPATH={path} {python} -m watchdog "$@"\n}}\n'


def _names(kind: str, store: str | None) -> list[str]:
    """The runs that run, or their operations; none where asking costs money or time, or nothing can be asked."""
    try:
        known = settings(store=store)
        path = known.store.path
        if known.store.kind != SQLITE or path is None or not Path(path).exists():
            return []
        with closing(open_store(known.store)) as opened:
            ledger = Ledger(opened)
            records = ledger.running(ledger.now())
    except (SettingsError, StoreError):
        return []
    running = [record.readable for record in records if record.readable]
    found = {run.id if kind == RUNS else run.operation for run in running}
    # Any other letter could mean something to a shell.
    return sorted(name for name in found if SAFE.issuperset(name))
