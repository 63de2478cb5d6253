"""Counting: what is done is counted, what is in hand is not, however a loop is left."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest

from heartbeat_client import Heartbeat, track
from heartbeat_client.progress import Counter, Pace
from heartbeat_client.testing import ManualClock, MemoryStore
from tests.client.world import last


def tracked(counter: Counter, items: Any) -> Iterator[Any]:
    return counter.track(iter(items), items)


def run_through(counter: Counter) -> None:
    for _ in tracked(counter, "abcd"):
        pass


def nothing_to_do(counter: Counter) -> None:
    for _ in tracked(counter, []):
        pass


def leave_at_third(counter: Counter) -> None:
    for item in tracked(counter, "abcd"):
        if item == "c":
            break


def fail_at_third(counter: Counter) -> None:
    def work() -> None:
        for item in tracked(counter, "abcd"):
            _ = 1 / (item != "c")

    with pytest.raises(ZeroDivisionError):
        work()


def skip_the_third(counter: Counter) -> None:
    for item in tracked(counter, "abcd"):
        if item == "c":
            continue


def return_at_first(counter: Counter) -> None:
    def first() -> str:
        for item in tracked(counter, "abcd"):
            return str(item)
        return ""

    first()


def generator(counter: Counter) -> None:
    for _ in tracked(counter, (letter for letter in "abcd")):
        pass


def raising_generator(counter: Counter) -> None:
    def letters() -> Iterator[str]:
        yield from "ab"
        raise LookupError

    with pytest.raises(LookupError):
        list(tracked(counter, letters()))


def one_after_the_other(counter: Counter) -> None:
    run_through(counter)
    run_through(counter)


def after_one_that_was_left(counter: Counter) -> None:
    leave_at_third(counter)
    run_through(counter)


def nested(counter: Counter) -> None:
    for _ in tracked(counter, "ab"):
        for _ in tracked(counter, "xyz"):
            pass


def in_a_generator_that_is_closed(counter: Counter) -> None:
    def doubled() -> Iterator[str]:
        for item in tracked(counter, "abcd"):
            yield item * 2

    for item in (steps := doubled()):
        if item == "bb":
            break
    steps.close()  # type: ignore[attr-defined]  # it is a generator


def with_advance(counter: Counter) -> None:
    run_through(counter)
    counter.advance(3)


def over_what_advance_counted(counter: Counter) -> None:
    counter.advance(3)
    run_through(counter)


def set_in_the_middle(counter: Counter) -> None:
    for item in tracked(counter, "abcd"):
        if item == "b":
            counter.reach(10)


def set_back(counter: Counter) -> None:
    run_through(counter)
    counter.reach(1)


def handed_on(counter: Counter) -> None:
    list(islice(tracked(counter, "abcd"), 2))


TABLE: dict[str, tuple[Callable[[Counter], None], int, int | None]] = {
    "a loop that runs through": (run_through, 4, 4),
    "an empty one": (nothing_to_do, 0, 0),
    "break leaves the item in hand uncounted": (leave_at_third, 2, 4),
    "so does an exception": (fail_at_third, 2, 4),
    "continue is done with its item": (skip_the_third, 4, 4),
    "return at the first": (return_at_first, 0, 4),
    "a generator has no total": (generator, 4, None),
    "items that raise leave the last one in hand": (raising_generator, 1, None),
    "two in a row add up": (one_after_the_other, 8, 8),
    "after one that was left": (after_one_that_was_left, 6, 8),
    "nested ones all count": (nested, 8, 8),
    "in a generator that is closed": (in_a_generator_that_is_closed, 1, 4),
    "advance() adds": (with_advance, 7, 4),
    "track() adds": (over_what_advance_counted, 7, 4),
    "progress() sets, the loop counts on": (set_in_the_middle, 13, 4),
    "progress() may go back": (set_back, 1, 4),
    "the second of two that were drawn is in hand": (handed_on, 1, 4),
}


@pytest.mark.parametrize(("loop", "done", "total"), TABLE.values(), ids=TABLE)
def test_what_a_loop_leaves_counted(loop: Callable[[Counter], None], done: int, total: int | None) -> None:
    """Each way to leave a loop leaves the count of finished items, and the total as far as it can be known."""
    counter = Counter()
    loop(counter)

    assert (counter.done, counter.total) == (done, total)


def test_the_count_is_right_at_each_item() -> None:
    """While the third item is in hand, two are done."""
    counter = Counter()

    assert [counter.done for _ in tracked(counter, "abcd")] == [0, 1, 2, 3]


def test_the_items_are_untouched() -> None:
    """track() hands on the very items, in order, and raises what they raise."""
    items = [object(), None, 0, "", False]

    assert list(tracked(Counter(), items)) == items


def test_a_given_total_stays() -> None:
    """The length of what is tracked does not change a total that somebody gave."""
    counter = Counter(total=450)
    run_through(counter)

    assert counter.total == 450


def test_loops_that_are_left_do_not_pile_up() -> None:
    """A thousand loops left by `break` cost the memory of one."""
    counter = Counter()
    for _ in range(1000):
        leave_at_third(counter)

    assert counter.done == 2000
    assert len(counter._tracks) <= 2


def test_threads_lose_no_count() -> None:
    """Four threads that count at once count every item."""
    counter = Counter()

    def count() -> None:
        for _ in range(20_000):
            counter.advance()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counter.done == 80_000


def test_no_python_of_ours_runs_for_an_item() -> None:
    """What drives a tracked loop is itertools: a profiler sees no call of ours between the first item and the last."""
    counter, calls = Counter(), []
    items = tracked(counter, range(1000))
    next(items)
    sys.setprofile(lambda frame, event, argument: calls.append((event, frame.f_code.co_filename)))
    for _ in range(900):
        next(items)
    sys.setprofile(None)

    assert [call for call in calls if "heartbeat_client" in call[1]] == []
    assert counter.done == 900


@pytest.mark.parametrize(
    ("count", "since"),
    [
        (lambda counter: None, None),
        (lambda counter: counter.advance(0), 1000.0),
        (lambda counter: counter.reach(0), 1000.0),
        (lambda counter: tracked(counter, []), 1000.0),
    ],
    ids=["nothing", "advance", "progress", "track"],
)
def test_counting_declares_progress(count: Callable[[Counter], object], since: float | None) -> None:
    """Progress is declared from the first count on, even of nothing."""
    counter = Counter(clock=ManualClock())
    count(counter)

    assert counter.since == since


def test_a_total_declares_progress() -> None:
    """Who gives a total will count."""
    assert Counter(total=0, clock=ManualClock()).since == 1000.0


def looks(*counts: tuple[float, int]) -> Pace:
    pace = Pace()
    for now, done in counts:
        pace.look(done, now)
    return pace


@pytest.mark.parametrize(
    ("pace", "at", "rate"),
    [
        (looks((0, 0)), None, None),
        (looks((0, 0), (1, 0), (2, 0)), None, None),
        (looks((0, 0), (1, 10)), 1, 10.0),
        (looks((0, 0), (1, 10), (2, 10), (300, 10)), 1, 10.0),
        (looks((0, 0), *((n, 2 * n) for n in range(1, 200))), 199, 2.0),
        (
            looks((0, 0), *((n, 2 * n) for n in range(1, 100)), *((n, 198 + (n - 99)) for n in range(100, 162))),
            161,
            1.0,
        ),
        (looks((0, 0), (600, 1), (1200, 2)), 1200, 1 / 600),
        (looks((0, 0), (1, 100), (2, 5)), 2, 100.0),
        (looks((0, 0), (1, 100), (2, 5), (3, 6)), 3, 1.0),
    ],
    ids=[
        "no move yet",
        "no move for a while",
        "one move",
        "the rate stays when it stands still",
        "a steady pace",
        "the last minute decides",
        "one item in ten minutes",
        "going back is a move",
        "after going back the rate begins anew",
    ],
)
def test_what_looks_at_a_count_show(pace: Pace, at: float | None, rate: float | None) -> None:
    """Looking now and then shows when the count moved last, and how fast over the last minute of movement."""
    assert pace.at == at
    assert pace.rate == pytest.approx(rate)


def test_a_loop_counts_on_its_heartbeat(store: MemoryStore) -> None:
    """The record of a counted run has what is done, of how many, and when it last moved."""
    with Heartbeat("publish-requests") as hb:
        for item in hb.track(["first", "second", "third"]):
            if item == "third":
                break

    progress = last(store).progress
    assert progress is not None
    assert (progress.done, progress.total) == (2, 3)
    assert progress.since is not None
    assert progress.at is not None
    assert progress.since <= progress.at


def test_a_bare_track_counts_on_the_innermost_heartbeat(store: MemoryStore) -> None:
    """`track()` finds the heartbeat that it is inside of."""
    with Heartbeat("outer"), Heartbeat("inner"):
        for _ in track("abc"):
            pass

    inner, outer = last(store, "inner").progress, last(store, "outer").progress
    assert inner is not None
    assert (inner.done, inner.total) == (3, 3)
    assert outer is None


def test_a_bare_track_outside_of_any_says_so_once(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """Outside of any heartbeat `track()` iterates plainly, and warns once in a process."""
    assert list(track("abc")) == ["a", "b", "c"]
    assert list(track("xyz")) == ["x", "y", "z"]

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "not counted" in caplog.text
