"""The helper process, with real processes that are killed, crash, hang and fork."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from heartbeat_client.run import FAILED, INTERRUPTED, RUNNING, SUCCEEDED, Run, due_at, silent_at
from heartbeat_client.sidecar_exit import exit_status, in_words, is_dead, start_of
from heartbeat_client.sidecar_eyes import Look, Task, conclude, look_at
from heartbeat_client.stores.firestore import FirestoreBackend
from tests.client.world import Process, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to find the helper processes"),
    # Python 3.12 and later warn of any fork of a process with threads.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

# A run whose helper knows of it, once it prints `told`.
TOLD = """
import ctypes, os, re, signal, subprocess, sys, threading, time
from heartbeat_client import Heartbeat, configure, flush
from heartbeat_client.lifecycle import works
configure(sidecar=True, beat_every=0.5)
def tell(runs=1):
    while sum(not told[3] for told in works().sidecar._told.values()) < runs:
        time.sleep(0.01)
    print("told", os.getpid(), flush=True)
def open_files():
    with os.scandir("/proc/self/fd") as entries:
        return [os.readlink(entry.path) for entry in entries if int(entry.name) > 2]
"""
HELD_BURNING = 're.match(r"(a+)+$", "a" * 60 + "b")'
HELD_BLOCKED = "ctypes.PyDLL(None).sleep(60)"

Begin = Callable[[str], "subprocess.Popen[str]"]


def inside(line: str) -> str:
    """A script that does `line` inside of a run that the helper knows of."""
    return f"{TOLD}\nwith Heartbeat('load') as hb:\n    tell()\n    {line}\n"


def helpers_of(pid: int) -> list[int]:
    """The ids of the helper processes of a process, which they know as their fourth argument."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            at = next((n for n, word in enumerate(words) if word.endswith(b"sidecar_process.py")), None)
            if at is not None and int(words[at + 4]) == pid:
                found.append(int(entry.name))
    return found


@pytest.fixture
def begin(process: Process) -> Generator[Begin, None, None]:
    """Starts scripts, waits until they print `told`, and ends them; whatever becomes of them, no helper stays."""
    started: list[subprocess.Popen[str]] = []

    def begin(body: str) -> subprocess.Popen[str]:
        script = process.start(body)
        started.append(script)
        assert script.stdout is not None
        line = script.stdout.readline()
        assert line.startswith("HEARTBEAT START"), line + script.communicate(timeout=10)[1]
        while not line.startswith("told"):
            line = script.stdout.readline()
            assert line, script.communicate(timeout=10)[1]
        return script

    yield begin
    for script in started:
        with script:
            script.kill()
    for script in started:
        until(lambda pid=script.pid: not helpers_of(pid), "the helper to end", 40)


def gone(process: Process, operation: str = "load") -> Run:
    """The only run of an operation, once its process is known to have gone."""
    return until(lambda: (run := process.only(operation)).gone_at and run, "the record of the death")


def kind(process: Process) -> str:
    """The kind of activity that the record tells."""
    return str((process.only("load").activity or {}).get("kind"))


@pytest.mark.parametrize(
    ("deed", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("os.kill(os.getpid(), signal.SIGTERM)", "killed by SIGTERM"),
        ("ctypes.string_at(0)", "killed by SIGSEGV"),
        ("os.abort()", "killed by SIGABRT"),
        ("os._exit(3)", "exited with status 3 inside the operation"),
        ("os._exit(0)", "exited with status 0 inside the operation"),
    ],
)
@pytest.mark.parametrize("waited_for", [True, False], ids=["waited_for", "zombie"])
def test_the_end_of_a_process_is_told_at_once(
    process: Process, begin: Begin, deed: str, how: str, waited_for: bool
) -> None:
    """A run whose process ends inside of it says when and how, and is due at that instant; its state stays running."""
    script = begin(inside(deed))
    if waited_for:
        script.wait(30)
    run = gone(process)

    if waited_for and not _kernel_keeps_statuses():
        how = "died; the kernel does not say how"
    assert (run.state, run.gone_how) == (RUNNING, how)
    assert run.gone_at == run.due_at
    assert run.beat_at is not None
    assert run.gone_at is not None
    assert run.gone_at <= run.beat_at


