"""The lines of the log: their text to the letter, and that each comes out exactly once wherever logging leads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator

import pytest

from heartbeat_client import Heartbeat, HeartbeatLogger
from heartbeat_client.live import LiveRun
from heartbeat_client.logline import Speaker, counted, end_line, say, start_line, still_running_line
from heartbeat_client.plan import Plan
from heartbeat_client.testing import MemoryStore
from tests.client.world import Process, World, until

NAME = "Loading historical games for 450 players"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (start_line(NAME), "HEARTBEAT START: Loading historical games for 450 players"),
        (
            still_running_line(NAME, 300),
            "HEARTBEAT: Loading historical games for 450 players still running (5.0 min elapsed)",
        ),
        (
            end_line(NAME, 738, failed=False),
            "HEARTBEAT END: Loading historical games for 450 players completed in 12.3 min",
        ),
        (
            end_line(NAME, 186, failed=True),
            "HEARTBEAT END (ERROR): Loading historical games for 450 players failed after 3.1 min",
        ),
        (
            still_running_line("publish", 300, counted(250, 450, 12.1)),
            "HEARTBEAT: publish still running (5.0 min elapsed) (250/450, 55 %, 12.1/s)",
        ),
        (
            still_running_line("publish", 300, counted(250, None, 12.1)),
            "HEARTBEAT: publish still running (5.0 min elapsed) (250, 12.1/s)",
        ),
    ],
    ids=["start", "still running", "end", "end after an error", "with progress", "without a total"],
)
def test_a_line_says_to_the_letter(line: str, text: str) -> None:
    """Filters in other people's log queries depend on these texts."""
    assert line == text


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (counted(0, 450, None), "(0/450, 0 %)"),
        (counted(449, 450, None), "(449/450, 99 %)"),
        (counted(450, 450, 3.0), "(450/450, 100 %, 3.0/s)"),
        (counted(0, 0, None), "(0/0)"),
        (counted(500, 450, None), "(500/450, 111 %)"),
        (counted(7, None, None), "(7)"),
        (counted(7, None, 0.05), "(7, 0.1/s)"),
        (counted(7, None, 0.049), "(7, 2.9/min)"),
        (counted(7, None, 1 / 3600), "(7, 1.0/h)"),
    ],
    ids=[
        "nothing yet",
        "no 100 % before the last",
        "all",
        "nothing to do",
        "more than expected",
        "neither total nor rate",
        "the slowest rate a second",
        "slower by the minute",
        "slower still by the hour",
    ],
)
def test_progress_in_a_line(shown: str, text: str) -> None:
    """Progress never reads as done when it is not, nor as standing when it moves."""
    assert shown == text


def lines_of(world: World, live: LiveRun, seconds: float) -> list[str]:
    world.pass_by(seconds)
    return world.voice.lines


def plan(interval: float = 300.0, total: int | None = None) -> Plan:
    return Plan("load", "load (450 players)", total=total, interval=interval)


@pytest.mark.parametrize(
    ("seconds", "elapsed"),
    [(299, []), (300, ["5.0"]), (301, ["5.0"]), (599, ["5.0"]), (600, ["5.0", "10.0"])],
    ids=["before the first interval", "at it", "after it", "before the second", "at the second"],
)
def test_a_line_comes_each_interval(world: World, seconds: float, elapsed: list[str]) -> None:
    """The first "still running" comes after one interval, not at 0.0."""
    lines = lines_of(world, world.begin(plan()), seconds)

    assert lines == [f"HEARTBEAT: load (450 players) still running ({minutes} min elapsed)" for minutes in elapsed]


def test_a_line_has_the_progress_as_it_is_now(world: World) -> None:
    """A counted run's line says how far it is, and at what rate."""
    live = world.begin(plan(total=450))
    for _ in range(250):
        live.counter.advance()
        world.pass_by(1.2)

    assert world.voice.lines == ["HEARTBEAT: load (450 players) still running (5.0 min elapsed) (250/450, 55 %, 0.8/s)"]


def test_an_ended_run_has_no_more_lines(world: World) -> None:
    """Once a run is over nothing says that it still runs."""
    live = world.begin(plan())
    world.pass_by(10)
    world.end(live)

    assert lines_of(world, live, 1000) == []


def test_a_process_that_was_stopped_says_one_line(world: World) -> None:
    """After an hour without a look one line is said, not twelve; the next comes with the next interval."""
    live = world.begin(plan())
    world.pulse.work()
    world.clock.advance(3610)
    world.pulse.work()
    lines = lines_of(world, live, 291)

    assert [line.rpartition(" (")[2] for line in lines] == ["60.2 min elapsed)", "65.0 min elapsed)"]


