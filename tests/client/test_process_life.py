"""Forks, signals and exits, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from heartbeat_client.run import FAILED, INTERRUPTED, RUNNING, SUCCEEDED
from tests.client.world import Process, until

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")

# Python 3.12 and later warn of any fork of a process with threads.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@posix
def test_a_forked_child_is_silent(process: Process) -> None:
    """A child that leaves its parent's heartbeat neither logs, beats nor closes; the parent's goes on."""
    done = process.run(
        """
        import os, sys, time
        from heartbeat_client import Heartbeat, track, configure, flush
        configure(beat_every=0.05)
        with Heartbeat("load", total=10) as hb:
            hb.advance()
            flush(10)
            if os.fork() == 0:
                hb.advance(5)
                hb.progress(9)
                hb.note("from the child")
                hb.fail("from the child")
                hb.extend(5)
                with hb.waiting("from the child", 5):
                    assert list(hb.track("ab")) == ["a", "b"]
                list(track("ab"))
                hb.__exit__(None, None, None)
                sys.stdout.flush()
                os._exit(0)
            os.wait()
            time.sleep(0.2)
            hb.advance()
        """
    )

    run = process.only("load")
    assert done.stdout.splitlines() == ["HEARTBEAT START: load", "HEARTBEAT END: load completed in 0.0 min"]
    assert run.state == SUCCEEDED
    assert run.reason == ""
    assert run.progress is not None
    assert (run.progress.done, run.progress.note) == (2, "")


@posix
def test_a_heartbeat_opened_in_a_child_works(process: Process) -> None:
    """What a child opens is an outermost run of the child's own process, also after the parent has written."""
    process.run(
        """
        import os
        from heartbeat_client import Heartbeat
        made_before = Heartbeat("made before")
        with Heartbeat("parent"):
            child = os.fork()
            if child == 0:
                with Heartbeat("child"), made_before:
                    pass
                os._exit(0)
            os.waitpid(child, 0)
        """
    )

    parent, child, before = (process.only(name) for name in ("parent", "child", "made before"))
    assert (parent.state, child.state, before.state) == (SUCCEEDED, SUCCEEDED, SUCCEEDED)
    assert parent.pid != child.pid
    assert child.pid == before.pid
    assert child.ancestors == ()
    assert before.ancestors == (child.id,)


@posix
def test_a_fork_in_the_middle_of_everything(process: Process) -> None:
    """Children forked while threads of the parent count, beat and log all finish their own heartbeats."""
    process.run(
        """
        import os, threading, time
        from heartbeat_client import Heartbeat, configure
        configure(beat_every=0.05, interval=0.05)
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                with Heartbeat("busy") as hb:
                    for _ in hb.track(range(1000)):
                        hb.advance()
        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        children = []
        for _ in range(10):
            time.sleep(0.05)
            child = os.fork()
            if child == 0:
                with Heartbeat("child") as hb:
                    hb.advance()
                os._exit(0)
            children.append(child)
        for child in children:
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        """
    )

    assert [run.state for run in process.runs() if run.operation == "child"] == [SUCCEEDED] * 10


@posix
def test_multiprocessing_by_fork(process: Process) -> None:
    """Workers of a pool, which end without an interpreter's exit, leave their ends written."""
    process.run(
        """
        import multiprocessing
        from heartbeat_client import Heartbeat, heartbeat
        @heartbeat("square")
        def square(number):
            return number * number
        if __name__ == "__main__":
            with Heartbeat("pool"), multiprocessing.get_context("fork").Pool(2) as pool:
                assert pool.map(square, range(4)) == [0, 1, 4, 9]
        """
    )

    assert [run.state for run in process.runs() if run.operation == "square"] == [SUCCEEDED] * 4
    assert process.only("pool").state == SUCCEEDED


