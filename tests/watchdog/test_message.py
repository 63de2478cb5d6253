"""What a notice says: each kind for each verdict, groups, deadlines, and nothing that acts on the reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.run import Failure, Progress, RecordError, Run
from tests.client.random_runs import documents, instants, words
from tests.support.world import START, a_run, counted
from watchdog.incident import LOST, OPENED, RECOVERED, REMINDED, RESOLVED, WORSENED, Case, Incident
from watchdog.life import opened
from watchdog.message import Message
from watchdog.policy import Policy, Rule, Settings
from watchdog.telling import Subject, compose
from watchdog.verdict import OVERDUE, SILENT, STALLED, UNJUDGED, Verdict, judge

KINDS = [OPENED, WORSENED, REMINDED, RESOLVED]
LOAD = a_run(
    detail="450 players",
    labels={"batch": "b1", "attempt": "2"},
    platform="cloud_run_service",
    revision="coordinator-00042-abc",
    instance="00f46b92aa00f46b92aa",
    project="nba-props",
    region="us-west2",
    python="3.11.7",
)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def verdict(state: str, since: datetime | None = START, *, past: bool = False) -> Verdict:
    return Verdict(state, f"because it is {state}", since, past)


def subject(found: Verdict, run: Run | None = LOAD, **incident: Any) -> Subject:
    begun = opened(Case(run.id if run else "stranger", run, found), found, 1, at(18))
    return Subject(replace(begun, **incident), run)


def told(kind: str, one: Subject, minutes: float = 18, policy: Policy | None = None) -> Message:
    return compose(kind, [one], policy or Policy(), at(minutes))


def facts(message: Message) -> dict[str, str]:
    assert len(dict(message.facts)) == len(message.facts)
    return dict(message.facts)


TITLES = [
    pytest.param(OPENED, verdict(STALLED), "load-historical-games is stalled", "bad", id="opened_stalled"),
    pytest.param(OPENED, verdict(OVERDUE), "load-historical-games is overdue", "bad", id="opened_overdue"),
    pytest.param(OPENED, verdict(SILENT), "load-historical-games is silent", "worse", id="opened_silent"),
    pytest.param(OPENED, verdict(UNJUDGED), "load-historical-games can't be judged", "bad", id="opened_unjudged"),
    pytest.param(
        OPENED,
        verdict(OVERDUE, past=True),
        "load-historical-games is overdue, past its deadline",
        "worse",
        id="opened_past_its_deadline",
    ),
    pytest.param(WORSENED, verdict(SILENT), "load-historical-games is silent now", "worse", id="worsened_silent"),
    pytest.param(
        WORSENED,
        verdict(STALLED, past=True),
        "load-historical-games is stalled, past its deadline now",
        "worse",
        id="worsened_past_its_deadline",
    ),
    pytest.param(
        REMINDED, verdict(STALLED), "load-historical-games is stalled, still, for 48 min", "bad", id="reminded"
    ),
    pytest.param(
        REMINDED,
        verdict(SILENT, at(3), past=True),
        "load-historical-games is silent, past its deadline, still, for 45 min",
        "worse",
        id="reminded_past_its_deadline",
    ),
    pytest.param(
        REMINDED,
        verdict(OVERDUE, at(30)),
        "load-historical-games is overdue, still, for 30 min",
        "bad",
        id="reminded_of_what_began_before_its_verdict",
    ),
]


@pytest.mark.parametrize(("kind", "found", "title", "mood"), TITLES)
def test_a_title_says_what_is_the_matter(kind: str, found: Verdict, title: str, mood: str) -> None:
    """The title alone says which operation, what is wrong, and whether that is new; the colour says how grave it is."""
    message = told(kind, subject(found), 48)

    assert (message.title, message.mood, message.kind) == (title, mood, kind)
    assert message.sentence == found.reason


@pytest.mark.parametrize(
    ("how", "mood"),
    [
        (RECOVERED, "good"),
        (LOST, "plain"),
        ("failed", "plain"),
        ("finished late", "plain"),
        ("record deleted", "plain"),
    ],
)
def test_an_end_says_how_and_after_how_long(how: str, mood: str) -> None:
    """A resolved notice says how the problem ended, how long it lasted, and shows success alone in green."""
    ended = subject(verdict(STALLED), resolved_at=at(29), how=how, ending="as it went")
    message = told(RESOLVED, ended, 40)

    assert message.title == f"load-historical-games: {how} after 29 min"
    assert (message.mood, message.sentence) == (mood, "as it went")
    assert "Time left" not in facts(message)


def test_a_reader_learns_everything_from_the_facts() -> None:
    """What, where, since when, how long is left, when it began and where it runs stand in the notice itself."""
    run = replace(LOAD, **counted(41, at=at(12), rate=0.5))
    message = told(OPENED, subject(verdict(STALLED, at(12)), run))

    assert message.facts == (
        ("What", "450 players; attempt 2, batch b1"),
        ("Where", "41 of 450 done"),
        ("Since", "10:12:00 UTC (6 min ago)"),
        ("Time left", "12 min, until 10:30:00 UTC; then the response is cut, while the code may go on"),
        ("Started", "10:00:00 UTC (18 min ago)"),
        ("Runs at", "prediction-coordinator / coordinator-00042-abc / instance aa00f46b92aa pid 7"),
    )
    assert message.footer == "run run1, told by Hangwatch, python 3.11.7"


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(a_run(), "prediction-coordinator / host1 pid 7", id="a_host_where_there_is_no_instance"),
        pytest.param(a_run(service=""), "host1 pid 7", id="a_host_alone"),
        pytest.param(a_run(host="", revision="r1"), "prediction-coordinator / r1", id="nothing_of_the_process"),
        pytest.param(a_run(service="", host=""), None, id="nothing_at_all"),
    ],
)
def test_where_it_runs_is_said_as_far_as_it_is_known(run: Run, expected: str | None) -> None:
    """Service, revision, and the process on its host or instance."""
    assert facts(told(OPENED, subject(verdict(STALLED), run))).get("Runs at") == expected


@pytest.mark.parametrize(
    ("platform", "before", "after"),
    [
        (
            "cloud_run_service",
            "then the response is cut, while the code may go on",
            "the response is cut by now, while the code may go on",
        ),
        ("cloud_run_job", "then the task is killed", "the task is killed by now"),
        ("", "then its deadline has come", "its deadline has passed"),
    ],
)
def test_what_a_deadline_does_depends_on_the_platform(platform: str, before: str, after: str) -> None:
    """A service's response is cut while its code goes on, a job's task is killed, elsewhere nothing is promised."""
    one = subject(verdict(STALLED), replace(LOAD, platform=platform))
    left = [facts(told(OPENED, one, minutes))["Time left"] for minutes in (18, 30 - 1 / 60, 30, 30 + 1 / 60)]

    assert left == [
        f"12 min, until 10:30:00 UTC; {before}",
        f"1 s, until 10:30:00 UTC; {before}",
        f"none: {after}; the deadline was 10:30:00 UTC (0 s ago)",
        f"none: {after}; the deadline was 10:30:00 UTC (1 s ago)",
    ]


@pytest.mark.parametrize(
    ("deadline", "expected"),
    [
        pytest.param(at(60), "42 min, until 11:00:00 UTC; ", id="today"),
        pytest.param(at(14 * 60), "13 h 42 min, until 2026-01-15 00:00:00 UTC; ", id="tomorrow"),
    ],
)
def test_a_time_of_another_day_has_its_date(deadline: datetime, expected: str) -> None:
    """A clock time is enough for today; for any other day the date stands before it."""
    message = told(OPENED, subject(verdict(STALLED), replace(LOAD, deadline=deadline)))

    assert facts(message)["Time left"].startswith(expected)


def test_a_start_of_another_day_has_its_date() -> None:
    """What began yesterday is not shown as if it were today's."""
    message = told(OPENED, subject(verdict(STALLED, at(-700)), replace(LOAD, started_at=at(-700))))

    assert facts(message)["Started"] == "2026-01-13 22:20:00 UTC (11 h 58 min ago)"
    assert facts(message)["Since"] == "2026-01-13 22:20:00 UTC (11 h 58 min ago)"


