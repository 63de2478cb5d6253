"""What Firestore's errors become: away or refused, with what helps, without secrets, and after one try."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.auth import exceptions as auth
from grpc import StatusCode

from heartbeat_client.backend import Backend, Conflict, Refused, StoreAway, StoreRefused, Write
from heartbeat_client.stores.firestore import FirestoreBackend
from heartbeat_client.stores.firestore_connection import explained
from watchdog.adapters.firestore import FirestoreStore
from watchdog.ports import Create, Store, StoreError, Where

from .failing_firestore import FailingFirestore
from .records import START, kinds, run

ROOT = Path(__file__).parents[2]
SECRET = "ya29.this-is-a-token"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingFirestore]:
    with closing(FailingFirestore()) as server:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host)
        yield server


@pytest.fixture
def backend(server: FailingFirestore) -> Iterator[FirestoreBackend]:
    with closing(FirestoreBackend("proj", timeout=30)) as opened:
        yield opened


@pytest.fixture
def store(server: FailingFirestore) -> Iterator[FirestoreStore]:
    with closing(FirestoreStore("proj", timeout=30)) as opened:
        yield opened


WRITE_SIDE: dict[str, Callable[[Backend], Any]] = {
    "commit": lambda backend: backend.commit([Write(run())]),
    "read_run": lambda backend: backend.read_run("r1"),
    "read_operation": lambda backend: backend.read_operation("o1"),
}
READ_SIDE: dict[str, Callable[[Store], Any]] = {
    "now": lambda store: store.now(),
    "get": lambda store: store.get("hangwatch_runs", ["r1"]),
    "find": lambda store: store.find("hangwatch_runs", Where("due_at", "<=", START)),
    "commit": lambda store: store.commit([Create("hangwatch_runs", "r1", {})]),
}
write_side = pytest.mark.parametrize("call", WRITE_SIDE.values(), ids=WRITE_SIDE)
read_side = pytest.mark.parametrize("call", READ_SIDE.values(), ids=READ_SIDE)

# As the server says it, and what must stand in our text.
REFUSALS: dict[str, tuple[StatusCode, str, str]] = {
    "no_rights": (StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions.", "grant roles/datastore.user"),
    "no_api": (
        StatusCode.PERMISSION_DENIED,
        "Cloud Firestore API has not been used in project 7 before or it is disabled.",
        "enable firestore.googleapis.com",
    ),
    "no_database": (
        StatusCode.NOT_FOUND,
        "The database (default) does not exist for project proj Please visit https://console.example to add one.",
        "create the database",
    ),
    "datastore_mode": (
        StatusCode.FAILED_PRECONDITION,
        "The Cloud Firestore API is not available for Firestore in Datastore Mode database projects/proj.",
        "database in Native mode",
    ),
    "not_logged_in": (StatusCode.UNAUTHENTICATED, f"Request had invalid credentials {SECRET}", "service account"),
    "key_deleted": (
        StatusCode.UNAVAILABLE,
        f"Getting metadata from plugin failed with error: ('invalid_grant: {SECRET}', {{}})",
        "service account",
    ),
}
refusals = pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)

PASSING = (
    StatusCode.UNAVAILABLE,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.ABORTED,
    StatusCode.RESOURCE_EXHAUSTED,
    StatusCode.INTERNAL,
    StatusCode.UNKNOWN,
    StatusCode.CANCELLED,
)
passing = pytest.mark.parametrize("code", PASSING, ids=lambda code: code.name.lower())


@refusals
@write_side
def test_what_a_person_must_mend_is_refused(
    server: FailingFirestore, backend: Backend, call: Callable[[Backend], Any], refusal: tuple[StatusCode, str, str]
) -> None:
    """The client's side raises StoreRefused with the database and what helps, after one call, and tells no secret."""
    code, said, remedy = refusal
    server.fail(code, said)

    with pytest.raises(StoreRefused) as raised:
        call(backend)
    assert type(raised.value) is StoreRefused
    assert str(raised.value).startswith("firestore proj/(default): ")
    assert remedy in str(raised.value)
    assert SECRET not in repr(raised.value)
    assert len(server.calls) == 1


