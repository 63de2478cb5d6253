"""What a record's parts become in a document."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timezone
from typing import Any

import pytest

from heartbeat_client.run_parts import Place, Progress, plain

AT = datetime(2026, 3, 1, 7, tzinfo=timezone.utc)


class Text(str):
    """Text of somebody's own class."""

    __slots__ = ()


@pytest.mark.parametrize("value", ["", "text", 0, 7, -1.5, True, False, None, AT, b"bytes", Text("own")], ids=repr)
def test_what_is_plain_already_stays_itself(value: Any) -> None:
    """Text, numbers, flags, instants and nothing are left as they are, empty ones and those of own classes too."""
    assert plain(value) is value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Place("a.py", 1, "f"), {"file": "a.py", "line": 1, "function": "f"}),
        (Progress(done=0, total=None, note=""), {"done": 0}),
        ((Place("a.py", 1, "f"), "x"), [{"file": "a.py", "line": 1, "function": "f"}, "x"]),
        (OrderedDict(a=(1, 2), b=OrderedDict(c=AT)), {"a": [1, 2], "b": {"c": AT}}),
        ({"empty": "", "none": None}, {"empty": "", "none": None}),
    ],
    ids=["part", "empty_fields_of_a_part_are_left_out", "list_of_parts", "maps", "a_map_keeps_what_is_empty"],
)
def test_parts_lists_and_maps_become_plain(value: Any, expected: Any) -> None:
    """Parts become maps without what is None or empty, tuples become lists, and so on inward; zero is not empty."""
    made = plain(value)

    assert made == expected
    assert type(made) is type(expected)