def test_a_time_in_the_future_is_told_as_one() -> None:
    """Where a record claims a start that is yet to come, the notice says so."""
    message = told(OPENED, subject(verdict(UNJUDGED, None), replace(LOAD, started_at=at(78))))

    assert facts(message)["Started"] == "11:18:00 UTC (in 1 h)"


@pytest.mark.parametrize(
    ("run", "where"),
    [
        pytest.param(a_run(), None, id="nothing_is_known"),
        pytest.param(a_run(child="step"), "inside a nested run", id="inside_a_nested_run"),
        pytest.param(a_run(progress=Progress(0, 450)), "0 of 450 done", id="a_count_without_a_rate"),
        pytest.param(a_run(progress=Progress(41, note="page 3")), "41 done (page 3)", id="a_count_with_its_note"),
    ],
)
def test_where_a_run_stands(run: Run, where: str | None) -> None:
    """How far it got, or that a nested run has it; nothing where nothing is known."""
    assert facts(told(OPENED, subject(verdict(STALLED), run))).get("Where") == where


@pytest.mark.parametrize(
    "run", [replace(LOAD, deadline=None), replace(LOAD, state="failed")], ids=["without_deadline", "ended"]
)
def test_no_time_is_left_where_there_is_no_deadline(run: Run) -> None:
    """A run without a deadline, or one that is over, has no time left to tell of."""
    assert "Time left" not in facts(told(OPENED, subject(verdict(STALLED), run)))


