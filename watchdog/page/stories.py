"""What the pages tell of: everything at once, one run, one operation, one incident; read from the store, not judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..expectation import Start
from ..history import History
from ..incident import Incident
from ..notice import Notice
from ..policy import Policy
from ..schedule import Expected
from ..snooze import Snoozes
from ..survey import Story, Survey, View

__all__ = ["Ahead", "OperationStory", "Panorama", "ProblemStory", "RunStory"]


@dataclass(frozen=True)
class Ahead:
    """A run that the policy expects. due: when the next one is, None where that hangs on another operation's end.

    last: its last start, None where none is on record. missed: the open incident about it.
    """

    expected: Expected
    due: datetime | None
    last: Start | None
    missed: Incident | None


@dataclass(frozen=True)
class Panorama:
    """All that goes on. ended: what ended within the last hour, the latest first. histories: by operation.

    ever: whether any run is on record.
    """

    survey: Survey
    ended: tuple[View, ...]
    histories: Mapping[str, History]
    ahead: tuple[Ahead, ...]
    ever: bool = True

    @property
    def now(self) -> datetime:
        """The store's time when this was read."""
        return self.survey.now


@dataclass(frozen=True)
class RunStory:
    """One run: its story, its record as it is stored, and what is known of its operation."""

    story: Story
    record: Mapping[str, Any]
    history: History
    snoozes: Snoozes = field(default_factory=Snoozes)

    @property
    def now(self) -> datetime:
        """The store's time when this was read."""
        return self.story.now


@dataclass(frozen=True)
class OperationStory:
    """One operation. record: what the watchdog keeps of it, empty where it keeps nothing."""

    name: str
    now: datetime
    history: History
    record: Mapping[str, Any]
    running: tuple[View, ...]
    ended: tuple[View, ...]
    incidents: tuple[Incident, ...]
    ahead: tuple[Ahead, ...]
    policy: Policy
    snoozes: Snoozes = field(default_factory=Snoozes)


@dataclass(frozen=True)
class ProblemStory:
    """One incident, what was told of it, and its run as far as that is still stored."""

    now: datetime
    incident: Incident
    notices: tuple[Notice, ...]
    view: View | None
    snoozes: Snoozes = field(default_factory=Snoozes)
