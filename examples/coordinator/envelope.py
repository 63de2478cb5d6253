"""Pub/Sub's push envelope: what a push subscription POSTs, read and written."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class EnvelopeError(ValueError):
    """A body that is no push envelope with a JSON object inside; the text is one line for the caller."""


@dataclass(frozen=True)
class Message:
    """One delivery: the JSON object of its data, and its attributes."""

    data: Mapping[str, Any]
    attributes: Mapping[str, str]

    def text(self, field: str) -> str:
        """A field of the data that must be a text with something in it; raises EnvelopeError."""
        value = self.data.get(field)
        if not isinstance(value, str) or not value:
            raise EnvelopeError(f'message data needs a text "{field}", got {type(value).__name__}')
        return value


def read_envelope(body: object) -> Message:
    """The message of `{"message": {"data": base64, "attributes": …}, "subscription": …}`."""
    message = body.get("message") if isinstance(body, Mapping) else None
    if not isinstance(message, Mapping) or not isinstance(message.get("data"), str):
        raise EnvelopeError('expected Pub/Sub\'s push envelope, {"message": {"data": base64}}, got another body')
    try:
        data = json.loads(base64.b64decode(message["data"], validate=True))
    except (binascii.Error, ValueError):
        raise EnvelopeError("message data must be JSON in base64, got something else") from None
    if not isinstance(data, Mapping):
        raise EnvelopeError(f"message data must be a JSON object, got {type(data).__name__}")
    attributes = message.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        raise EnvelopeError(f"message attributes must be an object, got {type(attributes).__name__}")
    return Message(data, attributes)


def write_envelope(data: bytes, attributes: Mapping[str, str], message_id: str, subscription: str) -> dict[str, Any]:
    """The envelope in which Pub/Sub would push such a message."""
    message = {
        "data": base64.b64encode(data).decode(),
        "attributes": dict(attributes),
        "messageId": message_id,
    }
    return {"message": message, "subscription": subscription}
