"""The truth simulator: its oracle, store and clients, the rules of others, and what its figures must not exceed."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.results import Result
from bench.truth.__main__ import main
from bench.truth.clients import DAY, Client, instant
from bench.truth.documents import Documents
from bench.truth.figures import KINDS, kinds, rules, summary
from bench.truth.fleet import Fleet, fleet
from bench.truth.judging import HANGWATCH, Judged, judged, together
from bench.truth.knowing import best_left, longest_healthy
from bench.truth.measured import PICTURE, measure, result_of
from bench.truth.oracle import TIGHT, Alarm, Outcome, assess
from bench.truth.others import RULES
from bench.truth.plot import plot
from bench.truth.runs_store import RunsStore
from bench.truth.spread import Lengths, Rate
from bench.truth.story import Phase, Story, end_with_service, truth_of
from bench.truth.targets import targets
from bench.truth.trace import (
    BEAT,
    CRASHED,
    END,
    FROZEN,
    GONE,
    HEALTHY,
    HUNG,
    INTERRUPTED,
    KILLED,
    LATE,
    MANY_CALLS,
    NEVER,
    ONE_CALL,
    STALLED,
    STEADY,
    Family,
    Operation,
    Trace,
    Truth,
    Write,
)
from bench.truth.watching import watch
from heartbeat_client.identity import Identity
from heartbeat_client.live import LiveRun
from heartbeat_client.plan import plan_of
from heartbeat_client.run import OPERATIONS, RUNS, Run
from heartbeat_client.server_clock import ServerClock
from heartbeat_client.settings import Settings
from heartbeat_client.testing import ManualClock
from watchdog.adapters.sqlite import SqliteStore
from watchdog.policy import Policy
from watchdog.policy import Settings as PolicySettings
from watchdog.ports import Create, Delete, Document, Replace, Store, Where

COUNTED = Operation("counted", STEADY, "log-normal", 300.0, "service")
CALL = Operation("call", ONE_CALL, "log-normal", 300.0, "service", evidence=False)
BLIND = Operation("blind", MANY_CALLS, "log-normal", 300.0, "service", evidence=False)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "watchdog")


def a_trace(operation: Operation = COUNTED, **changes: Any) -> Trace:
    """A run that starts at 1000 and has until 2800; it beats each 15 s while it lives."""
    trace = Trace("r1", operation, "service-0", 1000.0, 2800.0, steps=(), writes=())
    trace = replace(trace, **changes)
    until = min(trace.ended, trace.dead_at, 6000.0)
    beats = [Write(at + 0.1, at, BEAT) for at in range(1000, int(until), 15)]
    last = [Write(trace.ended + 0.1, trace.ended, END)] if trace.ended < NEVER else []
    return trace if trace.writes else replace(trace, writes=(*beats, *last))


def a_family(truth: Truth, **changes: Any) -> Family:
    return Family((a_trace(**changes),), truth)


# The oracle.

ON_TIME = {"ended": 1600.0}
LASTED = Truth(HUNG, 1500.0, NEVER, must=True)
BRIEF = Truth(FROZEN, 1500.0, 1700.0, must=False)
TOO_LATE = Truth(LATE, 2800.0, 3000.0, must=True)


@pytest.mark.parametrize(
    ("truth", "alarms", "heard", "false"),
    [
        pytest.param(Truth(HEALTHY), [], False, 0, id="silence_about_a_healthy_run_is_right"),
        pytest.param(Truth(HEALTHY), [1200.0], False, 1, id="an_alarm_about_a_healthy_run_is_false"),
        pytest.param(LASTED, [], False, 0, id="trouble_without_an_alarm_is_missed"),
        pytest.param(LASTED, [1499.9], False, 1, id="an_alarm_before_the_trouble_is_false"),
        pytest.param(LASTED, [1500.0], True, 0, id="an_alarm_as_the_trouble_begins_is_right"),
        pytest.param(LASTED, [1400.0, 1900.0], True, 1, id="a_false_alarm_is_not_mended_by_a_right_one"),
        pytest.param(BRIEF, [1760.0], True, 0, id="an_alarm_on_its_way_as_the_trouble_ended_is_right"),
        pytest.param(BRIEF, [1760.1], False, 1, id="an_alarm_a_minute_after_the_trouble_is_false"),
        pytest.param(TOO_LATE, [1001.0], True, 0, id="who_will_be_late_may_be_told_of_at_any_time"),
        pytest.param(TOO_LATE, [3061.0], False, 1, id="who_was_late_is_not_told_of_after_the_end"),
    ],
)
def test_the_oracle_holds_alarms_against_the_truth(
    truth: Truth, alarms: Sequence[float], heard: bool, false: int
) -> None:
    """An alarm is right while the trouble lasts and a minute after, and false at any other time."""
    outcome = assess(a_family(truth), [Alarm(at, "r1", "overdue") for at in alarms])

    assert (outcome.heard, len(outcome.false), outcome.missed) == (heard, false, truth.must and not heard)


def test_the_oracle_measures_from_the_trouble_to_the_first_right_alarm() -> None:
    """Latency counts from the trouble's begin, the time left up to the deadline; lateness has no latency."""
    alarms = [Alarm(2300.0, "r1", "stalled"), Alarm(1900.0, "r1", "stalled"), Alarm(1100.0, "r1", "silent")]
    outcome, late = assess(a_family(LASTED), alarms), assess(a_family(TOO_LATE), alarms)

    assert (outcome.latency, outcome.left, outcome.began_after) == (400.0, 900.0, 500.0)
    assert (late.latency, late.left) == (None, 1700.0)


