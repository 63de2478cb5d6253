"""From samples to a conclusion: tables of evidence on both sides of each line. No thread, no clock."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from heartbeat_client.activity import KINDS, Activity
from heartbeat_client.conclusions import conclude
from heartbeat_client.lapse import lapse
from heartbeat_client.sample import FrameSeen, Gap, Return, Sample, Sight, Since, TaskSeen, Wait

NOW = 100.0
EARLY = Since(0.0, 1.0)
OWN = "/srv/app/data_loaders.py"
LIBRARY = "/usr/lib/python3/site-packages/requests/api.py"


def own(line: int = 412, since: Since | None = EARLY, serial: int = 7, function: str = "load") -> FrameSeen:
    return FrameSeen(OWN, line, function, True, serial, line * 2, since)


def library(since: Since | None, serial: int = 8) -> FrameSeen:
    return FrameSeen(LIBRARY, 60, "get", False, serial, 30, since)


def samples(*, cpu: float = 0.0, count: int = 6, **fields: Any) -> tuple[Sample, ...]:
    """Samples of the last seconds in which the thread used `cpu` of one processor."""
    given: dict[str, Any] = {"stack": (own(),), "slices": 5} | fields
    return tuple(Sample(NOW - count + 1 + n, cpu=10.0 + cpu * n, **given) for n in range(count))


def sight(rows: tuple[Sample, ...], **fields: Any) -> Sight:
    return Sight(now=NOW, started=0.0, every=1.0, samples=rows, **fields)


def still(seconds: float) -> Since:
    return Since(NOW - seconds - 1, NOW - seconds)


def chain(since: float) -> tuple[FrameSeen, ...]:
    return (library(Since(NOW - since - 1, NOW - since)), own())


def task(since: float | None = None, **fields: Any) -> tuple[TaskSeen, ...]:
    known = None if since is None else still(since)
    return (TaskSeen(NOW, chain=(own(),), since=known, latency=0.0002, **fields),)


GAP = Gap(NOW - 5, NOW - 1, "burning", (own(18, function="match"),), "'MainThread'", "facts")

DECISIONS = {
    "a_declared_wait_comes_first": (sight(samples(still=still(50)), waiting="approval", moved=False), "waiting"),
    "progress_that_moves_is_believed": (sight(samples(still=still(50)), moved=True), "progressing"),
    "progress_that_stands_is_not_progressing": (sight(samples(still=still(50)), moved=False), "blocked"),
    "a_thread_that_is_gone_has_ended": (sight((*samples(), Sample(NOW, alive=False))), "thread_ended"),
    "a_task_that_is_over_has_ended": (sight(samples(), tasks=(TaskSeen(NOW, done=True),)), "thread_ended"),
    "a_gap_with_a_burner_is_a_held_gil": (sight(samples(cpu=0.9), gap=GAP), "gil_held"),
    "a_gap_without_cpu_is_a_held_gil": (sight(samples(), gap=replace(GAP, kind="held")), "gil_held"),
    "a_gap_in_which_nothing_ran_is_frozen": (sight(samples(), gap=replace(GAP, kind="frozen")), "frozen"),
    "a_gap_that_can_not_be_told_says_nothing": (sight(samples(cpu=0.9), gap=replace(GAP, kind="unclear")), "spinning"),
    "a_gap_is_told_for_as_long_as_it_lasted": (
        sight(samples(cpu=0.9), gap=replace(GAP, begun=91, ended=96)),
        "gil_held",
    ),
    "a_gap_of_long_ago_is_not_told": (sight(samples(cpu=0.9), gap=replace(GAP, begun=91, ended=94)), "spinning"),
    "no_instruction_in_two_looks_is_blocked": (sight(samples(still=still(2))), "blocked"),
    "no_instruction_in_one_look_is_not": (sight(samples(still=still(1.8))), "looping"),
    "one_old_call_of_an_idle_thread_is_blocked": (sight(samples(cpu=0.019, stack=chain(60))), "blocked"),
    "one_old_call_with_some_cpu_is_not": (sight(samples(cpu=0.021, stack=chain(60))), "looping"),
    "one_young_call_of_an_idle_thread_loops": (sight(samples(stack=chain(0.5))), "looping"),
    "a_thread_that_comes_back_loops": (sight(samples(still=still(3), comes_back=Return(2, 4.0))), "looping"),
    "a_thread_that_came_back_once_does_not": (sight(samples(still=still(3), comes_back=Return(1, 4.0))), "blocked"),
    "a_stay_far_longer_than_before_is_blocked": (sight(samples(still=still(30), comes_back=Return(5, 4.0))), "blocked"),
    "a_sleep_inside_of_c_code_is_blocked": (sight(samples(wait=Wait("a sleep", polls=True))), "blocked"),
    "much_cpu_is_spinning": (sight(samples(cpu=0.81)), "spinning"),
    "less_cpu_is_work": (sight(samples(cpu=0.79)), "working"),
    "little_cpu_loops": (sight(samples(cpu=0.24)), "looping"),
    "one_sample_proves_nothing": (sight(samples(count=1)), "working"),
    "no_clock_and_one_old_call_is_blocked": (
        sight(tuple(replace(one, cpu=None, slices=None) for one in samples(stack=chain(60)))),
        "blocked",
    ),
    "a_loop_that_owes_an_answer_is_blocked": (sight(samples(), tasks=task(unanswered=still(2))), "loop_blocked"),
    "a_loop_that_was_just_asked_is_not": (sight(samples(), tasks=task(5, unanswered=still(1.8))), "task_waiting"),
    "a_task_with_one_old_await_waits": (sight(samples(), tasks=task(2)), "task_waiting"),
    "a_task_with_a_young_await_loops": (sight(samples(), tasks=task(1.8)), "looping"),
    "a_task_that_is_ready_all_the_time_spins": (sight(samples(cpu=0.9), tasks=task()), "spinning"),
}


@pytest.mark.parametrize(("seen", "kind"), DECISIONS.values(), ids=DECISIONS.keys())
def test_the_first_rule_that_holds_decides(seen: Sight, kind: str) -> None:
    """Each kind has its evidence, and evidence just below the line does not make it."""
    assert conclude(seen).kind == kind


def test_every_kind_has_its_words() -> None:
    """The kinds are the twelve of the design."""
    names = (
        "progressing working blocked looping spinning loop_blocked task_waiting gil_held frozen starved thread_ended"
    )

    assert set(KINDS) == {*names.split(), "waiting"}


@pytest.mark.parametrize(("queued", "kind"), [(0.49, "looping"), (0.51, "starved")])
def test_who_wants_cpu_and_gets_none_is_starved(queued: float, kind: str) -> None:
    """Half of the time in the queue for a processor, and hardly any on one, is starvation."""
    rows = tuple(replace(one, queued=queued * n) for n, one in enumerate(samples(cpu=0.1)))

    assert conclude(sight(rows)).kind == kind


def test_who_runs_whenever_it_may_spins_also_on_a_crowded_machine() -> None:
    """A thread that shares its processor with another is busy with half of the CPU."""
    rows = tuple(replace(one, queued=0.5 * n) for n, one in enumerate(samples(cpu=0.48)))

    assert conclude(sight(rows)).kind == "spinning"


@pytest.mark.parametrize(("rate", "kind"), [(0, "blocked"), (1, "working")])
def test_bytes_that_come_in_are_work(rate: int, kind: str) -> None:
    """A call whose connection carries bytes does not stand, however old it is."""
    rows = samples(stack=chain(60))
    rows = tuple(
        replace(one, wait=Wait("recv", "peer", moved=100 + rate * n, channel="socket:[1]"))
        for n, one in enumerate(rows)
    )

    assert conclude(sight(rows)).kind == kind


def test_bytes_of_another_connection_prove_nothing() -> None:
    """A retry on a new connection is not the old call's progress."""
    rows = samples(stack=chain(60))
    rows = tuple(replace(one, wait=Wait("recv", "p", moved=n, channel=f"socket:[{n}]")) for n, one in enumerate(rows))

    assert conclude(sight(rows)).kind == "blocked"


