"""What a page draws and says: bars, plots, time lines, filters and figures, decided by their arguments alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from heartbeat_client.run import Progress, Run
from tests.page.scene import POLICY, Scene
from tests.support.world import START, a_run
from watchdog.history import KEPT, History, Taken
from watchdog.ledger import SweepState
from watchdog.page.bars import bar, share
from watchdog.page.cards import ahead_card, run_card
from watchdog.page.durations import SHOWN, plot
from watchdog.page.filters import Filter
from watchdog.page.overview import ENDED_LISTED, RUNS_LISTED, overview
from watchdog.page.phrases import ago, as_json, clock, name
from watchdog.page.stories import Ahead, Panorama
from watchdog.page.timeline import Timeline, timeline
from watchdog.policy import Policy
from watchdog.schedule import Expected
from watchdog.survey import Story, Survey, View
from watchdog.verdict import judge

NOW = START + timedelta(minutes=15)
HISTORY = History(tuple(Taken(f"past{number}", 60.0 * number) for number in range(1, 11)))


def view(run: Run, now: datetime = NOW) -> View:
    return View(run.id, run, judge(run, Policy(), now))


@pytest.mark.parametrize(
    ("part", "whole", "per_cent"),
    [(0, 10, 0), (5, 10, 50), (10, 10, 100), (11, 10, 100), (-1, 10, 0), (1, 0, 0), (1, 3, 33.33)],
)
def test_a_share_stays_within_the_drawing(part: float, whole: float, per_cent: float) -> None:
    """Per cent from 0 to 100, whatever clocks say."""
    assert share(part, whole) == per_cent


def test_a_bar_ends_at_the_deadline_until_it_has_passed() -> None:
    """Half of the way is half of the bar; past the deadline the bar is the time taken, the deadline within it."""
    half, late = (bar(a_run(), HISTORY, START + timedelta(minutes=minutes)) for minutes in (15, 60))

    assert (half.elapsed, half.deadline, half.warn, half.over) == (50, 100, 80, False)
    assert half.usual == (share(330, 1800), share(540, 1800))
    assert half.said == "15 min of 30 min; usually 5 min 30 s"
    assert (late.elapsed, late.deadline, late.over) == (100, 50, True)


def test_a_bar_without_deadline_or_history_still_says_how_long() -> None:
    """What is not known is not drawn."""
    drawn = bar(a_run(deadline=None), History(), NOW)

    assert (drawn.usual, drawn.warn, drawn.deadline, drawn.over) == (None, None, None, False)
    assert 80 < drawn.elapsed < 100
    assert drawn.said == "15 min"


def test_a_plot_shows_this_run_among_the_last_fifty() -> None:
    """The run that goes on stands last; one of long ago is shown as the first; kinds are told apart."""
    runs = tuple(
        Taken(f"past{number}", 10.0 + number, "failed" if number == 60 else "succeeded") for number in range(70)
    )
    history = History((*runs, Taken("late", 99.0, late=True)))
    going, old = plot(history, Taken("new", 50.0)), plot(history, runs[3])

    assert going is not None
    assert old is not None
    assert len(going.columns) == len(old.columns) == SHOWN
    assert going.columns[-1].kind == "this"
    assert old.columns[0].kind == "this"
    assert [column.kind for column in old.columns[-3:]] == ["healthy", "healthy", "late"]
    assert sum(column.kind == "bad" for column in old.columns) == 1
    assert max(column.x + column.width for column in going.columns) <= 100
    assert max(column.height for column in going.columns) <= 100


@pytest.mark.parametrize(("allowed", "drawn"), [(1500.0, True), (1501.0, False), (None, False)])
def test_a_far_deadline_does_not_press_the_columns_flat(allowed: float | None, drawn: bool) -> None:
    """The deadline is drawn up to two and a half times the longest run."""
    made = plot(HISTORY, None, allowed)

    assert made is not None
    assert (made.deadline is not None) is drawn


def test_no_plot_without_runs() -> None:
    """Nothing ended and nothing to look at is no plot."""
    assert plot(History()) is None
    assert KEPT == SHOWN


def told(run: Run, now: datetime = NOW) -> Timeline:
    made = timeline(Story(now, view(run, now), [], []))
    assert made is not None
    return made


def kinds(made: Timeline, lane: str) -> list[tuple[str, float, float]]:
    return [(span.kind, span.x, span.width) for span in made.spans if span.lane == lane]


@pytest.mark.parametrize(("seconds", "kind"), [(29, "alive"), (30, "gap")])
def test_a_missing_beat_is_a_gap(seconds: float, kind: str) -> None:
    """From the second beat that did not come, the line says that none came."""
    made = told(a_run(beat_at=NOW - timedelta(seconds=seconds)))

    assert [span[0] for span in kinds(made, "beats")] == ["alive", kind]


def test_a_time_line_shows_what_moved_and_what_stands() -> None:
    """Work moved until its last move and stands since; what comes next is foretold, in order."""
    progress = Progress(41, 450, at=START + timedelta(minutes=5), since=START)
    made = told(a_run(progress=progress, moved_at=progress.at, beat_at=NOW))
    whole = 30 * 1.04

    assert kinds(made, "work") == [
        ("moved", 0, pytest.approx(500 / whole, abs=0.02)),
        ("stands", pytest.approx(500 / whole, abs=0.02), pytest.approx(1000 / whole, abs=0.02)),
    ]
    assert made.now == pytest.approx(1500 / whole, abs=0.02)
    assert made.deadline == pytest.approx(3000 / whole, abs=0.02)
    assert [event.said for event in made.events] == [
        "started",
        "last moved",
        "last beat, number 2",
        "now",
        "silent from here, unless it beats",
        "overdue from here, unless it ends",
        "deadline",
    ]
    assert [tick.said for tick in made.ticks] == ["0", "10 min", "20 min", "30 min"]


def test_the_time_line_of_a_run_that_is_over_ends_there() -> None:
    """Nothing is foretold, and there is no present on it."""
    end = START + timedelta(minutes=3)
    made = told(a_run(state="succeeded", ended_at=end, beat_at=end))

    assert made.now is None
    assert made.deadline is None
    assert kinds(made, "beats")[0][0] == "alive"
    assert "limit" not in {event.kind for event in made.events}


@pytest.mark.parametrize("length", [1, 59, 600, 86_400, 40 * 86_400, 4000 * 86_400])
def test_a_time_line_of_any_length_has_few_marks(length: float) -> None:
    """From a second to years, the scale can be read."""
    made = told(a_run(deadline=START + timedelta(seconds=length)), START + timedelta(seconds=length / 2))

    assert 1 <= len(made.ticks) <= 13


WANTED = [
    pytest.param({}, True, id="everything"),
    pytest.param({"operation": "load-*"}, True, id="a_pattern"),
    pytest.param({"operation": "load"}, False, id="a_name_is_whole"),
    pytest.param({"text": "GAMES"}, True, id="text_in_any_case"),
    pytest.param({"text": "host1"}, True, id="its_host"),
    pytest.param({"text": "blue"}, True, id="its_label"),
    pytest.param({"text": "nothing of it"}, False, id="text_that_is_not_there"),
    pytest.param({"state": "silent"}, True, id="its_verdict"),
    pytest.param({"state": "problems"}, True, id="problems"),
    pytest.param({"state": "running"}, True, id="what_it_says_of_itself"),
    pytest.param({"state": "healthy"}, False, id="another_verdict"),
    pytest.param({"state": "silent", "text": "nothing of it"}, False, id="all_must_hold"),
    pytest.param({"unknown": "x", "text": " \n "}, True, id="what_is_no_filter"),
]


@pytest.mark.parametrize(("query", "taken"), WANTED)
def test_a_filter_takes_what_fits_all_of_it(query: dict[str, str], taken: bool) -> None:
    """Operation by name or pattern, state by verdict or end, text anywhere."""
    assert Filter.from_query(query).takes(view(a_run(labels={"team": "blue"}))) is taken


def test_words_for_strangers_names() -> None:
    """One line, nothing that acts on the text around it, and not too long."""
    assert name("a\nb\u202ec\x1b[2Jd") == "a b c [2Jd"
    assert name("x" * 161) == "x" * 159 + "…"
    assert name("x" * 160) == "x" * 160


def test_words_for_instants() -> None:
    """The day is said where it is not today."""
    assert clock(START, NOW) == "10:00:00 UTC"
    assert clock(START - timedelta(days=1), NOW) == "2026-01-13 10:00:00 UTC"
    assert clock(None, NOW) == ago(None, NOW) == ""
    assert (ago(START, NOW), ago(NOW, START)) == ("15 min ago", "in 15 min")


def test_a_record_is_shown_as_json_whatever_is_in_it() -> None:
    """Instants, bytes and objects become text, in ASCII; what is endless is cut."""
    shown = as_json({"at": START, "blob": b"\x00", "odd": object, "turns": "\u202e"})

    assert '"at": "2026-01-14T10:00:00Z"' in shown
    assert "\\u202e" in shown
    assert as_json({"x": "y" * 300_000}).endswith("characters more")


def panorama(runs: list[View], **more: Any) -> Panorama:
    state = SweepState(last_sweep_at=more.pop("swept", NOW - timedelta(seconds=20)))
    return Panorama(Survey(NOW, runs, [], [], state), tuple(more.pop("ended", ())), {}, ())


HEADLINES = [
    pytest.param([], NOW, "All is quiet", "good", id="nothing_runs"),
    pytest.param([view(a_run(beat_at=NOW))], NOW, "All is well", "good", id="all_is_well"),
    pytest.param([], NOW - timedelta(minutes=3), "All is quiet", "good", id="a_sweep_three_minutes_ago"),
    pytest.param([], NOW - timedelta(minutes=3, seconds=1), "Nobody watches", "bad", id="no_sweep_for_longer"),
    pytest.param([], None, "Nobody watches", "bad", id="no_sweep_yet"),
]


@pytest.mark.parametrize(("runs", "swept", "said", "mood"), HEADLINES)
def test_the_headline_never_calms_without_a_watchdog(
    runs: list[View], swept: datetime | None, said: str, mood: str
) -> None:
    """That all is well is said only where a sweep was made within three minutes."""
    page = overview(panorama(runs, swept=swept), Filter())

    assert (page.headline, page.mood) == (said, mood)


def test_of_many_runs_the_first_hundred_are_listed() -> None:
    """The rest is counted, and listed for whoever asks."""
    runs = [view(a_run(f"run{number}", beat_at=NOW)) for number in range(RUNS_LISTED + 1)]
    ended = [view(replace(one.run, state="succeeded", ended_at=NOW)) for one in runs if one.run]
    page, whole = (overview(panorama(runs, ended=ended), Filter(), everything=all_of_it) for all_of_it in (False, True))

    assert (len(page.running), page.hidden, len(page.ended)) == (RUNS_LISTED, 1, ENDED_LISTED)
    assert (len(whole.running), whole.hidden) == (RUNS_LISTED + 1, 0)


@pytest.mark.parametrize(("done", "said"), [(9, "done at"), (0, "")])
def test_a_run_that_counts_says_when_it_will_be_done(done: int, said: str) -> None:
    """Rate, time to go and the instant; nothing where nothing has moved."""
    at = NOW if done else None
    progress = Progress(done * 10, 450, at=at, since=START, rate=0.1 if done else None)
    card = run_card(view(a_run(progress=progress, moved_at=at, beat_at=NOW)), {}, NOW)

    assert said in card.pace
    assert (card.done, card.progress) == (done * 10 / 4.5, f"{done * 10} of 450 done")


EXPECTED = {
    "a schedule": (POLICY.expected[0], NOW + timedelta(hours=1), "in 1 h, at 11:15:00 UTC, 06:15 in America/New_York"),
    "in its grace": (POLICY.expected[1], NOW - timedelta(minutes=5), "since 10:10:00 UTC, in time until 10:40:00 UTC"),
    "its first": (Expected("x", every=60.0), None, "at its first start"),
    "after another": (POLICY.expected[2], None, "when prediction-batch succeeds"),
}


@pytest.mark.parametrize(("expected", "due", "said"), EXPECTED.values(), ids=EXPECTED.keys())
def test_what_is_expected_says_when(expected: Expected, due: datetime | None, said: str) -> None:
    """In how long, at what instant, in the rule's own time zone too; in its grace, until when it is in time."""
    assert ahead_card(Ahead(expected, due, None, None), NOW).due == said


@pytest.mark.parametrize(("known", "said"), [(False, "Nothing has ever run here"), (True, "Nothing runs now")])
def test_only_a_store_without_any_run_is_new(scene: Scene, known: bool, said: str) -> None:
    """How to wrap the first operation is taught where no run is on record, however long ago one ended."""
    if known:
        scene.ended(a_run(), 5)
    scene.at(60 * 24 * 3)

    assert said in scene.app.test_client().get("/").text


def test_a_missed_run_stands_among_the_expected(scene: Scene) -> None:
    """An expectation with an open incident says why, and the incident can be answered on its own page."""
    scene.policy = Policy(expected=(Expected("nightly", every=600.0, grace=60.0),))
    for minute in range(13):
        scene.sweep(minute)
    client = scene.app.test_client()
    page = client.get("/").text
    (incident,) = [held.value for held in scene.ledger.open_incidents()]
    told = client.get("/incidents/" + incident.id)

    assert "nightly did not start" in page
    assert "missed: expected at least every 10 min" in page
    assert (told.status_code, "Acknowledge" in told.text) == (200, True)
