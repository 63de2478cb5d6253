"""The watchdog's store in memory: the promises of `ports.Store`, without a disk, so that years can be watched."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from watchdog.adapters.store_rules import check_commit, check_query
from watchdog.ports import Create, Delete, Document, Replace, Where

__all__ = ["Documents", "matching"]


class Documents:
    """A `Store` of one process. clock: gives the server's time."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._held: dict[str, dict[str, Document]] = {}
        self._versions = itertools.count(1)

    def now(self) -> datetime:
        """See `Store.now`."""
        return self._clock()

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """See `Store.get`."""
        held = self._held.get(collection, {})
        return {name: _copy(held[name]) for name in ids if name in held}

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        """See `Store.get_now`."""
        return self.now(), self.get(collection, ids)

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """See `Store.find`."""
        check_query(collection, where)
        return [_copy(document) for document in matching(self._held.get(collection, {}).values(), where)[:limit]]

    def commit(self, writes: Sequence[Create | Replace | Delete]) -> bool:
        """See `Store.commit`."""
        check_commit(writes)
        if not all(self.fits(write) for write in writes):
            return False
        for write in writes:
            self.apply(write)
        return True

    def put(self, write: Create | Replace) -> Any | None:
        """See `Store.put`."""
        return self._held[write.collection][write.id].version if self.commit([write]) else None

    def close(self) -> None:
        """See `Store.close`."""

    def fits(self, write: Create | Replace | Delete) -> bool:
        """Whether nobody was faster than this write."""
        held = self._held.get(write.collection, {}).get(write.id)
        if isinstance(write, Delete):
            return True
        if isinstance(write, Create):
            return held is None
        return held is not None and held.version == write.version

    def apply(self, write: Create | Replace | Delete) -> None:
        """Do one write that fits."""
        held = self._held.setdefault(write.collection, {})
        if isinstance(write, Delete):
            held.pop(write.id, None)
            return
        before = held[write.id].fields if isinstance(write, Replace) else {}
        gone = {name for name, value in write.fields.items() if value is None} if isinstance(write, Replace) else set()
        fields = {name: value for name, value in {**before, **write.fields}.items() if name not in gone}
        held[write.id] = Document(write.id, fields, next(self._versions))


def matching(documents: Iterable[Document], where: Where | None) -> list[Document]:
    """The documents that match, in the order that `Store.find` promises."""
    if where is None:
        return sorted(documents, key=lambda document: document.id)
    found = [document for document in documents if _matches(document.fields.get(where.field), where)]
    if where.compare in ("==", "in"):
        return sorted(found, key=lambda document: document.id)
    name = where.field
    return sorted(found, key=lambda document: (document.fields[name], document.id), reverse=where.compare == "<")


def _matches(value: Any, where: Where) -> bool:
    if where.compare == "in":
        return isinstance(value, str) and value in where.value
    if type(value) is not type(where.value):
        return False
    if where.compare == "==":
        return bool(value == where.value)
    if where.compare == ">":
        return bool(value > where.value)
    return bool(value < where.value) if where.compare == "<" else bool(value <= where.value)


def _copy(document: Document) -> Document:
    return Document(document.id, dict(document.fields), document.version)