def test_the_innermost_of_the_users_own_code_is_blamed() -> None:
    """A library's frame is in the chain, the user's line that called it is blamed."""
    found = conclude(sight(samples(still=still(50), stack=(library(None), own(9), own(3, serial=6)))))

    assert found.at is not None
    assert (found.at.line, [one.place.line for one in found.frames]) == (9, [60, 9, 3])


def test_what_called_the_heartbeat_is_left_out() -> None:
    """Frames outside of the one that holds the `with` are neither blamed nor shown."""
    stack = (library(None), FrameSeen(LIBRARY, 1, "run", False, 5, 1, None), own(1, serial=4))
    found = conclude(sight(samples(still=still(50), stack=stack), base=5))

    assert [one.place.line for one in found.frames] == [60, 1]


def test_since_is_an_interval_that_the_runs_start_bounds() -> None:
    """A stand that no look has seen begin is at most as old as the run."""
    found = conclude(replace(sight(samples(still=Since(-math.inf, 90.0))), started=80.0))

    assert (found.since_at_least, found.since_at_most) == (10.0, 20.0)


def test_a_call_with_polls_inside_is_as_old_as_the_call() -> None:
    """A thread that woke 3 s ago inside of a call of 60 s stands since 60 s."""
    found = conclude(sight(samples(still=still(3), stack=chain(60))))

    assert found.since_at_least == 60.0


