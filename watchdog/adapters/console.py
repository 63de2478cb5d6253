"""Notices as text on a stream: the channel of a watchdog that has no other, and a look at what another would send."""

from __future__ import annotations

import sys
from typing import TextIO

from ..message import Message
from ..ports import Receipt

__all__ = ["Console", "as_text"]


class Console:
    """A `Channel` that prints. stream: where to, standard error by default, so that `--json` stays readable."""

    name = "console"

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Print one message; `seconds` is not needed."""
        print(as_text(message), file=self._stream or sys.stderr, flush=True)
        return Receipt()


def as_text(message: Message) -> str:
    """The message as lines of text, without control characters."""
    width = max((len(label) for label, _ in message.facts), default=0)
    lines = [f"[{message.kind}] {message.title}", f"  {message.sentence}" if message.sentence else ""]
    lines += [f"  {label:<{width}}  {text}" for label, text in message.facts]
    lines += [f"    {line}" for line in message.frames]
    lines += [f"  also: {line}" for line in message.also]
    lines += [f"  {label}: {address}" for label, address in message.links]
    lines.append(f"  ({message.footer})" if message.footer else "")
    return "\n".join(_printable(line) for line in lines if line)


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in line)
