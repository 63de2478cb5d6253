"""What is drawn in a terminal: bars, time lines and tables at each width, in Unicode and in ASCII."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from heartbeat_client.run import SUCCEEDED, Progress, Run
from tests.support.world import START, World, a_run, counted
from watchdog.history import History, Taken
from watchdog.policy import Policy
from watchdog.screens import status_screen, story_screen
from watchdog.survey import Story, Survey, View, story, survey
from watchdog.terminal.bars import cell, progress_bar, sparkline, time_bar
from watchdog.terminal.ink import ASCII, UNICODE
from watchdog.terminal.status import StatusScreen
from watchdog.verdict import judge

STANDS = {
    "kind": "blocked",
    "since": START + timedelta(minutes=1),
    "call": "recv",
    "at": {"file": "data_loaders.py", "line": 412, "function": "load_batch"},
    "waits_for": "peer 10.0.0.5:443, which has sent nothing for 17 min",
    "frames": [
        {"file": "data_loaders.py", "line": 412, "function": "load_batch", "age": 1080},
        {"file": "coordinator.py", "line": 88, "function": "start", "age": 1100},
    ],
}


class Ascii(io.StringIO):
    """A file that takes ASCII only."""

    encoding = "ascii"


def printed(screen: RenderableType, width: int = 200, *, ascii_only: bool = False, height: int = 60) -> str:
    """What a screen looks like on a terminal of that size, without colours."""
    out = Ascii() if ascii_only else io.StringIO()
    console = Console(file=out, width=width, height=height, color_system=None, markup=False, highlight=False)
    console.print(screen)
    return out.getvalue()


def a_history(*minutes: float, state: str = SUCCEEDED) -> History:
    return History(tuple(Taken(f"old{number}", 60 * length, state) for number, length in enumerate(minutes)))


def bar(run: Run, minutes: float, history: History | None = None) -> str:
    now = START + timedelta(minutes=minutes)
    return time_bar(run, history or History(), now, width=10, drawn=ASCII, style="").plain


@pytest.mark.parametrize(
    ("minutes", "drawn"),
    [
        pytest.param(0, "---------|", id="at_the_start_nothing_is_over"),
        pytest.param(0.1, "=--------|", id="begun_is_a_cell"),
        pytest.param(15, "=====----|", id="half_of_the_way"),
        pytest.param(29.9, "=========|", id="just_before_the_deadline"),
        pytest.param(30, "=========|", id="at_the_deadline"),
        pytest.param(60, "=====|====", id="past_it_the_deadline_lies_inside"),
    ],
)
def test_a_bar_ends_at_the_deadline(minutes: float, drawn: str) -> None:
    """The bar of a run shows how much of the way to its deadline is over."""
    assert bar(a_run(), minutes) == drawn


@pytest.mark.parametrize(
    ("usual", "drawn"),
    [
        pytest.param(6, "==+==----|", id="longer_than_usual"),
        pytest.param(24, "=====---+|", id="shorter_than_usual"),
        pytest.param(45, "=====----|", id="usual_is_beyond_the_bar"),
    ],
)
def test_a_bar_shows_what_is_usual(usual: float, drawn: str) -> None:
    """A mark lies where the median of the healthy runs lies, if that is on the bar."""
    assert bar(a_run(), 15, a_history(usual)) == drawn


def test_a_bar_without_a_deadline_has_room() -> None:
    """Without a deadline the bar goes a little beyond what there is to show: the run, or what is usual."""
    run = a_run(deadline=None)

    assert bar(run, 10) == "=========-"
    assert bar(run, 10, a_history(20)) == "====----+-"
    assert bar(run, 0) == "-" * 10


def test_a_bar_of_an_ended_run_stands() -> None:
    """An ended run's bar is as long as it took, however long ago that was."""
    run = a_run(state=SUCCEEDED, ended_at=START + timedelta(minutes=15))

    assert bar(run, 15) == bar(run, 5000) == "=====----|"


