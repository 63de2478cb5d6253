"""Records of runs in Firestore, each write guarded by the version before: a late one can't revive an ended run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from ..backend import Conflict, PartWrite, Refused, StoreAway, Stored, Write, Written
from ..parts import PARTS
from ..run import OPERATIONS, RUNS, document_key
from .documents import document_of, place_of, plain_instant
from .firestore_connection import Connection, Contended, Unfit, explained

if TYPE_CHECKING:
    from google.cloud.firestore import Client
    from google.cloud.firestore_v1.types import Write as Message
    from google.cloud.firestore_v1.types import WriteResult

__all__ = ["FirestoreBackend"]

# A BatchWrite takes at most 500 writes.
CHUNK = 400

Answer: TypeAlias = "Written | Conflict | Refused"


class FirestoreBackend:
    """The write side of a Firestore database; its library is imported at the first call.

    project None: from the environment or the credentials. database None: `(default)`. timeout: seconds for a call.
    Used by one thread at a time; a forked child makes its own.
    """

    def __init__(self, project: str | None = None, database: str | None = None, timeout: float = 5.0) -> None:
        self._connection = Connection(project, database)
        self._timeout = timeout

    def commit(self, writes: Sequence[Write | PartWrite]) -> Sequence[Answer]:
        """See `Backend.commit`. One BatchWrite for up to 400 records: each is applied or refused by itself."""
        if not writes:
            return []
        self._connection.open()
        until = time.monotonic() + self._timeout
        chunks = [writes[begin : begin + CHUNK] for begin in range(0, len(writes), CHUNK)]
        return [answer for chunk in chunks for answer in self._send(chunk, until)]

    def read_run(self, run_id: str) -> Stored:
        """See `Backend.read_run`."""
        return self._read(RUNS, run_id)

    def read_part(self, part_id: str) -> Stored:
        """See `Backend.read_part`."""
        return self._read(PARTS, part_id)

    def read_operation(self, operation: str) -> Stored:
        """See `Backend.read_operation`."""
        return self._read(OPERATIONS, operation)

    def close(self) -> None:
        """See `Backend.close`."""
        self._connection.close()

    def _send(self, writes: Sequence[Write | PartWrite], until: float) -> list[Answer]:
        seconds = until - time.monotonic()
        if seconds <= 0:
            raise StoreAway(f"{self._connection.name}: no time left for {len(writes)} writes; it is tried again")
        try:
            return self._connection.call(lambda client: self._batch_write(client, writes, seconds))
        except Unfit as error:
            # One record that is invalid, or a run that is in it twice, makes the server refuse the whole request.
            if len(writes) == 1:
                return [Refused(str(error))]
        middle = len(writes) // 2
        return self._send(writes[:middle], until) + self._send(writes[middle:], until)

    def _batch_write(self, client: Client, writes: Sequence[Write | PartWrite], seconds: float) -> list[Answer]:
        from google.cloud.firestore_v1.bulk_batch import BulkWriteBatch

        messages = [_message(client, write) for write in writes]
        answers = [message if isinstance(message, Refused) else None for message in messages]
        batch = BulkWriteBatch(client)
        # Its set() takes no condition, its update() keeps old fields, and both take as long as all the rest of a beat.
        batch._write_pbs += (one for one in messages if not isinstance(one, Refused))  # noqa: SLF001 - see above
        if all(answers):
            return [answer for answer in answers if answer is not None]
        response = batch.commit(retry=None, timeout=seconds)
        results = zip(response.status, response.write_results, strict=True)
        sent = (self._answer(status.code, status.message, result) for status, result in results)
        return [next(sent) if answer is None else answer for answer in answers]

    def _answer(self, code: int, message: str, result: WriteResult) -> Answer:
        from google.api_core.exceptions import from_grpc_status

        if code == 0:
            return Written(result.update_time, plain_instant(result.update_time))
        trouble = explained(from_grpc_status(code, message), self._connection.name)
        if isinstance(trouble, Contended):
            return Conflict()
        if isinstance(trouble, Unfit):
            return Refused(str(trouble))
        raise trouble

    def _read(self, collection: str, name: str) -> Stored:
        def rpc(client: Client) -> Stored:
            snapshot = client.collection(collection).document(document_key(name)).get(retry=None, timeout=self._timeout)
            return Stored(snapshot.to_dict(), snapshot.update_time, plain_instant(snapshot.read_time))

        return self._connection.call(rpc)


def _message(client: Client, write: Write | PartWrite) -> Message | Refused:
    """A write as Firestore takes it; an answer at once where that can't be done."""
    from google.cloud.firestore import SERVER_TIMESTAMP

    from .firestore_encoding import write_of

    try:
        collection, key = place_of(write)
        path = f"{client._database_string}/documents/{collection}/{key}"  # noqa: SLF001 - nothing public has it whole
        return write_of(path, document_of(write, SERVER_TIMESTAMP), write.version)
    except (TypeError, ValueError, OverflowError) as error:
        return Refused(str(error))
