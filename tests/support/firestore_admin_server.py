"""A gRPC server on loopback that keeps Firestore's Admin API for fields; the real client talks to it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from types import TracebackType
from typing import Any, Final

import grpc
from google.cloud.firestore_admin_v1 import FirestoreAdminClient
from google.cloud.firestore_admin_v1.services.firestore_admin.transports import FirestoreAdminGrpcTransport
from google.cloud.firestore_admin_v1.types import (
    Database,
    Field,
    FieldOperationMetadata,
    GetDatabaseRequest,
    GetFieldRequest,
    ListFieldsRequest,
    ListFieldsResponse,
    UpdateFieldRequest,
)
from google.longrunning import operations_pb2

from .firestore_admin_fields import ALL, Fields, RefusedError

__all__ = ["FirestoreAdminServer"]

PAGE: Final = 2  # the real one's default is not told; a small one makes every caller turn pages


class FirestoreAdminServer(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc ships no types
    """One database `projects/PROJECT/databases/DATABASE`, while its block lasts.

    granted: the caller's permissions. native: False for a database in Datastore mode.
    """

    def __init__(
        self,
        project: str = "a-project",
        database: str = "(default)",
        *,
        granted: frozenset[str] = ALL,
        native: bool = True,
    ) -> None:
        self.name = f"projects/{project}/databases/{database}"
        self.fields = Fields(self.name, granted)
        self.calls: list[str] = []
        self.fail: tuple[grpc.StatusCode, str] | None = None
        self.hangs = False
        self._native = native
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._channels: list[grpc.Channel] = []

    def client(self) -> FirestoreAdminClient:
        """The real client, over an insecure channel to this server."""
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self._channels.append(channel)
        return FirestoreAdminClient(transport=FirestoreAdminGrpcTransport(channel=channel))

    def service(self, details: Any) -> Any:
        """The handler of a call; None for one that is not kept here."""
        service, _, name = details.method.strip("/").partition("/")
        if service != "google.firestore.admin.v1.FirestoreAdmin" or name not in _METHODS:
            return None
        request, response, rule = _METHODS[name]
        return grpc.unary_unary_rpc_method_handler(
            lambda asked, context: self._answer(name, rule, asked, context),
            request_deserializer=request.deserialize,
            response_serializer=response,
        )

    def get_database(self, asked: GetDatabaseRequest) -> Database:
        """GetDatabase."""
        self.fields.check("datastore.databases.getMetadata")
        if asked.name != self.name:
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"The database {asked.name} does not exist.")
        kind = Database.DatabaseType.FIRESTORE_NATIVE if self._native else Database.DatabaseType.DATASTORE_MODE
        return Database(name=self.name, location_id="us-central1", type_=kind)

    def get_field(self, asked: GetFieldRequest) -> Field:
        """GetField."""
        return self.fields.got(asked.name)

    def list_fields(self, asked: ListFieldsRequest) -> ListFieldsResponse:
        """ListFields, page by page."""
        found = self.fields.listed(asked.parent, asked.filter)
        begin, size = int(asked.page_token or 0), asked.page_size or PAGE
        token = str(begin + size) if begin + size < len(found) else ""
        return ListFieldsResponse(fields=found[begin : begin + size], next_page_token=token)

    def update_field(self, asked: UpdateFieldRequest) -> operations_pb2.Operation:
        """UpdateField: an operation that goes on until the test lets it finish."""
        field = self.fields.update(asked)
        operation = operations_pb2.Operation(name=f"{self.name}/operations/{len(self.fields.changes)}")
        operation.metadata.Pack(FieldOperationMetadata.pb(FieldOperationMetadata(field=field)))
        return operation

    def __enter__(self) -> FirestoreAdminServer:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        for channel in self._channels:
            channel.close()
        self._server.stop(0).wait()

    def _answer(self, name: str, rule: Callable[..., Any], asked: Any, context: grpc.ServicerContext) -> Any:
        self.calls.append(name)
        if self.hangs:
            self._released.wait()
        if self.fail is not None:
            context.abort(*self.fail)
        try:
            with self._lock:
                return rule(self, asked)
        except RefusedError as refused:
            context.abort(refused.code, str(refused))


_METHODS: Final[dict[str, tuple[Any, Any, Callable[..., Any]]]] = {
    "GetDatabase": (GetDatabaseRequest, Database.serialize, FirestoreAdminServer.get_database),
    "GetField": (GetFieldRequest, Field.serialize, FirestoreAdminServer.get_field),
    "ListFields": (ListFieldsRequest, ListFieldsResponse.serialize, FirestoreAdminServer.list_fields),
    "UpdateField": (
        UpdateFieldRequest,
        operations_pb2.Operation.SerializeToString,
        FirestoreAdminServer.update_field,
    ),
}
