"""A run's time line: what its trail becomes on its page, in numbers, in the markup, and in a real browser."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from heartbeat_client.run import Progress, Run
from tests.page.chromium import Chromium
from tests.page.scene import Scene, Served, course
from tests.support.world import START, a_run
from watchdog.page.timeline import LANE, NAMED, PAUSE, Timeline, timeline
from watchdog.policy import Policy
from watchdog.survey import Story, View
from watchdog.verdict import judge

PUBLISH = "publish-04be77d1"
SIZES = {"phone": 360, "desktop": 1440}
NOW = START + timedelta(minutes=10)


def with_trail(*, lost: range = range(0), counted: bool = True, **changes: Any) -> Run:
    """A run of ten minutes, without a deadline, that worked for five and stood for five."""
    run = a_run(deadline=None, **changes)
    looks = ((at, "progressing" if at <= 300 else "blocked", min(at, 300) if counted else None) for at in _seconds())
    done = Progress(300, 450, at=START + timedelta(minutes=5), since=START) if counted else None
    trail = course(run, looks, lost=lost)
    given: dict[str, Any] = {"beat_at": NOW, "trail": trail, "progress": done} | changes
    return replace(run, **given)


def _seconds() -> Iterator[int]:
    yield from range(0, 601, 15)


def told(run: Run) -> Timeline:
    made = timeline(Story(NOW, View(run.id, run, judge(run, Policy(), NOW)), [], []))
    assert made is not None
    return made


def spans(made: Timeline, lane: str) -> list[tuple[str, float, float]]:
    return [(span.kind, span.x, span.width) for span in made.spans if span.lane == lane]


# The scale has room behind the present: ten minutes are so many per cent of it, five half of that.
HALF: Any = pytest.approx(50 / 1.04, abs=0.02)


def test_the_band_shows_what_it_did_and_when() -> None:
    """A stretch for each kind, side by side on the run's own scale, up to the last beat."""
    assert spans(told(with_trail()), "activity") == [("progressing", 0, HALF), ("blocked", HALF, HALF)]
    assert spans(told(with_trail()), "work") == []


def test_the_curve_shows_what_was_done() -> None:
    """From nothing at the start to the last count, the total being its top."""
    made = told(with_trail())
    assert made.trail is not None
    assert made.trail.curve is not None
    points = [_pair(point) for point in made.trail.curve.line[1:].split(" ")]

    assert made.trail.curve.top == 450
    assert points[0] == (0, 100)
    assert points[-1] == pytest.approx((100 / 1.04, 100 - 100 * 300 / 450), abs=0.02)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)


def _pair(point: str) -> tuple[float, float]:
    x, y = point.split(",")
    return float(x), float(y)


TOPS = [
    pytest.param(Progress(300, 450), 450, id="the_total"),
    pytest.param(Progress(300, None), 300, id="the_most_that_was_done_without_one"),
    pytest.param(Progress(300, 200), 300, id="the_most_that_was_done_past_it"),
    pytest.param(Progress(300, -7), 300, id="a_strangers_total"),
]


@pytest.mark.parametrize(("progress", "top"), TOPS)
def test_the_curve_stays_in_its_box(progress: Progress, top: int) -> None:
    """Its top is the total, or the most that was done where that is more."""
    trail = told(with_trail(progress=progress)).trail

    assert trail is not None
    assert trail.curve is not None
    assert trail.curve.top == top


def test_what_is_not_counted_has_no_curve() -> None:
    """Then the band comes first."""
    made = told(with_trail(counted=False))

    assert made.trail is not None
    assert made.trail.curve is None
    assert list(made.lanes) == ["activity", "beats", "incidents"]


def test_a_gap_that_is_over_stays_on_the_line() -> None:
    """Beats that did not come are drawn where they were missing, and said with their length."""
    made = told(with_trail(lost=range(100, 190)))
    (gap,) = [span for span in made.spans if span.kind == "gap"]

    assert (gap.x, gap.width) == pytest.approx((90 / 6.24, 105 / 6.24), abs=0.1)
    assert gap.said == "no beat for 1 min 45 s, 1 min 30 s after the start"


def test_lanes_lie_one_below_the_other() -> None:
    """Each has room for its name, and none lies on another; the scale stands below all."""
    made = told(with_trail())
    lanes = list(made.lanes.values())

    assert [lane.name for lane in lanes] == ["progress", "activity", "beats", "incidents"]
    assert all(after.y - (one.y + one.height) == NAMED + PAUSE for one, after in itertools.pairwise(lanes))
    assert made.floor > lanes[-1].y + LANE


