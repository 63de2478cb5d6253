"""On Python 3.11 nothing is collected while a frame is read, and the collector is its owner's again afterwards."""

from __future__ import annotations

import gc
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from heartbeat_client.quiet import quietly

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="needs python 3.11: others read frames without a collection"
)


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The collector is on before a test and after it."""
    gc.enable()
    yield
    gc.enable()


def test_it_is_off_inside_and_on_outside() -> None:
    """Whoever reads finds it off, and leaves it on."""
    assert quietly(gc.isenabled) is False
    assert gc.isenabled()


def test_one_that_its_owner_switched_off_stays_off() -> None:
    """What the program has decided holds."""
    gc.disable()

    assert quietly(gc.isenabled) is False
    assert not gc.isenabled()


def test_an_error_of_the_reader_leaves_it_on() -> None:
    """What is raised inside passes through."""
    with pytest.raises(ZeroDivisionError):
        quietly(lambda: 1 // 0)

    assert gc.isenabled()


def test_a_reader_inside_of_a_reader_keeps_it_off() -> None:
    """A signal handler that reads while its own thread does switches nothing on."""
    assert quietly(lambda: (quietly(gc.isenabled), gc.isenabled())) == (False, False)
    assert gc.isenabled()


def test_it_is_off_until_the_last_of_several_readers_has_read() -> None:
    """A thread that reads for longer keeps it off, whoever else comes and goes."""
    inside, go, seen = threading.Event(), threading.Event(), []

    def read_for_long() -> None:
        inside.set()
        go.wait()
        seen.append(gc.isenabled())

    reader = threading.Thread(target=quietly, args=(read_for_long,))
    reader.start()
    assert inside.wait(10)
    quietly(gc.isenabled)
    meanwhile = gc.isenabled()
    go.set()
    reader.join()

    assert (meanwhile, seen) == (False, [False])
    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_is_forked_meanwhile_collects() -> None:
    """The child of a fork has no thread that would ever switch it on again."""
    inside, go = threading.Event(), threading.Event()

    def read_for_long() -> None:
        inside.set()
        go.wait()

    reader = threading.Thread(target=quietly, args=(read_for_long,))
    reader.start()
    assert inside.wait(10)
    child = os.fork()
    if child == 0:
        os._exit(gc.isenabled())
    go.set()
    reader.join()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
