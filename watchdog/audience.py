"""Who is told, and by which rules: what the saving and the sending of notices have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from .message import Message
from .policy import Policy
from .ports import Channel
from .snooze import Snoozes
from .telling import Subject, compose

__all__ = ["Audience"]


@dataclass(frozen=True)
class Audience:
    """The channels to people, the policy, the address of this watchdog's page, and the quiet that people asked for."""

    channels: tuple[Channel, ...]
    policy: Policy
    link_base: str = ""
    snoozes: Snoozes = field(default_factory=Snoozes)

    def channel(self, name: str) -> Channel | None:
        """The channel of this name, None where it is not set up."""
        return next((channel for channel in self.channels if channel.name == name), None)

    def message(self, kind: str, subjects: Sequence[Subject], now: datetime) -> Message:
        """The message of one notice."""
        return compose(kind, subjects, self.policy, now, self.link_base)

    def asked_for_quiet(self, operation: str, now: datetime) -> bool:
        """Whether the operation is snoozed."""
        return self.snoozes.covering(operation, now) is not None