def test_the_policy_speaks_in_the_message() -> None:
    """The deadline is the one that the policy sets, and its runbook is linked."""
    policy = Policy(rules=(Rule("load-*", Settings(deadline=1200, runbook="https://wiki.example/load")),))
    message = told(OPENED, subject(verdict(STALLED)), policy=policy)

    assert facts(message)["Time left"].startswith("2 min, until 10:20:00 UTC; ")
    assert dict(message.links)["Runbook"] == "https://wiki.example/load"
    assert [label for label, _ in message.links] == ["Logs", "Cloud Run", "Runbook"]


def test_the_runs_own_page_is_linked_first() -> None:
    """Where the watchdog has a page, the link to the run's comes first."""
    message = compose(OPENED, [subject(verdict(STALLED))], Policy(), at(18), "https://hangwatch.example")

    assert message.links[0] == ("Run", "https://hangwatch.example/runs/run1")


UNREADABLE = judge(RecordError("run stranger", ["state is missing"]), Policy(), at(18))


def test_a_record_that_cannot_be_read_is_named_with_what_to_do() -> None:
    """Where there is no run to speak of, the record's id, what is wrong with it, and how to be rid of it are told."""
    message = told(OPENED, subject(UNREADABLE, None))

    assert message.title == "run stranger can't be judged"
    assert message.sentence == "the record can't be read: state is missing"
    assert message.facts == (
        ("Run", "stranger"),
        ("What to do", "find out who writes it, or delete it: python -m watchdog prune stranger"),
    )
    assert message.links == ()


@pytest.mark.parametrize(
    ("run_id", "typed"),
    [
        pytest.param("x; rm -rf ~", "prune 'x; rm -rf ~'", id="a_second_command"),
        pytest.param("$(reboot)", "prune '$(reboot)'", id="a_substitution"),
        pytest.param("it's", "prune 'it'\"'\"'s'", id="a_quote"),
        pytest.param("x" * 200, "prune " + "x" * 200, id="a_long_id"),
        pytest.param("x" * 201, None, id="an_id_too_long_to_type"),
    ],
)
def test_a_command_to_paste_is_safe(run_id: str, typed: str | None) -> None:
    """An id is a stranger's choice, so it is quoted where people would paste it, and left out where it would be cut."""
    one = subject(UNREADABLE, None)
    message = told(OPENED, replace(one, incident=replace(one.incident, run_id=run_id)))

    assert facts(message)["Run"] == run_id
    assert ("What to do" in facts(message)) is (typed is not None)
    assert facts(message).get("What to do", "None").endswith(str(typed))


def test_a_deleted_record_needs_no_deleting() -> None:
    """The end of an incident whose record is gone gives no advice."""
    message = told(RESOLVED, subject(verdict(STALLED), None, how="record deleted", ending="gone", resolved_at=at(20)))

    assert message.facts == (("Run", "stranger"),)
    assert message.title == "run stranger: record deleted after 20 min"


def several(count: int, kind: str = OPENED, **given: Any) -> Message:
    subjects = [
        Subject(
            replace(subject(verdict(SILENT)).incident, id=f"run{n}.1", operation=f"part-{n}", **given),
            replace(LOAD, id=f"run{n}", detail=f"detail {n}", labels={}),
        )
        for n in range(count)
    ]
    return compose(kind, subjects, Policy(), at(18))


@pytest.mark.parametrize(
    ("count", "title", "lines"),
    [
        pytest.param(1, "part-0 is silent", 0, id="one_alone"),
        pytest.param(2, "part-0 is silent, and 1 more", 1, id="two"),
        pytest.param(11, "part-0 is silent, and 10 more", 10, id="as_many_as_are_listed"),
        pytest.param(12, "part-0 is silent, and 11 more", 11, id="one_more_than_is_listed"),
        pytest.param(1000, "part-0 is silent, and 999 more", 11, id="a_thousand"),
    ],
)
def test_problems_of_one_cause_are_one_message(count: int, title: str, lines: int) -> None:
    """The first problem leads, ten others have a line each, the rest are counted."""
    message = several(count)

    assert message.title == title
    assert len(message.also) == lines
    assert message.also[:1] == (() if count == 1 else ("part-1 (detail 1)",))
    assert message.also[10:] == ((f"and {count - 11} more",) if count > 11 else ())


