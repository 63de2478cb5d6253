"""What a notice says, as plain parts, before any channel gives it a look; the words come from `telling`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heartbeat_client.fields import Fields

__all__ = ["Button", "Message"]


@dataclass(frozen=True)
class Button:
    """What a reader may do about it: `acknowledge`, `snooze_hour` or `snooze_today`, and what it is about."""

    action: str
    label: str
    value: str


@dataclass(frozen=True)
class Message:
    """One message to people.

    kind: opened, worsened, reminded, resolved, failed or test. mood: `bad`, `worse`, `good` or `plain`, for a colour.
    title: one line. status: what became of it since it was first told, one line. sentence: why we think so.
    facts and links: (label, text) pairs. frames: the chain of calls, innermost first. also: a line for each other
    run of the same cause. footer: small print. to: the chat channel that the policy names, empty for the usual one.
    """

    kind: str
    mood: str
    title: str
    sentence: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    frames: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    footer: str = ""
    status: str = ""
    to: str = ""
    buttons: tuple[Button, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """The message as plain values: pairs as maps, since Firestore takes no list within a list."""
        return {
            "kind": self.kind,
            "mood": self.mood,
            "title": self.title,
            "sentence": self.sentence,
            "facts": [{"label": label, "text": text} for label, text in self.facts],
            "links": [{"label": label, "text": text} for label, text in self.links],
            "frames": list(self.frames),
            "also": list(self.also),
            "footer": self.footer,
            "status": self.status,
            "to": self.to,
            "buttons": [{"action": b.action, "label": b.label, "value": b.value} for b in self.buttons],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Message:
        """Read back what `to_document` wrote; what is not as expected is left out rather than refused."""
        fields = Fields(document)
        names = ("kind", "mood", "title", "sentence", "footer", "status", "to")
        words = {name: fields.text(name, "", 4000) for name in names}
        return cls(
            facts=_pairs(document.get("facts")),
            buttons=tuple(Button(*words) for words in _texts(document.get("buttons"), ("action", "label", "value"))),
            links=_pairs(document.get("links")),
            frames=fields.texts("frames"),
            also=fields.texts("also"),
            **words,
        )


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    return tuple((label, text) for label, text in _texts(value, ("label", "text")))


def _texts(value: object, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    listed = value if isinstance(value, list) else []
    return (tuple(str(one.get(name, "")) for name in names) for one in listed if isinstance(one, Mapping))
