"""Firestore's emulator for a bench: the one that the environment names, else one of its own that ends with it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.emulators import EmulatorMissing, FirestoreEmulator

__all__ = ["Emulated", "emulated", "emulator_or_nothing"]

HOST, PROJECT = "FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"


@dataclass(frozen=True)
class Emulated:
    """host: address and port. group: the process group, 0 for an emulator of somebody else's."""

    host: str
    group: int


@contextmanager
def emulated(project: str) -> Iterator[Emulated]:
    """An emulator that this process's clients find in the block. Raises EmulatorMissing where there can be none."""
    before = dict(os.environ)
    with ExitStack() as stack:
        if HOST in before:
            found = Emulated(before[HOST], 0)
        else:
            emulator = FirestoreEmulator(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            stack.callback(emulator.stop)
            emulator.start()
            found = Emulated(emulator.host, emulator.group)
        os.environ |= {HOST: found.host, PROJECT: project}
        try:
            yield found
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextmanager
def emulator_or_nothing(folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """Where an emulator of the bench's own listens; empty, and said, where this machine can't run one."""
    emulator = FirestoreEmulator(folder)
    try:
        emulator.start()
    except EmulatorMissing as missing:
        say(f"{missing}; its rows are left out")
        yield ""
        return
    try:
        yield emulator.host
    finally:
        emulator.stop()