@pytest.mark.parametrize(
    ("until", "heard"), [(1499.0, False), (1500.0, True), (NEVER, True)], ids=["over_before", "till_then", "still_open"]
)
def test_who_was_told_for_nothing_knows_when_it_comes_true(until: float, heard: bool) -> None:
    """An alarm that was false and not taken back counts as heard from the trouble's begin on, and as false."""
    outcome = assess(a_family(LASTED), [Alarm(1200.0, "r1", "silent", until=until)])

    assert (outcome.heard, len(outcome.false)) == (heard, 1)
    assert outcome.latency == (0.0 if heard else None)


def test_an_unreadable_record_is_never_the_truth() -> None:
    """No made-up record is unreadable: to say so is a mistake, whatever else is the matter."""
    outcome = assess(a_family(LASTED), [Alarm(1900.0, "r1", "unjudged")])

    assert outcome.missed
    assert outcome.false == ("unjudged",)


@pytest.mark.parametrize(
    ("ended", "kind"), [(2440.0, HEALTHY), (2440.1, TIGHT), (2800.0, TIGHT)], ids=["at_80", "after_80", "at_the_end"]
)
def test_who_needed_the_last_fifth_is_counted_apart(ended: float, kind: str) -> None:
    """A run that ended well after 80 % of its time is no healthy one in the counts, and in no trouble either."""
    assert assess(a_family(Truth(HEALTHY), ended=ended), []).kind == kind


CUT = {"cut": ((1700.0, 1800.0),)}
MUTE = {"mute": ((1700.0, 1800.0),)}


@pytest.mark.parametrize(
    ("state", "known", "changes", "said"),
    [
        pytest.param("silent", 0, CUT, "silent: the store or the network was away", id="cut"),
        pytest.param("silent", 0, MUTE, "silent: the process was paused", id="paused"),
        pytest.param("silent", 0, {}, "silent: for no reason", id="nothing_was"),
        pytest.param("stalled", 0, {}, "stalled: a pause while counting", id="counting"),
        pytest.param("stalled", 0, {"operation": CALL}, "stalled: one long call, nothing learned yet", id="unlearned"),
        pytest.param(
            "stalled", 9, {"operation": CALL}, "stalled: one long call, limit learned from 5 to 9 runs", id="9"
        ),
        pytest.param(
            "stalled", 10, {"operation": CALL}, "stalled: one long call, limit learned from 10 to 19 runs", id="10"
        ),
        pytest.param(
            "stalled", 20, {"operation": CALL}, "stalled: one long call, limit learned from 20 to 50 runs", id="20"
        ),
        pytest.param("overdue", 0, {}, "overdue: foreseen to be late", id="foreseen"),
    ],
)
def test_a_false_alarm_has_a_cause(state: str, known: int, changes: dict[str, Any], said: str) -> None:
    """Each false alarm is put down to what happened lately, or to how the limit came about."""
    family = a_family(Truth(HEALTHY), **{**ON_TIME, **changes})

    assert assess(family, [Alarm(1850.0, "r1", state, known)]).false == (said,)


