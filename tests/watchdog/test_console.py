"""Notices as text: all of a message, line by line, and nothing that acts on a terminal."""

from __future__ import annotations

import io

import pytest

from watchdog.adapters.console import Console, as_text
from watchdog.message import Message

FULL = Message(
    kind="opened",
    mood="bad",
    title="load is stalled",
    sentence="because",
    facts=(("What", "450 players"), ("Time left", "12 min")),
    frames=("socket.py:706 readinto",),
    links=(("Logs", "https://e.com"),),
    also=("publish: silent",),
    footer="run 1",
)
LINES = """\
[opened] load is stalled
  because
  What       450 players
  Time left  12 min
    socket.py:706 readinto
  also: publish: silent
  Logs: https://e.com
  (run 1)"""


def test_a_message_is_lines_of_text() -> None:
    """Each part has its line, facts in columns."""
    assert as_text(FULL) == LINES


def test_parts_that_say_nothing_have_no_line() -> None:
    """A title alone is one line."""
    assert as_text(Message("test", "plain", "a test")) == "[test] a test"


def test_nothing_in_a_message_acts_on_a_terminal() -> None:
    """Control characters are blanks, and a line break in a name makes no line of its own."""
    hostile = "x\x1b[2J\r\n\u202e\x07y"
    text = as_text(Message("opened", "bad", hostile, hostile, ((hostile, hostile),), also=(hostile,), footer=hostile))

    assert len(text.split("\n")) == 5
    assert all(letter.isprintable() for letter in text.replace("\n", ""))


def test_a_console_prints_to_its_stream() -> None:
    """A message goes to the stream given, and there is no reference to it."""
    stream = io.StringIO()

    assert Console(stream).send(FULL, seconds=0).reference == ""
    assert stream.getvalue() == LINES + "\n"


def test_a_console_prints_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is left to what the command prints, which may be JSON."""
    Console().send(FULL, seconds=0)

    assert capsys.readouterr() == ("", LINES + "\n")
