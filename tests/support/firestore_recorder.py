"""Stands between Firestore's clients and its emulator, and writes down what is asked: calls, rights, what is billed.

Bytes pass through as they are. Billing as Firestore's pricing page says: a document that is read, found or not, counts
one; a query that finds nothing counts one; each write and each delete counts one. Which right a write takes follows
from its precondition ("Access control with IAM" of Firestore).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent import futures
from types import TracebackType
from typing import Any

import grpc
from google.cloud.firestore_v1.types import (
    BatchGetDocumentsResponse,
    BatchWriteRequest,
    CommitRequest,
    RunQueryResponse,
    Write,
)

__all__ = ["FirestoreRecorder", "Tally"]

ENTITY = "datastore.entities"
WRITERS: dict[str, Any] = {"Commit": CommitRequest, "BatchWrite": BatchWriteRequest}


class Tally:
    """What was asked for since the last `clear`. methods: names of RPCs; rights: permissions that they took."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.methods: Counter[str] = Counter()
        self.rights: set[str] = set()
        self.reads = self.writes = self.deletes = 0

    def called(self, method: str) -> None:
        """An RPC arrived."""
        with self._lock:
            self.methods[method] += 1
            if method in {"BatchGetDocuments", "RunQuery"}:
                self.rights |= {f"{ENTITY}.get"} | ({f"{ENTITY}.list"} if method == "RunQuery" else set())

    def read(self, documents: int) -> None:
        """A read was answered."""
        with self._lock:
            self.reads += documents

    def wrote(self, writes: Sequence[Write]) -> None:
        """Writes arrived."""
        with self._lock:
            for write in writes:
                right = _right(write)
                self.rights.add(f"{ENTITY}.{right}")
                self.deletes += right == "delete"
                self.writes += right != "delete"


def _right(write: Write) -> str:
    if "delete" in write:
        return "delete"
    guard = write.current_document
    if "exists" in guard:
        return "update" if guard.exists else "create"
    assert "update_time" in guard, "an unguarded write takes both rights; ours are all guarded"
    return "update"


class FirestoreRecorder(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """Passes everything on to an emulator, while the block lasts. host: where clients find it."""

    def __init__(self, emulator: str) -> None:
        self.tally = Tally()
        self._channel = grpc.insecure_channel(emulator, options=[("grpc.enable_http_proxy", 0)])
        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((self,))
        self.host = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def service(self, details: Any) -> Any:
        """A handler for a method that ours use; None, and so UNIMPLEMENTED, for any other."""
        name = details.method.rpartition("/")[2]
        if name in WRITERS:
            return grpc.unary_unary_rpc_method_handler(self._write(details.method, name))
        if name in {"BatchGetDocuments", "RunQuery"}:
            return grpc.unary_stream_rpc_method_handler(self._read(details.method, name))
        self.tally.called(name)
        return None

    def _write(self, method: str, name: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        call = self._channel.unary_unary(method)

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.tally.called(name)
            self.tally.wrote(WRITERS[name].deserialize(request).writes)
            with _errors_passed_on(context):
                answer: bytes = call(request, metadata=_metadata(context), timeout=context.time_remaining())
            return answer

        return handle

    def _read(self, method: str, name: str) -> Callable[[bytes, grpc.ServicerContext], Iterator[bytes]]:
        call = self._channel.unary_stream(method)

        def handle(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            self.tally.called(name)
            with _errors_passed_on(context):
                answers = list(call(request, metadata=_metadata(context), timeout=context.time_remaining()))
            # Before anything is sent: a client that has what it needs hangs up, and nothing runs after that.
            self.tally.read(max(1, sum(_documents(name, answer) for answer in answers)))
            yield from answers

        return handle

    def __enter__(self) -> FirestoreRecorder:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop(0).wait()
        self._channel.close()


def _documents(name: str, answer: bytes) -> int:
    if name == "RunQuery":
        return int("document" in RunQueryResponse.deserialize(answer))
    got = BatchGetDocumentsResponse.deserialize(answer)
    return int("found" in got or "missing" in got)


def _metadata(context: grpc.ServicerContext) -> list[tuple[str, str]]:
    passed_on = ("authorization", "google-cloud-resource-prefix", "x-goog-request-params")
    return [(name, value) for name, value in context.invocation_metadata() if name in passed_on]


class _errors_passed_on:  # noqa: N801  reads as what it does
    def __init__(self, context: grpc.ServicerContext) -> None:
        self._context = context

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, grpc.RpcError):
            self._context.abort(error.code(), error.details())
