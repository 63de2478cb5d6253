"""How a run went, from its trail: stretches, gaps and words, and the same in a terminal's cells."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from heartbeat_client.run import Place, Progress, Run, due_at
from heartbeat_client.trail_point import LETTERS, TrailPoint
from tests.support.world import START, a_run
from watchdog.course import KIND_WORDS, gaps_of, kinds_of, points_json, points_of, stretches, summary
from watchdog.history import History
from watchdog.policy import Policy
from watchdog.survey import Story, View
from watchdog.terminal.timeline import TimeLine
from watchdog.terminal.trail import KIND_STYLES
from watchdog.verdict import judge

HERE = {"file": "app/load.py", "line": 412, "function": "load"}
THERE = {"file": "app/publish.py", "line": 88, "function": "publish"}
TRAIL: dict[str, Any] = {
    "step": 30.0,
    "until": 285.0,
    "kinds": "wwwbbb-ppp",
    "at": "aaabbb---a",
    "places": [HERE, THERE],
    "done": [None, 0, 10, 10, 10, 10, 10, 20, 30, 35],
    "gaps": [None, None, None, None, 75, 75, 75, None, None, None],
}


def points(**changes: Any) -> tuple[TrailPoint, ...]:
    """The points of that trail, some of its columns otherwise."""
    return points_of(a_run(trail=TRAIL | changes))


def test_neighbours_that_are_alike_are_one_stretch() -> None:
    """What follows each other at the same place with the same kind is one; its last count and longest gap are kept."""
    found = [(one.since, one.until, one.kind, one.where, one.done, one.gap) for one in stretches(points())]

    assert found == [
        (0, 90, "working", "app/load.py:412 load", 10, None),
        (90, 180, "blocked", "app/publish.py:88 publish", 10, 75),
        (180, 210, "", "", 10, 75),
        (210, 270, "progressing", "", 30, None),
        (270, 285, "progressing", "app/load.py:412 load", 35, None),
    ]


GAPS = [
    pytest.param([None, None], [], id="beats_came"),
    pytest.param([None, 30], [(30, 60, 30)], id="a_point_that_is_all_gap"),
    pytest.param([None, 75, 75, 75], [(37.5, 112.5, 75)], id="over_points_it_is_one_as_long_as_it_was"),
    pytest.param([10], [(10, 20, 10)], id="shorter_than_its_point_it_is_drawn_as_long_as_it_was"),
    pytest.param([40, 40, None, 40, 40], [(10, 50, 40), (100, 140, 40)], id="two_apart_are_two"),
    pytest.param([60, 60, 60, 60], [(0, 60, 60), (60, 120, 60)], id="a_second_of_the_same_length_is_another"),
    pytest.param([45, 50], [(0, 30, 45), (30, 60, 50)], id="two_of_other_lengths_are_two"),
]


@pytest.mark.parametrize(("gaps", "drawn"), GAPS)
def test_a_gap_is_drawn_as_long_as_it_was(gaps: list[int | None], drawn: list[tuple[float, float, float]]) -> None:
    """Points say how long beats did not come; where a point is longer than that, it lies in its middle."""
    found = gaps_of(points(gaps=gaps))

    assert [(gap.since, gap.until, gap.gap) for gap in found] == drawn


def test_the_whole_is_said_in_a_sentence() -> None:
    """What it did, the longest first, and how long no beat came."""
    assert summary(points()) == (
        "at work for 1 min 30 s, blocked in a call for 1 min 30 s, makes progress for 1 min 15 s, "
        "not looked at for 30 s; no beat for 1 min 15 s"
    )


def test_seconds_by_kind_are_those_of_the_run() -> None:
    """Each second of the trail is one of some kind, and kinds come in the order of the legend."""
    kinds = kinds_of(points())

    assert list(kinds) == ["progressing", "working", "blocked", ""]
    assert sum(kinds.values()) == 285.0


def test_each_kind_has_a_word_and_a_colour() -> None:
    """What a trail can hold can be said and drawn."""
    assert {*KIND_WORDS} == {*LETTERS, ""}
    assert {*KIND_STYLES} == {*LETTERS}


NOTHING: list[Any] = [
    None,
    {},
    {"step": 15.0, "until": 60.0, "kinds": "----"},
    {"step": 15.0, "until": 60.0},
    {"step": -1},
    {"kinds": 7},
]


@pytest.mark.parametrize("trail", NOTHING, ids=["none", "empty", "nobody_looked", "only_time", "awry", "of_no_shape"])
def test_a_trail_that_tells_nothing_is_none(trail: dict[str, Any] | None) -> None:
    """Then the time line is drawn from the last beat and the last move, as of an older record."""
    run = a_run(trail=trail)

    assert points_of(run) == ()
    assert points_json(run) == points_json(None) == []
    assert "moved" in lanes(drawn(run))
    assert judge(replace(run, due_at=due_at(run)), Policy(), START).state == "healthy"


def test_json_has_each_point() -> None:
    """`show --json` tells each point, what is not known of it as null."""
    found = points_json(a_run(trail=TRAIL))

    assert len(found) == 10
    assert found[4] == {"since": 120.0, "until": 150.0, "kind": "blocked", "at": THERE, "done": 10, "gap": 75.0}
    assert found[6] == {"since": 180.0, "until": 210.0, "kind": None, "at": None, "done": 10, "gap": 75.0}


class Ascii(io.StringIO):
    """A file that takes ASCII only."""

    encoding = "ascii"


def drawn(run: Run, width: int = 110, *, ascii_only: bool = True, now: datetime | None = None) -> str:
    """The time line on a terminal of that size, without colours."""
    now = now or START + timedelta(seconds=290)
    out = Ascii() if ascii_only else io.StringIO()
    console = Console(file=out, width=width, color_system=None, markup=False, highlight=False)
    console.print(TimeLine(Story(now, View(run.id, run, judge(run, Policy(), now)), [], [], History())))
    return out.getvalue()


def lanes(text: str) -> dict[str, str]:
    """Each lane by its name, the legend's lines among them as one."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name = line[:10].strip()
        found[name] = f"{found.get(name, '')}{line[10:].rstrip()}\n".lstrip("\n")
    return {name: line.rstrip("\n") for name, line in found.items()}


