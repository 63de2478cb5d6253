"""`status --watch` on a real terminal and into a pipe: live, honest about a store that is away, ended by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat_client.run import RUNS, Run, due_at, expires_at
from tests.support.terminal import Terminal, plain
from tests.support.watching import ROOT, environment
from tests.support.world import World, a_run, counted
from watchdog.adapters.sqlite import SqliteStore
from watchdog.ledger import Ledger
from watchdog.policy import Policy
from watchdog.ports import Create, StoreError
from watchdog.survey import survey
from watchdog.terminal.live import Board, Reading, watch

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
WATCH = (sys.executable, "-m", "watchdog", "status", "--watch", "0.3")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path)


@pytest.fixture
def path(environ: dict[str, str]) -> Path:
    return Path(environ["HANGWATCH_STORE"].removeprefix("sqlite:///"))


def put(path: Path, *names: str, minutes: float = 6) -> None:
    """Runs that have counted to 41 and stand since, in the store."""
    store = SqliteStore(path)
    now = store.now()
    began = now - timedelta(minutes=minutes)
    for name in names:
        times = {"started_at": began, "beat_at": now, "deadline": began + timedelta(minutes=30)}
        run = a_run(name, operation=f"load-{name}", **(counted(41, at=began) | times))
        run = Run.from_document(name, run.to_document() | {"due_at": due_at(run), "expires_at": expires_at(run)})
        assert store.commit([Create(RUNS, run.id, run.to_document())])
    store.close()


def test_it_is_live_on_a_terminal_and_ctrl_c_ends_it_well(environ: dict[str, str], path: Path) -> None:
    """The alternate screen shows runs as they come; Ctrl-C gives the person's own screen back, and the status is 0."""
    put(path, "first")
    with Terminal(WATCH, environ) as terminal:
        terminal.until("load-first")
        shown = terminal.until("41/450")
        put(path, "second")
        terminal.until("load-second", since=shown)
        terminal.press("\x03")
        status = terminal.end()

    assert status == 0
    assert terminal.seen.index(ENTER) < terminal.seen.index("load-first")
    assert terminal.seen.rindex(LEAVE) > terminal.seen.rindex("load-second")
    assert SHOW_CURSOR in terminal.seen[terminal.seen.rindex("load-second") :]
    assert "Traceback" not in terminal.seen


# From when on the signal comes: at once as the screen is taken, or while it is live.
MOMENTS = {"as_it_begins": ENTER, "while_it_is_live": "load-first"}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["sigterm", "sighup"])
def test_a_signal_ends_it_well(environ: dict[str, str], path: Path, number: signal.Signals, moment: str) -> None:
    """A signal gives the person's own screen and cursor back too, and then ends the process as such a signal does."""
    put(path, "first")
    with Terminal(WATCH, environ) as terminal:
        terminal.until(lambda text: moment in text)
        terminal.signal(number)
        status = terminal.end()

    assert status == -number
    assert terminal.seen.count(LEAVE) == 1
    assert terminal.seen.endswith((LEAVE, SHOW_CURSOR))
    assert SHOW_CURSOR in terminal.seen[terminal.seen.rindex(HIDE_CURSOR) :]
    assert "Traceback" not in terminal.seen


def test_many_signals_at_once_end_it_once(environ: dict[str, str], path: Path) -> None:
    """Who is impatient, with Ctrl-C and SIGTERM together, gets the screen back all the same."""
    put(path, "first")
    with Terminal(WATCH, environ) as terminal:
        terminal.until("load-first")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            terminal.signal(number)
        status = terminal.end()

    assert status in (-signal.SIGTERM, -signal.SIGHUP, 0)
    assert terminal.seen.endswith((LEAVE, SHOW_CURSOR))
    assert "Traceback" not in terminal.seen


def test_a_closed_window_ends_it(environ: dict[str, str], path: Path) -> None:
    """Without a terminal to give back, it ends of the SIGHUP that a closed window sends."""
    put(path, "first")
    with Terminal(WATCH, environ) as terminal:
        terminal.until("load-first")
        terminal.close()

        assert terminal.end() == -signal.SIGHUP


