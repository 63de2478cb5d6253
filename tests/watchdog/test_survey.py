"""The present state of everything: what scripts get as JSON, and what people see on a screen."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from rich.console import Console, RenderableType

from heartbeat_client.run import Failure, Place, Progress, RecordError, Run
from tests.client.random_runs import documents, instants
from tests.support.world import START, World, a_run, counted
from watchdog.incident import Case
from watchdog.life import opened
from watchdog.policy import Policy
from watchdog.policy_text.file import parse_policy
from watchdog.report import SweepReport, sweep_line
from watchdog.screens import print_screen, status_screen, story_screen
from watchdog.survey import Story, Survey, View, story, survey
from watchdog.verdict import judge

HOSTILE = "x\x1b[2J\x1b]0;gone\x07\r\n\u202ey"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def printed(screen: RenderableType, width: int = 200) -> str:
    """What a screen looks like on a terminal of that width, without colours."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, markup=False, highlight=False, emoji=False).print(screen)
    return out.getvalue()


def as_json(shown: Survey | Story) -> Any:
    return json.loads(json.dumps(shown.as_json(), allow_nan=False))


def test_runs_that_ended_are_shown_on_request(world: World) -> None:
    """`status` shows what runs, `status --all` what has ended too."""
    world.put(a_run("running"))
    world.put(a_run("ended", state="succeeded", ended_at=START))

    assert [view.id for view in survey(world.ledger, Policy()).runs] == ["running"]
    assert {view.id for view in survey(world.ledger, Policy(), ended=True).runs} == {"running", "ended"}


def test_the_worst_comes_first(world: World) -> None:
    """Runs past their deadline, then silent ones, then those in danger, then the healthy, then what is over."""
    world.at(31)
    world.beat(a_run("healthy", deadline=None))
    world.put(a_run("silent", deadline=None))
    world.put(a_run("ended", state="failed", ended_at=START))
    world.beat(a_run("stalled", deadline=None), **counted(1))
    world.beat(a_run("late", deadline=START + timedelta(minutes=30)))
    world.put_document("unreadable", {"state": "running"})

    order = [view.id for view in survey(world.ledger, Policy(), ended=True).runs]
    assert order[:2] == ["late", "silent"]
    assert set(order[2:4]) == {"stalled", "unreadable"}
    assert order[4:] == ["healthy", "ended"]


def test_a_policy_shows_in_what_is_shown(world: World) -> None:
    """The deadline and the verdict are those that the policy makes of a run."""
    world.at(5)
    world.beat(a_run())
    policy = parse_policy({"operation": [{"match": "load-*", "deadline": "4m"}]})
    (shown,) = as_json(survey(world.ledger, policy))["runs"]

    assert shown["deadline"] == "2026-01-14T10:04:00Z"
    assert shown["verdict"]["state"] == "stalled"


def test_a_run_as_scripts_see_it(world: World) -> None:
    """Names, instants in UTC, progress, evidence and verdict, each in its place."""
    world.at(6)
    activity = {"kind": "blocked", "since": START, "frames": [{"file": "a.py", "line": 1, "function": "f"}]}
    world.beat(a_run(labels={"batch": "b1"}, ancestors=("request",), activity=activity), **counted(41, rate=2.0))
    (shown,) = as_json(survey(world.ledger, Policy()))["runs"]

    assert shown["operation"] == "load-historical-games"
    assert shown["labels"] == {"batch": "b1"}
    assert shown["parent"] == "request"
    assert shown["started_at"] == "2026-01-14T10:00:00Z"
    assert shown["beat_at"] == "2026-01-14T10:06:00Z"
    assert shown["ended_at"] is None
    assert shown["progress"] == {"done": 41, "total": 450, "rate": 2.0, "note": None, "at": "2026-01-14T10:00:00Z"}
    assert shown["activity"]["kind"] == "blocked"
    assert shown["activity"]["since"] == "2026-01-14T10:00:00Z"
    assert shown["verdict"]["state"] == "stalled"
    assert shown["verdict"]["since"] == "2026-01-14T10:00:00Z"


def test_an_unreadable_record_is_shown_as_one(world: World) -> None:
    """A record that can't be read has an id and a verdict, and nothing that was guessed."""
    world.put_document("stranger", {"state": "running", "operation": 7})
    shown = survey(world.ledger, Policy())

    (run,) = as_json(shown)["runs"]
    assert (run["id"], run["operation"], run["state"], run["verdict"]["state"]) == ("stranger", None, None, "unjudged")
    assert "(unreadable)" in printed(status_screen(shown))


