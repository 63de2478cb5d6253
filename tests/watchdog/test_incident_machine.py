"""Any sequence of runs, sweeps, crashes, answers and channel errors: no problem is lost, nobody is alarmed for nothing.

Hypothesis draws the sequences; what was true of each run stands in `truth`, which knows nothing of incidents, and what
people heard is judged by `ears`. MACHINE_EXAMPLES and MACHINE_STEPS make it search longer, and elsewhere each time.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.ears import Mood
from tests.support.lives import Killed, Life
from tests.support.truth import Actual, Limits
from tests.support.world import START

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
STEPS = int(os.environ.get("MACHINE_STEPS", "20"))

MOST_RUNS = 6
MOODS: tuple[Mood, ...] = ("away", "refuses", "took it without a word", "lost it without a word", "slow")
STRANGERS = {
    "nothing in it": {},
    "no state": {"operation": "x", "started_at": START},
    "wrong types": {"operation": 7, "state": "running", "started_at": "yesterday", "due_at": START},
}

hosts = st.sampled_from(["host1", "host2", "host3"])
numbers = st.integers(0, MOST_RUNS - 1)
steps = st.integers(1, 25)
endings = st.sampled_from(["succeeded", "failed", "interrupted"])


class Incidents(RuleBasedStateMachine):
    """The watchdog's life among runs, people and other sweeps."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)

    @initialize(
        threads=st.booleans(),
        remind_every=st.sampled_from([600.0, 1800.0]),
        failures=st.booleans(),
        pace=st.sampled_from([60, 120, 240]),
    )
    def begin(self, threads: bool, remind_every: float, failures: bool, pace: int) -> None:
        self.pace = timedelta(seconds=pace)
        limits = Limits(remind_every=remind_every)
        self.life = Life(Path(self.folder.name), threads=threads, limits=limits, failures=failures)
        self.life.sweep()

    def some(self, number: int) -> Actual | None:
        """One of the runs that go on."""
        living = [run for run in self.life.runs.values() if run.lives and not run.unreadable]
        return living[number % len(living)] if living else None

    @rule(host=hosts, minutes=st.sampled_from([30, 90, 600]), counted=st.booleans(), inside=st.none() | numbers)
    def start(self, host: str, minutes: int, counted: bool, inside: int | None) -> None:
        if sum(run.lives for run in self.life.runs.values()) < MOST_RUNS:
            around = self.some(inside) if inside is not None else None
            inside_of = around.name if around and around.beating and around.holds is None else None
            if inside_of or all(run.beating for run in self.life.on(host)):
                self.life.start(host, minutes, counted=counted, inside=inside_of)

    @rule(number=numbers, moving=st.booleans())
    def stall_or_move(self, number: int, moving: bool) -> None:
        if run := self.some(number):
            self.life.set_moving(run.name, moving)

    @rule(host=hosts, reported=st.booleans())
    def stop(self, host: str, reported: bool) -> None:
        self.life.stop(host, reported=reported)

    @rule(host=hosts)
    def back(self, host: str) -> None:
        self.life.back(host)

    @rule(number=numbers, how=endings)
    def end(self, number: int, how: str) -> None:
        run = self.some(number)
        if run and run.beating:
            self.life.end(run.name, how)

    @rule(number=numbers)
    def delete(self, number: int) -> None:
        run = self.some(number)
        if run and not run.inside and run.holds is None and not run.beating:
            self.life.delete(run.name)

    @rule(kind=st.sampled_from(sorted(STRANGERS)))
    def stranger(self, kind: str) -> None:
        if sum(run.unreadable for run in self.life.runs.values()) < 2:
            self.life.stranger(dict(STRANGERS[kind]))

    @rule(count=st.integers(1, 6), every=st.sampled_from([5, 60, 100, 170, 240, 900]))
    def sweeps(self, count: int, every: int) -> None:
        self.life.sweeps(count, timedelta(seconds=every))

    @rule(minutes=st.sampled_from([1, 6, 20, 60, 180]))
    def no_sweeps(self, minutes: int) -> None:
        self.life.pass_time(timedelta(minutes=minutes))

    @rule(moods=st.lists(st.sampled_from(MOODS), min_size=1, max_size=3))
    def trouble_with_the_channel(self, moods: list[Mood]) -> None:
        self.life.channel.moods.extend(moods)

    @rule(number=numbers)
    def acknowledge(self, number: int) -> None:
        if run := self.some(number):
            self.life.acknowledge(run.name)

    @rule(number=st.none() | numbers, minutes=st.sampled_from([5, 40, 300]))
    def snooze(self, number: int | None, minutes: int) -> None:
        run = self.some(number) if number is not None else None
        self.life.answers().snooze_for(run.name if run else "op*", minutes * 60, "ada", "")

    @rule()
    def wake(self) -> None:
        self.life.wake_all()

    @rule(stalled_after=st.sampled_from([300.0, 900.0]))
    def change_the_policy(self, stalled_after: float) -> None:
        self.life.limits.stalled_after = stalled_after

    @rule(step=steps, number=numbers, host=hosts, what=st.sampled_from(["sweep", "move", "end", "stop", "back", "ack"]))
    def overtaken(self, step: int, number: int, host: str, what: str) -> None:
        """Something happens while a sweep is under way."""
        deeds: dict[str, Callable[[], None]] = {
            "sweep": self.life.sweep_beside,
            "move": lambda: self.stall_or_move(number, True),
            "end": lambda: self.end(number, "succeeded"),
            "stop": lambda: self.stop(host, True),
            "back": lambda: self.back(host),
            "ack": lambda: self.acknowledge(number),
        }
        self.life.pass_time(timedelta(seconds=60))
        self.life.sweep(before={step: deeds[what]})

    @rule(step=steps)
    def killed(self, step: int) -> None:
        """A sweep dies."""

        def die() -> None:
            raise Killed

        self.life.pass_time(timedelta(seconds=60))
        self.life.sweep(before={step: die})

    @invariant()
    def nobody_complains(self) -> None:
        assert not self.life.ears.complaints, "\n".join(self.life.ears.complaints)

    @invariant()
    def a_run_has_one_open_incident_at_most(self) -> None:
        assert self.life.incidents_at_once() == []

    def teardown(self) -> None:
        """After an hour of calm people know what is true, and nothing waits to be told."""
        try:
            if hasattr(self, "life"):
                self.life.calm(self.pace)
                for wrong in (self.life.ears.complaints, self.life.wrong_after_calm(), self.life.notices_that_wait()):
                    assert not wrong, "\n".join(wrong)
                self.life.world.store.close()
        finally:
            self.folder.cleanup()