AWRY: list[Any] = [
    {"step": 1e9, "until": 1e9, "kinds": "wwww"},
    {"step": 0.001, "until": 0.9, "kinds": "w" * 900, "done": [2**62] * 900},
    {"step": 30.0, "until": 90.0, "kinds": "???", "done": [-5, -(2**63), 7], "gaps": [1e9, 1e9, 0]},
    {"step": 30.0, "until": 1e6, "kinds": "w"},
    {"step": "30", "until": [], "kinds": {}},
    ["step"],
]


@pytest.mark.parametrize("trail", AWRY, ids=["wide", "fine", "words", "too_long", "shapes", "no_map"])
def test_a_strangers_trail_stays_in_the_drawing(scene: Scene, trail: Any) -> None:
    """Whatever stands there: the page is drawn, and nothing on it lies outside of its scale."""
    run = a_run("run1", beat_at=START)
    scene.at(10)
    scene.put_document("run1", run.to_document() | {"trail": trail})
    made = told(Run.from_document("run1", scene.document("run1").fields))
    answer = scene.app.test_client().get("/runs/run1")

    assert answer.status_code == 200
    assert all(0 <= span.x <= 100 and 0 <= span.x + span.width <= 100.01 for span in made.spans)


def test_a_hostile_place_is_only_text(scene: Scene) -> None:
    """Markup in the name of a file is shown, not obeyed, in the drawing and in the table."""
    place = {"file": "<script>alert(1)</script>", "line": 1, "function": '"><img src=x onerror=alert(1)>'}
    trail = {"step": 15.0, "until": 60.0, "kinds": "wwww", "at": "aaaa", "places": [place]}
    scene.put(a_run("run1", beat_at=START, trail=trail))
    page = scene.app.test_client().get("/runs/run1").text

    assert page.count("&lt;script&gt;alert(1)") >= 2
    assert "<script>alert" not in page
    assert "<img" not in page


def test_the_table_says_what_the_drawing_shows(busy: Scene) -> None:
    """Each stretch is a row: from, to, what, where, done, and for how long no beat came."""
    page = busy.app.test_client().get(f"/runs/{PUBLISH}").text

    assert '<th scope="col">Done</th>' in page
    assert "<td>blocked in a call</td>" in page
    assert "data_loaders.py:412 load_batch" in page
    assert "<td>1 min 30 s</td>" in page
    assert 'aria-label="Time line: makes progress for' in page


def test_a_record_without_a_trail_is_drawn_as_ever(scene: Scene) -> None:
    """An older client's run has lanes of beats and work, and no table."""
    scene.put(a_run("run1", beat_at=START))
    page = scene.app.test_client().get("/runs/run1").text

    assert ">work</text>" in page
    assert "As a table" not in page


@pytest.mark.xdist_group("browser")
@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
def test_everybody_can_read_it(chromium: Chromium, site: Served, album: Path, size: str, theme: str) -> None:
    """Unfolded too, axe finds nothing, no page scrolls sideways, no mark has no size, and nothing is complained of."""
    with chromium.page(width=SIZES[size], theme=theme) as page:
        page.goto(f"{site.address}/runs/{PUBLISH}")
        expect(page.locator("#pulse")).to_have_class("pulse on")
        page.get_by_text("As a table").click()
        expect(page.get_by_role("row")).to_have_count(1 + page.locator(".span.activity").count())
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate("axe.run({resultTypes: ['violations']}).then(results => results.violations)")
        page.locator("section[data-key=timeline]").screenshot(path=album / f"timeline-{size}-{theme}.png")

        assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]
        assert page.locator(".curve").bounding_box()["width"] > 50  # type: ignore[index]  # it is on the screen
        fills = page.evaluate("[...document.querySelectorAll('.span')].map(one => getComputedStyle(one).fill)")
        assert len({*fills}) >= 4
        assert 'url("#hatch")' in fills
        assert page.complaints == []  # type: ignore[attr-defined]  # see `Chromium.page`


@pytest.mark.xdist_group("browser")
def test_the_drawing_grows_with_the_run(chromium: Chromium, scene: Scene, site: Served) -> None:
    """Another beat is on the drawing without reload, and the table stays unfolded."""
    run = a_run("run1")
    scene.at(2)
    looks = [(float(at), "working", None) for at in range(0, 301, 15)]
    scene.put(run, beat_at=scene.now, trail=course(run, looks[:9]))
    with chromium.page() as page:
        page.goto(f"{site.address}/runs/run1")
        page.get_by_text("As a table").click()
        expect(page.locator(".timeline tbody tr")).to_have_text("0 s2 minat workdata_loaders.py:371 load_batch")
        scene.at(5)
        scene.put(run, beat_at=scene.now, trail=course(run, looks))
        expect(page.locator(".timeline tbody tr")).to_have_text("0 s5 minat workdata_loaders.py:371 load_batch")
        expect(page.locator(".timeline table")).to_be_visible()