@pytest.mark.parametrize(
    ("progress", "drawn"),
    [
        (Progress(0, 450), "-" * 10),
        (Progress(1, 450), "=" + "-" * 9),
        (Progress(225, 450), "=" * 5 + "-" * 5),
        (Progress(449, 450), "=" * 9 + "-"),
        (Progress(450, 450), "=" * 10),
        (Progress(500, 450), "=" * 10),
        (Progress(7), ""),
        (Progress(0, 0), ""),
    ],
    ids=["none", "one", "half", "all_but_one", "all", "more_than_all", "no_total", "nothing_to_do"],
)
def test_a_progress_bar_is_full_when_all_is_done(progress: Progress, drawn: str) -> None:
    """Begun is never drawn as nothing, and unfinished never as full."""
    assert progress_bar(progress, 10, ASCII).plain == drawn


@pytest.mark.parametrize(("part", "number"), [(-1, 0), (0, 0), (9.9, 0), (10, 1), (99, 9), (100, 9), (1000, 9)])
def test_every_part_has_a_cell(part: float, number: int) -> None:
    """What lies outside is drawn at the edge."""
    assert cell(part, 100, 10) == number
    assert cell(part, 0, 10) == 0


def test_a_sparkline_tells_runs_apart() -> None:
    """Lengths against the longest, the oldest first; a failed run is red, and this one stands out."""
    runs = (Taken("a", 1), Taken("b", 50, "failed"), Taken("c", 100))
    line = sparkline(runs, "c", UNICODE)

    assert line.plain == "▁▅█"
    assert [(span.start, str(span.style)) for span in line.spans] == [(1, "red"), (2, "reverse")]
    assert sparkline(runs, "", ASCII).plain == "_+@"
    assert sparkline((), "", ASCII).plain == ""


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One run that stands in a call since minute 1, one that counts; it is minute 20, and a sweep has told."""
    world = World(tmp_path)
    for number in range(6):
        began = START - timedelta(hours=number + 1)
        ended = {"state": "failed" if number == 3 else SUCCEEDED, "ended_at": began + timedelta(minutes=8 + number)}
        world.put(a_run(f"old{number}", started_at=began, beat_at=began, deadline=None, **ended))
    world.at(19)
    world.sweep()
    world.at(20)
    stuck = a_run("a1b2c3d4e5f60718", detail="450 players", activity=STANDS, moved_at=START + timedelta(minutes=1))
    world.beat(stuck)
    counting = a_run("b1b2c3d4e5f60718", operation="publish-requests", started_at=START + timedelta(minutes=10))
    world.beat(replace(counting, deadline=START + timedelta(minutes=40)), **counted(300, at=world.now, rate=0.5))
    world.sweep()
    return world


def seen(world: World) -> Survey:
    return survey(world.ledger, Policy())


def told(world: World) -> Story:
    found = story(world.ledger, Policy(), "a1b2")
    assert found is not None
    return found


def test_status_at_200_columns(world: World) -> None:
    """A wide terminal shows bars, what is usual, progress with its rate, beats, and whole ids."""
    text = printed(status_screen(seen(world)), 200)

    assert "┿ usual ┃ deadline" in text
    assert "usually" in text
    assert "300 of 450 done; 30.0/min, about 5 min to go" in text
    assert "a1b2c3d4e5f60718" in text
    assert "━┿━" in text


def test_status_at_80_columns(world: World) -> None:
    """A narrow terminal shows each run in a line or two, the sentence of each incident wrapped under it."""
    lines = printed(status_screen(seen(world)), 80).splitlines()
    text = "\n".join(lines)

    assert max(map(len, lines)) <= 80
    assert "300/450" in text
    assert "a1b2c3d4" in text
    assert "a1b2c3d4e5f60718" not in text
    assert "deadline in" not in text
    first = next(
        number for number, line in enumerate(lines) if line.startswith("incident load-historical-games: stalled")
    )
    sentence = [line for line in lines[first + 1 :] if line.startswith("  ")]
    assert len(sentence) > 1
    assert "recv at data_loaders.py:412" in " ".join(line.strip() for line in sentence)


@pytest.mark.parametrize("width", [30, 60, 80, 99, 100, 120, 149, 150, 200, 240])
@pytest.mark.parametrize("ascii_only", [False, True], ids=["unicode", "ascii"])
def test_every_width_and_alphabet(world: World, width: int, ascii_only: bool) -> None:
    """No line is wider than its terminal, and a terminal of ASCII gets nothing else."""
    for screen in (status_screen(seen(world)), story_screen(told(world))):
        text = printed(screen, width, ascii_only=ascii_only)

        assert max(map(len, text.splitlines())) <= width
        assert text.isascii() or not ascii_only


def test_a_short_id_is_of_random_digits_only(world: World) -> None:
    """An id that somebody chose is not cut to its beginning, which others may share."""
    world.beat(a_run("batch-2026-01-14", deadline=None))

    assert "batch-2026-01-14" in printed(status_screen(seen(world)), 80)


def test_a_fitted_screen_counts_what_it_leaves_out() -> None:
    """As high as the terminal, the worst runs first, and how many more there are."""
    runs = [a_run(f"run{number}", operation=f"load-{number}", detail="x" * 300) for number in range(30)]
    views = [View(run.id, run, judge(run, Policy(), START)) for run in runs]
    text = printed(StatusScreen(Survey(START, views, [], []), fitted=True), 80, height=12)

    assert len(text.splitlines()) <= 12
    assert "load-0" in text
    assert f"and {30 - text.count('load-')} more runs, none of them worse" in text


def test_in_a_fitted_screen_the_name_gives_way(world: World) -> None:
    """One line a run: a long name is cut before any figure is."""
    text = printed(StatusScreen(seen(world), fitted=True), 80)
    (line,) = [line for line in text.splitlines() if line.startswith("publish-requests")]
    (cut,) = [line for line in text.splitlines() if line.startswith("load-historical")]

    assert line.split()[-2:] == ["300/450", "b1b2c3d4"]
    assert cut.split()[-1] == "a1b2c3d4"
    assert "…" in cut


def test_a_time_line_shows_a_run_that_stands(world: World) -> None:
    """Beats go on while work stands since minute 1; incident and notice lie where they came, ahead is the deadline."""
    lines = printed(story_screen(told(world)), 110, ascii_only=True).splitlines()
    lanes = {line[:10].strip(): line[10:] for line in lines if line[10:11] in "=.# |:O1" or line.startswith("time ")}
    width = 100

    assert lanes["time"].startswith("10:00:00")
    assert lanes["beats"].count("=") == pytest.approx(width * 20 / 30, abs=3)
    assert lanes["moved"].count("=") == pytest.approx(width / 30, abs=2)
    assert lanes["moved"].count(".") == pytest.approx(width * 19 / 30, abs=3)
    assert lanes["incidents"].strip() == "#" * len(lanes["incidents"].strip())
    assert lanes["notices"].strip() == "O"
    assert lanes["notices"].index("O") == pytest.approx(width * 20 / 30, abs=3)
    marks = next(line for line in lines if "deadline" in line and ": now" in line)
    assert marks.index(": now") - 10 == pytest.approx(width * 20 / 30, abs=3)
    assert marks.rstrip().endswith("| deadline")


def test_a_story_shows_frames_and_history(world: World) -> None:
    """The chain of frames innermost first, the durations of earlier runs, and where this one stands among them."""
    text = printed(story_screen(told(world)), 120)

    assert "frames    data_loaders.py:412 load_batch, 18 min" in text
    assert "          coordinator.py:88 start, 18 min 20 s" in text
    assert "8 min to 13 min, the oldest first" in text
    assert "longer than all 5 healthy runs" in text


@pytest.mark.parametrize("shared", [False, True], ids=["a_process", "a_shared_run"])
def test_a_shared_run_has_no_lane_of_beats(tmp_path: Path, shared: bool) -> None:
    """No process beats for a run that spans processes."""
    world = World(tmp_path)
    world.at(2)
    world.put(a_run("a1b2", shared=shared, key="k"))
    lanes = [line[:10].strip() for line in printed(story_screen(told(world)), 80).splitlines()]

    assert ("beats" in lanes) is not shared
    assert "moved" in lanes


def test_an_unreadable_run_has_a_story(tmp_path: Path) -> None:
    """What can't be read has its verdict, and no drawing that was guessed."""
    world = World(tmp_path)
    world.put_document("a1b2", {"state": "running", "operation": 7})
    text = printed(story_screen(told(world)))

    assert text.startswith("(unreadable) a1b2\nunjudged: the record can't be read")
    assert "time " not in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_an_empty_store_has_a_screen(tmp_path: Path, width: int) -> None:
    """Where nothing runs, it is said how to wrap the first operation."""
    text = printed(status_screen(survey(World(tmp_path).ledger, Policy())), width)

    assert "Nothing runs, and nothing is wrong" in text
    assert "from heartbeat_client import" in text
