"""healthchecks from its own source, on loopback: its web server, its SQLite, its `sendalerts`, its webhooks.

Who measures has it in a folder, with its requirements in an environment below it, as HOW_TO says; nothing of it is
part of this project.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from .limits import DEADLINE

__all__ = ["CLONE", "HOW_TO", "VARIABLE", "Healthchecks", "serving", "source", "version"]

VARIABLE: Final = "HANGWATCH_HEALTHCHECKS"
CLONE: Final = "git clone --depth 1 --branch v4.3 https://github.com/healthchecks/healthchecks"
HOW_TO: Final = (
    f"{CLONE}; python3.12 -m venv healthchecks/.venv; "
    f"healthchecks/.venv/bin/pip install -r healthchecks/requirements.txt; export {VARIABLE}=$PWD/healthchecks"
)

_PING_KEY = "zoo"
_WAIT = 60.0

# By its own models, as its tests do: its API takes no grace under a minute.
_MAKE = """
import json, os
from datetime import timedelta
from django.contrib.auth.models import User
from hc.accounts.models import Project
from hc.api.models import Channel, Check
given = json.loads(os.environ["ZOO"])
owner = User.objects.create(username="zoo", email="zoo@example.org")
project = Project.objects.create(owner=owner, ping_key=given["key"], badge_key="zoo")
channel = Channel.objects.create(project=project, kind="webhook", value=json.dumps(given["webhook"]))
for name in given["names"]:
    check = Check.objects.create(project=project, name=name, slug=name, grace=timedelta(seconds=given["grace"]))
    channel.checks.add(check)
"""


def source() -> Path | None:
    """The folder that HANGWATCH_HEALTHCHECKS names; None where it is not set. FileNotFoundError where it is not one."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named).resolve()
    for needed in (folder / "manage.py", _python(folder)):
        if not needed.exists():
            raise FileNotFoundError(f"{VARIABLE}: {needed} is not there; get it with: {HOW_TO}")
    return folder


def version(folder: Path) -> str:
    """The newest version in its changelog, as it finds its own."""
    found = re.search(r"^## (v\S+)", (folder / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "of unknown version"


@contextmanager
def serving(folder: Path, home: Path, names: Sequence[str], told_at: str) -> Iterator[str]:
    """Its server with a check for each name, and its alerts, while the block lasts; yields the address of pings.

    told_at: where its webhook posts `NAME STATUS` when a check goes down. home: for its database and its logs.
    """
    served = Healthchecks(folder, home, told_at)
    served.prepare(names)
    with ExitStack() as parts:
        parts.enter_context(served.running("runserver", f"127.0.0.1:{served.port}", "--noreload"))
        parts.enter_context(served.running("sendalerts"))
        served.wait()
        yield f"{served.address}/ping/{_PING_KEY}"


class Healthchecks:
    """Its `manage.py`, with settings from the environment as its documents list them."""

    def __init__(self, folder: Path, home: Path, told_at: str) -> None:
        self._folder, self._home, self._told_at = folder, home, told_at
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DB_NAME": str(home / "healthchecks.sqlite"),
            "SITE_ROOT": self.address,
            "INTEGRATIONS_ALLOW_PRIVATE_IPS": "True",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def prepare(self, names: Sequence[str]) -> None:
        """A database with a check for each name, and a webhook for all of them."""
        given = {"key": _PING_KEY, "names": list(names), "grace": DEADLINE, "webhook": _webhook(self._told_at)}
        self._run("migrate", "-v0", "--skip-checks")
        self._run("shell", "-c", _MAKE, ZOO=json.dumps(given))

    def _run(self, *arguments: str, **more: str) -> None:
        done = subprocess.run(
            self._command(*arguments),
            env=self._environ | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"healthchecks: manage.py {arguments[0]} ended with {done.returncode}: {done.stderr}")

    def _command(self, *arguments: str) -> list[str]:
        return [str(_python(self._folder)), str(self._folder / "manage.py"), *arguments]

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        """A command of it while the block lasts; its log is HOME/COMMAND.log."""
        with (self._home / f"{arguments[0]}.log").open("wb") as log:
            command = self._command(*arguments)
            process = subprocess.Popen(command, env=self._environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            try:
                yield
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                process.wait()

    def wait(self) -> None:
        """Until both answer: its server to a request, sendalerts by the line that it begins with."""
        give_up = time.monotonic() + _WAIT
        while not (self._answers() and self._alerts()):
            if time.monotonic() > give_up:
                raise TimeoutError(f"healthchecks: did not answer at {self.address} in {_WAIT:.0f} s; see its log")
            time.sleep(0.2)

    def _answers(self) -> bool:
        url = f"{self.address}/api/v3/status/"
        with suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  on loopback
            return bool(answer.status == 200)
        return False

    def _alerts(self) -> bool:
        return "is now running" in (self._home / "sendalerts.log").read_text(encoding="utf-8")


def _python(folder: Path) -> Path:
    return folder / ".venv" / "bin" / "python"


def _webhook(told_at: str) -> dict[str, Any]:
    down = {"method_down": "POST", "url_down": told_at, "body_down": "$NAME $STATUS", "headers_down": {}}
    return {**down, "method_up": "GET", "url_up": "", "body_up": "", "headers_up": {}}
