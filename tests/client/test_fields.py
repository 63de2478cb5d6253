"""Fields of documents that anybody may have written: good values pass, each bad one is named, nothing else happens."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartbeat_client.fields import MISSING, Fields, RecordError

NOON = datetime(2026, 1, 14, 12, 0, tzinfo=timezone.utc)
FIRST = datetime(1970, 1, 1, tzinfo=timezone.utc)
AFTER_ALL = datetime(9900, 1, 1, tzinfo=timezone.utc)
BLINK = timedelta(microseconds=1)
READERS = {
    "text": lambda fields, name: fields.text(name, "", 10),
    "texts": lambda fields, name: fields.texts(name),
    "one_of": lambda fields, name: fields.one_of(name, None, ("on", "off")),
    "whole": lambda fields, name: fields.whole(name, 0),
    "length": lambda fields, name: fields.length(name, 0.0),
    "share": lambda fields, name: fields.length(name, 0.8, most=1),
    "rate": lambda fields, name: fields.length(name, None, most=1e12),
    "flag": lambda fields, name: fields.flag(name, False),
    "instant": lambda fields, name: fields.instant(name, None),
    "labels": lambda fields, name: fields.labels(name, 2),
    "mapping": lambda fields, name: fields.mapping(name),
}


class Nanoseconds(datetime):
    """Firestore's library hands out such a subclass."""


