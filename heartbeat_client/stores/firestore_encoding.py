"""A record as the message that Firestore takes, made by ourselves: the library's own way took half of a beat's time.

The library wraps each value, each map and each instant in a class of its own before it becomes protobuf. Here values go
into protobuf at once. What comes out is the same to the byte, which a test holds beside the library's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from google.cloud.firestore import SERVER_TIMESTAMP
from google.cloud.firestore_v1.types import DocumentTransform, Write

__all__ = ["write_of"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_REQUEST_TIME = DocumentTransform.FieldTransform.ServerValue.REQUEST_TIME

_Write = Write.pb()  # protobuf's own classes, below the library's


def write_of(path: str, document: Mapping[str, Any], version: Any) -> Write:
    """A write of a whole document, whose fields that are SERVER_TIMESTAMP become the server's time.

    path: the document's, with project and database. version: the update time that it must still have, None where it
    must not exist. Raises TypeError for a value that Firestore has no type for, ValueError for one out of range.
    """
    raw = _Write()
    raw.update.name = path
    fields = raw.update.fields
    for name in sorted(name for name, value in document.items() if value is SERVER_TIMESTAMP):
        raw.update_transforms.add(field_path=name, set_to_server_value=_REQUEST_TIME)
    for name, value in document.items():
        if value is not SERVER_TIMESTAMP:
            _put(value, fields[name])
    if version is None:
        raw.current_document.exists = False
    else:
        _put_instant(version, raw.current_document.update_time)
    wrapped: Write = Write.wrap(raw)
    return wrapped


def _put(value: Any, into: Any) -> None:
    """Put a value into protobuf's Value."""
    put = _PUT.get(type(value)) or next((put for kind, put in _KINDS if isinstance(value, kind)), None)
    if put is None:
        raise TypeError(f"firestore: expected a value that it has a type for, got {type(value).__name__}")
    put(value, into)


def _put_null(value: None, into: Any) -> None:
    into.null_value = 0


def _put_flag(value: bool, into: Any) -> None:
    into.boolean_value = value


def _put_whole(value: int, into: Any) -> None:
    into.integer_value = value


def _put_number(value: float, into: Any) -> None:
    into.double_value = value


def _put_text(value: str, into: Any) -> None:
    into.string_value = value


def _put_bytes(value: bytes, into: Any) -> None:
    into.bytes_value = value


def _put_time(value: datetime, into: Any) -> None:
    _put_instant(value, into.timestamp_value)


def _put_list(value: list[Any] | tuple[Any, ...], into: Any) -> None:
    values = into.array_value.values
    into.array_value.SetInParent()  # an empty list is a list
    for inner in value:
        _put(inner, values.add())


def _put_map(value: Mapping[str, Any], into: Any) -> None:
    fields = into.map_value.fields
    into.map_value.SetInParent()
    for name, inner in value.items():
        _put(inner, fields[name])


def _put_instant(at: datetime, into: Any) -> None:
    """Put an instant into protobuf's Timestamp, with the nanoseconds that Firestore's own class may carry."""
    exact = getattr(at, "timestamp_pb", None)
    if exact is not None:
        into.CopyFrom(exact())
        return
    aware = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    into.seconds, micros = divmod((aware - _EPOCH) // _MICROSECOND, 1_000_000)
    into.nanos = micros * 1000


# By descent, in this order: a bool is an int, and a value may be of somebody's own class.
_KINDS: tuple[tuple[type, Callable[[Any, Any], None]], ...] = (
    (type(None), _put_null),
    (bool, _put_flag),
    (int, _put_whole),
    (float, _put_number),
    (datetime, _put_time),
    (str, _put_text),
    (bytes, _put_bytes),
    (list, _put_list),
    (tuple, _put_list),
    (Mapping, _put_map),
)
_PUT: dict[type, Callable[[Any, Any], None]] = dict(_KINDS) | {dict: _put_map}