def test_under_nohup_it_goes_on(environ: dict[str, str], path: Path) -> None:
    """A SIGHUP that was ignored when it began stays ignored."""
    put(path, "first")
    command = ["nohup", *WATCH, "--json"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as it:
        assert it.stdout is not None
        it.stdout.readline()
        it.send_signal(signal.SIGHUP)
        put(path, "second")
        while len(json.loads(it.stdout.readline())["runs"]) < 2:
            pass

        assert interrupted(it)[0] == 0


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["a_table", "json"])
def test_a_reader_that_has_seen_enough_ends_it(environ: dict[str, str], path: Path, more: tuple[str, ...]) -> None:
    """Once nobody reads the pipe any more, as after `| head -1`, it ends with 0 and says nothing."""
    put(path, "first")
    with in_a_pipe(environ, *more) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        assert process.wait(60) == 0
        assert process.stderr.read() == ""


def test_it_says_when_it_is_not_live_any_more(environ: dict[str, str], path: Path) -> None:
    """Once the store can't be read, that is said with since when and why, what was seen stays, and it comes back."""
    put(path, "first")
    away = path.with_suffix(".away")
    with Terminal(WATCH, environ, columns=120) as terminal:
        shown = terminal.until("live, ")
        path.rename(away)
        path.write_text("not a database, " * 100)
        failed = terminal.until("NOT LIVE: the store can't be read since", since=shown)
        terminal.until("not a database", since=shown)
        terminal.until("load-first", since=failed)
        path.unlink()
        away.rename(path)
        put(path, "second")
        terminal.until("load-second", since=failed)
        terminal.press("\x03")

        assert terminal.end() == 0


def test_a_store_that_can_never_be_read_is_tried_again(environ: dict[str, str], tmp_path: Path) -> None:
    """A watch that begins before its store is there says so, and shows it once it is."""
    blocked = tmp_path / "later"
    blocked.write_text("not a folder")
    with Terminal((*WATCH, "--store", f"sqlite:///{blocked}/beats.sqlite3"), environ, columns=120) as terminal:
        failed = terminal.until("NOT LIVE: the store can't be read since this began")
        blocked.unlink()
        put(blocked / "beats.sqlite3", "first")
        terminal.until("load-first", since=failed)
        terminal.press("\x03")

        assert terminal.end() == 0


def test_it_fits_its_terminal(environ: dict[str, str], path: Path) -> None:
    """Of more runs than rows the first are shown, the rest counted; a wider window shows more columns."""
    put(path, *(f"run{number:02}" for number in range(40)))
    with Terminal(WATCH, environ, columns=80, rows=20) as terminal:
        shown = terminal.until("more runs, none of them worse")
        terminal.resize(160, 50)
        terminal.until("deadline in", since=shown)
        terminal.until(lambda text: plain(text).count("load-run") >= 40, since=shown)
        terminal.press("\x03")

        assert terminal.end() == 0
    before = plain(terminal.seen[:shown])
    assert "deadline in" not in before


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["no_color", "a_dumb_terminal"])
def test_without_colours(environ: dict[str, str], path: Path, more: dict[str, str]) -> None:
    """`NO_COLOR` and a dumb terminal get no colours, and the verdict stands in words."""
    put(path, "first")
    with Terminal((sys.executable, "-m", "watchdog", "status"), environ | more) as terminal:
        assert terminal.end() == 0

    assert "stalled" in terminal.seen
    assert "\x1b[31m" not in terminal.seen
    assert "\x1b[1;31m" not in terminal.seen


def test_colours_on_a_terminal(environ: dict[str, str], path: Path) -> None:
    """On a terminal a stalled run is red."""
    put(path, "first")
    with Terminal((sys.executable, "-m", "watchdog", "status"), environ) as terminal:
        assert terminal.end() == 0

    assert "\x1b[1;31mstalled" in terminal.seen


def in_a_pipe(environ: dict[str, str], *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*WATCH, *more], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    return process.returncode, error


def test_into_a_pipe_it_prints_again_and_again(environ: dict[str, str], path: Path) -> None:
    """Without a terminal each look is printed below the one before, plain, even if colours are forced elsewhere."""
    put(path, "first")
    with in_a_pipe(environ) as process:
        assert process.stdout is not None
        lines = []
        while sum("load-first" in line for line in lines) < 3:
            lines.append(process.stdout.readline())
        status, error = interrupted(process)

    assert (status, error) == (0, "")
    assert not any("\x1b" in line for line in lines)