def test_an_incident_and_its_notices_are_shown(world: World) -> None:
    """What is open and what could not be delivered stand in the survey; the story of a run has what was told."""
    world.sweep(0)
    world.at(6)
    world.beat(a_run(), **counted(41))
    world.sweep()
    shown = as_json(survey(world.ledger, Policy()))
    told = story(world.ledger, Policy(), "run1")
    assert told is not None

    assert [(one["id"], one["state"], one["how"]) for one in shown["incidents"]] == [("run1.1", "open", None)]
    assert shown["watchdog"]["last_sweep_at"] == "2026-01-14T10:06:00Z"
    assert shown["watchdog"]["undelivered"] == []
    assert [(one["kind"], one["state"]) for one in as_json(told)["notices"]] == [("opened", "sent")]
    text = printed(story_screen(told))
    assert "incident 1: stalled from 2026-01-14 10:06:00 UTC, goes on" in text
    assert "notice opened by recorder: sent (2026-01-14 10:06:00 UTC)" in text


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param("abc1", "abc1", id="its_whole_id"),
        pytest.param("abd", "abd2", id="its_only_beginning"),
        pytest.param("ab", None, id="a_beginning_of_several"),
        pytest.param("x", None, id="a_beginning_of_none"),
        pytest.param("", None, id="nothing"),
        pytest.param("abe", "abe", id="a_whole_id_that_another_begins_with"),
    ],
)
def test_a_run_is_found_by_its_beginning(world: World, asked: str, found: str | None) -> None:
    """The beginning of an id will do where only one run has it; a whole id goes first."""
    for run_id in ("abc1", "abc2", "abd2", "abe", "abe3"):
        world.put(a_run(run_id))
    told = story(world.ledger, Policy(), asked)

    assert (told.view.id if told else None) == found


def everything_about(run: Run, now: datetime) -> tuple[Survey, Story]:
    found = judge(run, Policy(), now)
    view = View(run.id, run, found)
    incident = opened(Case(run.id, run, found), found, 1, now)
    return Survey(now, [view], [incident], []), Story(now, view, [incident], [])


def test_the_story_of_a_run_has_it_all() -> None:
    """Detail, labels, times, progress, failure with its place, and the limits that hold."""
    run = a_run(
        state="failed",
        detail="450 players",
        labels={"batch": "b1"},
        ended_at=START + timedelta(minutes=5),
        progress=Progress(41, 450, note="page 3"),
        failure=Failure("ValueError", Place("data_loaders.py", 412, "load"), "hunter2"),
        ancestors=("request",),
    )
    _, told = everything_about(run, START + timedelta(minutes=6))
    text = printed(story_screen(told))

    for words in (
        "failed after 5 min; ValueError",
        "450 players",
        "batch=b1",
        "2026-01-14 10:00:00 UTC (6 min ago)",
        "2026-01-14 10:05:00 UTC",
        "41 of 450 done (page 3)",
        "ValueError at data_loaders.py:412",
        "prediction-coordinator / host1 pid 7",
        "request",
        "silent after 1 min 30 s, stalled after 5 min, overdue at 80% of the way to the deadline",
    ):
        assert words in text
    assert "hunter2" not in text


def test_names_do_not_act_on_the_terminal() -> None:
    """No name on a screen can clear it, set its title or turn the direction of writing; a table keeps its rows."""
    run = a_run(
        HOSTILE,
        operation=HOSTILE,
        detail=HOSTILE,
        labels={HOSTILE: HOSTILE},
        host=HOSTILE,
        instance=HOSTILE,
        reason=HOSTILE,
        ancestors=(HOSTILE,),
        progress=Progress(1, note=HOSTILE),
    )
    for screen in (f(one) for f, one in zip((status_screen, story_screen), everything_about(run, START), strict=True)):
        text = printed(screen)

        assert not set(text) & set("\x1b\x07\r\u202e")
    status, _ = everything_about(run, START)
    assert len(printed(status_screen(Survey(START, status.runs, [], []))).splitlines()) == 3


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_screen_fits_its_terminal(width: int) -> None:
    """Whatever the names are, no line is wider than the terminal."""
    run = a_run(operation="o" * 200, detail="d" * 1000, progress=Progress(1, 2, note="n" * 1000))
    for screen in (f(one) for f, one in zip((status_screen, story_screen), everything_about(run, START), strict=True)):
        assert max(map(len, printed(screen, width).splitlines())) <= width


