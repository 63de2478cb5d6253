"""A property that is worked out once, with no lock that a forked child would inherit."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from heartbeat_client.once import Once


class Scene:
    """Counts how often its property is worked out; `gate` holds whoever works it out."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.gate = gate
        self.inside = threading.Event()
        self.times = 0

    @Once
    def answer(self) -> int:
        """Forty-two."""
        self.times += 1
        self.inside.set()
        if self.gate is not None:
            self.gate.wait()
        return 42


def test_it_is_worked_out_at_its_first_use_and_kept() -> None:
    """The second use costs nothing."""
    scene = Scene()

    assert (scene.answer, scene.answer, scene.times) == (42, 42, 1)


def test_each_instance_has_its_own() -> None:
    """What one instance knows is nothing to another."""
    one, other = Scene(), Scene()

    assert (one.answer, other.answer, one.times, other.times) == (42, 42, 1, 1)


def test_the_class_shows_the_decorator_with_its_words() -> None:
    """Asked of the class, it is the decorator, with the docstring of what it decorates."""
    assert isinstance(Scene.answer, Once)
    assert Scene.answer.__doc__ == "Forty-two."


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_is_forked_meanwhile_works_it_out() -> None:
    """Another thread that works it out during a fork does not hold up the child."""
    gate = threading.Event()
    held = Scene(gate)
    worker = threading.Thread(target=lambda: held.answer)
    worker.start()
    assert held.inside.wait(10)
    child = os.fork()
    if child == 0:
        os._exit(Scene().answer)
    give_up = time.monotonic() + 20
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended and time.monotonic() < give_up:
        time.sleep(0.01)
        ended, status = os.waitpid(child, os.WNOHANG)
    gate.set()
    worker.join()
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    assert ended == child
    assert os.waitstatus_to_exitcode(status) == 42
