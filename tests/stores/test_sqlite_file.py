"""What is SQLite's own: one file for several processes, and files and folders that can't be used."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from heartbeat_client.backend import Backend, StoreAway, Stored, StoreRefused, Write
from heartbeat_client.run import RUNS
from heartbeat_client.stores.sqlite import SqliteBackend
from watchdog.adapters.sqlite import INDEXES, SqliteStore
from watchdog.adapters.store_rules import QUERIED
from watchdog.ports import Create, StoreError, Where

from .records import START, kinds, run, stored_run, written

ROOT = Path(__file__).parents[2]
NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hangwatch.sqlite3"


@pytest.fixture
def backend(path: Path) -> Iterator[SqliteBackend]:
    with closing(SqliteBackend(path, timeout=0.2)) as opened:
        yield opened


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(path, timeout=0.2)) as opened:
        yield opened


def started(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Another Python that runs the code."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


BEATING = """
    import sys
    from heartbeat_client.backend import Write, Written
    from heartbeat_client.stores.sqlite import SqliteBackend
    from tests.stores.records import run

    path, name, beats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    backend, versions = SqliteBackend(path, timeout=60), [None] * 5
    for seq in range(beats):
        answers = backend.commit([Write(run(f"{name}-{i}", seq=seq), versions[i]) for i in range(5)])
        assert all(isinstance(answer, Written) for answer in answers), answers
        versions = [answer.version for answer in answers]
        print(seq, flush=True)
"""


def test_several_processes_share_one_file(path: Path, store: SqliteStore) -> None:
    """Processes that open a new file at once and beat into it lose no beat, with a sweep reading all the while."""
    writers = [started(BEATING, path, f"p{number}", 40) for number in range(4)]
    looks = 0
    while any(writer.poll() is None for writer in writers):
        looks += len(store.find(RUNS, Where("state", "==", "running"))) > 0
        time.sleep(0.01)
    for writer in writers:
        writer.communicate()

    assert [writer.returncode for writer in writers] == [0] * 4
    assert looks > 0
    assert [document.fields["seq"] for document in store.find(RUNS)] == [39] * 20


@pytest.mark.parametrize("attempt", range(10))
def test_who_opens_a_new_file_at_once_shares_it(path: Path, attempt: int) -> None:
    """Of many who find no file, one makes it and all go on: nobody is told that it is locked."""
    start = threading.Barrier(12)
    answers: list[object] = []

    def open_and_write(name: str) -> None:
        with closing(SqliteBackend(path, timeout=30)) as backend:
            start.wait()
            answers.extend(backend.commit([Write(run(name))]))

    threads = [threading.Thread(target=open_and_write, args=(f"{attempt}-{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert kinds(answers) == ["Written"] * 12


@pytest.mark.parametrize("attempt", range(3))
def test_a_process_killed_while_it_writes_leaves_the_store_readable(
    path: Path, store: SqliteStore, attempt: int
) -> None:
    """After kill -9 in the middle of writing all that was answered is there, and others write on."""
    writer = started(BEATING, path, "killed", 1_000_000)
    assert writer.stdout is not None
    answered = [int(writer.stdout.readline()) for _ in range(40 + 7 * attempt)][-1]
    os.kill(writer.pid, signal.SIGKILL)
    answered = max([answered, *map(int, writer.communicate()[0].split("\n")[:-1])])

    seqs = {document.fields["seq"] for document in store.find(RUNS)}
    assert len(seqs) == 1, "a commit was applied in part"
    assert seqs.pop() in {answered, answered + 1}
    assert store.commit([Create(RUNS, "after", {})])


def test_a_lock_that_stays_is_away(path: Path, backend: SqliteBackend, store: SqliteStore) -> None:
    """Who can't write for longer than the timeout is told that the store is away; reading goes on, then writing."""
    version = written(backend, run())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreAway, match="locked; another process is writing"):
            backend.commit([Write(run(seq=2), version)])
        with pytest.raises(StoreError, match="locked") as raised:
            store.commit([Create(RUNS, "r2", {})])
        assert raised.value.away is True
        assert stored_run(backend).seq == 1
        other.execute("ROLLBACK")

    assert kinds(backend.commit([Write(run(seq=2), version)])) == ["Written"]


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_the_file_is_only_its_owners(path: Path, backend: SqliteBackend, suffix: str) -> None:
    """The file and those that SQLite lays beside it get the rights that the user's umask leaves."""
    written(backend, run())

    mask = os.umask(0)
    os.umask(mask)
    assert Path(f"{path}{suffix}").stat().st_mode & 0o777 == 0o644 & ~mask