def test_runs_open_at_the_exit_are_interrupted(process: Process) -> None:
    """What goes on in a daemon thread when the interpreter exits is interrupted, and the store knows it."""
    process.run(
        """
        import threading, time
        from heartbeat_client import Heartbeat, flush
        inside = threading.Event()
        def operate():
            with Heartbeat("outer"), Heartbeat("inner"):
                inside.set()
                time.sleep(60)
        threading.Thread(target=operate, daemon=True).start()
        inside.wait()
        """
    )

    for operation in ("outer", "inner"):
        run = process.only(operation)
        assert (run.state, run.reason) == (INTERRUPTED, "the interpreter exits")


@pytest.mark.parametrize(
    ("ending", "status", "state"),
    [
        ("sys.exit(3)", 3, INTERRUPTED),
        ("raise ValueError", 1, FAILED),
        ("hb.__exit__(None, None, None); os._exit(5)", 5, SUCCEEDED),
    ],
    ids=["exit inside", "crash inside", "a hard exit right after the end"],
)
def test_the_end_is_written_before_the_process_ends(process: Process, ending: str, status: int, state: str) -> None:
    """However the process ends, the end of the run is in the store."""
    process.run(
        f"import os, sys\nfrom heartbeat_client import Heartbeat\nwith Heartbeat('load') as hb:\n    {ending}",
        expect=status,
    )

    assert process.only("load").state == state


def test_an_exit_with_the_store_away_is_an_exit(process: Process) -> None:
    """A store that can't be written keeps no process from ending, nor changes its status."""
    done = process.run(
        "from heartbeat_client import Heartbeat\nwith Heartbeat('load'): pass",
        env={"HANGWATCH_STORE": f"sqlite:///{process.folder}"},
    )

    assert "beats can't be written to sqlite:///" in done.stderr


def test_a_killed_process_leaves_a_running_record(process: Process) -> None:
    """After `kill -9` the record says running: it is the watchdog's to find the silence."""
    child = process.start(
        """
        import time
        from heartbeat_client import Heartbeat, flush
        with Heartbeat("load"):
            flush(10)
            print("inside", flush=True)
            time.sleep(60)
        """
    )
    with child:
        said(child, "inside")
        child.kill()

    assert process.only("load").state == RUNNING


def said(child: subprocess.Popen[str], word: str) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == word:
            return
    raise AssertionError(f"the script ended before it said {word}")


HANDLERS = {
    "none: the default ends the process": ("", -signal.SIGTERM, ""),
    "the host's own": ("signal.signal(signal.SIGTERM, lambda *_: (print('host'), os._exit(7)))", 7, "host\n"),
    "one that exits": ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(8))", 8, ""),
}

TERMINATED = """
import os, signal, sys, time
from heartbeat_client import Heartbeat, configure, flush
{handler}
configure(on_sigterm={ours})
configure(on_sigterm={ours})
with Heartbeat("outer"):
    with Heartbeat("inner"):
        flush(10)
        print("inside", flush=True)
        time.sleep(60)
"""


@posix
@pytest.mark.parametrize(("handler", "status", "out"), HANDLERS.values(), ids=HANDLERS)
def test_sigterm_is_chained(process: Process, handler: str, status: int, out: str) -> None:
    """Asked to, we tell the store of the interruption first, and then the host's handler does what it did."""
    with process.start(TERMINATED.format(handler=handler, ours=True)) as child:
        said(child, "inside")
        child.send_signal(signal.SIGTERM)
        rest, err = child.communicate(timeout=30)

    assert child.returncode == status, err
    assert out in rest
    for operation in ("outer", "inner"):
        run = process.only(operation)
        assert run.state == INTERRUPTED
        assert run.ended_at is not None


@posix
def test_sigterm_is_the_hosts_unless_asked_for(process: Process) -> None:
    """By default we leave signals alone."""
    with process.start(TERMINATED.format(handler="", ours=False)) as child:
        said(child, "inside")
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)

    assert child.returncode == -signal.SIGTERM
    assert process.only("outer").state == RUNNING


