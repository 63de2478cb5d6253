"""Peers beside Hangwatch: who hears of which hang, what is read from stacks, and the rules that judge it."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from bench.peers import QUICK, measure, sides
from bench.peers.ears import CheckIn, listening
from bench.peers.families import FAMILIES, family_of
from bench.peers.findings import Said, found
from bench.peers.healthchecks import CLONE, HOW_TO, VARIABLE, source, version
from bench.peers.limits import MINUTE
from bench.peers.playing import play
from bench.peers.stacks import of_faulthandler, of_hanging_threads, places
from bench.peers.watchers import FAULTHANDLER, HANGING_THREADS, HEALTHCHECKS, SEED, SENTRY, Pinged
from bench.results import Result
from heartbeat_client.frames import can_walk
from tests.zoo.expectations import HANGS, HEALTHY

HANGING = [name for name in QUICK if name in HANGS]

# The quick form waits for limits to pass, and is played once, in whichever test comes first.
pytestmark = [pytest.mark.xdist_group("zoo"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def measured() -> Result:
    return measure(quick=True)


def _of(measured: Result, who: str) -> dict[str, Any]:
    return {one["scenario"]: one for one in measured.figures["findings"] if one["who"] == who}


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: what the kernel knows is in its /proc")
@pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read")
class TestPlayed:
    """The quick form, with real processes and the real tools, but for healthchecks, which is not there."""

    def test_hangwatch_tells_every_hang_at_its_place_and_no_healthy_one(self, measured: Result) -> None:
        """All targets are met on the scenarios of the quick form."""
        assert {one.what: one.came for one in measured.targets if not one.met} == {}
        assert len(measured.targets) == 4

    def test_sentry_is_told_of_the_ends_alone(self, measured: Result) -> None:
        """A hang stays in progress until it times out; a healthy operation checks in as ok; no place is named."""
        said = _of(measured, SENTRY)

        assert {name: measured.figures["checkins"][name] for name in HANGING} == dict.fromkeys(HANGING, "in_progress")
        assert measured.figures["checkins"]["healthy_long_poll"] == "ok"
        assert [name for name in HANGING if said[name]["said"] is None] == []
        assert {said[name]["place"] for name in HANGING} <= {"none", ""}

    def test_the_first_users_class_says_still_running_of_a_hang(self, measured: Result) -> None:
        """It goes on saying so, and tells nobody anything else."""
        assert [name for name in HANGING if measured.figures["still_running_lines"][name] < 2] == []
        assert {name: one["said"] for name, one in _of(measured, SEED).items()} == dict.fromkeys(QUICK)

    @pytest.mark.parametrize("who", [HANGING_THREADS, FAULTHANDLER])
    def test_stacks_name_the_line_of_a_thread_and_not_that_of_a_task(self, measured: Result, who: str) -> None:
        """A blocked thread's line is right; of a task that waits the stacks show the event loop alone."""
        said = _of(measured, who)

        assert said["recv_silent_peer"]["place"] == "right"
        assert said["async_forever"]["place"] == "wrong"

    def test_hanging_threads_takes_a_healthy_loop_for_a_hang(self, measured: Result) -> None:
        """A thread that is found at the same line at each look hangs to it, though it goes round."""
        assert _of(measured, HANGING_THREADS)["healthy_long_poll"]["said"]["words"] == "hangs"
        assert _of(measured, FAULTHANDLER)["healthy_long_poll"]["said"] is None

    def test_who_was_not_run_is_said_so_and_how_to(self, measured: Result) -> None:
        """Without a checkout of healthchecks its column says that it was not run, and a row says how to."""
        families, how, scenarios = measured.tables
        column = scenarios.columns.index(HEALTHCHECKS)

        assert _of(measured, HEALTHCHECKS) == {}
        assert {row[column] for row in scenarios.rows} == {"not run"}
        assert {row[families.columns.index(HEALTHCHECKS)] for row in families.rows} == {"not run"}
        assert CLONE in next(row for row in how.rows if row[0] == HEALTHCHECKS)[1]
        assert measured.figures["healthchecks"] == f"not run: {HOW_TO}"

    def test_every_scenario_has_a_row(self, measured: Result) -> None:
        """The table of scenarios holds what was played, each once."""
        assert sorted(row[0] for row in measured.tables[2].rows) == sorted(QUICK)


def test_a_scenario_that_ends_is_no_hang(tmp_path: Path) -> None:
    """One that cannot be played is an error with what it said, not a run that everybody tells of."""
    with listening() as ears, pytest.raises(RuntimeError, match=r"(?s)peers: of_no_zoo ended with 1.*of_no_zoo\.py"):
        play(["of_no_zoo"], sides(ears, None), tmp_path)


