"""Our own way of a record into protobuf, beside that of Google's library."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud.firestore import SERVER_TIMESTAMP
from google.cloud.firestore_v1 import _helpers as library
from google.cloud.firestore_v1.types import Write
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.stores.documents import record_of
from heartbeat_client.stores.firestore_encoding import write_of
from heartbeat_client.testing import START

from .records import ended, run

PATH = "projects/demo/databases/(default)/documents/hangwatch_runs/r1"
VERSION = DatetimeWithNanoseconds(2026, 3, 1, 7, nanosecond=123_456_789, tzinfo=timezone.utc)

LONG_AGO, MUCH_LATER = datetime(1, 1, 2), datetime(9999, 12, 30)  # a day for the time zones at either end
MINUTES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ZONES: st.SearchStrategy[Any] = st.none() | MINUTES
INSTANTS = st.datetimes(LONG_AGO, MUCH_LATER, timezones=ZONES)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text() | st.binary() | INSTANTS
NAMES = st.text(min_size=1)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(NAMES, inner), max_leaves=20
)


def by_the_library(document: dict[str, Any], version: datetime | None) -> Write:
    """What the library makes of a write of a whole document."""
    if version is None:
        (made,) = library.pbs_for_create(PATH, document)
    else:
        (made,) = library.pbs_for_set_no_merge(PATH, document)
        library.LastUpdateOption(version.timestamp_pb()).modify_write(made)  # type: ignore[attr-defined]  # its own class
    return made


def as_bytes(write: Write) -> bytes:
    """On the wire, with its maps in order."""
    raw: bytes = Write.pb(write).SerializeToString(deterministic=True)
    return raw


@pytest.mark.parametrize("version", [None, VERSION], ids=["create", "replace"])
@pytest.mark.parametrize("record", [run(), ended(run())], ids=["running", "ended"])
def test_a_record_is_the_librarys_to_the_byte(record: Any, version: Any) -> None:
    """A record with something in every field becomes the same message as by the library's own way."""
    document = record_of(record, SERVER_TIMESTAMP)

    assert as_bytes(write_of(PATH, document, version)) == as_bytes(by_the_library(document, version))


@given(document=st.dictionaries(NAMES, VALUES))
def test_any_document_is_the_librarys_to_the_byte(document: dict[str, Any]) -> None:
    """Whatever values a document is made of, both ways make the same message of it."""
    assert as_bytes(write_of(PATH, document, None)) == as_bytes(by_the_library(document, None))


@pytest.mark.parametrize(
    "value",
    [{}, [], "", 0, False, 0.0, b"", {"inner": {}}, [[]]],
    ids=["map", "list", "text", "zero", "false", "nought", "bytes", "map_in_map", "list_in_list"],
)
def test_what_is_empty_is_still_there(value: Any) -> None:
    """An empty value is a value of its kind, as the library has it."""
    assert as_bytes(write_of(PATH, {"name": value}, None)) == as_bytes(by_the_library({"name": value}, None))


@pytest.mark.parametrize(
    ("own", "plain"),
    [
        (OrderedDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (type("Text", (str,), {})("x"), "x"),
        (type("Whole", (int,), {})(7), 7),
        (VERSION, VERSION),
    ],
    ids=["ordered", "read_only", "text", "whole", "nanoseconds"],
)
def test_a_class_of_somebodys_own_counts_as_what_it_descends_from(own: Any, plain: Any) -> None:
    """Labels and notes come from users, whose values may be of a class of their own."""
    assert as_bytes(write_of(PATH, {"name": own}, None)) == as_bytes(by_the_library({"name": plain}, None))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (2**63 - 1, None),
        (2**63, ValueError),
        (-(2**63), None),
        (-(2**63) - 1, ValueError),
        ("\ud83c", ValueError),
        (object(), TypeError),
        (START.date(), TypeError),
        ({1: 2}, TypeError),
    ],
    ids=["largest", "too_large", "smallest", "too_small", "half_a_character", "object", "date", "key_that_is_no_text"],
)
def test_what_has_no_type_in_firestore_raises(value: Any, error: type[Exception] | None) -> None:
    """A value that Firestore can't hold raises TypeError or ValueError, on either side of each boundary."""
    if error is None:
        assert write_of(PATH, {"name": value}, None).update.fields["name"].integer_value == value
    else:
        with pytest.raises(error):
            write_of(PATH, {"name": value}, None)
