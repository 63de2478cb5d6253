"""Runs of deploy/gcloud/deploy.sh with the real gcloud against the recording server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.google_api_server import Call, GoogleApiServer, gcloud_environment
from tests.support.imports import ROOT

__all__ = ["PROJECT", "SCRIPT", "Pass", "Passes"]

PROJECT = "acme-prod"
SCRIPT = ROOT / "deploy/gcloud/deploy.sh"

# What the script reads. A copy of it does not change while a test goes from one run to the next.
CHECKOUT = (".dockerignore", ".gcloudignore", "LICENSE", "deploy", "heartbeat_client", "locks", "watchdog")

# In front of the real one: it writes down with which arguments it is called, which anybody on the machine could read.
SHIM = '#!/bin/sh\nprintf "%s\\n" "$*" >>"{arguments}"\nexec "{gcloud}" "$@"\n'


@dataclass(frozen=True)
class Pass:
    """One run. status: its exit status; calls: what arrived; arguments: a line for each call of gcloud."""

    status: int
    said: str
    errors: str
    calls: tuple[Call, ...]
    arguments: str

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Method and last part of the path of each call that may have changed something."""
        return [(call.method, call.path.rpartition("/")[2]) for call in self.calls if call.changes]

    def body(self, method: str, ending: str) -> dict[str, object]:
        """The body of the only call of a method whose path ends so."""
        (found,) = [call.body for call in self.calls if call.method == method and call.path.endswith(ending)]
        assert isinstance(found, dict)
        return found


class Passes:
    """One project, on which the script is run one time after another. Skips where there is no gcloud."""

    def __init__(self, folder: Path) -> None:
        gcloud = shutil.which("gcloud")
        if gcloud is None or sys.platform == "win32":
            pytest.skip("the script needs gcloud, which is not on PATH")
        self._folder = folder
        self._arguments = folder / "arguments"
        shim = folder / "bin/gcloud"
        shim.parent.mkdir(parents=True)
        shim.write_text(SHIM.format(arguments=self._arguments, gcloud=gcloud))
        shim.chmod(0o755)
        self._script = self._copied() / SCRIPT.relative_to(ROOT)
        self.server = GoogleApiServer(PROJECT)

    def _copied(self) -> Path:
        copy = self._folder / "checkout"
        copy.mkdir()
        for name in CHECKOUT:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns(".terraform", "__pycache__"))
            else:
                shutil.copy(source, copy / name)
        return copy

    def file(self, name: str, text: str) -> str:
        """A file for an option; its path."""
        path = self._folder / name
        path.write_text(text)
        return str(path)

    def run(self, *options: str, typed: str = "") -> Pass:
        """One run of the script. typed: what comes on its standard input."""
        before = len(self.server.calls)
        self._arguments.write_text("")
        environment = os.environ | gcloud_environment(self.server, self._folder / "gcloud")
        done = subprocess.run(
            ["bash", str(self._script), PROJECT, *options],
            env=environment | {"PATH": f"{self._folder}/bin:{os.environ['PATH']}", "HANGWATCH_DEPLOY_PAUSE": "0"},
            input=typed,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        calls = tuple(self.server.calls[before:])
        return Pass(done.returncode, done.stdout, done.stderr, calls, self._arguments.read_text())
