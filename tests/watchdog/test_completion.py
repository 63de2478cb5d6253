"""Completion in real shells: commands, options, runs and operations, without a word to the cloud."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from tests.support.watching import ROOT, environment
from tests.support.world import a_run
from watchdog.adapters.sqlite import SqliteStore
from watchdog.cli import main
from watchdog.completion import SHELLS
from watchdog.ports import Create

RUNS = "hangwatch_runs"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path) | {"HOME": str(tmp_path), "TERM": "xterm"}


def put(environ: dict[str, str], *runs: tuple[str, str]) -> None:
    store = SqliteStore(environ["HANGWATCH_STORE"].removeprefix("sqlite:///"))
    now = store.now()
    for name, operation in runs:
        run = a_run(name, operation=operation, started_at=now, beat_at=now, deadline=None)
        assert store.commit([Create(RUNS, name, run.to_document())])
    store.close()


def script(shell: str, folder: Path, environ: dict[str, str]) -> Path:
    """The script as the command prints it, in a file."""
    command = [sys.executable, "-m", "watchdog", "completion", shell]
    path = folder / f"hangwatch.{shell}"
    path.write_text(subprocess.check_output(command, cwd=ROOT, env=environ, text=True, timeout=60))
    return path


def shell_or_skip(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell}; install it")
    return found


CASES = [
    pytest.param(["stat"], {"status"}, set(), id="a_command"),
    pytest.param(["status", "--"], {"--watch", "--json", "--all"}, {"--fix"}, id="options_of_a_command"),
    pytest.param(["show", ""], {"abc123", "abd456"}, {"load-games"}, id="runs"),
    pytest.param(["ack", "abc"], {"abc123"}, {"abd456"}, id="the_beginning_of_a_run"),
    pytest.param(["snooze", ""], {"load-games", "publish-requests"}, {"abc123"}, id="operations"),
    pytest.param(["completion", ""], {"bash", "zsh", "fish"}, set(), id="choices"),
]

BASH = """
source {script}
COMP_WORDS=(hangwatch "$@"); COMP_CWORD=$#; COMP_LINE="hangwatch $*"; COMP_POINT=${{#COMP_LINE}}
_completer=$(complete -p hangwatch | sed -n 's/.*-F \\([^ ]*\\).*/\\1/p')
"$_completer" hangwatch "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(("typed", "offered", "not_offered"), CASES)
def test_bash_completes(
    tmp_path: Path, environ: dict[str, str], typed: list[str], offered: set[str], not_offered: set[str]
) -> None:
    """bash offers what fits at that place."""
    put(environ, ("abc123", "load-games"), ("abd456", "publish-requests"))
    code = BASH.format(script=script("bash", tmp_path, environ))
    command = [shell_or_skip("bash"), "--norc", "--noprofile", "-c", code, "bash", *typed]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    words = set(done.stdout.split())

    assert done.stderr == ""
    assert offered <= words
    assert not not_offered & words


@pytest.mark.parametrize(("typed", "offered", "not_offered"), CASES)
def test_fish_completes(
    tmp_path: Path, environ: dict[str, str], typed: list[str], offered: set[str], not_offered: set[str]
) -> None:
    """fish offers what fits at that place."""
    fish = shell_or_skip("fish")
    put(environ, ("abc123", "load-games"), ("abd456", "publish-requests"))
    code = f"source {script('fish', tmp_path, environ)}; complete -C 'hangwatch {' '.join(typed)}'"
    done = subprocess.run(
        [fish, "--no-config", "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    words = {line.split("\t")[0] for line in done.stdout.splitlines()}

    assert offered <= words
    assert not not_offered & words


@pytest.mark.parametrize(("typed", "offered", "not_offered"), CASES)
def test_zsh_completes(
    tmp_path: Path, environ: dict[str, str], typed: list[str], offered: set[str], not_offered: set[str]
) -> None:
    """zsh, which completes only at a real prompt, offers what fits at that place when Tab is pressed."""
    zsh = shell_or_skip("zsh")
    put(environ, ("abc123", "load-games"), ("abd456", "publish-requests"))
    (tmp_path / ".zshrc").write_text(
        f"PS1='ready> '\nautoload -U compinit && compinit -u -d {tmp_path}/dump\n"
        f'eval "$(cat {script("zsh", tmp_path, environ)})"\nunsetopt list_beep\nsetopt auto_list\n'
    )
    with Terminal([zsh, "-i"], environ | {"ZDOTDIR": str(tmp_path)}, columns=200) as terminal:
        terminal.until("ready>")
        before = len(terminal.seen)
        terminal.press(f"hangwatch {' '.join(typed)}\t\t")
        for word in offered:
            terminal.until(word, since=before, seconds=20)
        shown = terminal.seen[before:]

    assert not [word for word in not_offered if word in shown]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_word_runs_from_anywhere(tmp_path: Path, environ: dict[str, str], shell: str) -> None:
    """The script makes `hangwatch` a command that works in any folder, arguments with spaces among them."""
    program = shell_or_skip(shell)
    away = tmp_path / "away"
    away.mkdir()
    code = f'source {script(shell, tmp_path, environ)} 2>/dev/null; hangwatch snooze "load *" --for 2h --why "a b"'
    quiet = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [program, *quiet, "-c", code], cwd=away, env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "load * is snoozed until" in done.stdout


@pytest.mark.parametrize(
    "store",
    ["firestore://nobody/x", "sqlite:////nowhere/at/all.sqlite3", "mysql://x"],
    ids=["one_that_costs_money", "one_that_is_not_there", "one_of_no_kind"],
)
def test_names_are_asked_of_a_local_store_only(
    store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a person types nothing is read that costs money, nothing is made, and nothing is complained of."""
    monkeypatch.setenv("HANGWATCH_STORE", store)
    status = main(["completion", "runs"])
    printed = capsys.readouterr()

    assert (status, printed.out.strip(), printed.err) == (0, "", "")
    assert not os.path.exists("/nowhere")


def test_a_name_that_a_shell_could_act_on_is_left_out(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names come from records, which anybody may have written."""
    put(environ, ("r1", "load-games"), ("r2", "$(touch gone)"), ("r3", "a b"), ("r4", "POST /start;"))
    monkeypatch.setenv("HANGWATCH_STORE", environ["HANGWATCH_STORE"])
    main(["completion", "operations"])

    assert capsys.readouterr().out.split("\n") == ["load-games", ""]