def _kernel_keeps_statuses() -> bool:
    """Whether a pidfd still knows the status of a process that was waited for (Linux 6.15)."""
    major, minor = (int(part) for part in os.uname().release.split(".")[:2])
    return (major, minor) >= (6, 15)


# A shell starts what it puts into the background with this signal ignored, and children inherit that.
CTRL_C = "signal.signal(signal.SIGINT, signal.default_int_handler)"

ENDS = {
    "clean": (inside("pass"), SUCCEEDED),
    "exception": (inside("raise ValueError"), FAILED),
    "keyboard_interrupt": (inside(f"{CTRL_C}; os.kill(os.getpid(), signal.SIGINT); time.sleep(60)"), INTERRUPTED),
    "interpreter_exit": (TOLD + "hb = Heartbeat('load')\nhb.__enter__()\ntell()", INTERRUPTED),
}


@pytest.mark.parametrize("end", ENDS)
def test_after_an_end_of_its_own_nothing_is_written(process: Process, end: str) -> None:
    """Where the run told its end itself, the helper ends with its process and adds nothing."""
    body, state = ENDS[end]
    with process.start(body) as script:
        script.communicate(timeout=60)
    until(lambda: not helpers_of(script.pid), "the helper to end")

    run = process.only("load")
    assert (run.state, run.gone_at, run.gone_how) == (state, None, "")


