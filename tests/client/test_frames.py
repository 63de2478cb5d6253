"""Walking other threads' stacks: what is the user's own, what is the same call, and that nothing is kept."""

from __future__ import annotations

import gc
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from types import FrameType

import pytest

from heartbeat_client.frames import Home, Mark, can_walk, current_frames, place_of_frame, stdlib_path, walk
from heartbeat_client.sample import FrameSeen

HOME = Home(__file__)

pytestmark = pytest.mark.skipif(not can_walk(), reason="needs python with a GIL: other threads' frames are not read")


def here() -> FrameType:
    return sys._getframe(1)


def named(stack: tuple[FrameSeen, ...], function: str) -> FrameSeen:
    return next(seen for seen in stack if seen.function.endswith(function))


def descend(depth: int) -> tuple[FrameSeen, ...]:
    return descend(depth - 1) if depth else walk(here(), HOME, now=1.0)


def test_the_same_call_keeps_its_serial_and_its_age() -> None:
    """A frame that is the same call at two looks has the serial and the age of the first."""
    frame = here()
    first = walk(frame, HOME, now=10.0, last=9.0)[0]
    second = walk(frame, HOME, now=20.0, last=19.0)[0]

    assert first.serial == second.serial
    assert second.since is not None
    assert (second.since.least(20.0), second.since.most(20.0)) == (10.0, 11.0)


def test_another_call_of_the_same_function_is_young() -> None:
    """A function that returned and was called again is another call."""

    def look(now: float) -> FrameSeen:
        return walk(here(), HOME, now=now, last=now - 1)[0]

    first, second = look(10.0), look(20.0)

    assert first.serial != second.serial
    assert second.since is not None
    assert second.since.least(20.0) == 0.0


def test_a_generator_has_no_age() -> None:
    """A generator's frame lives on between its items, so that its age would say nothing."""

    def rows() -> Iterator[FrameSeen]:
        yield walk(here(), HOME, now=1.0)[0]

    seen = next(rows())

    assert (seen.serial, seen.since) == (0, None)


def test_a_frame_under_a_tracer_is_left_alone() -> None:
    """A frame that a debugger traces keeps the debugger's tracer, and has no age."""
    frame = here()

    def tracer(*_: object) -> None:
        return None

    frame.f_trace = tracer
    seen = walk(frame, HOME, now=1.0)[0]
    kept = frame.f_trace
    frame.f_trace = None

    assert kept is tracer
    assert seen.since is None


def test_a_tracer_that_meets_a_mark_goes_on() -> None:
    """A debugger that starts while marks are set calls them, and they answer with themselves."""
    mark = Mark(walk(here(), HOME, now=1.0)[0].since)  # type: ignore[arg-type]  # of a fresh frame it is known

    assert mark(here(), "line", None) is mark


@pytest.mark.parametrize("depth", [10, 62, 63, 64, 65, 500])
def test_a_deep_stack_keeps_both_ends(depth: int) -> None:
    """At most 64 frames are kept, the innermost and the outermost."""
    stack = descend(depth)

    assert len(stack) <= 64
    assert stack[0].function.endswith("descend")
    assert not stack[-1].own or stack[-1].function != "descend"


def test_a_stack_ends_at_the_mark_that_it_is_told_to_end_at() -> None:
    """What called the heartbeat's own frame is not part of the operation's stack."""
    mine = walk(here(), HOME, now=1.0)[0]

    def inner() -> tuple[FrameSeen, ...]:
        return walk(here(), HOME, now=2.0, stop={mine.serial})

    assert [seen.serial for seen in inner()][-1] == mine.serial


def test_python_itself_and_installed_packages_are_not_the_users_own() -> None:
    """Own is what is neither Python's, nor installed, nor Hangwatch's."""
    own = Home(__file__)

    assert __file__ in own
    assert threading.__file__ not in own
    assert pytest.__file__ not in own
    assert sys.modules["heartbeat_client.frames"].__file__ not in own


def test_a_program_that_is_installed_is_its_own() -> None:
    """Where the heartbeat is opened in an installed package, that package is the user's own code."""
    installed = pytest.__file__

    assert installed in Home(installed)
    assert threading.__file__ not in Home(installed)


def test_a_place_does_not_tell_the_directory() -> None:
    """A file is shown below the entry of sys.path that holds it, for what is above may hold a user's name."""
    place = place_of_frame(walk(here(), HOME, now=1.0)[0])

    assert not place.file.startswith("/")
    assert place.file.endswith("test_frames.py")


def test_a_standard_file_is_known_by_its_path() -> None:
    """A library's own file with a standard name is not taken for Python's."""
    assert stdlib_path(threading.__file__) == "threading.py"
    assert stdlib_path("/srv/app/threading.py") == ""


def test_frames_of_all_threads_are_read_and_let_go() -> None:
    """An object that only a thread's frame holds dies with that frame, however often it was looked at."""
    go, ready = threading.Event(), threading.Event()
    died: list[weakref.ref[object]] = []

    class Held:
        pass

    def work() -> None:
        held = Held()
        died.append(weakref.ref(held))
        ready.set()
        go.wait()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    for now in range(20):
        walk(current_frames().get(thread.ident or 0), HOME, now=float(now))
    go.set()
    thread.join(10)
    gc.collect()

    assert died[0]() is None


def test_collection_is_on_again_after_a_look() -> None:
    """The guard that 3.11 needs leaves the garbage collector as it was."""
    assert gc.isenabled()
    current_frames()
    assert gc.isenabled()
    gc.disable()
    try:
        current_frames()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_no_collection_runs_inside_of_a_look_on_3_11() -> None:
    """A collector's callback that lets other threads run does not deadlock the interpreter while frames are read."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            threading.Thread(target=time.sleep, args=(0,)).start()
            [[] for _ in range(2000)]

    def yielding(phase: str, info: dict[str, int]) -> None:
        time.sleep(0)

    threads = [threading.Thread(target=churn) for _ in range(2)]
    threshold = gc.get_threshold()
    gc.callbacks.append(yielding)
    gc.set_threshold(5)
    try:
        for thread in threads:
            thread.start()
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            current_frames()
    finally:
        stop.set()
        gc.callbacks.remove(yielding)
        gc.set_threshold(*threshold)
        for thread in threads:
            thread.join(10)

    assert not any(thread.is_alive() for thread in threads)