# What happens to runs.


def a_story(**changes: Any) -> Story:
    story = Story(COUNTED, [Phase(COUNTED, 1000.0, 1600.0, [1100.0, 1200.0, 1500.0], 3)])
    for name, value in changes.items():
        setattr(story, name, value)
    return story


def test_a_pause_moves_all_that_comes_after_it() -> None:
    """What was to happen after the instant happens later, by the length of the pause; what was before stays."""
    story = a_story()
    story.hold(1200.0, 60.0)

    assert story.phases[0].steps == [1100.0, 1200.0, 1560.0]
    assert story.ended == 1660.0


def test_a_stopped_run_does_nothing_more() -> None:
    """After a stop there are no steps, and no end unless one is given."""
    story = a_story()
    story.stop(1200.0)

    assert (story.phases[0].steps, story.ended) == ([1100.0, 1200.0], NEVER)


@pytest.mark.parametrize(
    ("at", "graceful", "kind", "must"),
    [
        pytest.param(999.0, True, HEALTHY, False, id="a_deploy_before_it_does_nothing"),
        pytest.param(1600.0, False, HEALTHY, False, id="a_deploy_at_its_end_does_nothing"),
        pytest.param(1300.0, True, INTERRUPTED, False, id="a_graceful_one_interrupts_it"),
        pytest.param(1300.0, False, KILLED, True, id="another_kills_it"),
    ],
)
def test_a_deploy_ends_what_runs(at: float, graceful: bool, kind: str, must: bool) -> None:
    """A restart of the service interrupts or kills a run that goes on, and people must hear of the killed one."""
    story = a_story()
    end_with_service(story, at, graceful)

    truth = truth_of(story)
    assert (truth.kind, truth.must) == (kind, must)


def test_a_hung_run_that_is_interrupted_in_time_spoke_for_itself() -> None:
    """Who hung and was then told to end before the deadline need not be told of."""
    story = a_story(began=1250.0, kind=HUNG, stuck=(1250.0, NEVER))
    story.stop(1250.0)
    end_with_service(story, 1300.0, graceful=True)

    assert truth_of(story) == Truth(HUNG, 1250.0, 1300.0, must=False)


@pytest.mark.parametrize(("long", "must"), [(599.9, False), (600.0, True)], ids=["shorter", "ten_minutes"])
def test_trouble_that_lasts_ten_minutes_must_be_told(long: float, must: bool) -> None:
    """Shorter trouble that mends itself may be told or not."""
    assert truth_of(a_story(kind=STALLED, began=1100.0, over=1100.0 + long)).must is must


# The store in memory.

TEXTS = ("a", "b", "c")


def _random_write(chance: Random, known: dict[str, Any]) -> Create | Replace | Delete:
    name = chance.choice(TEXTS)
    fields: dict[str, Any] = {
        "due_at": chance.choice([None, "no instant", DAY + timedelta(seconds=chance.randint(0, 9))]),
        "state": chance.choice(["running", "failed", True]),
    }
    kind = chance.choice(["create", "replace", "stale", "delete"])
    if kind == "create":
        return Create(RUNS, name, {field: value for field, value in fields.items() if value is not None})
    if kind == "delete":
        return Delete(RUNS, name)
    return Replace(RUNS, name, fields, known.get(name, -1) if kind == "replace" else -1)


QUERIES = (
    None,
    Where("state", "==", "running"),
    Where("due_at", "<=", DAY + timedelta(seconds=5)),
    Where("due_at", ">", DAY + timedelta(seconds=5)),
    Where("due_at", "<", DAY + timedelta(seconds=5)),
)


@pytest.mark.parametrize("seed", range(4))
def test_the_store_in_memory_answers_as_the_real_one(seed: int, tmp_path: Path) -> None:
    """Whatever is written, in whatever order, memory and SQLite take and refuse the same, and find the same."""
    chance = Random(seed)
    memory, real = Documents(lambda: DAY), SqliteStore(tmp_path / "real.sqlite3")
    for _ in range(60):
        versions = [{name: one.version for name, one in store.get(RUNS, TEXTS).items()} for store in (memory, real)]
        state = chance.getstate()
        taken = []
        for store, known in zip((memory, real), versions, strict=True):
            chance.setstate(state)
            taken.append(store.commit([_random_write(chance, known)]))
        assert taken[0] == taken[1]
        for where in QUERIES:
            assert _plain(memory.find(RUNS, where)) == _plain(real.find(RUNS, where))
    real.close()


