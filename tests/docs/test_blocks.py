"""The code blocks of README and tutorial do what they say, typed in a scratch folder as a person would type them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.emulators import Running
from tests.support.imports import ROOT

from .papers import DOCS, Block, blocks

TUTORIAL = DOCS / "tutorial.md"
README = ROOT / "README.md"

# Blocks of the README that a scratch folder can't run, by how they begin, and why.
NOT_RUN = {
    "git clone": "it makes the environment that all else runs in; the demo has tests of its own",
    "pip install": "it needs the address of the repository",
}

# What a reader is to bring to the README's twelve lines.
BROUGHT = """
players, requests = ["luka-doncic", "nikola-jokic"], [1, 2, 3]
load_historical_games_batch, publish, batch_id, player = list, print, "b1", "luka-doncic"
"""


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder that looks like a checkout with its environment."""
    for name in ("heartbeat_client", "watchdog"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "Makefile").write_text(".venv/.stamp-dev: ;\n")
    tools = tmp_path / ".venv/bin"
    tools.mkdir(parents=True)
    # A link to the interpreter alone would lose its environment.
    (tools / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tools / "python").chmod(0o755)
    return tmp_path


def typed(folder: Path, code: Iterable[str], **more: str) -> str:
    """What one shell prints while the code is typed into it; it has to end well."""
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    environ = kept | {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")} | more
    script = "\n".join(["set -e", *code, 'wait "$!" 2>/dev/null || true' if "&\n" in "".join(code) else ""])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def ended(line: str) -> str:
    """The line as it is typed; one that would go on for ever is stopped as Ctrl-C does."""
    command = line.partition("  #")[0].rstrip()
    if "--watch" not in command:
        return line
    return f"timeout --signal=INT 10 {command} || test $? -eq 124 -o $? -eq 130"


def sense(text: str) -> str:
    """The text without what differs from day to day: its figures, and how it is laid out."""
    return " ".join(re.sub(r"\d+(\.\d+)?", "#", text).split())


def not_shown(shown: str, promised: Iterable[Block]) -> list[str]:
    lines = [line for block in promised for line in block.code.splitlines() if line.strip()]
    return [line for line in lines if sense(line) not in sense(shown)]


def part(until_needs: bool) -> list[Block]:
    """The tutorial up to its first block that needs the emulator, or from there on."""
    found = blocks(TUTORIAL)
    begin = next(number for number, block in enumerate(found) if block.mark == "needs")
    return found[:begin] if until_needs else found[begin:]


def files(folder: Path) -> None:
    for block in blocks(TUTORIAL):
        if block.mark == "file":
            (folder / block.said).write_text(block.code)


def shell(found: Iterable[Block]) -> list[str]:
    return [block.code for block in found if block.language == "sh" and block.mark != "not run"]


def test_the_tutorial_tells_of_a_hang_on_sqlite(scratch: Path) -> None:
    """Typed from the top, the tutorial ends in the notices that it promises: stalled, then silent."""
    files(scratch)
    first = part(until_needs=True)
    shown = typed(scratch, shell(first))

    assert not_shown(shown, [block for block in first if block.language == "text"]) == []
    assert shown.count("[opened]") >= 1
    assert shown.index("load-games is stalled") < shown.index("load-games is silent")


def test_the_tutorial_tells_of_a_hang_on_firestore(scratch: Path, firestore_emulator: Running) -> None:
    """The same operation in Firestore is told of too, with nothing but the store's address changed."""
    files(scratch)
    rest = part(until_needs=False)
    shown = typed(scratch, shell(rest), FIRESTORE_EMULATOR_HOST=firestore_emulator.host)

    assert not_shown(shown, [block for block in rest if block.language == "text"]) == []


def test_the_tutorial_watches_requests(scratch: Path) -> None:
    """The wrapped app answers as it did."""
    code = [block.code for block in blocks(TUTORIAL) if block.language == "python" and not block.mark]
    path = scratch / "app.py"
    path.write_text(
        "\n".join([*code, "print(list(app({'PATH_INFO': '/start', 'REQUEST_METHOD': 'POST'}, lambda *_: None)))\n"])
    )
    shown = typed(scratch, [".venv/bin/python app.py"], HANGWATCH_STORE="sqlite:///beats.sqlite3")

    assert "HEARTBEAT END: POST /start completed" in shown
    assert "[b'done']" in shown


def test_the_twelve_lines_of_the_readme_run(scratch: Path) -> None:
    """Each operation of the example logs its start and end, and its record is in the store."""
    (code,) = [block.code for block in blocks(README) if block.language == "python"]
    (scratch / "twelve.py").write_text(f"{BROUGHT}\n{code}\nconsolidate('b1')\n")
    lines = [".venv/bin/python twelve.py", ".venv/bin/python -m watchdog status --all"]
    shown = typed(scratch, lines, HANGWATCH_STORE="sqlite:///beats.sqlite3")

    for operation in ("load-historical-games", "publish-requests", "consolidate-batch"):
        assert re.search(rf"HEARTBEAT END: {operation}.* completed", shown)
        assert re.search(rf"(?m)^{operation} .*succeeded", shown)


@pytest.mark.parametrize(
    "block",
    [block for block in blocks(README) if block.language == "sh"],
    ids=lambda block: block.code.splitlines()[0][:30],
)
def test_a_shell_block_of_the_readme_runs(scratch: Path, block: Block) -> None:
    """What can be run without a repository's address runs; what can't is named above, with the reason."""
    if next((why for begin, why in NOT_RUN.items() if block.code.startswith(begin)), ""):
        return
    code = block.code.replace("/tmp/hangwatch.sqlite3", f"{scratch}/beats.sqlite3")
    typed(scratch, [ended(line) for line in code.splitlines()])


def test_no_block_is_left_out_for_nothing() -> None:
    """A block that is not run has its reason, and no reason outlives its block."""
    begins = [block.code for block in blocks(README)]

    assert all(any(code.startswith(begin) for code in begins) for begin in NOT_RUN)
    assert all(block.said for block in blocks(TUTORIAL) if block.mark)
