"""A process that does one pass of the real watchdog for each job, each in a fork of its own that can be killed.

    python -m tests.crashes.sweep_once [firestore]

A job is a line of JSON on standard input (see `Job`); a line of JSON answers it: the steps that were done, and how the
fork ended. This process has one thread and opens nothing, so that what it forks is as good as a fresh process, but for
the second that imports take.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from heartbeat_client.store_address import StoreAddress
from tests.crashes.steps import SteppedStore, Steps, stepped
from watchdog.adapters.slack import SlackWebhook
from watchdog.adapters.slack_bot import SlackBot
from watchdog.answers import Answers
from watchdog.audience import Audience
from watchdog.ledger import Ledger
from watchdog.policy_text.file import parse_policy
from watchdog.ports import Channel
from watchdog.sweep import Sweep
from watchdog.wiring import open_store

__all__ = ["Done", "Job", "channel_to"]


@dataclass(frozen=True)
class Job:
    """One pass. store: its address. slack: that of a webhook, or of the Web API where there is a token.

    at: the instant that the store's clock shows. acknowledge: the incident to acknowledge instead of sweeping.
    stop_after: after how many steps it stops, None: never. stop: whether it is killed then, or stands until the next
    line says what becomes of it: `kill` or `go on`. at_once: how many forks do the same, each
    with an answer of its own.
    """

    store: str
    slack: str
    at: str
    token: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)
    acknowledge: str = ""
    stop_after: int | None = None
    stop: Literal["kill", "stand"] = "kill"
    at_once: int = 1


@dataclass(frozen=True)
class Done:
    """What became of it. steps: their names. ended: `whole`, `killed`, `standing` or `failed`."""

    steps: list[str]
    ended: str


def channel_to(slack: str, token: str) -> Channel:
    """The real channel to a Slack."""
    return SlackBot(token, "C0ALERTS", api_url=slack, buttons=True) if token else SlackWebhook(slack)


def do(job: Job, steps: Steps) -> None:
    """The pass itself, as `python -m watchdog` makes it."""
    store = SteppedStore(open_store(StoreAddress.parse(job.store)), steps, datetime.fromisoformat(job.at))
    policy = parse_policy(dict(job.policy))
    channels = [stepped(channel_to(job.slack, job.token), steps)]
    if job.acknowledge:
        Answers(Ledger(store), Audience(tuple(channels), policy)).acknowledge(job.acknowledge, "ada")
    else:
        Sweep(store, channels, policy).run()


def _in_a_fork(job: Job) -> tuple[int, int]:
    """The pid of a fork that does the job, and the end of a pipe that gets the names of its steps."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writes)
        return pid, reads

    def say(name: str) -> None:
        os.write(writes, f"{name}\n".encode())

    status = 1
    try:
        stop = signal.SIGKILL if job.stop == "kill" else signal.SIGSTOP
        do(job, Steps(job.stop_after, stop, say))
        status = 0
    except BaseException:  # noqa: BLE001 - a fork never returns into its parent's code
        traceback.print_exc()
    finally:
        os._exit(status)


def _waited(pid: int) -> str:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return "standing"
    if os.WIFSIGNALED(status):
        return "killed"
    return "failed" if os.WEXITSTATUS(status) else "whole"


def _steps_said(reads: int) -> list[str]:
    os.set_blocking(reads, False)
    said = b""
    try:
        while part := os.read(reads, 65536):
            said += part
    except BlockingIOError:
        pass  # the fork stands, and has the other end open
    return said.decode().splitlines()


def _answer(done: Done) -> None:
    print(json.dumps(asdict(done)), flush=True)


def _decided(pid: int, reads: int) -> None:
    """Do with a fork that stands what the next line says."""
    told = sys.stdin.readline().strip()
    os.kill(pid, signal.SIGCONT if told == "go on" else signal.SIGKILL)
    _answer(Done(_steps_said(reads), _waited(pid)))


def main(arguments: list[str]) -> int:
    """Do jobs until the input ends."""
    logging.getLogger("watchdog").addHandler(logging.NullHandler())
    if "firestore" in arguments:
        import google.cloud.firestore  # noqa: F401 - loaded once; a channel is opened in the fork alone
    for line in sys.stdin:
        job = Job(**json.loads(line))
        for pid, reads in [_in_a_fork(job) for _ in range(job.at_once)]:
            ended = _waited(pid)
            _answer(Done(_steps_said(reads), ended))
            if ended == "standing":
                _decided(pid, reads)
            os.close(reads)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