def _plain(documents: Iterable[Document]) -> list[tuple[str, dict[str, Any]]]:
    """Ids and fields; SQLite gives instants back as text, which every reader of a record takes."""
    found = [(document.id, dict(document.fields)) for document in documents]
    return [(name, {key: _as_text(value) for key, value in fields.items()}) for name, fields in found]


def _as_text(value: object) -> object:
    return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else value


def test_the_store_in_memory_writes_all_or_nothing() -> None:
    """One write that somebody was faster with keeps the others of its commit from being done."""
    store = Documents(lambda: DAY)
    assert store.commit([Create(RUNS, "a", {"state": "running"})])

    assert not store.commit([Create(RUNS, "b", {"state": "running"}), Create(RUNS, "a", {"state": "failed"})])
    assert store.get(RUNS, ["b"]) == {}


# The clients.


def _lived(total: int, items: Sequence[float], until: float) -> Run:
    """The record that the real library makes of a run that counts so, `until` seconds after its start."""
    clock = ManualClock(instant(1000.0))
    server = ServerClock(clock, wall=lambda: clock.now().timestamp())
    server.learn(clock.now(), clock(), clock())
    live = LiveRun(plan_of("Heartbeat", "counted", {"total": total}, Settings()), clock=clock)
    live.begin(None)
    for second in range(int(until)):
        live.counter.advance(sum(second < item <= second + 1 for item in items))
        clock.advance(1.0)
        live.look(clock())
    identity = Identity("", "", "", "service", "", "service-0", "service-0", 1, "3.11")
    return live.record(server, identity, clock())


def _modelled(operation: Operation, until: float, **changes: Any) -> Run:
    trace = a_trace(operation, writes=(Write(1000.0 + until, 1000.0 + until, BEAT),), **changes)
    client = Client(trace)
    client.bring(1000.0 + until)
    assert client.run is not None
    return client.run


@pytest.mark.parametrize("until", [15, 30, 60, 300])
def test_a_modelled_record_is_the_one_that_the_library_writes(until: int) -> None:
    """Of a counted run the model and the real LiveRun write the same instants, limits and due time."""
    items = [4.0, 5.0, 21.0, 50.0, 51.0, 130.0]
    real = _lived(9, items, until)
    ours = _modelled(COUNTED, until, steps=tuple(1000.0 + item for item in items), total=9)

    for name in ("started_at", "deadline", "moved_at", "due_at", "expires_at", "thresholds", "child"):
        assert getattr(ours, name) == getattr(real, name), name
    assert ours.progress is not None
    assert real.progress is not None
    assert (ours.progress.done, ours.progress.total, ours.progress.at) == (
        real.progress.done,
        real.progress.total,
        real.progress.at,
    )


def test_what_a_client_says_is_known_when_the_store_has_taken_it() -> None:
    """Between two writes the record stays as it was; before the first there is none."""
    client = Client(a_trace(ended=1600.0))
    client.bring(1000.0)
    assert client.run is None

    client.bring(1015.0)
    first = client.run
    client.bring(1015.1)
    assert first is not None
    assert client.run is not None
    assert (first.beat_at, client.run.beat_at) == (instant(1000.1), instant(1015.1))


def test_a_run_given_up_says_that_it_lives_with_its_next_beat() -> None:
    """After the watchdog took `due_at` away, the next write of the process brings it back with `revived_at`."""
    client = Client(a_trace(ended=1600.0))
    client.bring(1100.0)
    client.give_up(1100.0)
    assert client.run is not None
    assert client.run.due_at is None

    client.bring(1106.0)
    assert client.run is not None
    assert client.run.revived_at == client.run.due_at == instant(1105.1)


def test_a_helper_tells_of_the_end_and_revives_nobody() -> None:
    """The end that a helper tells stands in the record, but of a run that was given up it does not bring back."""
    trace = a_trace(dead_at=1100.0, helper=True)
    trace = replace(trace, writes=(*trace.writes, Write(1100.5, 1100.0, GONE)))
    client, given_up = Client(trace), Client(trace)
    client.bring(1101.0)
    given_up.bring(1095.0)
    given_up.give_up(1099.0)
    given_up.bring(1101.0)

    assert client.run is not None
    assert client.run.gone_at == client.run.due_at == instant(1100.0)
    assert given_up.run is not None
    assert given_up.run.due_at is None