@refusals
@read_side
def test_what_a_person_must_mend_does_not_pass_by_itself(
    server: FailingFirestore, store: Store, call: Callable[[Store], Any], refusal: tuple[StatusCode, str, str]
) -> None:
    """The watchdog's side raises StoreError that is not `away`, with the same words."""
    code, said, remedy = refusal
    server.fail(code, said)

    with pytest.raises(StoreError, match=remedy) as raised:
        call(store)
    assert raised.value.away is False
    assert SECRET not in repr(raised.value)
    assert len(server.calls) == 1


@passing
@write_side
def test_what_may_pass_is_away(
    server: FailingFirestore, backend: Backend, call: Callable[[Backend], Any], code: StatusCode
) -> None:
    """The client's side raises StoreAway after one call: the sender owns the pace."""
    server.fail(code, "not now")

    with pytest.raises(StoreAway, match=r"firestore proj/\(default\): .*not now.*; it is tried again"):
        call(backend)
    assert len(server.calls) == 1


@passing
@read_side
def test_what_may_pass_is_tried_twice_at_most(
    server: FailingFirestore, store: Store, call: Callable[[Store], Any], code: StatusCode
) -> None:
    """The watchdog's side repeats a read once and a write never, then raises StoreError that is `away`."""
    server.fail(code, "not now")

    with pytest.raises(StoreError, match="not now") as raised:
        call(store)
    assert raised.value.away is True
    assert len(server.calls) == (1 if server.calls[0] == "Commit" else 2)


def test_a_read_holds_at_its_second_try(server: FailingFirestore, store: FirestoreStore) -> None:
    """One broken connection costs a sweep nothing."""

    def fail_once(context: Any) -> None:
        if len(server.calls) == 1:
            context.abort(StatusCode.UNAVAILABLE, "connection reset")

    server.outcome = fail_once

    assert store.find("hangwatch_runs") == []
    assert server.calls == ["RunQuery", "RunQuery"]


def test_no_call_outlives_its_timeout(server: FailingFirestore) -> None:
    """Every call tells the server how long it will wait, and that is no longer than the timeout."""
    server.hang()

    with closing(FirestoreBackend("proj", timeout=0.4)) as backend, closing(FirestoreStore("p", timeout=0.4)) as store:
        for write in WRITE_SIDE.values():
            with pytest.raises(StoreAway, match="DeadlineExceeded"):
                write(backend)
        for read in READ_SIDE.values():
            with pytest.raises(StoreError, match="DeadlineExceeded"):
                read(store)
    assert server.patience
    assert max(server.patience) < 0.5  # gRPC rounds what it tells


def held() -> dict[str, int]:
    """What this process holds that could leak. Channels are counted too: in plain text they share one connection."""
    own = Path("/proc/self")
    counts = {kind: len(os.listdir(own / kind)) for kind in ("fd", "task") if own.exists()}
    gc.collect()
    return counts | {"channels": sum(isinstance(each, grpc.Channel) for each in gc.get_objects())}


def test_calls_that_are_given_up_leave_nothing_behind(server: FailingFirestore) -> None:
    """Files, threads and channels do not grow with the number of calls that got no answer in time."""
    server.hang()
    counts = []
    with closing(FirestoreBackend("proj", timeout=0.05)) as backend:
        for number in range(90):
            with pytest.raises(StoreAway):
                backend.read_run("r1")
            if number in {29, 89}:
                counts.append(held())

    before, after = counts
    assert {kind: after[kind] for kind in after if after[kind] > before[kind] + 10} == {}


ONE_OF_THREE = {
    "exists": (6, Conflict),
    "gone": (5, Conflict),
    "at_another_version": (9, Conflict),
    "invalid": (3, Refused),
}


@pytest.mark.parametrize(("code", "kind"), ONE_OF_THREE.values(), ids=ONE_OF_THREE)
def test_each_write_has_its_own_status(
    server: FailingFirestore, backend: FirestoreBackend, code: int, kind: type[Conflict | Refused]
) -> None:
    """A status that concerns one record is that record's answer alone."""
    server.statuses = [(0, ""), (code, "for this one"), (0, "")]

    answers = backend.commit([Write(run(f"r{number}")) for number in range(3)])
    assert kinds(answers) == ["Written", kind.__name__, "Written"]