# The line of an interval is made due at once, so that neither a fast nor a slow machine shows another number of lines.
SEED = """
from heartbeat_client import HeartbeatLogger
import threading, time
with HeartbeatLogger("Loading historical games for 450 players", {call}) as logger:
    assert logger.interval == 3600
    logger._live.next_line = 0.0
    while logger._live.next_line == 0.0 or [t for t in threading.enumerate() if t.name == "hangwatch-lines"]:
        time.sleep(0.01)
try:
    with HeartbeatLogger("Publishing 450 prediction requests", {call}):
        raise ValueError
except ValueError:
    pass
"""

EXPECTED = [
    "HEARTBEAT START: Loading historical games for 450 players",
    "HEARTBEAT: Loading historical games for 450 players still running (0.0 min elapsed)",
    "HEARTBEAT END: Loading historical games for 450 players completed in 0.0 min",
    "HEARTBEAT START: Publishing 450 prediction requests",
    "HEARTBEAT END (ERROR): Publishing 450 prediction requests failed after 0.0 min",
]


UNCONFIGURED = ""
AT_INFO = "import logging, sys; logging.basicConfig(level=logging.INFO, format='%(message)s', stream=sys.stdout)"
AT_WARNING = AT_INFO.replace("INFO", "WARNING")
NOT_PROPAGATED = (
    "import logging; log = logging.getLogger('heartbeat_client'); log.propagate = False; log.setLevel('INFO')"
)
NULL = "import logging; logging.getLogger('heartbeat_client').addHandler(logging.NullHandler())"
FOR_WORSE = AT_INFO + "; logging.getLogger().handlers[0].setLevel('CRITICAL')"
DISABLED = "import logging.config, heartbeat_client; logging.config.dictConfig({'version': 1})"

WAYS = {
    "unconfigured, interval": (UNCONFIGURED, "interval=3600"),
    "unconfigured, interval_seconds": (UNCONFIGURED, "interval_seconds=3600"),
    "unconfigured, by position": (UNCONFIGURED, "3600"),
    "both keywords": (UNCONFIGURED, "interval=3600, interval_seconds=9"),
    "configured at INFO": (AT_INFO, "interval=3600"),
    "configured at WARNING": (AT_WARNING, "interval=3600"),
    "propagate off": (NOT_PROPAGATED, "interval=3600"),
    "a null handler": (NULL, "interval=3600"),
    "a handler for worse": (FOR_WORSE, "interval=3600"),
    "disabled by dictConfig": (DISABLED, "interval=3600"),
}


@pytest.mark.parametrize(("logging_is", "call"), WAYS.values(), ids=WAYS)
def test_the_seeds_lines_come_out_exactly_once(process: Process, logging_is: str, call: str) -> None:
    """Code written for the first user's class shows each line once on stdout, however logging is set up."""
    out = process.run(f"{logging_is}\n{SEED.format(call=call)}").stdout.splitlines()

    assert out == EXPECTED


def test_lines_come_by_themselves(process: Process) -> None:
    """While the operation waits, a line comes each interval, without a call of the operation's."""
    with process.start(
        """
        import sys
        from heartbeat_client import HeartbeatLogger
        with HeartbeatLogger("Loading", interval=0.2):
            sys.stdin.readline()
        """
    ) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline().rstrip() for _ in range(4)]
        child.communicate("go on\n", timeout=30)

    assert lines == ["HEARTBEAT START: Loading", *["HEARTBEAT: Loading still running (0.0 min elapsed)"] * 3]


def test_lines_go_to_logging_where_a_handler_shows_them(process: Process) -> None:
    """A handler that shows INFO gets the lines, and stdout stays for the program."""
    done = process.run(
        "import logging; logging.basicConfig(level=logging.INFO, format='%(levelname)s %(name)s %(message)s')\n"
        + SEED.format(call="interval=3600")
    )

    levels = ["INFO", "INFO", "INFO", "INFO", "ERROR"]
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"{level} heartbeat_client {line}" for level, line in zip(levels, EXPECTED, strict=True)
    ]


def test_the_error_line_goes_where_errors_go(process: Process) -> None:
    """At WARNING the handler shows the line of the error, and stdout the others."""
    done = process.run(
        "import logging; logging.basicConfig(level=logging.WARNING, format='%(message)s')\n"
        + SEED.format(call="interval=3600")
    )

    assert done.stderr.splitlines() == EXPECTED[-1:]
    assert done.stdout.splitlines() == EXPECTED[:-1]


@pytest.mark.parametrize(
    "stdout", ["None", "open(__import__('os').devnull)", "closed"], ids=["no stdout", "unwritable", "closed"]
)
def test_a_broken_stdout_breaks_nothing(process: Process, stdout: str) -> None:
    """Without a stdout that takes lines the operation runs as it would."""
    done = process.run(
        f"""
        import os, sys
        from heartbeat_client import Heartbeat
        result, stdout = sys.stdout, {stdout if stdout != "closed" else "open(os.devnull, 'w')"}
        if "{stdout}" == "closed":
            stdout.close()
        sys.stdout = stdout
        with Heartbeat("load"):
            done = "the operation ran"
        sys.stdout = result
        print(done)
        """
    )

    assert done.stdout == "the operation ran\n"