# The rules of others.

TABLE = {
    "healthy": a_trace(ended=1600.0, steps=(1010.0, 1300.0)),
    "killed": a_trace(dead_at=1100.0),
    "crashed": a_trace(dead_at=1100.0, helper=True),
    "hung": a_trace(stuck=(1100.0, NEVER), stands="blocked", steps=(1050.0, 1099.0), dead_at=4000.0),
    "holds Python": a_trace(stands="gil_held", mute=((1100.0, NEVER),), steps=(1099.0,), dead_at=4000.0),
    "end is lost": a_trace(ended=1600.0, steps=(1300.0, 1590.0), cut=((1595.0, 1700.0),)),
    "slow": a_trace(ended=2900.0, steps=tuple(float(at) for at in range(1100, 2900, 100))),
}

NOT_ENDED = ("killed", "crashed", "hung", "holds Python", "end is lost", "slow")

EXPECTED: dict[str, dict[str, list[float]]] = {
    "the first user's logger": {},
    "5 min of silence": {"killed": [1500.0], "crashed": [1500.0], "hung": [4500.0], "holds Python": [1500.0]},
    "15 min of silence": {"killed": [2100.0], "crashed": [2100.0], "hung": [5100.0], "holds Python": [2100.0]},
    "Airflow": {"killed": [1400.0], "crashed": [1110.0], "hung": [4300.0], "holds Python": [4300.0]},
    "Prefect": {"killed": [1540.0], "crashed": [1110.0], "hung": [4420.0], "holds Python": [4420.0]},
    "Temporal": {
        "killed": [1300.0],
        "crashed": [1300.0],
        "hung": [1410.0],
        "holds Python": [1399.0],
        "end is lost": [2800.0],
        "slow": [2800.0],
    },
    "healthchecks": {what: [2800.0] for what in NOT_ENDED},
    "Sentry Crons": {what: [2820.0] for what in NOT_ENDED},
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("what", TABLE)
def test_a_rule_of_others_tells_when_its_source_says(rule: Any, what: str) -> None:
    """Each rule's first alarm about a hand-made run comes at the instant that its documentation gives, or never."""
    found = [alarm.at for alarm in rule.alarms(TABLE[what])]

    assert found[:1] == EXPECTED[rule.name].get(what, [])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_of_others_names_its_source(rule: Any) -> None:
    """Each rule stands in the docs with where it is written down."""
    said = (Path(__file__).parents[2] / "docs" / "truth.md").read_text()

    assert rule.source
    assert f"| {rule.name} |" in said
    assert rule.source in said


# The whole.


@pytest.fixture(scope="module")
def small() -> Judged:
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    return together(1500, 7, 1)


def _mine(found: Judged, kind: str) -> list[Outcome]:
    return [one for one in found.outcomes[HANGWATCH] if one.kind == kind]


def test_the_same_seed_gives_the_same_outcomes_for_any_number_of_workers() -> None:
    """Fleets are made from seed and number alone, so that who watches them, and when, changes nothing."""
    one, two, other = together(90, 3, 1), together(90, 3, 2), together(90, 4, 1)

    assert (one.outcomes, one.messages, one.sweeps) == (two.outcomes, two.messages, two.sweeps)
    assert one.outcomes != other.outcomes
    assert fleet(3, 1, 40) == fleet(3, 1, 40) != fleet(3, 2, 40)


def test_every_trouble_that_the_store_knew_of_is_told(small: Judged) -> None:
    """Nothing that lasts is missed, but for runs of which no record ever reached the store."""
    assert [one for one in small.outcomes[HANGWATCH] if one.missed and not one.unseen] == []
    assert {kind for kind in KINDS if _mine(small, kind)} == set(KINDS)


def test_healthy_runs_wake_hardly_anybody(small: Judged) -> None:
    """Of healthy runs fewer than one in a hundred is told of, at this small scale with its chance."""
    false = Rate(sum(bool(one.false) for one in _mine(small, HEALTHY)), len(_mine(small, HEALTHY)))

    assert false.of > 1000
    assert false.share < 0.01


@pytest.mark.parametrize(("kind", "limit"), [(KILLED, 155.0), (STALLED, 365.0), (CRASHED, 95.0)])
def test_trouble_is_told_in_time_where_nothing_stands_in_the_way(small: Judged, kind: str, limit: float) -> None:
    """With sweeps each minute and a channel that works, a notice is there within the limit and a sweep of the fault."""
    found = [one.latency for one in _mine(small, kind) if one.latency is not None and not one.disturbed]

    assert found
    assert max(found) <= limit


def test_a_problem_is_a_few_messages(small: Judged) -> None:
    """The middle problem takes at most three messages, from the first to the last."""
    heard = [one.messages for one in small.outcomes[HANGWATCH] if one.heard]

    assert Lengths.of(heard).median <= 3


def test_it_tells_more_in_time_than_any_other_rule(small: Judged) -> None:
    """Of what people had to hear, Hangwatch told more with five minutes left than each of the others."""
    shares = {name: found["in time"]["share"] for name, found in rules(small).items()}

    assert max(shares, key=lambda name: shares[name]) == HANGWATCH
    assert shares["the first user's logger"] == 0


class OnSqlite(SqliteStore):
    """The real store under the sweep: gets what the clients have written by each `now`, and tells them what changed."""

    def __init__(self, path: Path, runs: RunsStore) -> None:
        super().__init__(path)
        self._runs = runs
        self._there: dict[str, Any] = {}

    def now(self) -> datetime:
        """The fleet's time; what was written up to it is put into the file."""
        writes: list[Create | Replace | Delete] = []
        for document in self._runs.find(RUNS):
            if self._there.get(document.id) == document.version:
                continue
            known = self.get(RUNS, [document.id]).get(document.id)
            fields = dict(document.fields)
            gone = {} if known is None else dict.fromkeys(known.fields.keys() - fields.keys())
            version = None if known is None else known.version
            writes.append(
                Create(RUNS, document.id, fields)
                if known is None
                else Replace(RUNS, document.id, {**fields, **gone}, version)
            )
            self._there[document.id] = document.version
        for begin in range(0, len(writes), 400):
            assert super().commit(writes[begin : begin + 400])
        return self._runs.now()

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """Written to the file; clients read limits, and find out that they were given up."""
        if not super().commit(writes):
            return False
        for write in writes:
            if write.collection == RUNS:
                client = self._runs.client(write.id)
                assert client is not None
                client.give_up(self._runs.seconds)
                self._there[write.id] = client.version
            if write.collection == OPERATIONS:
                self._runs.apply(Create(OPERATIONS, write.id, self.get(OPERATIONS, [write.id])[write.id].fields))
        return True


def _a_small_fleet() -> Fleet:
    made = fleet(5, 0, 45)
    return replace(made, around=replace(made.around, ticks=tuple(t for t in made.around.ticks if t < 7200)))


def test_over_the_real_store_people_hear_the_same(tmp_path: Path) -> None:
    """A sweep over SQLite, with runs in it as clients write them, sends the same notices at the same instants."""
    made = _a_small_fleet()
    stores: list[OnSqlite] = []

    def real(runs: RunsStore) -> Store:
        stores.append(OnSqlite(tmp_path / "beats.sqlite3", runs))
        return stores[0]

    in_memory, in_file = watch(made), watch(made, over=real)

    assert in_memory.told
    assert in_file.told == in_memory.told
    assert in_file.known == in_memory.known
    stores[0].close()


# Planted faults.


def _later(rule: Callable[[Run], datetime | None], seconds: float) -> Callable[[Run], datetime | None]:
    return lambda run: None if (at := rule(run)) is None else at + timedelta(seconds=seconds)


def _plant(monkeypatch: pytest.MonkeyPatch, name: str, seconds: float) -> None:
    """Move an instant that verdicts and due times go by, as a slip in the rule would."""
    for module in ("watchdog.verdict", "heartbeat_client.run"):
        rule = getattr(__import__(module, fromlist=[name]), name)
        monkeypatch.setattr(f"{module}.{name}", _later(rule, seconds))


@pytest.mark.parametrize(
    ("name", "seconds", "kind", "limit"),
    [
        pytest.param("silent_at", 120.0, KILLED, 155.0, id="silence_is_found_two_minutes_late"),
        pytest.param("stalled_at", 120.0, STALLED, 365.0, id="a_stall_is_found_two_minutes_late"),
    ],
)
def test_a_rule_that_is_late_is_found_out(
    monkeypatch: pytest.MonkeyPatch, name: str, seconds: float, kind: str, limit: float
) -> None:
    """A slip that delays a verdict shows in the latency of that trouble."""
    made = fleet(7, 0, 150)
    before = kinds(judged(made).outcomes[HANGWATCH])[kind]["latency undisturbed"]["median"]
    _plant(monkeypatch, name, seconds)
    after = kinds(judged(made).outcomes[HANGWATCH])[kind]["latency undisturbed"]["median"]

    assert before <= limit < after


def test_a_rule_that_is_hasty_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip that calls runs silent between two beats shows as false notices about healthy runs."""
    made = fleet(7, 0, 60)
    before = _false_of(judged(made))
    _plant(monkeypatch, "silent_at", -85.0)

    assert _false_of(judged(made)) > before + 5


def _false_of(found: Judged) -> int:
    return sum(bool(one.false) for one in _mine(found, HEALTHY))


def test_a_policy_that_looks_away_is_found_out() -> None:
    """Limits that nothing ever reaches show as problems that were missed."""
    blind = PolicySettings(silent_after=1e6, stalled_after=1e6, opaque_after=1e6, deadline=1e6)
    made = fleet(7, 0, 60)
    seeing, not_seeing = (judged(made, policy).outcomes[HANGWATCH] for policy in (None, Policy(defaults=blind)))

    assert [one for one in seeing if one.missed] == []
    assert sum(one.missed for one in not_seeing) > 3


def test_a_policy_that_nags_is_found_out() -> None:
    """Reminders each minute show in the messages that a problem takes."""
    made = fleet(7, 0, 60)
    calm, nagging = (judged(made, Policy(defaults=PolicySettings(remind_every=every))) for every in (1800.0, 60.0))

    assert nagging.messages > 3 * calm.messages


# Figures, tables, picture.


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (50, 100, 0.4038, 0.5962), (100, 100, 0.9630, 1.0), (0, 0, 0.0, 1.0)],
    ids=["none_of_ten", "half_of_a_hundred", "all_of_a_hundred", "none_of_none"],
)
def test_a_rate_has_wilsons_interval(hits: int, of: int, low: float, high: float) -> None:
    """The interval of a rate is Wilson's at 95 %, which knows what to say of none and of all."""
    assert Rate(hits, of).interval == pytest.approx((low, high), abs=1e-4)


def test_lengths_tell_middle_and_tail() -> None:
    """Of 1 to 100 the middle is 50, the tail 99; of none nothing is known."""
    found = Lengths.of(range(100, 0, -1))

    assert (found.count, found.p1, found.median, found.p99, found.most) == (100, 1, 50, 99, 100)
    assert math.isnan(Lengths.of([]).median)
    assert Lengths.of([]).as_json()["median"] is None


def test_a_target_is_met_only_when_it_is(small: Judged) -> None:
    """A single problem that was missed, though its record was there, is a target that is not met."""
    missed = replace(_mine(small, HUNG)[0], left=None, latency=None)
    kept, broken = (
        {one["what"]: one["met"] for one in targets(outcomes)}
        for outcomes in (small.outcomes[HANGWATCH], [*small.outcomes[HANGWATCH], missed])
    )

    name = "missed problems of which a record had reached the store"
    assert (kept[name], broken[name]) == (True, False)


def _limit_of(outcomes: Sequence[Outcome], name: str) -> tuple[bool, str]:
    return next((one["met"], one["limit"]) for one in targets(outcomes) if one["what"] == name)


def test_who_was_cut_off_is_counted_apart() -> None:
    """A false notice about a run that was cut off from the store counts in all, not among those that never were."""
    calm = assess(a_family(Truth(HEALTHY), **ON_TIME), [])
    alarm = Alarm(1690.0, "r1", "silent", notice="n1")
    false = assess(a_family(Truth(HEALTHY), **ON_TIME, cut=((1590.0, 1700.0),)), [alarm])
    after = assess(a_family(Truth(HEALTHY), **ON_TIME, cut=((1600.0, 1700.0),)), [])
    what = "healthy runs told of, per 10,000"
    told = next(one for one in targets([calm, false, false]) if one["what"] == "false notices per 10,000 healthy runs")

    assert told["each 10k"]["hits"] == 1  # two runs in one message
    assert (calm.cut_off, false.cut_off, after.cut_off) == (False, True, False)
    met, limit = _limit_of([calm, false, after], f"{what}, all")
    assert not met
    assert "cut off" in limit
    assert _limit_of([calm, false, after], f"{what}, never cut off from the store") == (True, "")


def test_at_best_a_hang_is_told_when_no_healthy_call_lasts_so_long() -> None:
    """The best rule waits as long as all but one in 10,000 healthy calls take; short calls it knows at once."""
    stuck = {"stuck": (1200.0, NEVER), "stands": "blocked", "steps": (1000.0,)}
    long = longest_healthy(CALL)
    hung = Truth(HUNG, 1200.0, NEVER, must=True)
    many = replace(BLIND, evidence=True)

    assert 300.0 * 3 < long < 1440.0
    assert best_left(a_family(hung, operation=CALL, **stuck)) == pytest.approx(1800.0 - long)
    assert best_left(a_family(hung, operation=BLIND, **stuck)) == pytest.approx(1800.0 - long)
    assert best_left(a_family(hung, operation=many, **stuck)) == 1600.0
    assert best_left(a_family(hung, operation=replace(CALL, median=1e6), **stuck)) == 360.0
    assert best_left(a_family(Truth(HEALTHY), operation=CALL)) is None


def test_the_picture_is_well_formed_and_names_every_rule(small: Judged) -> None:
    """The SVG parses, and each rule has a line and a label within the picture, none over another."""
    root = ET.fromstring(plot(summary(small, 7)))  # noqa: S314 (our own text)
    space = "{http://www.w3.org/2000/svg}"
    labels = {
        str(text.text).rpartition(" ")[0].rpartition(" ")[0]: float(text.get("y", "0"))
        for text in root.iter(f"{space}text")
    }
    heights = sorted(labels[rule] for rule in (HANGWATCH, *(rule.name for rule in RULES)))

    assert len(list(root.iter(f"{space}polyline"))) == len(RULES) + 1
    assert min(other - one for one, other in pairwise(heights)) > 12
    assert heights[-1] < 460


def test_the_command_prints_tables_and_writes_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command simulates, prints Markdown, and writes the same figures as JSON, and the picture."""
    figures, picture = tmp_path / "truth.json", tmp_path / "truth.svg"
    status = main(["--runs", "40", "--seed", "2", "--workers", "1", "--json", str(figures), "--plot", str(picture)])

    read = json.loads(figures.read_text())
    assert status == 0
    printed = capsys.readouterr().out
    assert all(f"### {table.title}\n" in printed for table in result_of(read).tables)
    assert all(f"| {target.what} | {target.aim} | {target.came} |" in printed for target in result_of(read).targets)
    assert (read["runs"], read["seed"]) == (40, 2)
    assert picture.read_text().startswith("<svg")


def test_the_command_refuses_no_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Fewer than one run is a wrong setting, said in a line."""
    with pytest.raises(SystemExit) as ended:
        main(["--runs", "0"])

    assert ended.value.code == 2
    assert "expected at least 1, got 0" in capsys.readouterr().err


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Result:
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("measured"))
    try:
        found = measure(True)
        ET.fromstring(PICTURE.read_text())  # noqa: S314 (our own text)
        return found
    finally:
        os.chdir(before)


def test_the_bench_has_all_targets_and_says_what_keeps_them(quick: Result) -> None:
    """Each target of the bench is met, or says what keeps it from being so; its figures go into JSON as they are."""
    assert len(quick.targets) == 12
    assert [one.what for one in quick.targets if one.met == bool(one.limit)] == []
    assert json.loads(json.dumps(quick.figures)) == quick.figures
    assert sum(int(number.replace(",", "")) for _, number in quick.tables[0].rows) == 2000


def test_the_page_has_a_place_for_the_tables() -> None:
    """The page on truth holds the marks between which the bench's tables go."""
    page = (Path(__file__).parents[2] / "docs" / "truth.md").read_text()

    assert page.count("<!-- found by: truth -->\n") == page.count("<!-- end -->") == 1