def test_json_lines_go_on_while_the_store_is_away(environ: dict[str, str], path: Path) -> None:
    """With `--json` each look is one line of JSON; a look that failed is a line on standard error, and it goes on."""
    put(path, "first")
    with in_a_pipe(environ, "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = json.loads(process.stdout.readline())
        os.rename(path, path.with_suffix(".away"))
        path.write_text("not a database, " * 100)
        complaint = process.stderr.readline()
        path.unlink()
        os.rename(path.with_suffix(".away"), path)
        then = json.loads(process.stdout.readline())
        status, _ = interrupted(process)

    assert [run["id"] for run in first["runs"]] == ["first"]
    assert set(then) == {"now", "runs", "incidents", "watchdog"}
    assert complaint.startswith("watchdog: NOT LIVE: the store can't be read since")
    assert status == 0


def test_wrong_settings_end_it_at_once(environ: dict[str, str], tmp_path: Path) -> None:
    """What only a person can mend ends it with 2 and one line, before any screen is taken."""
    (tmp_path / "policy.toml").write_text("[defaults]\nwarn_at = 80\n")
    with Terminal(WATCH, environ) as terminal:
        status = terminal.end()

    assert status == 2
    assert ENTER not in terminal.seen
    assert terminal.seen.count("\n") == 1


class Clock:
    """Monotonic seconds as the test says."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("every", "age", "live"),
    [
        pytest.param(2, 6.0, True, id="three_intervals_old_is_live"),
        pytest.param(2, 6.1, False, id="older_is_not"),
        pytest.param(0.5, 5.0, True, id="a_short_interval_has_five_seconds"),
        pytest.param(0.5, 5.1, False, id="and_no_more"),
    ],
)
def test_a_look_that_does_not_come_back_is_said(tmp_path: Path, every: float, age: float, live: bool) -> None:
    """A store that hangs is not live, though nothing failed."""
    clock = Clock()
    board = Board(every, clock)
    board.read(survey(World(tmp_path).ledger, Policy()))
    clock.seconds += age

    assert board.healthy is live
    assert board.said.startswith(
        "live, 10:00:00 UTC" if live else "NOT LIVE: the store can't be read since 10:00:00 UTC"
    )


def test_a_first_look_has_time_too(tmp_path: Path) -> None:
    """Before anything was read it says that it reads, and then that the store has not answered."""
    clock = Clock()
    board = Board(2, clock)
    before = board.said
    clock.seconds += 6.1

    assert before == "reading the store"
    assert board.said.endswith("trying again: the store has not answered")


def test_what_a_watch_reads_is_bounded(tmp_path: Path) -> None:
    """Looks that cost much come less often, however short the interval is."""
    world = World(tmp_path)
    looks = 0

    def look() -> Reading:
        nonlocal looks
        looks += 1
        if looks == 4:
            raise KeyboardInterrupt
        return Reading(survey(Ledger(world.store), Policy()), 20)

    waited: list[float] = []
    clock = Clock()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        clock.seconds += seconds

    watch(look, 0.1, lambda _: nullcontext(lambda: None), reads_per_minute=60, clock=clock, sleep=sleep)

    # 60 a minute: 20 may gather, 40 come evenly.
    assert waited == pytest.approx([30, 30, 30])


def test_a_failed_look_costs_a_try_each_interval(tmp_path: Path) -> None:
    """While the store is away it is tried each interval, and what was seen is kept."""
    seen: list[tuple[bool, bool]] = []
    world = World(tmp_path)
    answers = iter([Reading(survey(world.ledger, Policy()), 1), StoreError("gone", away=True), KeyboardInterrupt()])

    def look() -> Reading:
        answer = next(answers)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @contextmanager
    def shown(board: Board) -> Iterator[Callable[[], None]]:
        yield lambda: seen.append((board.healthy, board.survey is not None))

    clock = Clock()
    watch(look, 0.1, shown, clock=clock, sleep=lambda _: None)

    assert seen == [(True, True), (False, True)]