def test_a_missing_store_is_an_empty_one(path: Path, store: SqliteStore) -> None:
    """A watchdog that starts before any client makes the store, and finds nothing in it."""
    assert store.find(RUNS) == []
    assert path.exists()


def test_a_deleted_file_is_made_anew(path: Path, backend: SqliteBackend, store: SqliteStore) -> None:
    """Beats don't go on into a file that was deleted: whoever looks finds the next one in the new file."""
    written(backend, run("before"))
    assert len(store.find(RUNS)) == 1
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    written(backend, run("after"))

    assert [document.id for document in store.find(RUNS)] == ["after"]


READ: dict[str, Callable[[Backend], object]] = {
    "commit": lambda backend: backend.commit([Write(run())]),
    "read_run": lambda backend: backend.read_run("r1"),
}
calls = pytest.mark.parametrize("call", READ.values(), ids=READ)


@calls
def test_no_database(path: Path, backend: SqliteBackend, call: Callable[[Backend], object]) -> None:
    """A file that is something else is left as it is, and named."""
    path.write_text("dear diary, " * 1000)

    with pytest.raises(StoreRefused, match=r"hangwatch\.sqlite3: file is not a database; move the file away"):
        call(backend)
    assert path.read_text().startswith("dear diary")


@calls
def test_another_programs_database(path: Path, backend: SqliteBackend, call: Callable[[Backend], object]) -> None:
    """A database that another program made gets no table of ours."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE documents (version, collection, id, body)")
        other.commit()

    with pytest.raises(StoreRefused, match="another program's database; name another path"):
        call(backend)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_newer_schema_is_refused(path: Path, backend: SqliteBackend, store: SqliteStore) -> None:
    """A file that a newer version made is not written to, and the text says which version to install."""
    written(backend, run())
    backend.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 2")

    with pytest.raises(StoreRefused, match="expected schema 1 or older, got 2"):
        backend.read_run("r1")
    with pytest.raises(StoreError, match="install that version here") as raised:
        store.find(RUNS)
    assert raised.value.away is False


def test_a_damaged_file(path: Path, backend: SqliteBackend) -> None:
    """A file whose pages were overwritten is refused, with what to do."""
    for number in range(200):
        written(backend, run(f"r{number}"))
    backend.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))

    with pytest.raises(StoreRefused, match="malformed; the file is damaged"):
        backend.commit([Write(run("new"))])


def test_a_full_disk(path: Path, backend: SqliteBackend) -> None:
    """No room is a refusal until somebody makes room; what was written before stays readable."""
    written(backend, run())
    with backend._file.reading() as connection:
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")

    with pytest.raises(StoreRefused, match="full; make room"):
        backend.commit([Write(run("large", extra={"text": "x" * 900_000}))])
    assert stored_run(backend).seq == 1
    assert kinds(backend.commit([Write(run("large", extra={"text": "x" * 900_000}))])) == ["Written"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    """A path that can't be is refused, with the path and what to do."""
    (tmp_path / "file").touch()

    with (
        closing(SqliteBackend(tmp_path / "file" / "store.sqlite3")) as backend,
        pytest.raises(StoreRefused, match=r"file/store\.sqlite3: its folder can't be made .*; name a path"),
    ):
        backend.read_run("r1")


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    """A folder is no store."""
    with closing(SqliteBackend(tmp_path)) as backend, pytest.raises(StoreRefused, match="unable to open"):
        backend.read_run("r1")


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that everybody may enter and only its owner may write to, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def as_nobody(work: Callable[[], object]) -> str:
    """What the work raises, as text, for a user without rights: a child that root starts gives its own away."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing was raised"
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is asked for
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(sending, said.encode())
            os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as told:
        said = told.read()
    os.waitpid(child, 0)
    return said


def test_a_folder_without_the_right_to_write(readable_folder: Path) -> None:
    """Neither side can make a store in a folder that it may not write to, and each says so."""
    readable_folder.chmod(0o555)
    path = readable_folder / "store.sqlite3"

    said = as_nobody(lambda: SqliteBackend(path).commit([Write(run())]))
    assert said.startswith(f"StoreRefused: sqlite store {path}: unable to open database file; give this user")
    said = as_nobody(lambda: SqliteStore(path).find(RUNS))
    assert said.startswith(f"StoreError: sqlite store {path}: unable to open database file")
    said = as_nobody(lambda: SqliteStore(readable_folder / "below" / "store.sqlite3").find(RUNS))
    assert "its folder can't be made (Permission denied)" in said


def test_a_file_without_the_right_to_write(readable_folder: Path) -> None:
    """A store that somebody else may write to, and this user may not, is refused."""
    path = readable_folder / "store.sqlite3"
    with closing(SqliteBackend(path)) as backend:
        written(backend, run())
    for file in (path, readable_folder):
        file.chmod(file.stat().st_mode & 0o555)

    said = as_nobody(lambda: SqliteBackend(path).commit([Write(run("r2"))]))
    assert said.startswith(f"StoreRefused: sqlite store {path}: ")
    assert said.endswith("give this user the right to write to the file and its folder")


@pytest.mark.parametrize("body", [b"[1, 2]", b'"text"', b"7", b'{"detail": "\xff\xfe", "state": "running"}'], ids=repr)
def test_a_row_that_is_no_document(path: Path, store: SqliteStore, backend: SqliteBackend, body: bytes) -> None:
    """A row that somebody wrote past us, even in bytes that are no text, is read as what can be read of it."""
    written(backend, run("fine"))
    with closing(sqlite3.connect(path)) as other:
        other.execute(
            "INSERT INTO documents (collection, id, body) VALUES (?, 'strange', CAST(? AS TEXT))", (RUNS, body)
        )
        other.commit()

    fine, strange = store.find(RUNS)
    assert (fine.id, strange.id) == ("fine", "strange")
    assert strange.fields in ({}, {"detail": "��", "state": "running"})
    stored = backend.read_run("strange")
    assert isinstance(stored, Stored)
    assert stored.document == strange.fields


def test_a_broken_row_of_an_operation(path: Path, store: SqliteStore, backend: SqliteBackend) -> None:
    """What the watchdog kept of an operation may be broken: the client then finds nothing in it."""
    assert store.commit([Create("hangwatch_operations", "o1", {})])
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE documents SET body = '{\"thresh'")
        other.commit()

    assert backend.read_operation("o1").document == {}


@pytest.mark.parametrize(("collection", "field"), QUERIED, ids=lambda value: value)
def test_every_query_uses_its_index(path: Path, store: SqliteStore, collection: str, field: str) -> None:
    """What a sweep reads is found through the index of its field, not by reading every document."""
    store.find(collection)
    ask: list[Where] = [
        Where(field, "<=", START),
        Where(field, ">", START),
        Where(field, "==", "x"),
        Where(field, "==", True),
    ]

    for where in ask:
        queries: list[str] = []
        with store._file.reading() as connection:
            connection.set_trace_callback(queries.append)
        store.find(collection, where)
        (query,) = queries
        with closing(sqlite3.connect(path)) as other:
            plan = " ".join(row[3] for row in other.execute(f"EXPLAIN QUERY PLAN {query}"))
        assert f"USING INDEX {collection}_{field} (" in plan, where
    assert len(INDEXES) == len(QUERIED)


def test_a_path_may_begin_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`~` in a path is the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with closing(SqliteBackend("~/state/store.sqlite3")) as backend:
        written(backend, run())

    assert (tmp_path / "state" / "store.sqlite3").exists()