def test_print_screen_writes_plain_text_where_no_terminal_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Into a file or a pipe go no escape codes, and lines have room."""
    status, _ = everything_about(a_run(detail="d" * 60), START)
    print_screen(status_screen(status))
    out = capsys.readouterr().out

    assert "\x1b" not in out
    assert "d" * 50 in out


@given(document=documents(), now=instants)
def test_any_record_can_be_shown(document: dict[str, Any], now: datetime) -> None:
    """A stranger's record breaks neither the JSON nor the screens."""
    try:
        run = Run.from_document("stranger", document)
    except RecordError as error:
        view = View("stranger", None, judge(error, Policy(), now))
        shown = Survey(now, [view], [], []), Story(now, view, [], [])
    else:
        shown = everything_about(run, now)

    for one in shown:
        json.loads(json.dumps(one.as_json()))
    printed(status_screen(shown[0]))
    printed(story_screen(shown[1]))


class Reference:
    """Such types of its own has Firestore."""

    def __str__(self) -> str:
        return "runs/x"


def test_types_that_json_lacks_are_shown_as_text() -> None:
    """Evidence of a newer client, or a stranger, may hold anything that Firestore can."""
    strange = {"kind": "x", "deep": {"at": START, "list": [START, Reference(), b"x"]}, "ref": Reference(), "none": None}
    status, told = everything_about(a_run(activity=strange), START)

    shown = as_json(status)["runs"][0]["activity"]
    assert shown["deep"] == {"at": "2026-01-14T10:00:00Z", "list": ["2026-01-14T10:00:00Z", "runs/x", "b'x'"]}
    assert (shown["ref"], shown["none"]) == ("runs/x", None)
    assert as_json(told)["run"]["activity"] == shown


LISTS = ["told", "undelivered", "unjudged", "held", "covered", "withdrawn"]


def test_a_report_as_scripts_see_it() -> None:
    """`sweep --json` has counts and lists under fixed names."""
    report = SweepReport(START, read=3, judged=2, unjudged=["x"], doubt_until=START, audit="full")

    assert json.loads(json.dumps(report.as_json())) == {
        "now": "2026-01-14T10:00:00Z",
        "read": 3,
        "due": 0,
        "judged": 2,
        "told": [],
        "undelivered": [],
        "unjudged": ["x"],
        "held": [],
        "covered": [],
        "withdrawn": [],
        "doubt": None,
        "doubt_until": "2026-01-14T10:00:00Z",
        "audit": "full",
        "unmeasured": None,
        "seconds": 0.0,
    }
    assert report.counts() == {"read": 3, "due": 0, "judged": 2, "seconds": 0.0} | dict.fromkeys(LISTS, 0) | {
        "unjudged": 1
    }
    assert SweepReport(START).as_json()["audit"] is None


@pytest.mark.parametrize(
    ("given_lists", "complete"),
    [
        ({}, True),
        ({"undelivered": [{"why": "x"}]}, False),
        ({"unjudged": ["x"]}, False),
        ({"held": ["x"], "covered": ["x"], "withdrawn": ["x"], "told": [{"title": "x"}]}, True),
    ],
    ids=["nothing_happened", "not_delivered", "not_judged", "all_else"],
)
def test_when_a_sweep_is_complete(given_lists: dict[str, Any], complete: bool) -> None:
    """What could not be judged or delivered decides the exit status, nothing else does."""
    assert SweepReport(START, **given_lists).complete is complete


def test_a_sweep_in_one_line() -> None:
    """A sweep is one line with what happened, and a line for each title told or reason of failure."""
    told = [{"title": "load is stalled"}]
    report = SweepReport(START, read=3, told=told, undelivered=[{"why": "slack: answered 500"}], held=["x", "y"])

    assert sweep_line(SweepReport(START, read=3)) == "10:00:00 read 3"
    assert sweep_line(report) == (
        "10:00:00 read 3, told 1, undelivered 1, held 2\n  load is stalled\n  slack: answered 500"
    )
