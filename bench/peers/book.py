"""All findings, to be looked up by who said it and of which scenario."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .findings import Finding

__all__ = ["Book"]


class Book:
    """scenarios: all that were played, in that order. there: who was run."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = {(one.scenario, one.who): one for one in findings}
        self.scenarios = list(dict.fromkeys(one.scenario for one in findings))
        self.there = {one.who for one in findings}

    def played(self, names: Iterable[str]) -> list[str]:
        """Those of some scenarios that were played."""
        return [name for name in names if name in self.scenarios]

    def of(self, who: str, names: Iterable[str]) -> list[Finding]:
        """What one said of some scenarios; nothing of those that it was not run on."""
        return [one for name in names if (one := self._findings.get((name, who)))]
