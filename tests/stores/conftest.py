"""The stores under contract: each test of a contract runs on all that keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol

import pytest

from heartbeat_client.backend import Backend
from heartbeat_client.run import document_key
from heartbeat_client.stores.documents import to_text
from heartbeat_client.stores.firestore import FirestoreBackend
from heartbeat_client.stores.sqlite import SqliteBackend
from heartbeat_client.stores.sqlite_file import SqliteFile, put
from heartbeat_client.testing import MemoryStore
from watchdog.adapters.firestore import FirestoreStore
from watchdog.adapters.sqlite import SqliteStore
from watchdog.ports import Store

FIRESTORE = pytest.param("firestore", marks=pytest.mark.emulator)


class Place(Protocol):
    """One empty store, however many open it."""

    def backend(self) -> Backend:
        """The client's side, opened anew."""

    def store(self) -> Store:
        """The watchdog's side, opened anew."""

    def stranger_writes(self, collection: str, document_id: str, document: Mapping[str, Any]) -> None:
        """Put a document there, past all our code for it."""

    def stranger_deletes(self, collection: str, document_id: str) -> None:
        """Take a document away."""


class MemoryPlace:
    def __init__(self) -> None:
        self._memory = MemoryStore()

    def backend(self) -> Backend:
        return self._memory

    def store(self) -> Store:
        raise NotImplementedError

    def stranger_writes(self, collection: str, document_id: str, document: Mapping[str, Any]) -> None:
        self._memory.put(collection, document_id, document)

    def stranger_deletes(self, collection: str, document_id: str) -> None:
        self._memory.delete(collection, document_id)


class SqlitePlace:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "made" / "by the store" / "hangwatch.sqlite3"
        self._stack = ExitStack()

    def backend(self) -> Backend:
        return self._stack.enter_context(closing(SqliteBackend(self.path, timeout=30)))

    def store(self) -> Store:
        return self._stack.enter_context(closing(SqliteStore(self.path, timeout=30)))

    def stranger_writes(self, collection: str, document_id: str, document: Mapping[str, Any]) -> None:
        with closing(SqliteFile(self.path, 30)) as file, file.writing() as connection:
            put(connection, collection, document_key(document_id), to_text(document))

    def stranger_deletes(self, collection: str, document_id: str) -> None:
        with closing(SqliteFile(self.path, 30)) as file, file.writing() as connection:
            place = (collection, document_key(document_id))
            connection.execute("DELETE FROM documents WHERE collection = ? AND id = ?", place)

    def close(self) -> None:
        self._stack.close()


class FirestorePlace:
    def __init__(self, project: str) -> None:
        from google.cloud import firestore

        self._client = firestore.Client(project=project)
        self._stack = ExitStack()

    def backend(self) -> Backend:
        return self._stack.enter_context(closing(FirestoreBackend(timeout=30)))

    def store(self) -> Store:
        return self._stack.enter_context(closing(FirestoreStore(timeout=30)))

    def stranger_writes(self, collection: str, document_id: str, document: Mapping[str, Any]) -> None:
        reference = self._client.collection(collection).document(document_key(document_id))
        reference.set(dict(document), timeout=30, retry=None)

    def stranger_deletes(self, collection: str, document_id: str) -> None:
        reference = self._client.collection(collection).document(document_key(document_id))
        reference.delete(timeout=30, retry=None)

    def close(self) -> None:
        self._stack.close()
        self._client._firestore_api.transport.close()


def _opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "memory":
        yield MemoryPlace()
        return
    made: Callable[[], SqlitePlace | FirestorePlace] = (
        (lambda: SqlitePlace(tmp_path))
        if request.param == "sqlite"
        else (lambda: FirestorePlace(request.getfixturevalue("firestore_project")))
    )
    with closing(made()) as place:
        yield place


@pytest.fixture(params=["memory", "sqlite", FIRESTORE])
def writable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place whose write side is under contract."""
    yield from _opened(request, tmp_path)


@pytest.fixture(params=["sqlite", FIRESTORE])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place that both sides use."""
    yield from _opened(request, tmp_path)


@pytest.fixture
def backend(writable: Place) -> Backend:
    return writable.backend()


@pytest.fixture
def store(place: Place) -> Store:
    return place.store()