def a_drawn_run(**changes: Any) -> Run:
    """A run of 285 s with that trail, whose deadline is its end as drawn."""
    beat = START + timedelta(seconds=285)
    counted = Progress(35, 40, at=beat, since=START)
    return replace(a_run(trail=TRAIL, beat_at=beat, deadline=None, progress=counted), **changes)


def runs_of(text: str) -> list[tuple[str, int]]:
    """Each sign with how often it follows itself."""
    found: list[tuple[str, int]] = []
    for sign in text:
        found[-1:] = [(sign, found[-1][1] + 1)] if found and found[-1][0] == sign else [*found[-1:], (sign, 1)]
    return found


def test_a_terminal_shows_what_it_did_in_letters() -> None:
    """Each cell has the letter of the record, as wide as it lasted, and below them stands what the letters say."""
    told = lanes(drawn(a_drawn_run()))
    signs = runs_of(told["activity"])

    assert [sign for sign, _ in signs] == ["w", "b", ".", "p"]
    assert [number for _, number in signs] == pytest.approx([30, 30, 10, 25], abs=2)
    assert told[""].splitlines()[-1] == "p makes progress  w at work  b blocked in a call"
    assert "moved" not in told


def test_a_terminal_shows_what_was_done_and_when_no_beat_came() -> None:
    """Levels rise up to the total, and the sign of what failed stands where no beat came."""
    told = lanes(drawn(a_drawn_run()))
    levels = ["_.-=+*#@".index(sign) for sign in told["done"]]

    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, 7)
    assert [sign for sign, _ in runs_of(told["beats"])] == ["=", "x", "=", "."]
    assert runs_of(told["beats"])[1][1] == pytest.approx(25, abs=2)


@pytest.mark.parametrize("width", [30, 31, 60, 110, 240])
@pytest.mark.parametrize("ascii_only", [True, False], ids=["ascii", "unicode"])
def test_no_line_is_wider_than_the_terminal(width: int, ascii_only: bool) -> None:
    """From the narrowest that has a time line on, each lane takes a line, and nothing is cut."""
    text = drawn(a_drawn_run(), width, ascii_only=ascii_only)

    assert all(len(line) <= width for line in text.splitlines())
    assert lanes(text)["activity"].startswith("w")
    assert text.isascii() is ascii_only


def test_a_terminal_that_is_too_narrow_has_no_time_line() -> None:
    """Below thirty columns nothing could be read."""
    assert drawn(a_drawn_run(), 29) == ""


def at_most(limit: int, trail: dict[str, Any]) -> Sequence[str]:
    """The lanes of a run with that trail in so many columns."""
    return list(lanes(drawn(a_drawn_run(trail=trail, progress=None), limit)))


def test_lanes_without_anything_in_them_are_left_out() -> None:
    """What was not counted has no lane, nor what nobody looked at."""
    bare = {name: TRAIL[name] for name in ("step", "until")}

    assert "done" not in at_most(80, bare | {"kinds": TRAIL["kinds"]})
    assert "activity" not in at_most(80, bare | {"done": TRAIL["done"]})
    assert {"beats", "time"} <= {*at_most(80, bare | {"gaps": TRAIL["gaps"]})}


def test_what_a_stranger_wrote_for_a_place_is_only_text() -> None:
    """A place of a trail goes through the same words as any; it can't be read as more."""
    place = Place("app/\x1b[2J.py", 1, "f")
    (stretch,) = stretches([TrailPoint(0.0, 60.0, "working", place)])

    assert stretch.said == "at work at app/\x1b[2J.py:1 for 1 min"
    assert "\x1b" not in drawn(a_drawn_run(trail=TRAIL | {"places": [{**HERE, "file": place.file}]}))
