"""What came of trying one part, as the doctor tells it: to people as a line, to scripts as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ..wording import one_line

__all__ = ["FAIL", "FIXED", "NOTE", "OK", "Finding", "exit_status", "failed", "fixed", "noted", "refused", "well"]

Kind = Literal["ok", "note", "fixed", "fail"]
OK: Kind = "ok"
NOTE: Kind = "note"
FIXED: Kind = "fixed"
FAIL: Kind = "fail"

LABELS = {OK: "ok", NOTE: "note", FIXED: "fixed", FAIL: "FAIL"}

# Their mistakes are wrong settings, which end every command with 2.
OF_SETTINGS = ("settings", "policy")


@dataclass(frozen=True)
class Finding:
    """What came of trying one part.

    kind: `ok`; `note`: nothing is wrong, but worth knowing; `fixed`: it was wrong and is being mended; `fail`.
    said: what was found. todo: what to do about it, empty where there is nothing to do.
    """

    part: str
    kind: Kind
    said: str
    todo: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing is wrong any more."""
        return self.kind != FAIL

    def line(self) -> str:
        """The finding as a line for people."""
        told = f"{self.part}: {self.said}" + (f"; {self.todo}" if self.todo else "")
        return f"{LABELS[self.kind]:5} {one_line(told)}"

    def as_json(self) -> dict[str, Any]:
        """The finding as plain values; scripts depend on these names."""
        return {
            "part": self.part,
            "kind": self.kind,
            "good": self.good,
            "said": one_line(self.said),
            "todo": one_line(self.todo) or None,
        }


def well(part: str, said: str) -> Finding:
    """A part that works."""
    return Finding(part, OK, said)


def noted(part: str, said: str, todo: str = "") -> Finding:
    """Something worth knowing."""
    return Finding(part, NOTE, said, todo)


def fixed(part: str, said: str) -> Finding:
    """Something that was wrong and is being mended."""
    return Finding(part, FIXED, said)


def failed(part: str, said: str, todo: str) -> Finding:
    """Something that is wrong, and what to do about it."""
    return Finding(part, FAIL, said, todo)


def refused(part: str, error: Exception) -> Finding:
    """An error of a store or a channel: what it says last is what to do."""
    said, _, todo = str(error).rpartition("; ")
    return Finding(part, FAIL, said or todo, todo if said else "")


def exit_status(findings: Iterable[Finding]) -> int:
    """0: all is well; 1: something is not; 2: settings or the policy are wrong, and the rest could not be tried."""
    bad = [finding.part for finding in findings if not finding.good]
    if any(part in OF_SETTINGS for part in bad):
        return 2
    return 1 if bad else 0