def test_a_line_of_a_group_gives_its_reason_where_that_differs() -> None:
    """What the lead has said already is not said again; what is different is."""
    lead, other = subject(verdict(SILENT)), subject(verdict(STALLED))
    same = compose(OPENED, [lead, lead], Policy(), at(18))
    different = compose(OPENED, [lead, other], Policy(), at(18))

    what = "load-historical-games (450 players; attempt 2, batch b1)"
    assert same.also == (what,)
    assert different.also == (f"{what}: because it is stalled",)


def test_the_ends_of_a_group_say_how() -> None:
    """In a resolved notice each line says how that one ended."""
    message = several(2, RESOLVED, how=LOST, ending="gone for good", resolved_at=at(31))

    assert message.title == "part-0: lost after 31 min, and 1 more"
    assert message.also == ("part-1 (detail 1): lost",)


def test_a_line_of_a_group_is_cut() -> None:
    """One long name can't push the others out."""
    long = Subject(subject(verdict(STALLED)).incident, replace(LOAD, detail="x" * 1000))
    message = compose(OPENED, [subject(verdict(SILENT)), long], Policy(), at(18))

    assert [len(line) for line in message.also] == [500]


HOSTILE = "evil\u202e\x1b[2J\r\nload\u2028 \u2066x"


def test_a_name_cannot_act_on_the_reader() -> None:
    """No control character and none that turns the direction of writing comes through; the title is one line."""
    place = {"file": HOSTILE, "line": 1, "function": HOSTILE}
    seen = {"kind": "blocked", "at": place, "frames": [place], "waits_for": HOSTILE, "unknown": HOSTILE}
    run = replace(LOAD, operation=HOSTILE, detail=HOSTILE, labels={HOSTILE: HOSTILE}, host=HOSTILE, python=HOSTILE)
    run = replace(run, activity=seen)
    found = Verdict(SILENT, HOSTILE, START)
    message = compose(OPENED, [subject(found, run), subject(found, run)], Policy(), at(18))
    shown = json.dumps([message.title, message.sentence, message.facts, message.frames, message.also, message.footer])

    assert message.title == "evil [2J load x is silent, and 1 more"
    for escaped in ("\\u202e", "\\u001b", "\\r", "\\u2028", "\\u2066"):
        assert escaped not in shown
    assert "\n" not in "".join([message.title, message.footer, *message.also, *message.frames])


def test_writing_from_right_to_left_stays() -> None:
    """Letters of any script are shown as they are, joiners of emoji too."""
    name = "طقس \U0001f468\u200d\U0001f469\u200d\U0001f467 שלום"

    assert told(OPENED, subject(verdict(SILENT), replace(LOAD, operation=name))).title == f"{name} is silent"


def test_the_text_of_an_exception_is_not_told() -> None:
    """A notice may show what its user wrote, never what an exception said."""
    run = replace(LOAD, state="failed", failure=Failure("ValueError", text="password=hunter2"), ended_at=at(20))
    found = judge(run, Policy(), at(21))
    ended = subject(verdict(STALLED), run, how="failed", ending=found.reason, resolved_at=at(21))

    assert told(RESOLVED, ended, 21).sentence == "failed after 20 min; ValueError"
    assert "hunter2" not in str(told(RESOLVED, ended, 21))


def test_what_a_record_keeps_for_machines_is_not_told() -> None:
    """What this version does not know, in a record or in its evidence, does not reach a notice."""
    run = replace(LOAD, activity={"kind": "blocked", "locals": "hunter2"}, extra={"argv": "hunter2"})

    assert "hunter2" not in str([told(kind, subject(verdict(STALLED), run)) for kind in KINDS])


FRAME = {"file": "data_loaders.py", "line": 412, "function": "load_batch", "age": 1080.0}
STUCK = {
    "kind": "blocked",
    "at": FRAME,
    "since": START,
    "waits_for": "peer 10.0.0.5:443 silent for 17 min",
    "frames": [{"file": "socket.py", "line": 706, "function": "readinto"}, FRAME],
}


