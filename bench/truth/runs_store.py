"""The store as the watchdog finds it: its own documents, and the runs as their clients have written them by now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from heartbeat_client.limits import InForce
from heartbeat_client.run import OPERATIONS, RUNNING, RUNS, Run, document_key
from watchdog.adapters.store_rules import check_query
from watchdog.ports import Create, Delete, Document, Replace, Where

from .clients import Client, instant
from .documents import Documents, matching
from .trace import Trace

__all__ = ["RunsStore"]


class RunsStore(Documents):
    """A `Store` for one fleet. Records of runs are made when they are asked for; `bring` moves the time on."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        super().__init__(lambda: instant(self.seconds))
        self.seconds = 0.0
        self._waiting = sorted((Client(trace) for trace in traces), key=lambda c: c.trace.started, reverse=True)
        self._known: dict[str, Client] = {}
        self._open: list[Client] = []
        self._ended: list[Client] = []
        self._returned: list[Client] = []

    def bring(self, seconds: float) -> None:
        """It is so late now: runs begin, beat and end."""
        self.seconds = seconds
        while self._waiting and self._waiting[-1].trace.started <= seconds:
            self._begin(self._waiting.pop())
        still = []
        for client in self._open:
            client.bring(seconds)
            if not client.closed:
                still.append(client)
                continue
            self._ended.append(client)
            if client.run is not None and client.run.due_at is not None:  # it was given up, and has ended since
                self._returned.append(client)
        self._open = still

    def client(self, run_id: str) -> Client | None:
        """The client of a run that has begun, None where there is no such run."""
        return self._known.get(run_id)

    def _begin(self, client: Client) -> None:
        key = document_key(client.trace.operation.name)
        stored = super().get(OPERATIONS, [key])
        client.learn(InForce.from_document(stored[key].fields if stored else None))
        self._known[client.trace.id] = client
        self._open.append(client)

    def get(self, collection: str, ids: Sequence[str]) -> dict[str, Document]:
        """See `Store.get`."""
        if collection != RUNS:
            return super().get(collection, ids)
        known = (self._known[name] for name in ids if name in self._known)
        return {document.id: document for document in _documents(known, lambda run: True)}

    def find(self, collection: str, where: Where | None = None, limit: int = 10_000) -> list[Document]:
        """See `Store.find`."""
        if collection != RUNS:
            return super().find(collection, where, limit)
        check_query(collection, where)
        return matching(_documents(*self._candidates(where)), where)[:limit]

    def _candidates(self, where: Where | None) -> tuple[Iterable[Client], Callable[[Run], bool]]:
        """Clients among which those that match are, and a cheap look that leaves out most that do not."""
        if where is None:
            return self._known.values(), lambda run: True
        if where.field == "due_at":
            due: datetime = where.value
            return [*self._open, *self._returned], lambda run: run.due_at is not None and run.due_at <= due
        if where.field == "state":
            return (self._open if where.value == RUNNING else self._known.values()), lambda run: True
        if where.field == "ended_at":
            since: datetime = where.value
            return self._ended, lambda run: run.ended_at is not None and run.ended_at > since
        return self._known.values(), lambda run: True

    def fits(self, write: Create | Replace | Delete) -> bool:
        """Whether nobody was faster than this write."""
        if write.collection != RUNS:
            return super().fits(write)
        client = self._known.get(write.id)
        return isinstance(write, Replace) and client is not None and client.version == write.version

    def apply(self, write: Create | Replace | Delete) -> None:
        """Do one write that fits. To a run the watchdog writes one thing only: that it gives it up."""
        if write.collection != RUNS:
            super().apply(write)
            return
        if not isinstance(write, Replace) or dict(write.fields) != {"due_at": None}:
            raise ValueError(f"run {write.id}: expected that due_at is taken away, got {write}; teach RunsStore that")
        self._known[write.id].give_up(self.seconds)


def _documents(clients: Iterable[Client], wanted: Callable[[Run], bool]) -> list[Document]:
    found = ((client, client.run) for client in clients)
    return [Document(run.id, run.to_document(), client.version) for client, run in found if run and wanted(run)]
