"""Which runs and incidents a viewer wants to see, as the address of the page says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..incident import Incident
from ..survey import View
from ..wording import one_line

__all__ = ["PROBLEMS", "Filter"]

PROBLEMS = "problems"
LIMIT = 200


@dataclass(frozen=True)
class Filter:
    """operation: a name or a shell pattern. state: a verdict, how a run ended, or `problems`. text: anywhere in it.

    Empty: everything.
    """

    operation: str = ""
    state: str = ""
    text: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Filter:
        """As an address asks for it; what it asks for else is left out."""
        return cls(*(one_line(query.get(name, ""))[:LIMIT] for name in ("operation", "state", "text")))

    @property
    def on(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.operation or self.state or self.text)

    @property
    def query(self) -> dict[str, str]:
        """As an address says it."""
        return {name: value for name, value in vars(self).items() if value}

    def without(self, name: str) -> dict[str, str]:
        """The address of the same without one part."""
        return {key: value for key, value in self.query.items() if key != name}

    def takes(self, view: View) -> bool:
        """Whether a run is wanted."""
        run = view.run
        texts = [view.id, view.verdict.reason]
        if run is not None:
            texts += [run.operation, run.detail, run.service, run.host, *run.labels.values()]
        states = (view.verdict.state, run.state if run else "")
        return self._fits(run.operation if run else "", states, texts, problem=view.verdict.problem)

    def takes_incident(self, incident: Incident) -> bool:
        """Whether an incident is wanted."""
        texts = (incident.run_id, incident.operation, incident.detail, incident.verdict.reason)
        return self._fits(incident.operation, (incident.verdict.state, incident.state), texts, problem=True)

    def takes_name(self, operation: str) -> bool:
        """Whether what is only a name, such as an expectation, is wanted."""
        return not self.state and self._fits(operation, (), (operation,), problem=False)

    def _fits(self, operation: str, states: Sequence[str], texts: Sequence[str], *, problem: bool) -> bool:
        if self.operation and not (operation == self.operation or fnmatchcase(operation, self.operation)):
            return False
        if self.state == PROBLEMS and not problem:
            return False
        if self.state and self.state != PROBLEMS and self.state not in states:
            return False
        return not self.text or any(self.text.lower() in text.lower() for text in texts)