def test_an_end_that_the_store_did_not_take_is_told_as_such(process: Process, begin: Begin) -> None:
    """When the operation was over and only its end was not written, the death is not told as the operation's."""
    script = begin(
        f"""{TOLD}
configure(flush_timeout=0.1)
with Heartbeat('load'):
    tell()
    sys.stdin.readline()
while works().sidecar._told and not any(told[3] for told in works().sidecar._told.values()):
    time.sleep(0.01)
os._exit(0)
"""
    )
    with closing(sqlite3.connect(process.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert script.stdin is not None
        script.stdin.write("\n")
        script.stdin.flush()
        script.wait(60)
        time.sleep(1)  # the helper finds the store locked at its first try
        other.execute("ROLLBACK")

    assert gone(process).gone_how == "exited with status 0 after the operation, whose end the store had not taken"


@pytest.mark.parametrize(
    ("line", "figure"),
    [(HELD_BLOCKED, "without using a processor"), (HELD_BURNING, "the operation's thread uses")],
    ids=["blocked", "burning"],
)
def test_a_held_interpreter_is_told_while_it_lasts(process: Process, begin: Begin, line: str, figure: str) -> None:
    """While one call holds Python the helper beats for the run, and says what it sees; a death is told even then."""
    script = begin(inside(line))
    until(lambda: kind(process) == "gil_held", "the helper to speak")
    run = process.only("load")
    until(lambda: process.only("load").beat_at != run.beat_at, "the next beat")
    script.kill()

    assert run.state == RUNNING
    assert run.activity is not None
    assert figure in run.activity["evidence"]
    assert run.activity["since_at_most"] <= run.activity["since"]
    assert "from outside" in run.activity["unknown"]
    assert gone(process).gone_how == "killed by SIGKILL"


def test_a_held_interpreter_is_told_with_the_place_before(process: Process, begin: Begin) -> None:
    """The helper can't see where Python stands; it keeps the innermost place that the last beat had, and says so."""
    process.folder.joinpath("work.py").write_text(
        "import ctypes, time\ndef load():\n    time.sleep(3)\n    ctypes.PyDLL(None).sleep(60)\n"
    )
    begin(f"import sys\nsys.path.insert(0, {str(process.folder)!r})\nimport work\n{inside('work.load()')}")
    until(lambda: kind(process) == "gil_held", "the helper to speak")

    activity = process.only("load").activity or {}
    assert (activity["at"]["file"], activity["at"]["line"]) == ("work.py", 3)
    assert "last seen before that at work.py:3" in activity["text"]
    assert "the last that was seen" in activity["unknown"]


def test_the_process_itself_goes_on_where_the_helper_stopped(process: Process, begin: Begin) -> None:
    """What the helper wrote is no stranger's record: after the hold the process beats and ends its run as its own."""
    script = begin(inside("ctypes.PyDLL(None).sleep(25); hb.note('back')"))
    until(lambda: kind(process) == "gil_held", "the helper to speak")
    _, err = script.communicate(timeout=60)

    run = process.only("load")
    assert (run.state, run.gone_at, err) == (SUCCEEDED, None, "")
    assert len(process.runs()) == 1


def test_a_stopped_process_is_frozen_until_it_goes_on(process: Process, begin: Begin) -> None:
    """A process under SIGSTOP is told as frozen, and no longer once SIGCONT lets it beat again."""
    script = begin(inside("time.sleep(60)"))
    script.send_signal(signal.SIGSTOP)
    until(lambda: kind(process) == "frozen", "the helper to speak")
    script.send_signal(signal.SIGCONT)

    until(lambda: kind(process) != "frozen", "a beat of the process")
    assert (process.only("load").state, process.only("load").gone_at) == (RUNNING, None)


def test_a_busy_interpreter_is_left_alone(process: Process, begin: Begin) -> None:
    """Python code that computes in many threads keeps ticking, and the helper keeps still."""
    begin(
        inside(
            "busy = [threading.Thread(target=exec, args=('while True: pass',), daemon=True) for _ in range(4)]; "
            "[thread.start() for thread in busy]; time.sleep(60)"
        )
    )
    seen = set()
    until(lambda: seen.add(process.only("load").seq) or len(seen) > 15, "beats of the process")

    assert kind(process) not in {"gil_held", "frozen", "starved"}


def test_a_forked_child_neither_hides_nor_shares(process: Process, begin: Begin) -> None:
    """A child that lives on with all its parent had open does not hide the parent's death, and has its own helper."""
    script = begin(
        f"""{TOLD}
with Heartbeat('load'):
    while not works().sidecar._told:
        time.sleep(0.01)
    if os.fork() == 0:
        assert not any("memfd" in name or "socket" in name for name in open_files())
        with Heartbeat('child'):
            tell()
            time.sleep(1)
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(3)
            os._exit(4)
    time.sleep(60)
"""
    )
    assert gone(process).gone_how == "killed by SIGKILL"
    child = gone(process, "child")

    assert child.gone_how.startswith(("exited with status 4", "died"))
    assert child.pid != script.pid
    until(lambda: not helpers_of(child.pid), "the child's helper to end")


def test_twenty_runs_end_with_their_process(process: Process, begin: Begin) -> None:
    """Each of many open runs is told as gone, and none that had ended."""
    script = begin(
        f"""{TOLD}
with Heartbeat('over'):
    flush(10)
runs = [Heartbeat('many') for _ in range(20)]
for run in runs:
    run.__enter__()
tell(20)
time.sleep(60)
"""
    )
    script.kill()
    until(lambda: all(run.gone_at for run in process.runs() if run.operation == "many"), "all records")

    assert [run.gone_how for run in process.runs() if run.operation == "many"] == ["killed by SIGKILL"] * 20
    assert (process.only("over").state, process.only("over").gone_at) == (SUCCEEDED, None)


def test_the_store_may_be_away_for_a_while(process: Process, begin: Begin) -> None:
    """When the store can't be written at the death, the helper tries again."""
    script = begin(inside("time.sleep(60)"))
    with closing(sqlite3.connect(process.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        script.kill()
        script.wait(30)
        time.sleep(7)  # longer than one try
        other.execute("ROLLBACK")

    assert gone(process).gone_how == "killed by SIGKILL"


def test_without_a_pidfd_the_end_is_found_all_the_same(process: Process, begin: Begin) -> None:
    """Where the kernel has no pidfd, the helper looks for the process ten times a second."""
    script = begin("import os\ndel os.pidfd_open\n" + inside("time.sleep(60)"))
    script.kill()

    assert gone(process).gone_how == "killed by SIGKILL"  # not waited for, so /proc still shows it


def test_the_helper_is_nobodys_child_and_leaves_nothing_open(process: Process, begin: Begin) -> None:
    """A process with a helper has no child to wait for, and two descriptors more; after a hundred runs no more."""
    script = begin(
        f"""
{TOLD}
with Heartbeat('load'):
    tell()
for _ in range(100):
    with Heartbeat('short'):
        pass
flush(10)
ours = [name for name in open_files() if "memfd" in name or "socket" in name or "pidfd" in name]
assert len(ours) == 2, ours
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child", flush=True)
"""
    )
    out, err = script.communicate(timeout=60)

    assert (out.count("no child"), err) == (1, "")


def test_the_helper_is_small_and_holds_nothing_of_its_process(process: Process, begin: Begin) -> None:
    """The helper has a session of its own, none of its process's files or sockets, and less than 16 MB."""
    script = begin(
        "import socket\nlistener, kept = socket.create_server(('127.0.0.1', 0)), open('kept', 'w')\n"
        + inside("time.sleep(60)")
    )
    (helper,) = helpers_of(script.pid)
    folder = Path(f"/proc/{helper}")
    files = [os.readlink(entry) for entry in (folder / "fd").iterdir()]
    rss = next(
        int(line.split()[1]) for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS")
    )
    print(f"helper process: {rss / 1024:.1f} MB RSS")

    assert os.getsid(helper) != os.getsid(script.pid)
    assert not any("kept" in name for name in files)
    assert sum("socket" in name for name in files) == 1
    assert rss < 16 * 1024


def test_a_helper_that_dies_is_told_once_and_not_missed(process: Process, begin: Begin) -> None:
    """When the helper is killed the run goes on, with one warning."""
    script = begin(inside("sys.stdin.readline()"))
    (helper,) = helpers_of(script.pid)
    os.kill(helper, signal.SIGKILL)
    until(lambda: not helpers_of(script.pid), "the helper's end")
    seq = process.only("load").seq
    until(lambda: process.only("load").seq > seq + 2, "further beats")
    _, err = script.communicate("\n", timeout=60)

    assert process.only("load").state == SUCCEEDED
    assert err.count("it has ended") == err.count("heartbeat_client") == 1


@pytest.mark.parametrize("shell", [True, False], ids=["shell", "no_shell"])
def test_who_waits_for_any_child_finds_his_own(process: Process, shell: bool) -> None:
    """An operation that forks and waits for any child gets the one it forked, with a shell there and without."""
    hide = "" if shell else "import heartbeat_client.sidecar_line as s\ns._SHELL = '/nowhere/sh'"
    process.run(
        f"""{TOLD}
{hide}
with Heartbeat('load'):
    child = os.fork()
    if child == 0:
        time.sleep(1)
        os._exit(0)
    assert os.wait()[0] == child
    tell()
"""
    )

    assert process.only("load").state == SUCCEEDED


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("sys.executable = '/nowhere/python'", "it has ended"),
        ("sys.executable = '/bin/true'", "it has ended"),
        ("sys.frozen = True", "it can't be started"),
        (
            "from heartbeat_client.testing import MemoryStore; configure(store=MemoryStore())",
            "expected a store by its address",
        ),
    ],
    ids=["no_program", "another_program", "frozen", "a_backend_object"],
)
def test_a_helper_that_cant_be_is_told_once(process: Process, setting: str, why: str) -> None:
    """Where no helper can be started the run goes on, with one warning."""
    done = process.run(f"{TOLD}\n{setting}\nwith Heartbeat('load'):\n    time.sleep(1.5)\n")

    assert "completed" in done.stdout
    assert done.stderr.count(why) == done.stderr.count("heartbeat_client:") == 1


def test_no_helper_is_kept_that_nobody_wants(process: Process, begin: Begin) -> None:
    """Without `sidecar=True` there is no helper, and `sidecar=False` sends it away."""
    script = begin(inside("configure(sidecar=False); time.sleep(60)"))
    until(lambda: not helpers_of(script.pid), "the helper to go")
    process.run("import os\nfrom heartbeat_client import *\nwith Heartbeat('plain'):\n    flush(10)\n    os._exit(0)")

    assert [run.gone_at for run in process.runs()] == [None, None]
    assert script.poll() is None


def test_secrets_stay_out_of_the_arguments(process: Process, begin: Begin) -> None:
    """What anybody may read of a process holds numbers and a path of ours only."""
    script = begin(inside("time.sleep(60)"))
    (helper,) = helpers_of(script.pid)
    words = Path(f"/proc/{helper}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")

    assert words[1:3] == [b"-I", b"-S"]
    assert words[3].endswith(b"heartbeat_client/sidecar_process.py")
    assert all(word.isdigit() for word in words[4:9])
    assert words[9:] == [b"stay"]


SERVED = """
import os, signal, time
from heartbeat_client import Heartbeat, configure, flush
from heartbeat_client.lifecycle import works
configure(sidecar=True, beat_every=0.5)
with Heartbeat("import"):
    flush(10)
    while not works().sidecar._told:
        time.sleep(0.01)
def app(environ, start_response):
    with Heartbeat("request") as hb:
        while hb.id not in {told[0] for told in works().sidecar._told.values()}:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("options", [[], ["--preload"]], ids=["plain", "preload"])
def test_a_worker_of_gunicorn_that_is_killed(process: Process, tmp_path: Path, options: list[str]) -> None:
    """The death of a worker is told, its master goes on with another, and no helper outlives them."""
    pytest.importorskip("gunicorn", reason="gunicorn is not installed")
    (tmp_path / "served.py").write_text(SERVED)
    bind = f"unix:{tmp_path}/socket"
    log = tmp_path / "log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "gunicorn", "-b", bind, *options, "served:app"]
        master = subprocess.Popen(command, cwd=tmp_path, env=process.environ(), stdout=out, stderr=out)
    try:
        until(lambda: "Booting worker" in log.read_text(), "gunicorn")
        _ask(tmp_path / "socket")
        run = gone(process, "request")
        until(lambda: log.read_text().count("Booting worker") >= 2, "another worker")
    finally:
        master.send_signal(signal.SIGTERM)
        master.wait(30)

    assert run.gone_how == ("killed by SIGKILL" if _kernel_keeps_statuses() else "died; the kernel does not say how")
    pids = {master.pid, *(run.pid for run in process.runs())}
    until(lambda: not any(helpers_of(pid) for pid in pids), "all helpers to end")
    assert {run.state for run in process.runs() if run.operation == "import"} == {SUCCEEDED}


def _ask(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        client.recv(100)


@pytest.mark.emulator
def test_a_death_reaches_firestore(process: Process, begin: Begin, firestore_project: str) -> None:
    """The helper loads Firestore's library when it has something to say, and says it."""
    script = begin(
        f"{TOLD}\nconfigure(store='firestore')\nwith Heartbeat('load', run_id='one'):\n    tell()\n    time.sleep(60)\n"
    )
    script.kill()
    backend = FirestoreBackend(project=firestore_project)
    document = until(
        lambda: (backend.read_run("one").document or {}).get("gone_at") and backend.read_run("one").document, "it"
    )
    backend.close()

    run = Run.from_document("one", document)
    assert (run.state, run.gone_how, run.due_at) == (RUNNING, "killed by SIGKILL", run.gone_at)


START = datetime(2026, 1, 14, 10, 0, tzinfo=timezone.utc)


def test_a_run_is_silent_from_the_instant_its_process_was_gone() -> None:
    """Nobody waits for a beat of a process that is known to be gone, and both facts survive the store."""
    gone_at = START + timedelta(seconds=9)
    run = Run(
        "one", "load", START, beat_at=START + timedelta(seconds=10), gone_at=gone_at, gone_how="killed by SIGKILL"
    )

    assert silent_at(run) == due_at(run) == gone_at
    assert Run.from_document("one", run.to_document()) == run


@pytest.mark.parametrize(
    ("status", "operation_open", "words"),
    [
        (9, True, "killed by SIGKILL"),
        (11 | 0x80, True, "killed by SIGSEGV"),
        (0, True, "exited with status 0 inside the operation"),
        (256, True, "exited with status 1 inside the operation"),
        (None, True, "died; the kernel does not say how"),
        (9, False, "killed by SIGKILL after the operation, whose end the store had not taken"),
        (256, False, "exited with status 1 after the operation, whose end the store had not taken"),
        (None, False, "ended after the operation, whose end the store had not taken; the kernel does not say how"),
    ],
)
def test_how_a_process_ended_in_words(status: int | None, operation_open: bool, words: str) -> None:
    """The status is told as people know it, and what the kernel does not tell is not guessed."""
    assert in_words(status, operation_open=operation_open) == words


def test_the_status_of_a_process_that_is_no_child_of_the_asker() -> None:
    """A zombie shows its status in /proc; a living one and another process of the same id show none."""
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(5)"], stdin=subprocess.PIPE)
    start = start_of(child.pid)

    assert not is_dead(child.pid, start)
    assert is_dead(child.pid, start + 1)
    assert exit_status(child.pid, start, -1) is None
    assert child.stdin is not None
    child.stdin.close()
    until(lambda: is_dead(child.pid, start), "the child's end")
    assert exit_status(child.pid, start, -1) == 5 << 8
    assert exit_status(child.pid, start + 1, -1) is None
    child.wait(30)
    assert is_dead(child.pid, start)
    assert exit_status(child.pid, start, -1) is None


TICKING, OWN, OTHER = 2, 1, 3


def task(state: str = "S", cpu: float = 0.0, queued: float | None = 0.0, slices: int | None = 0) -> Task:
    """A thread as it was after ten seconds."""
    return Task(state, cpu, queued, slices, "do_something")


def concluded(own: Task, ticking: Task | None, other: Task | None = None) -> str | None:
    """The kind that follows from what threads did in ten seconds."""
    after = {OWN: own, **({TICKING: ticking} if ticking else {}), **({OTHER: other} if other else {})}
    unknown = own.slices is None
    before = {
        native: Task("S", 0.0, None if unknown else 0.0, None if unknown else 0) for native in (OWN, TICKING, OTHER)
    }
    found = conclude(Look(0.0, before), Look(10.0, after), TICKING, OWN)
    return found.kind if found else None


@pytest.mark.parametrize(
    ("own", "ticking", "other", "expected"),
    [
        (task("T"), task("T"), None, "frozen"),
        (task("t"), task("t"), None, "frozen"),
        (task("R", cpu=9.9, slices=40), task(slices=1900), None, "gil_held"),
        (task("R", cpu=3.0), task(slices=1900), None, "gil_held"),
        (task("R", cpu=1.0, queued=9.0, slices=99), task(slices=1900, queued=6.0), None, "gil_held"),
        (task(), task(slices=1900), None, "gil_held"),
        (task(slices=1900), task(slices=1900), task("R", cpu=9.0, slices=99), "gil_held"),
        (task(slices=1900), task(slices=1900), None, "gil_held"),
        (task(), task(slices=201), None, "gil_held"),
        (task(), task(slices=200), None, None),
        (task(), task(slices=20), None, "frozen"),
        (task(), task(slices=21), None, None),
        (task(slices=21), task(), None, None),
        (task("R", cpu=9.9, slices=1900), task(), None, None),
        (task("R", queued=9.0, cpu=0.5, slices=100), task("R", queued=9.0, slices=100), None, "starved"),
        (task("R", queued=9.0, cpu=0.5, slices=100), task(slices=1900), None, "starved"),
        (task(), None, None, None),
        (task("R", cpu=9.9, queued=None, slices=None), task(queued=None, slices=None), None, "gil_held"),
        (task("S", cpu=0.1, queued=None, slices=None), task(queued=None, slices=None), None, None),
    ],
    ids=[
        "stopped", "traced", "burns_while_others_wait", "burns_just_enough", "burns_in_a_crowd",
        "blocked_while_others_wait",
        "another_thread_burns", "another_thread_is_blocked", "just_waits_for_python", "just_does_not_wait_for_python",
        "just_still", "just_not_still", "another_thread_runs", "python_runs_elsewhere", "nobody_gets_a_processor",
        "the_holder_gets_no_processor", "the_ticking_thread_has_gone", "burns_without_schedstat",
        "nothing_known_without_schedstat",
    ],
)  # fmt: skip
def test_what_follows_from_two_looks(own: Task, ticking: Task | None, other: Task | None, expected: str | None) -> None:
    """Who ran, who waited and who stood tells why Python does not move; where it does not tell, nothing is said."""
    assert concluded(own, ticking, other) == expected


def test_a_look_at_a_process() -> None:
    """A look holds every thread of a process, and none of one that is not there."""
    own = look_at(os.getpid()).tasks[os.getpid()]

    assert own.state == "R"
    assert own.cpu > 0
    assert look_at(2**22 + 1).tasks == {}