def test_a_name_that_stdout_can_not_spell_is_shown_all_the_same(process: Process) -> None:
    """On an ASCII stdout other letters are escaped."""
    code = "from heartbeat_client import Heartbeat\nwith Heartbeat('chargé'): pass"
    done = process.run(code, env={"PYTHONIOENCODING": "ascii"})

    assert done.stdout.splitlines()[0] == r"HEARTBEAT START: charg\xe9"


class Stuck(logging.Handler):
    """A handler whose exit is blocked, as when stdout's reader hangs."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.freed = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.entered.set()
        self.freed.wait(60)


@pytest.fixture
def stuck() -> Generator[Stuck, None, None]:
    logger, handler = logging.getLogger("heartbeat_client"), Stuck()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    handler.freed.set()
    logger.removeHandler(handler)
    logger.setLevel(level)
    logger.propagate = propagate


def test_a_speaker_that_is_stuck_holds_up_nobody(stuck: Stuck) -> None:
    """While one line is stuck no other thread is started; the lines of meanwhile are bounded."""
    speaker = Speaker(keep=5)
    for number in range(1000):
        speaker.say(logging.INFO, f"line {number}")
    assert stuck.entered.wait(30)
    threads = [thread for thread in threading.enumerate() if thread.name == "hangwatch-lines"]

    assert len(threads) == 1
    assert len(speaker._lines) <= 5


def test_a_hung_handler_does_not_stop_beats(store: MemoryStore) -> None:
    """An operation whose log is stuck goes on beating."""
    logger, handler = logging.getLogger("heartbeat_client"), Stuck()
    with Heartbeat("load", interval=0.05):
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            assert handler.entered.wait(30)
            beats = len(store.history)
            until(lambda: len(store.history) >= beats + 3, "three beats")
        finally:
            handler.freed.set()
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)


def test_a_name_with_percent_signs_is_text(caplog: pytest.LogCaptureFixture) -> None:
    """What looks like a format is shown as it is."""
    with caplog.at_level(logging.INFO, "heartbeat_client"):
        say(logging.INFO, "HEARTBEAT START: 100 %s of %d")

    assert caplog.messages == ["HEARTBEAT START: 100 %s of %d"]


def test_a_heartbeat_is_called_by_operation_and_detail(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines call a run by its operation, with the detail in brackets where there is one."""
    with Heartbeat("load-games", detail="450 players"), Heartbeat("publish"):
        pass

    assert capsys.readouterr().out.splitlines() == [
        "HEARTBEAT START: load-games (450 players)",
        "HEARTBEAT START: publish",
        "HEARTBEAT END: publish completed in 0.0 min",
        "HEARTBEAT END: load-games (450 players) completed in 0.0 min",
    ]


def test_a_heartbeat_that_says_it_failed_ends_in_an_error_line(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    """`fail()` makes the last line that of an error, though nothing was raised."""
    with Heartbeat("load") as hb:
        hb.fail("half of the games are missing")

    assert caplog.messages[-1] == "HEARTBEAT END (ERROR): load failed after 0.0 min"


@pytest.mark.parametrize(
    ("name", "operation", "detail"),
    [
        (NAME, "Loading historical games for # players", "450"),
        ("Merging 12 of 30 batches", "Merging # of # batches", "12, 30"),
        ("Consolidation", "Consolidation", ""),
        ("2026-01-14", "#-#-#", "2026, 01, 14"),
    ],
    ids=["one number", "two", "none", "a date"],
)
def test_runs_of_different_sizes_share_an_operation(store: MemoryStore, name: str, operation: str, detail: str) -> None:
    """The numbers in a HeartbeatLogger's name are its detail, and the operation has `#` in their place."""
    with HeartbeatLogger(name):
        pass

    (run,) = store.runs
    assert (run.operation, run.detail) == (operation, detail)


def test_the_seeds_attributes_can_be_read(store: MemoryStore) -> None:
    """`operation_name`, `interval` and `start_time` are as on the first user's class."""
    logger = HeartbeatLogger(NAME, interval_seconds=60)
    assert (logger.operation_name, logger.interval, logger.start_time) == (NAME, 60, None)
    with logger as entered:
        assert entered is logger
        assert isinstance(entered.start_time, float)

    assert HeartbeatLogger(NAME).interval == 300


def test_the_seeds_class_may_be_entered_again(store: MemoryStore) -> None:
    """A second `with` on the same object is a second run."""
    logger = HeartbeatLogger(NAME)
    for _ in range(2):
        with logger:
            pass

    assert [run.state for run in store.runs] == ["succeeded", "succeeded"]
    assert len({run.id for run in store.runs}) == 2