def test_every_scenario_is_in_one_family() -> None:
    """The families hold the whole zoo, and no scenario twice."""
    names = [name for family in FAMILIES.values() for name in family]

    assert sorted(names) == sorted([*HANGS, *HEALTHY])
    assert family_of("regex") == "one call holds Python"
    with pytest.raises(LookupError, match="'unheard_of': is in no family"):
        family_of("unheard_of")


@pytest.mark.parametrize(
    ("status", "minutes", "told"),
    [
        pytest.param("in_progress", 29.5, None, id="in_progress_before_its_time"),
        pytest.param("in_progress", 30.5, "timed out, in progress for more than 30 min", id="in_progress_after_it"),
        pytest.param("ok", 90, None, id="ended_well"),
        pytest.param("error", 0, "failed", id="ended_with_an_error"),
    ],
)
def test_a_check_in_is_told_by_sentrys_rule(status: str, minutes: float, told: str | None) -> None:
    """In progress for max_runtime from its whole minute is timed out at the clock's next minute; an error at once."""
    checkin = CheckIn(began=1000.25 * MINUTE, status=status)

    assert checkin.told((1000.25 + minutes) * MINUTE) == told


@pytest.mark.parametrize(
    ("lines", "threads", "place"),
    [
        pytest.param((3, 7), 4, "right", id="one_of_its_threads_stands_there"),
        pytest.param((6,), 1, "wrong", id="another_line"),
        pytest.param((), 1, "wrong", id="another_file"),
        pytest.param((), 0, "none", id="no_place_named"),
    ],
)
def test_a_place_is_right_when_it_holds_the_marked_line(lines: tuple[int, ...], threads: int, place: str) -> None:
    """A tool that names threads is right by any of them, wrong by none, and one that names no thread is neither."""
    assert found("long_sleep", "anybody", Said("told", 1.0, lines, threads)).place == place
    assert found("thread_ended", "anybody", Said("told", 1.0, lines, threads)).place == ""
    assert found("long_sleep", "anybody", None).place == ""


STANDS = """
import faulthandler, sys, threading, time
from hanging_threads import start_monitoring
start_monitoring(seconds_frozen=0.3, test_interval=20)
thread = threading.Thread(target=time.sleep, args=(60,), name='reads "data" hangs', daemon=True)
thread.start()
def wait_here(event):
    event.wait(1.5)
wait_here(threading.Event())
sys.stderr.write("=====\\n")
faulthandler.dump_traceback(all_threads=True)
"""


def test_stacks_are_read_as_the_tools_write_them(tmp_path: Path) -> None:
    """From what both tools write of one process, the lines of its own file are found."""
    script = tmp_path / "stands.py"
    script.write_text(STANDS)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=60)
    before, _, after = done.stderr.partition("=====\n")
    hanging, dumped = of_hanging_threads(before), of_faulthandler(after)

    assert {stack.thread for stack in hanging} >= {"MainThread", 'reads "data" hangs'}
    assert places("stands", hanging) == {8, 9}
    assert 11 in places("stands", dumped)
    assert len(dumped) == 3


def test_a_check_goes_down_when_its_webhook_says_so() -> None:
    """Of what healthchecks posts, `down` tells of its scenario from that instant on, and nothing else does."""
    with listening() as ears:
        for body in (b"regex up", b"long_sleep down"):
            urllib.request.urlopen(ears.webhook, body, timeout=10).close()  # noqa: S310  our own, on loopback
        pinged = Pinged(ears, "http://127.0.0.1:1/ping/zoo")
        came = ears.downs["long_sleep"]
        said = pinged.look("long_sleep", Path(), came + 9, came - 5)

        assert said == Said("down", pytest.approx(5))  # type: ignore[arg-type]  # it compares as a float
        assert pinged.look("regex", Path(), came + 9, came - 5) is None


def test_what_can_not_be_taken_is_a_trouble() -> None:
    """A request that the ears don't know is kept as a trouble: a peer must not look silent because they failed."""
    with listening() as ears:
        with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
            urllib.request.urlopen(f"http://127.0.0.1:{ears.port}/elsewhere", b"x", timeout=10)

        assert "expected an envelope or a webhook, got a request for /elsewhere" in ears.troubles[0]


def test_a_checkout_of_healthchecks_is_where_its_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset means there is none; a folder that lacks its program or its Python is an error that says how to get it."""
    assert source() is None

    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"manage\.py is not there; get it with: git clone"):
        source()

    (tmp_path / "manage.py").touch()
    with pytest.raises(FileNotFoundError, match=r"\.venv/bin/python is not there"):
        source()

    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## v9.9 - 2099-01-01\n\n## v9.8\n")
    assert source() == tmp_path.resolve()
    assert version(tmp_path) == "v9.9"