def test_the_hottest_line_of_an_old_call_is_blamed_for_spinning() -> None:
    """What is called and returns is not blamed, the loop around it is, at the line where most looks found it."""
    rows = samples(cpu=0.99)
    rows = tuple(
        replace(one, stack=(own(50 + n, Since(NOW - 1, NOW), 20 + n, "step"), own(8 if n % 3 else 7)))
        for n, one in enumerate(rows)
    )
    found = conclude(sight(rows))

    assert found.at is not None
    assert (found.at.function, found.at.line) == ("load", 8)


def test_the_culprit_behind_a_wait_is_blamed() -> None:
    """Who waits for a thread that stands is told of that thread's line, and for as long as both have stood."""
    wait = Wait("Thread.join", "thread 'loader-3' to end", thread=5)
    behind = sight(samples(still=still(20), stack=(own(77, serial=90),), wait=Wait("recv", "peer 10.0.0.5:443")))
    found = conclude(sight(samples(still=still(50), wait=wait), beyond=replace(behind, started=-math.inf)))

    assert found.at is not None
    assert (found.kind, found.at.line, found.since_at_least) == ("blocked", 77, 20.0)
    assert found.waits_for == "thread 'loader-3' to end, which is blocked in recv, waiting for peer 10.0.0.5:443"


@pytest.mark.parametrize(("certain", "kind"), [(True, "spinning"), (False, "blocked")])
def test_a_thread_that_only_could_act_is_no_excuse(certain: bool, kind: str) -> None:
    """A worker that runs keeps its waiter alive; one that merely knows the queue does not."""
    wait = Wait("wait", "it", thread=5, certain=certain)
    behind = replace(sight(samples(cpu=0.99)), started=-math.inf)

    assert conclude(sight(samples(still=still(50), wait=wait), beyond=behind)).kind == kind


def test_a_document_has_plain_values_and_instants() -> None:
    """What is written has the fields of the design; since is later than the earliest that it may be."""
    now = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    found = conclude(sight(samples(still=Since(80.0, 90.0), stack=chain(10))))
    document = replace(found, seen=2.0).to_document(now)

    assert document["kind"] == "blocked"
    assert document["at"] == {"file": "data_loaders.py", "line": 412, "function": "load"}
    assert document["since"] == now - timedelta(seconds=12)
    assert document["since_at_most"] == now - timedelta(seconds=22)
    assert document["frames"][0] == {"file": "api.py", "line": 60, "function": "get", "age": 10.0}
    assert document["cpu"] == 0.0


def test_the_chain_is_short() -> None:
    """At most twelve frames are told, of both ends."""
    stack = tuple(own(n, serial=n + 10) for n in range(60))
    found = conclude(sight(samples(still=still(50), stack=stack)))

    assert len(found.frames) <= 12
    assert (found.frames[0].place.line, found.frames[-1].place.line) == (0, 59)


def test_the_sentence_says_what_where_how_long_and_on_what() -> None:
    """The sentence of an alert comes first and stands by itself."""
    wait = Wait("recv", "peer 10.0.0.5:443, which has sent nothing for 4.7 min", "the connection is alive")
    found: Activity = conclude(sight(samples(still=Since(NOW - 60, NOW - 48), wait=wait)))

    assert found.sentence() == (
        "blocked in recv at data_loaders.py:412 for 48 s; "
        "waits for peer 10.0.0.5:443, which has sent nothing for 4.7 min, the connection is alive"
    )


@pytest.mark.parametrize(
    "kind", ["blocked", "looping", "spinning", "working", "task_waiting", "loop_blocked", "gil_held"]
)
def test_what_can_not_be_known_is_said(kind: str) -> None:
    """No conclusion that could be an alert is without its doubt."""
    seen = next(seen for seen, found in DECISIONS.values() if found == kind)

    assert conclude(seen).unknown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.95, "10 s"),
        (99.4, "99 s"),
        (288.0, "4.8 min"),
        (5400, "1.5 h"),
        (3e5, "3.5 d"),
    ],
)
def test_a_lapse_is_one_figure(seconds: float, text: str) -> None:
    """A length is told in the unit that fits."""
    assert lapse(seconds) == text