@posix
def test_a_host_that_goes_on_after_sigterm_corrects_the_end(process: Process) -> None:
    """A server that finishes its request after SIGTERM has a run that succeeded."""
    with process.start(
        """
        import signal, time
        from heartbeat_client import Heartbeat, configure, flush
        told = []
        signal.signal(signal.SIGTERM, lambda *_: told.append(True))
        configure(on_sigterm=True)
        with Heartbeat("load"):
            flush(10)
            print("inside", flush=True)
            while not told:
                time.sleep(0.01)
        """
    ) as child:
        said(child, "inside")
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)

    assert child.returncode == 0
    assert process.only("load").state == SUCCEEDED


@posix
def test_sigterm_comes_at_any_time(process: Process) -> None:
    """A signal that interrupts a thread holding our locks still ends in the host's handler, and in time."""
    for _ in range(5):
        with process.start(
            """
            import os, signal, sys
            from heartbeat_client import Heartbeat, configure
            signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
            configure(on_sigterm=True, beat_every=0.05)
            print("inside", flush=True)
            sys.stdout = open(os.devnull, "w")
            while True:
                with Heartbeat("load") as hb:
                    for _ in range(50):
                        hb.advance()
                        hb.note("x")
            """
        ) as child:
            said(child, "inside")
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=30)

        assert child.returncode == 7


@posix
def test_a_signal_handler_may_use_the_heartbeat(process: Process) -> None:
    """A host's handler that counts, notes and opens heartbeats in the middle of ours does not lock up."""
    done = process.run(
        """
        import signal, sys, os
        from heartbeat_client import Heartbeat, configure
        configure(beat_every=0.05)
        shown, sys.stdout = sys.stdout, open(os.devnull, "w")
        hits = []
        with Heartbeat("load") as hb:
            def on_alarm(*_):
                hits.append(1)
                hb.advance()
                hb.note("tick")
                with Heartbeat("in the handler"):
                    pass
            signal.signal(signal.SIGALRM, on_alarm)
            signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
            while len(hits) < 300:
                with Heartbeat("inner") as inner:
                    inner.advance()
                    hb.progress(5)
            signal.setitimer(signal.ITIMER_REAL, 0)
        print("done", file=shown)
        """
    )

    assert done.stdout == "done\n"


def test_configuring_sigterm_from_a_thread_is_an_error_in_the_log(process: Process) -> None:
    """Only the main thread may set a handler; from another one that is said."""
    done = process.run(
        """
        import threading
        from heartbeat_client import configure
        thread = threading.Thread(target=configure, kwargs={"on_sigterm": True})
        thread.start()
        thread.join()
        """
    )

    assert "configure(on_sigterm=True): expected a call on the main thread" in done.stderr


def test_a_process_without_heartbeats_has_no_threads(process: Process) -> None:
    """Importing and configuring start nothing."""
    done = process.run(
        """
        import threading
        from heartbeat_client import Heartbeat, configure, flush, watch_requests
        configure(service="idle")
        app = watch_requests(lambda environ, start_response: [])
        hb = Heartbeat("not entered")
        print(threading.active_count(), flush())
        """
    )

    assert done.stdout == "1 True\n"
    assert not process.file.exists()


def test_the_import_is_light(process: Process) -> None:
    """Importing the library loads neither asyncio nor a network or database module."""
    heavy = {"asyncio", "sqlite3", "ssl", "google", "requests", "unittest", "multiprocessing", "sysconfig"}
    done = process.run("import sys, heartbeat_client; print(*sys.modules)")

    assert heavy & {name.split(".")[0] for name in done.stdout.split()} == set()


def test_a_frozen_process_comes_back(process: Process) -> None:
    """A process that was stopped and continued goes on beating."""
    with process.start(
        """
        import sys
        from heartbeat_client import Heartbeat, configure, flush
        configure(beat_every=0.05)
        with Heartbeat("load"):
            flush(10)
            print("inside", flush=True)
            sys.stdin.readline()
        """
    ) as child:
        said(child, "inside")
        child.send_signal(signal.SIGSTOP)
        child.send_signal(signal.SIGCONT)
        beats = process.only("load").seq
        until(lambda: process.only("load").seq > beats + 2, "beats")
        child.communicate("go\n", timeout=30)

    assert child.returncode == 0
    assert process.only("load").state == SUCCEEDED
    assert sys.platform != "win32"