def read(kind: str, value: object) -> Any:
    """What a reader makes of a value; raises RecordError when it noted a problem."""
    fields = Fields({"field": value})
    found = READERS[kind](fields, "field")
    fields.raise_if_wrong("record")
    return found


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param("text", "a" * 10, "a" * 10, id="text_of_the_limit"),
        pytest.param("text", "", "", id="empty_text"),
        pytest.param("texts", ["a", ""], ("a", ""), id="a_list_of_text"),
        pytest.param("texts", ("a",), ("a",), id="a_tuple_of_text"),
        pytest.param("texts", ["a" * 1500], ("a" * 1500,), id="text_of_the_limit_in_a_list"),
        pytest.param("one_of", "off", "off", id="an_allowed_word"),
        pytest.param("whole", 7, 7, id="a_whole_number"),
        pytest.param("whole", -7, -7, id="a_whole_number_below_zero"),
        pytest.param("whole", 7.0, 7, id="a_float_without_a_fraction"),
        pytest.param("whole", 2**63 - 1, 2**63 - 1, id="the_largest_that_stores_keep"),
        pytest.param("length", 0, 0.0, id="no_length"),
        pytest.param("length", 90, 90.0, id="whole_seconds"),
        pytest.param("length", 1e9, 1e9, id="the_longest"),
        pytest.param("share", 1, 1.0, id="all_of_the_way"),
        pytest.param("share", 0.8, 0.8, id="a_share"),
        pytest.param("rate", 1e12, 1e12, id="a_rate_beyond_lengths"),
        pytest.param("flag", True, True, id="true"),
        pytest.param("instant", NOON, NOON, id="an_instant"),
        pytest.param("instant", NOON.replace(tzinfo=None), NOON, id="a_naive_instant_counts_as_utc"),
        pytest.param("instant", NOON.astimezone(timezone(timedelta(hours=-5))), NOON, id="another_zone"),
        pytest.param("instant", "2026-01-14T12:00:00Z", NOON, id="iso_text_with_z"),
        pytest.param("instant", "2026-01-14T12:00:00.000000Z", NOON, id="iso_text_with_microseconds"),
        pytest.param("instant", "2026-01-14T07:00:00-05:00", NOON, id="iso_text_with_an_offset"),
        pytest.param("instant", "2026-01-14T12:00:00", NOON, id="iso_text_without_a_zone"),
        pytest.param("instant", FIRST, FIRST, id="the_earliest"),
        pytest.param("instant", AFTER_ALL - BLINK, AFTER_ALL - BLINK, id="the_latest"),
        pytest.param("labels", {"a": "b", "c": ""}, {"a": "b", "c": ""}, id="as_many_labels_as_allowed"),
        pytest.param("labels", {"a" * 1000: "b" * 1000}, {"a" * 1000: "b" * 1000}, id="labels_of_the_limit"),
        pytest.param("mapping", {"a": [1]}, {"a": [1]}, id="a_map"),
    ],
)
def test_a_good_value_passes(kind: str, value: object, expected: object) -> None:
    """What is as expected is returned, numbers and instants in one form."""
    found = read(kind, value)

    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        pytest.param("text", 7, "must be text, got 7", id="a_number_for_text"),
        pytest.param("text", b"x", "must be text, got bytes", id="bytes_for_text"),
        pytest.param("text", "a" * 11, "must be text of at most 10 characters, got 11 characters", id="long_text"),
        pytest.param("texts", "abc", "must be a list of text, got abc", id="text_for_a_list"),
        pytest.param("texts", ["a", 1], "must be a list of text, got list", id="a_number_in_a_list"),
        pytest.param("texts", ["a" * 1501], "must be a list of text, got list", id="long_text_in_a_list"),
        pytest.param("one_of", "maybe", "must be one of off, on, got maybe", id="another_word"),
        pytest.param("one_of", ["on"], "must be one of off, on, got list", id="a_list_for_a_word"),
        pytest.param("whole", 7.5, "must be a whole number, got 7.5", id="a_fraction"),
        pytest.param("whole", True, "must be a whole number, got True", id="true_for_a_number"),
        pytest.param("whole", "7", "must be a whole number, got 7", id="text_for_a_number"),
        pytest.param("whole", float("nan"), "must be a whole number, got nan", id="nan_for_a_number"),
        pytest.param("whole", float("inf"), "must be a whole number, got inf", id="infinity_for_a_number"),
        pytest.param("whole", 2**63, f"must be a whole number, got {2**63}", id="more_than_stores_keep"),
        pytest.param("whole", 1e300, "must be a whole number, got 1e+300", id="a_float_of_no_use"),
        pytest.param("whole", 10**400, "must be a whole number, got 1000", id="a_number_beyond_floats"),
        pytest.param("whole", 10**5000, "must be a whole number, got int", id="a_number_beyond_print"),
        pytest.param("length", -1, "must be a number from 0 to 1000000000, got -1", id="a_length_below_zero"),
        pytest.param("length", 1e9 + 1, "must be a number from 0 to 1000000000, got 1000000001.0", id="too_long"),
        pytest.param("length", float("nan"), "must be a number from 0 to 1000000000, got nan", id="nan_for_a_length"),
        pytest.param("length", float("inf"), "must be a number from 0 to 1000000000, got inf", id="an_infinite_length"),
        pytest.param("length", "5m", "must be a number from 0 to 1000000000, got 5m", id="text_for_a_length"),
        pytest.param("length", 10**400, "must be a number from 0 to 1000000000, got 1000", id="a_length_beyond_floats"),
        pytest.param("share", 1.01, "must be a number from 0 to 1, got 1.01", id="more_than_all"),
        pytest.param("share", -0.1, "must be a number from 0 to 1, got -0.1", id="less_than_none"),
        pytest.param("rate", -1, "must be a number from 0 to 1e+12, got -1", id="a_rate_below_zero"),
        pytest.param("flag", 1, "must be true or false, got 1", id="a_number_for_a_flag"),
        pytest.param("instant", "soon", "must be an instant, got soon", id="a_word_for_an_instant"),
        pytest.param("instant", 1_700_000_000, "must be an instant, got 1700000000", id="seconds_for_an_instant"),
        pytest.param("instant", "", "must be an instant, got ", id="empty_text_for_an_instant"),
        pytest.param("instant", NOON.date(), "must be an instant, got date", id="a_day_for_an_instant"),
        pytest.param("instant", FIRST - BLINK, "must be an instant, got datetime", id="before_1970"),
        pytest.param(
            "instant",
            datetime.min.replace(tzinfo=timezone.utc),
            "must be an instant, got datetime",
            id="the_first_of_all",
        ),
        pytest.param(
            "instant",
            datetime.max.replace(tzinfo=timezone.utc),
            "must be an instant, got datetime",
            id="the_last_of_all",
        ),
        pytest.param("instant", AFTER_ALL, "must be an instant, got datetime", id="nothing_can_follow"),
        pytest.param("instant", "0001-01-01T00:00:00+05:00", "must be an instant, got 0001", id="before_time"),
        pytest.param("instant", "9999-12-31T23:59:59-05:00", "must be an instant, got 9999", id="after_time"),
        pytest.param("labels", {"a": 1}, "must be at most 2 labels of text, got dict", id="a_number_as_a_label"),
        pytest.param("labels", {1: "a"}, "must be at most 2 labels of text, got dict", id="a_number_as_a_name"),
        pytest.param("labels", ["a"], "must be at most 2 labels of text, got list", id="a_list_of_labels"),
        pytest.param("labels", {"a": "", "b": "", "c": ""}, "must be at most 2 labels", id="too_many_labels"),
        pytest.param("labels", {"a": "b" * 1001}, "must be at most 2 labels", id="a_long_label"),
        pytest.param("labels", {"a" * 1001: "b"}, "must be at most 2 labels", id="a_label_with_a_long_name"),
        pytest.param("mapping", [1], "must be a map, got list", id="a_list_for_a_map"),
        pytest.param("mapping", "{}", "must be a map, got {}", id="text_for_a_map"),
    ],
)
def test_a_bad_value_is_named(kind: str, value: object, problem: str) -> None:
    """A problem names the field, what was expected and the beginning of what came."""
    with pytest.raises(RecordError) as caught:
        read(kind, value)

    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"field {problem}")
    assert len(caught.value.problems[0]) < 150