TestIncidents = Incidents.TestCase
TestIncidents.settings = settings(
    max_examples=EXAMPLES or 50,
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=not EXAMPLES,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def life(tmp_path: Path) -> Life:
    made = Life(tmp_path, threads=False, limits=Limits())
    made.sweep()
    return made


def heard(life: Life, name: str) -> list[str]:
    """The kinds of messages about a run."""
    return [kind for _, kind in life.ears.opinion(name).heard]


def test_who_looks_after_it_is_not_reminded_by_a_notice_that_waited(life: Life) -> None:
    """A reminder that was made before somebody acknowledged, and not sent, is not sent after."""
    name = life.start("host1", 600, counted=True)
    life.set_moving(name, False)
    life.sweeps(34, timedelta(minutes=1))
    life.channel.moods.append("away")
    life.sweeps(1, timedelta(minutes=1))
    life.acknowledge(name)
    life.sweeps(5, timedelta(minutes=1))

    assert heard(life, name) == ["opened"]
    assert life.notices_that_wait() == []


def test_a_reminder_counts_from_when_people_heard(life: Life) -> None:
    """What was told late, for the channel was away, is not reminded of a moment later."""
    name = life.start("host1", 600, counted=True)
    life.set_moving(name, False)
    life.channel.moods.extend(["away"] * 4)
    life.sweeps(33, timedelta(minutes=1))
    told_at = life.ears.opinion(name).heard[0][0]
    life.sweeps(30, timedelta(minutes=1))

    (_, reminded) = life.ears.opinion(name).heard
    assert reminded[1] == "reminded"
    assert reminded[0] - told_at >= timedelta(minutes=30)


@pytest.mark.parametrize("every", [120, 180, 181, 240, 900], ids=lambda seconds: f"each_{seconds}_s")
def test_sweeps_that_are_rare_tell_of_silence_too(life: Life, every: int) -> None:
    """Where every sweep comes after a gap, a dead process is told by the second that misses its beats."""
    name = life.start("host1", 600, counted=True)
    life.sweeps(3, timedelta(seconds=every))
    life.stop("host1", reported=False)
    life.sweeps(3, timedelta(seconds=every))

    assert heard(life, name)[:1] == ["opened"]
    assert life.ears.complaints == []


def test_a_problem_that_was_away_for_a_moment_is_told(life: Life) -> None:
    """A notice that was taken back, since a beat came just then, does not keep the next silence quiet."""
    name = life.start("host1", 600, counted=True)
    life.stop("host1", reported=False)
    life.pass_time(timedelta(minutes=2))

    def beats_once() -> None:
        life.back("host1")
        life.stop("host1", reported=False)

    life.sweep(before={9: beats_once})
    quiet = heard(life, name)
    life.sweeps(3, timedelta(minutes=2))

    assert quiet == []
    assert heard(life, name) == ["opened"]


@pytest.mark.parametrize("minutes", [30, 600], ids=["past_its_deadline", "before_its_deadline"])
def test_a_process_that_freezes_and_thaws_is_a_handful_of_messages(life: Life, minutes: int) -> None:
    """A process that stands still for two minutes, and beats for two, over two hours: at most twelve in each hour."""
    name = life.start("host1", minutes, counted=True)
    life.sweeps(15, timedelta(minutes=2))
    for _ in range(30):
        life.stop("host1", reported=False)
        life.sweeps(2, timedelta(minutes=1))
        life.back("host1")
        life.sweeps(2, timedelta(minutes=1))

    assert life.ears.complaints == []
    assert len(heard(life, name)) <= 15


def test_beats_that_come_and_go_are_a_handful_of_messages(life: Life) -> None:
    """A store that is reached every other minute, by everybody, over two hours: at most twelve messages in each."""
    for number in range(4):
        life.start(f"host{number}", 6000, counted=True)
    life.sweeps(15, timedelta(minutes=1))
    for _ in range(30):
        for number in range(4):
            life.stop(f"host{number}", reported=False)
        life.sweeps(2, timedelta(minutes=1))
        for number in range(4):
            life.back(f"host{number}")
        life.sweeps(2, timedelta(minutes=1))

    assert life.ears.complaints == []
    assert len(heard(life, "Hangwatch")) <= 15


@pytest.mark.parametrize(("hours", "waits"), [(23.9, True), (24.1, False)], ids=["within_a_day", "after_a_day"])
def test_a_channel_that_is_gone_does_not_keep_a_problem_quiet_for_ever(life: Life, hours: float, waits: bool) -> None:
    """A notice for a channel that is not set up any more is given up after a day; then another channel tells."""
    name = life.start("host1", 6000, counted=True)
    life.set_moving(name, False)
    life.channel.moods.append("away")
    life.channel.name = "pigeons"
    life.sweeps(5, timedelta(minutes=1))
    life.channel.name = "people"
    life.pass_time(timedelta(hours=hours))
    life.sweeps(2, timedelta(minutes=2))

    assert bool(life.notices_that_wait()) is waits
    assert heard(life, name) == ([] if waits else ["opened"])
