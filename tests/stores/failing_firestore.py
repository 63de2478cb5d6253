"""A server that speaks Firestore's gRPC and answers every call as a test says; the real library talks to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from datetime import datetime, timezone
from typing import Any

import grpc
from google.cloud.firestore_v1.types import BatchWriteRequest, BatchWriteResponse

APPLIED_AT = datetime(2026, 3, 1, 7, tzinfo=timezone.utc)

Outcome = Callable[[grpc.ServicerContext], None]


class FailingFirestore(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Keeps each call's name, how long its client will wait and how much it writes, and ends it as `outcome` does."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.patience: list[float] = []
        self.sizes: list[int] = []
        self.outcome: Outcome = lambda context: None
        self.statuses: list[tuple[int, str]] = []
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self.released = threading.Event()
        self._server.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def fail(self, code: grpc.StatusCode, text: str) -> None:
        """End every call with this status from now on."""
        self.outcome = lambda context: context.abort(code, text)

    def hang(self) -> None:
        """Take every call from now on and answer none."""
        self.outcome = self._wait

    def close(self) -> None:
        self.released.set()
        self._server.stop(0).wait()

    def service(self, details: Any) -> Any:
        name = details.method.rpartition("/")[2]
        if name == "BatchWrite":
            return grpc.unary_unary_rpc_method_handler(
                self._batch_write,
                request_deserializer=BatchWriteRequest.deserialize,
                response_serializer=BatchWriteResponse.serialize,
            )
        if name == "Commit":
            return grpc.unary_unary_rpc_method_handler(lambda request, context: self._end(name, context))
        return grpc.unary_stream_rpc_method_handler(lambda request, context: self._no_answers(name, context))

    def _batch_write(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._end("BatchWrite", context)
        self.sizes.append(len(request.writes))
        statuses = self.statuses or [(0, "")] * len(request.writes)
        return BatchWriteResponse(
            write_results=[{} if code else {"update_time": APPLIED_AT} for code, _ in statuses],
            status=[{"code": code, "message": text} for code, text in statuses],
        )

    def _no_answers(self, name: str, context: grpc.ServicerContext) -> Iterator[Any]:
        self._end(name, context)
        return iter(())

    def _end(self, name: str, context: grpc.ServicerContext) -> None:
        self.calls.append(name)
        self.patience.append(context.time_remaining())
        self.outcome(context)

    def _wait(self, context: grpc.ServicerContext) -> None:
        self.released.wait(60)
