"""Draws a notice of each kind as Slack shows it, from the real verdict, message and Block Kit code:

python docs/draw_notices.py [--out docs/pictures] [--theme dark]
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docs.draw_messages import picture
from docs.slack_page import draw
from heartbeat_client.run import Failure, Place, Progress, RecordError, Run, Thresholds
from watchdog.adapters.slack_blocks import payload
from watchdog.doubt import Signs, doubt
from watchdog.expectation import Start, judge_expected
from watchdog.incident import (
    EDITED,
    EXPECTED,
    FAILURE,
    OPENED,
    REMINDED,
    RESOLVED,
    WATCHDOG_ITSELF,
    WORSENED,
    Case,
    Told,
)
from watchdog.life import Rhythm, failed, opened, step
from watchdog.message import Message
from watchdog.policy import Pace, Policy
from watchdog.policy_text.file import parse_policy
from watchdog.schedule import Expected
from watchdog.telling import Subject, compose
from watchdog.verdict import DOUBTFUL, Verdict, judge

START = datetime(2026, 1, 14, 10, 0, tzinfo=timezone.utc)
POLICY = parse_policy({"operation": [{"match": "*", "runbook": "https://wiki.example/predictions"}]})
BATCH = {"batch": "batch_2026-01-14_7f3a9c"}

LOAD = Run(
    id="9f31c2aa07b4e6d1",
    operation="load-historical-games",
    detail="450 players",
    labels=BATCH,
    started_at=START,
    beat_at=START,
    deadline=START + timedelta(minutes=30),
    project="nba-props",
    region="us-west2",
    platform="cloud_run_service",
    service="prediction-coordinator",
    revision="prediction-coordinator-00042-abc",
    instance="00f46b92",
    pid=7,
    python="3.11.7",
    seq=2,
    due_at=START,
    thresholds=Thresholds(),
)
HUNG = replace(
    LOAD,
    activity={
        "kind": "blocked",
        "call": "recv",
        "since": START + timedelta(minutes=0.2),
        "at": {"file": "data_loaders.py", "line": 412, "function": "load_historical_games_batch"},
        "frames": [
            {"file": "socket.py", "line": 706, "function": "SocketIO.readinto", "age": 1078},
            {"file": "data_loaders.py", "line": 412, "function": "load_historical_games_batch", "age": 1079},
            {"file": "coordinator.py", "line": 336, "function": "start_prediction_batch", "age": 1092},
        ],
        "waits_for": "peer 10.0.0.5:443, which has sent nothing for 17 min 50 s, the connection is alive",
        "unknown": "whether it will go on can't be known; a timeout on this call would end it",
    },
)
PUBLISH = replace(
    LOAD,
    id="c07b4e6d19f31c2a",
    operation="publish-requests",
    detail="",
    progress=Progress(done=250, total=450, at=START + timedelta(minutes=4), since=START, rate=1.04),
    moved_at=START + timedelta(minutes=4),
)


def at(minutes: float) -> datetime:
    """So many minutes after the start."""
    return START + timedelta(minutes=minutes)


def beating(run: Run, minutes: float) -> Run:
    """The run with its last beat at that time."""
    return replace(run, beat_at=at(minutes), seq=int(minutes * 4) + 1)


def notices() -> dict[str, Message]:
    """One message of each kind, by the name of its picture."""
    return {**beginnings(), **endings(), **edited(), **of_the_watchdog()}


def beginnings() -> dict[str, Message]:
    """What is told of problems that begin and go on."""
    killed = beating(LOAD, 3.2)
    unreadable = RecordError("run x", ["started_at is missing", "state must be one of running, succeeded, got 7"])
    several = [
        replace(killed, id=f"run{n}", operation=name)
        for n, name in enumerate(("load-historical-games", "predict-player", "predict-player"))
    ]
    return {
        "opened-stalled": told(OPENED, beating(HUNG, 18.3), 18.3),
        "opened-stalled-progress": told(OPENED, beating(PUBLISH, 9.4), 9.4),
        "opened-silent": told(OPENED, killed, 5),
        "opened-overdue": told(
            OPENED,
            beating(replace(PUBLISH, moved_at=at(24), progress=Progress(400, 450, at(24), rate=0.28)), 24.3),
            24.3,
        ),
        "opened-group": group(several, 5),
        "opened-unjudged": compose(
            OPENED,
            [Subject(opened(case_of(unreadable, 5), judge(unreadable, POLICY, at(5)), 1, at(5)), None)],
            POLICY,
            at(5),
        ),
        "opened-place": group(stuck_together(), 18.3),
        "worsened": told(WORSENED, beating(HUNG, 30.4), 30.6),
        "reminded": told(REMINDED, beating(HUNG, 48), 48.2),
    }


def stuck_together() -> list[Run]:
    """Runs of three operations that stand at one place in the code."""
    names = ("load-historical-games", "load-player-props", "load-injuries")
    return [beating(replace(HUNG, id=f"run{n}", operation=name, detail=""), 18.3) for n, name in enumerate(names)]


def endings() -> dict[str, Message]:
    """What is told of ends."""
    killed = beating(LOAD, 3.2)
    ended = replace(beating(LOAD, 20.5), state="succeeded", ended_at=at(20.5), due_at=None)
    place = Place("data_loaders.py", 418, "load_historical_games_batch")
    broken = replace(ended, state="failed", failure=Failure("google.api_core.exceptions.ServiceUnavailable", place))
    failure = failed(case_of(broken, 21), broken, 1, at(21))
    if failure is None:
        raise AssertionError("a run that failed must make an incident")
    return {
        "resolved-recovered": ending(LOAD, ended, 21),
        "resolved-lost": ending(killed, killed, 31),
        "failed": compose(FAILURE, [Subject(failure, broken)], POLICY, at(21), "https://hangwatch.example"),
    }


def edited() -> dict[str, Message]:
    """What the first message on a channel with threads says after something happened."""
    run = beating(HUNG, 20.3)
    ended = replace(beating(LOAD, 21), state="succeeded", ended_at=at(21), due_at=None)
    mine = opened(case_of(run, 20.3), judge(run, POLICY, at(20.3)), 1, at(18.3)).acknowledge("ada", at(19.6))
    over = replace(mine, state=RESOLVED, how="recovered", ending="succeeded after 21 min", resolved_at=at(21.2))
    return {
        "edited-acknowledged": compose(EDITED, [Subject(mine, run)], POLICY, at(20.3), "https://hangwatch.example"),
        "edited-resolved": compose(EDITED, [Subject(over, ended)], POLICY, at(21.3), "https://hangwatch.example"),
    }


def of_the_watchdog() -> dict[str, Message]:
    """What the watchdog says of itself."""
    found = doubt(None, Signs(at(5), at(4), silent=12, instances=5, live=14, silent_since=at(3.4)), Pace())
    if found is None:
        raise AssertionError("most of the live runs are silent")
    case = Case("watchdog&beats", None, Verdict(DOUBTFUL, found.said, found.since), about=WATCHDOG_ITSELF)
    begun = opened(case, Verdict(DOUBTFUL, found.said, found.since), 1, at(5))
    return {"doubt": compose(OPENED, [Subject(begun, None)], POLICY, at(5)), "missed": missed()}


def missed() -> Message:
    """What is told of a batch that never started."""
    batch = Expected("prediction-batch", "0 10 * * *", grace=1200, runbook="https://wiki.example/batch")
    last = replace(LOAD, id="a1", started_at=at(-1440), state="succeeded", ended_at=at(-1428), due_at=None)
    found = judge_expected(batch, at(20.3), Start("a1", at(-1440), last), at(-2000))
    if found is None:
        raise AssertionError("nothing has started since yesterday")
    case = Case(found.key, None, found.verdict, found.operation, EXPECTED)
    begun = opened(case, found.verdict, 1, at(20.3))
    return compose(OPENED, [Subject(begun, None)], Policy(expected=(batch,)), at(20.3))


def case_of(run: Run | RecordError, minutes: float) -> Case:
    """The case that a sweep makes of a run."""
    return Case(
        run.id if isinstance(run, Run) else "0b4e6d1c",
        run if isinstance(run, Run) else None,
        judge(run, POLICY, at(minutes)),
    )


def told(kind: str, run: Run, minutes: float) -> Message:
    """The message about one run that was first told at 18.2 minutes, or now."""
    incident = opened(case_of(run, minutes), judge(run, POLICY, at(minutes)), 1, at(min(minutes, 18.2)))
    return compose(kind, [Subject(incident, run)], POLICY, at(minutes), "https://hangwatch.example")


def group(runs: list[Run], minutes: float) -> Message:
    """The message about several runs of one process."""
    subjects = [
        Subject(opened(case_of(run, minutes), judge(run, POLICY, at(minutes)), 1, at(minutes)), run) for run in runs
    ]
    return compose(OPENED, subjects, POLICY, at(minutes))


def ending(before: Run, after: Run, minutes: float) -> Message:
    """The message about the end of an incident that was told."""
    verdict = judge(beating(before, 18.2) if after.ended else before, POLICY, at(18.2))
    incident = opened(Case(before.id, before, verdict), verdict, 1, at(18.2))
    case = Case(after.id, after, judge(after, POLICY, at(minutes)))
    ended = step(incident, case, Told(frozenset({"slack"})), Rhythm(), at(minutes))
    if ended is None:
        raise AssertionError("an incident that is over must take a step")
    return compose(RESOLVED, [Subject(ended.incident, after)], Policy(), at(minutes))


def main() -> int:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description="draw a notice of each kind as Slack shows it")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "pictures")
    parser.add_argument("--theme", choices=["light", "dark"], default="light")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name, message in notices().items():
        png = options.out / f"{name}-{options.theme}.png"
        picture(draw(payload(message, buttons=bool(message.buttons)), name, theme=options.theme), png, 760)
        print(png)
    return 0


if __name__ == "__main__":
    sys.exit(main())
