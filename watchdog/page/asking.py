"""What somebody fills into the form that asks for quiet, as it was typed, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from heartbeat_client.run import OPERATION_LIMIT

from ..snooze import WHY_LIMIT
from ..until import TODAY, UntilError, check
from ..wording import one_line

__all__ = ["LENGTH", "LENGTHS", "Asked", "exact"]

OPERATION: Final = "operation"
LENGTH: Final = "length"
WHY: Final = "why"

LENGTHS = (("30m", "30 minutes"), ("1h", "1 hour"), ("4h", "4 hours"), (TODAY, "until midnight"), ("7d", "7 days"))
USUAL = "1h"
VALUE_LIMIT = 2000


@dataclass(frozen=True)
class Asked:
    """The form's fields. operation: the one that it was opened for. pattern: what was typed where there is none such.

    length: what was chosen; other: what was typed instead, which holds if it is there. by: the name that was typed.
    back: the page to go back to.
    """

    for_operation: str = ""
    pattern: str = ""
    length: str = USUAL
    other: str = ""
    why: str = ""
    by: str = ""
    back: str = "/"

    @classmethod
    def from_form(cls, form: Mapping[str, str]) -> Asked:
        """As it was posted."""
        return cls(
            for_operation=exact(form, OPERATION),
            pattern=one_line(exact(form, "pattern")),
            length=exact(form, "for"),
            other=one_line(exact(form, "other")),
            why=one_line(exact(form, WHY)),
            by=form.get("name", ""),
            back=exact(form, "back") or "/",
        )

    @property
    def operation(self) -> str:
        """The name or pattern that is to be quiet."""
        return self.for_operation or self.pattern

    @property
    def end(self) -> str:
        """Until when, as `until.end_of` reads it."""
        return self.other or self.length

    def faults(self) -> dict[str, str]:
        """What is wrong, by field, as far as it can be said without knowing the time."""
        found = {OPERATION: self._operation_fault(), WHY: self._why_fault(), LENGTH: self._length_fault()}
        return {name: fault for name, fault in found.items() if fault}

    def _operation_fault(self) -> str:
        if not self.operation.strip():
            return "expected the name of an operation, or a pattern such as load-*, got none"
        size = len(self.operation)
        return f"expected a name of at most {OPERATION_LIMIT} characters, got {size}" if size > OPERATION_LIMIT else ""

    def _why_fault(self) -> str:
        if not self.why:
            return "expected a reason, got none; whoever wonders why it is quiet will read it"
        size = len(self.why)
        return f"expected at most {WHY_LIMIT} characters, got {size}; say it shorter" if size > WHY_LIMIT else ""

    def _length_fault(self) -> str:
        try:
            check(self.end)
        except UntilError as error:
            return str(error)
        return ""


def exact(form: Mapping[str, str], name: str) -> str:
    """A field as our page had it; browsers post a line's end as two characters, whatever it was."""
    return form.get(name, "")[:VALUE_LIMIT].replace("\r\n", "\n")