def test_a_megabyte_of_text_is_not_repeated() -> None:
    """The text of a problem stays short, however long the value is."""
    with pytest.raises(RecordError) as caught:
        read("instant", "x" * 1_000_000)

    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("kind", READERS)
def test_what_is_absent_or_null_is_the_default(kind: str) -> None:
    """An absent field and one that is null are alike, and no problem where there is a default."""
    fields = Fields({"null": None})

    assert READERS[kind](fields, "null") == READERS[kind](fields, "absent")
    fields.raise_if_wrong("record")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param({}, "name is missing", id="absent"),
        pytest.param({"name": None}, "name is missing", id="null"),
        pytest.param({"name": ""}, "name must be text, got empty text", id="empty"),
        pytest.param({"name": " \n"}, "name must be text, got empty text", id="blank"),
    ],
)
def test_text_that_must_be_there_says_something(value: dict[str, Any], problem: str) -> None:
    """A field without a default has to be there and has to say something."""
    fields = Fields(value)
    fields.text("name", MISSING, 10)

    with pytest.raises(RecordError) as caught:
        fields.raise_if_wrong("record")
    assert caught.value.problems == [problem]


@pytest.mark.parametrize("reader", ["whole", "instant"])
def test_what_must_be_there_is_missed(reader: str) -> None:
    """A number or an instant without a default has to be there."""
    fields = Fields({})
    getattr(fields, reader)("name", MISSING)

    with pytest.raises(RecordError, match=r"^record: name is missing$"):
        fields.raise_if_wrong("record")


def test_every_problem_is_named_with_its_path() -> None:
    """All problems come in one error, those inside maps with their path."""
    fields = Fields({"a": 1, "in": {"b": 2, "deep": {"c": 3}}})
    fields.text("a", "", 10)
    inside = fields.inside("in")
    assert inside is not None
    inside.text("b", "", 10)
    deep = inside.inside("deep")
    assert deep is not None
    deep.text("c", "", 10)

    with pytest.raises(RecordError) as caught:
        fields.raise_if_wrong("run x")
    assert caught.value.who == "run x"
    assert caught.value.problems == [
        "a must be text, got 1",
        "in.b must be text, got 2",
        "in.deep.c must be text, got 3",
    ]
    assert str(caught.value) == "run x: " + "; ".join(caught.value.problems)


def test_the_inside_of_what_is_no_map_is_one_problem() -> None:
    """Where a map is expected and something else came, that is said once."""
    fields = Fields({"in": 7})
    inside = fields.inside("in")
    assert inside is not None
    inside.text("b", "", 10)

    with pytest.raises(RecordError, match=r"^record: in must be a map, got 7$"):
        fields.raise_if_wrong("record")
    assert Fields({}).inside("in") is None


def test_firestores_own_instants_become_plain_ones() -> None:
    """A subclass of datetime, as Firestore's library hands out, is returned as datetime itself."""
    found = read("instant", Nanoseconds(2026, 1, 14, 12, 0, 0, 123_456, tzinfo=timezone.utc))

    assert type(found) is datetime
    assert found == NOON.replace(microsecond=123_456)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param("text", "a\ud800b", "a?b", id="text"),
        pytest.param("texts", ["\udfff"], ("?",), id="a_list"),
        pytest.param("labels", {"k\ud800": "v\udc00"}, {"k?": "v?"}, id="labels"),
    ],
)
def test_half_a_character_is_replaced(kind: str, value: object, expected: object) -> None:
    """Half of a surrogate pair, which JSON can spell and neither a store nor Slack takes, becomes a question mark."""
    assert read(kind, value) == expected


class BrokenZone(tzinfo):
    """A zone that can't tell its offset."""

    def utcoffset(self, at: datetime | None) -> None:
        return None


def test_a_zone_without_an_offset_counts_as_utc() -> None:
    """An instant whose zone can't tell its offset counts as UTC, not as this machine's time."""
    assert read("instant", NOON.replace(tzinfo=BrokenZone())) == NOON


strange = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**310)
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.datetimes()
    | st.datetimes(timezones=st.sampled_from([timezone.utc, timezone(timedelta(hours=14))]))
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("kind", READERS)
@given(value=strange)
def test_any_value_passes_or_is_a_problem(kind: str, value: Any) -> None:
    """No value whatever makes a reader raise anything but RecordError, and what passes can be stored."""
    try:
        found = read(kind, value)
    except RecordError:
        return

    if kind in {"text", "texts", "one_of", "labels"}:
        repr(found).encode()
