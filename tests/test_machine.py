"""What the project does on a machine that lacks something: it says so, and under CI it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.imports import ROOT

SKIPS = {
    "in_a_test": "def test_it(): pytest.skip('there is no emulator')",
    "in_a_mark": "@pytest.mark.skipif(True, reason='there is no emulator')\ndef test_it(): ...",
    "in_a_fixture": (
        "@pytest.fixture\ndef emulator(): pytest.skip('there is no emulator')\ndef test_it(emulator): ..."
    ),
    "of_a_module": "pytest.skip('there is no emulator', allow_module_level=True)",
    "for_want_of_a_package": "pytest.importorskip('no_such_package', reason='there is no emulator')",
}


def own_environment() -> dict[str, str]:
    """The environment without what the pytest and the make that run us would pass on."""
    passed_on = ("PYTEST_", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(passed_on)}


def pytest_run(folder: Path, test: str, *, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests/conftest.py", folder)
    (folder / "test_it.py").write_text(f"import pytest\n{test}\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=folder,
        env={**own_environment(), "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("skip", SKIPS)
def test_a_skip_is_a_failure_under_ci(tmp_path: Path, skip: str) -> None:
    """Under CI nothing may be lacking: a skip fails, and its reason is said."""
    run = pytest_run(tmp_path, SKIPS[skip], ci="true")

    assert run.returncode in {1, 2}, run.stdout
    assert "skipped under CI, where nothing may be lacking: there is no emulator" in run.stdout


@pytest.mark.parametrize("skip", SKIPS)
def test_a_skip_is_a_skip_on_a_laptop(tmp_path: Path, skip: str) -> None:
    """Without CI a skip is shown with its reason and fails nothing."""
    run = pytest_run(tmp_path, SKIPS[skip], ci="")

    assert run.returncode in {0, 5}, run.stdout
    assert "there is no emulator" in run.stdout
    assert "1 skipped" in run.stdout


@pytest.mark.parametrize(
    "test",
    [
        pytest.param("def test_it(): pytest.skip('needs python 3.12')", id="a_skip_for_one_python"),
        pytest.param("@pytest.mark.xfail\ndef test_it(): assert False", id="an_expected_failure"),
    ],
)
def test_what_no_machine_could_change_may_skip_under_ci(tmp_path: Path, test: str) -> None:
    """A skip that a complete machine has too, and an expected failure, fail nothing under CI."""
    assert pytest_run(tmp_path, test, ci="true").returncode == 0


def make(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`make` from the project's Makefile, with its environment in a folder of its own."""
    command = ["make", "--no-print-directory", *arguments, f"VENV={tmp_path / 'venv'}"]
    return subprocess.run(
        command, cwd=ROOT, env=own_environment(), capture_output=True, text=True, timeout=60, check=False
    )


def python_that(tmp_path: Path, lacks: str) -> str:
    """A program that runs Python code as this Python does, but says that it lacks something."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\ncase "$2" in *"{lacks}"*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        pytest.param("version_info", "needs python 3.10 or newer, got none", id="too_old"),
        pytest.param("ensurepip", "python has no venv module; install it", id="without_venv"),
    ],
)
def test_make_says_which_python_it_needs(tmp_path: Path, lacks: str, said: str) -> None:
    """Without a Python that will do, make stops before it makes anything, and says what to do."""
    run = make(tmp_path, "demo", f"PYTHON={python_that(tmp_path, lacks)}")

    assert run.returncode == 2
    assert said in run.stderr
    assert not (tmp_path / "venv").exists()


def test_make_alone_prints_every_target(tmp_path: Path) -> None:
    """A person who types `make` sees what there is, a line each."""
    lines = make(tmp_path).stdout.splitlines()

    named = {line.split()[1] for line in lines if line.startswith("  make ")}
    assert named == {
        "help",
        "demo",
        "test",
        "zoo",
        "crashes",
        "truth",
        "bench",
        "bench-NAME",
        "docs",
        "lint",
        "format",
        "lock",
        "clean",
    }
