"""The locks say what they were asked to say, and fit any machine. `make lock` remakes them."""

from __future__ import annotations

import re

import pytest

from tests.support.locks import LOCKS, asked_for, holds, lock_text, pins


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_its_group_asks_for(lock: str) -> None:
    """pyproject.toml and the locks agree: nobody changed one and forgot `make lock`."""
    assert [str(asked) for asked in asked_for(lock) if not holds(lock, asked)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_version_and_hash_alone(lock: str) -> None:
    """Whoever serves the files, they are checked; no option in a lock says where they lie."""
    entries = [line for line in lock_text(lock).splitlines() if line and not line.startswith((" ", "#"))]

    assert [line for line in entries if not re.fullmatch(r"[\w.-]+==[^\s;]+( ; .+)? \\", line)] == []
    assert len(re.findall(r" \\\n    --hash=sha256:[0-9a-f]{64}", lock_text(lock))) >= len(entries) > 0


@pytest.mark.parametrize("lock", ["demo", "watchdog"])
def test_a_package_has_one_version_in_the_whole_project(lock: str) -> None:
    """The demo and the image run with what the tests ran with."""
    tested = pins("dev")

    assert [name for name, versions in pins(lock).items() if not versions <= tested.get(name, set())] == []