@pytest.mark.parametrize(("code", "kind"), [(7, StoreRefused), (14, StoreAway), (10, StoreAway), (8, StoreAway)])
def test_a_status_of_the_store_is_the_commits(
    server: FailingFirestore, backend: FirestoreBackend, code: int, kind: type[Exception]
) -> None:
    """A status that says that the store is away or refuses is raised, wherever it stands."""
    server.statuses = [(0, ""), (code, "all of it"), (0, "")]

    with pytest.raises(kind, match="all of it"):
        backend.commit([Write(run(f"r{number}")) for number in range(3)])


def test_a_request_that_is_invalid_whatever_it_holds(server: FailingFirestore, backend: FirestoreBackend) -> None:
    """Where every half is invalid too, each record is refused, and the search ends."""
    server.fail(StatusCode.INVALID_ARGUMENT, "project id is no project id")

    answers = backend.commit([Write(run(f"r{number}")) for number in range(5)])
    assert kinds(answers) == ["Refused"] * 5
    assert len(server.calls) == 9


def test_no_request_is_too_large(server: FailingFirestore, backend: FirestoreBackend) -> None:
    """A BatchWrite takes 500 writes, which the emulator does not check: more runs go in several."""
    answers = backend.commit([Write(run(f"r{number}")) for number in range(1001)])

    assert kinds(answers) == ["Written"] * 1001
    assert sum(server.sizes) == 1001
    assert max(server.sizes) <= 500


def test_without_the_library(tmp_path: Path) -> None:
    """A process that lacks google-cloud-firestore imports our modules, and is told what to install."""
    code = """
        import sys
        sys.modules["google.cloud.firestore"] = None
        from heartbeat_client.backend import StoreRefused, Write
        from heartbeat_client.stores.firestore import FirestoreBackend
        from watchdog.adapters.firestore import FirestoreStore
        from watchdog.ports import StoreError
        from tests.stores.records import run
        for call in (FirestoreBackend().read_run, FirestoreStore("p").now):
            try:
                call(*(["r1"] if call.__name__ == "read_run" else []))
            except (StoreRefused, StoreError) as error:
                print(type(error).__name__, error)
    """
    said = subprocess.check_output([sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, text=True)

    refused, store_error = said.splitlines()
    assert refused.startswith("StoreRefused firestore project/(default): the library is missing")
    assert refused.endswith("install google-cloud-firestore, which comes with the extra hangwatch-client[firestore]")
    assert store_error.startswith("StoreError firestore p/(default): the library is missing")


def test_the_library_is_loaded_at_the_first_call() -> None:
    """Making either side costs no import of Google's: its 0.6 s and 60 MB come with the first call."""
    code = (
        "import sys, watchdog.adapters.firestore as w, heartbeat_client.stores.firestore as c; "
        "c.FirestoreBackend(); w.FirestoreStore(); print(*sys.modules)"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()

    assert "watchdog.adapters.firestore" in loaded
    assert {"grpc", "google.auth", "google.api_core", "google.cloud.firestore"}.isdisjoint(loaded)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", os.devnull + "/missing.json")


@pytest.mark.usefixtures("nowhere")
def test_without_credentials() -> None:
    """Where nobody is logged in, both sides say how to log in, and that nothing passes by itself."""
    with pytest.raises(StoreRefused, match=r"no valid credentials .*GOOGLE_APPLICATION_CREDENTIALS"):
        FirestoreBackend("proj").read_run("r1")
    with pytest.raises(StoreError, match="gcloud auth application-default login") as raised:
        FirestoreStore("proj").now()
    assert raised.value.away is False


AUTH: dict[str, tuple[Exception, type[Exception]]] = {
    "metadata_server_away": (auth.TransportError(f"{SECRET} connection refused"), StoreAway),
    "refresh_refused": (auth.RefreshError(f"invalid_grant {SECRET}", {"token": SECRET}), StoreRefused),
    "no_project": (OSError("Project was not passed and could not be determined from the environment."), StoreRefused),
    "network": (ConnectionResetError("reset by peer"), StoreAway),
}


@pytest.mark.parametrize(("error", "kind"), AUTH.values(), ids=AUTH)
def test_trouble_before_the_server_is_reached(error: Exception, kind: type[Exception]) -> None:
    """What google-auth and the system raise is sorted by what helps too, and tells no secret."""
    trouble = explained(error, "firestore proj/(default)")

    assert type(trouble) is kind
    assert SECRET not in str(trouble)


def test_a_mistake_of_ours_stays_one() -> None:
    """An error that is no store's is not dressed up as one."""
    error = KeyError("x")

    assert explained(error, "firestore") is error
