"""The zoo as a reader of records and notices sees it: each scenario a process under a heartbeat, a watchdog, a Slack.

python -m tests.zoo.records [--markdown FILE] [NAME ...]
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from heartbeat_client.run import RUNS
from tests.support.coordinator_app import ROOT
from tests.support.slack_server import SlackServer
from tests.support.watching import environment, sweeping
from tests.zoo.expectations import HANGS, HEALTHY, Row
from tests.zoo.zoo import blame_lines
from watchdog.adapters.sqlite import SqliteStore

__all__ = ["Outcome", "play_together", "wrong"]

TOGETHER = 8
HANG_SECONDS = 60.0
# The longest call of a healthy scenario takes 4 s, half of its opaque_after; a false notice has 6 s more to come.
HEALTHY_SECONDS = 14.0
# Python can't look at itself while these last.
NEED_HELPER = frozenset({"c_code_without_gil", "gil_held_blocked", "gil_held_elsewhere", "regex", "big_json_hold"})


@dataclass
class Outcome:
    """What became of one scenario: its last activity in the store, and the notices about it."""

    name: str
    activity: dict[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    seconds: float | None = None


def play_together(names: Sequence[str], python: str = sys.executable) -> list[Outcome]:
    """Play some scenarios at once, until each hang is told with what is right, or time is up."""
    outcomes = {name: Outcome(name) for name in names}
    with tempfile.TemporaryDirectory(prefix="zoo-") as folder, ExitStack() as parts:
        home = Path(folder)
        slack = parts.enter_context(SlackServer())
        environ = environment(home, HANGWATCH_SLACK_WEBHOOK_URL=slack.webhook_url)
        for name in names:
            parts.enter_context(_playing(name, environ, python))
        parts.enter_context(sweeping(home, environ))
        store = SqliteStore(home / "beats.sqlite3")
        parts.callback(store.close)
        _follow(outcomes, store, slack)
    return list(outcomes.values())


def _follow(outcomes: Mapping[str, Outcome], store: SqliteStore, slack: SlackServer) -> None:
    began = time.monotonic()
    hanging = any(name in HANGS for name in outcomes)
    while time.monotonic() - began < (HANG_SECONDS if hanging else HEALTHY_SECONDS):
        for name, document in store.get(RUNS, list(outcomes)).items():
            outcome = outcomes[name]
            if name not in HANGS or wrong(outcome):
                outcome.activity = dict(document.fields.get("activity") or {})
            titles = [message.text for message in slack.messages]
            outcome.notices = [text for text in titles if f" {name} is " in text.split("\n")[0]]
            if outcome.seconds is None and name in HANGS and not wrong(outcome):
                outcome.seconds = time.monotonic() - began
        if hanging and all(not wrong(outcome) and outcome.notices for outcome in outcomes.values()):
            return
        time.sleep(0.25)


@contextmanager
def _playing(name: str, environ: Mapping[str, str], python: str) -> Iterator[None]:
    command = [python, str(ROOT / "tests" / "zoo" / "under_heartbeat.py"), name]
    more = {"ZOO_SIDECAR": "1"} if name in NEED_HELPER else {}
    more |= {"ZOO_OPAQUE": "1"} if name in HEALTHY else {}
    process = subprocess.Popen(
        command,
        cwd=environ["HOME"],
        env={**environ, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wrong(outcome: Outcome) -> list[str]:
    """What is not right in the record of a hang, by the row that is expected of it."""
    row, found = HANGS[outcome.name], outcome.activity
    checks = {
        "kind": found.get("kind") in row.kinds.split(),
        "line": not row.blame or _is_blamed(outcome.name, found.get("at")),
        "waits": not row.waits or bool(re.search(row.waits, str(found.get("waits_for") or ""))),
        "says": _says(row, found),
    }
    return [name for name, right in checks.items() if not right]


def _says(row: Row, found: Mapping[str, Any]) -> bool:
    return not row.says or bool(re.search(row.says, f"{found.get('evidence')} {found.get('unknown')}"))


def _is_blamed(name: str, at: object) -> bool:
    if not isinstance(at, Mapping):
        return False
    return str(at.get("file", "")).endswith(f"{name}.py") and at.get("line") in blame_lines(name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play and print; 0 when all is right."""
    parser = argparse.ArgumentParser(description="the zoo, judged from records and notices")
    parser.add_argument("names", nargs="*", default=[*HANGS, *HEALTHY])
    parser.add_argument("--markdown", type=Path, help="also write the table there")
    options = parser.parse_args(arguments)
    rows = list(_rows([name for name in options.names if name in HANGS], _row_of_a_hang))
    rows += list(_rows([name for name in options.names if name in HEALTHY], _row_of_a_healthy_one))
    failed = sum("NO" in " ".join(row[1:5]) for row in rows)
    print(f"{len(rows) - failed} of {len(rows)} right")
    if options.markdown:
        options.markdown.write_text(_markdown(rows))
    return failed > 0


def _rows(names: Sequence[str], row_of: Any) -> Iterator[tuple[str, ...]]:
    for begin in range(0, len(names), TOGETHER):
        for outcome in play_together(names[begin : begin + TOGETHER]):
            row = row_of(outcome)
            print(f"{row[0]:26} {' '.join(row[1:6])}  {row[6][:110]}", flush=True)
            yield row


def _row_of_a_hang(outcome: Outcome) -> tuple[str, ...]:
    bad = wrong(outcome)
    marks = ["NO" if name in bad else "yes" for name in ("kind", "line", "waits")]
    told = "yes" if outcome.notices else "NO"
    seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f} s"
    return (outcome.name, told, *marks, seconds, str(outcome.activity.get("text", "")))


def _row_of_a_healthy_one(outcome: Outcome) -> tuple[str, ...]:
    told = "NO: told" if outcome.notices else "quiet"
    return (outcome.name, told, "", "", "", "", str(outcome.activity.get("text", "")))


def _markdown(rows: Sequence[tuple[str, ...]]) -> str:
    head = ("scenario", "told", "kind", "line", "waits for", "to the record", "what the record says")
    lines = ["| " + " | ".join(cells).replace("\n", " ") + " |" for cells in (head, ("---",) * 7, *rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