def test_the_calls_it_stands_in_are_listed() -> None:
    """Where there is evidence of what a run does, the chain of calls stands in the notice, innermost first."""
    message = told(OPENED, subject(verdict(STALLED), replace(LOAD, activity=STUCK)))

    assert message.frames == ("socket.py:706 readinto", "data_loaders.py:412 load_batch, 18 min")
    assert "blocked in load_batch at data_loaders.py:412 for 18 min; waits for peer" in facts(message)["Where"]


def test_the_calls_of_a_run_that_is_over_are_not_listed() -> None:
    """Where a run stood does not matter any more when the problem is over."""
    ended = subject(verdict(STALLED), replace(LOAD, activity=STUCK), how=RECOVERED, resolved_at=at(20))

    assert told(RESOLVED, ended).frames == ()


def test_long_calls_are_cut_so_that_they_can_be_kept() -> None:
    """Names of the longest kind don't cost a stored message its list of calls."""
    frame = {"file": "f" * 1000, "line": 2**62, "function": "x" * 1000}
    run = replace(LOAD, activity={"kind": "blocked", "at": frame, "frames": [frame] * 64, "waits_for": "w" * 2000})
    message = told(OPENED, subject(verdict(STALLED), run))

    assert message.frames
    assert {len(line) for line in message.frames} == {500}
    assert Message.from_document(message.to_document()) == message


def test_facts_have_a_limit() -> None:
    """32 labels of the longest kind don't make a notice that a store refuses."""
    run = replace(LOAD, detail="d" * 1000, labels={f"{n:0>1000}": "v" * 1000 for n in range(32)})
    message = told(OPENED, subject(verdict(STALLED), run))

    assert len(facts(message)["What"]) == 2000


pairs = st.lists(st.tuples(words, words), max_size=3).map(tuple)


@given(
    st.builds(
        Message,
        kind=words,
        mood=words,
        title=words,
        sentence=words,
        facts=pairs,
        links=pairs,
        frames=st.lists(words, max_size=3).map(tuple),
        also=st.lists(words, max_size=3).map(tuple),
        footer=words,
    )
)
def test_a_message_comes_back_from_its_document(message: Message) -> None:
    """What is stored of a message reads back equal, through JSON too."""
    document = message.to_document()

    assert Message.from_document(document) == message
    assert Message.from_document(json.loads(json.dumps(document))) == message


@pytest.mark.parametrize(
    "document",
    [{}, {"title": 7, "facts": "x", "links": [1, None, {}], "also": {"a": 1}}, {"facts": [{"label": None, "text": 5}]}],
    ids=["nothing", "wrong_types", "odd_pairs"],
)
def test_a_message_that_is_none_is_read_as_far_as_it_goes(document: dict[str, Any]) -> None:
    """What can't be read of a stored message is left out, and raises nothing."""
    message = Message.from_document(document)

    assert Message.from_document(message.to_document()) == message


def subjects_of(document: dict[str, Any], now: datetime) -> Sequence[Subject]:
    run: Run | None = None
    try:
        run = Run.from_document("stranger", document)
        found = judge(run, Policy(), now)
    except RecordError as error:
        found = judge(error, Policy(), now)
    begun: Incident = opened(Case("stranger", run, found), found, 1, now)
    ended = replace(begun, how=RECOVERED, ending=found.reason, resolved_at=now)
    return [Subject(begun, run), Subject(ended, run)]


@given(document=documents(), now=instants, kind=st.sampled_from(KINDS))
def test_any_run_has_a_message_that_can_be_kept(document: dict[str, Any], now: datetime, kind: str) -> None:
    """Whatever a stranger wrote, there is a message about it that is stored whole and read again."""
    message = compose(kind, subjects_of(document, now), Policy(), now, "https://hangwatch.example")

    assert message.title
    assert "\n" not in message.title
    assert Message.from_document(message.to_document()) == message
    assert len(json.dumps(message.to_document(), ensure_ascii=False).encode()) < 500_000


@pytest.mark.parametrize(
    ("detail", "what"),
    [("", "key batch-7"), ("morning", "morning; key batch-7"), ("batch-7", "batch-7")],
    ids=["alone", "beside_a_detail", "named_by_the_detail"],
)
def test_a_shared_run_is_known_by_its_key(detail: str, what: str) -> None:
    """Which of many batches is meant stands in the notice, whatever its opener said."""
    run = a_run(shared=True, key="batch-7", detail=detail)
    verdict = Verdict(STALLED, "because", START)
    message = compose(OPENED, [Subject(opened(Case("run1", run, verdict), verdict, 1, START), run)], Policy(), START)

    assert ("What", what) in message.facts
