"""What the doctor opens to try each part: the store and services outside, and what it must not tell of them.

It opens its own ways to them, apart from the sweep's: the doctor must not leave traces where alarms look.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from heartbeat_client.store_address import StoreAddress

from ..ports import Meter, Store
from ..wiring import clock_here, open_store
from .field_settings import FieldAdmin

__all__ = ["SECRETS", "Bot", "Descriptors", "Means", "Pinging", "hidden"]

SECRETS = (
    "HANGWATCH_SLACK_WEBHOOK_URL",
    "HANGWATCH_SLACK_TOKEN",
    "HANGWATCH_SLACK_SIGNING_SECRET",
    "HANGWATCH_PING_URL",
)
# A slug, or `services` in a webhook's address, is no secret; keys and tokens have 22 characters and more.
SHORTEST_SECRET = 16

# Metrics under a namespace of their own: what the doctor writes is no sweep's, and no alarm looks at it.
NAMESPACE = "hangwatch-doctor"


class Bot(Protocol):
    """Slack's view of a bot's token."""

    def scopes(self, *, seconds: float) -> tuple[str, frozenset[str]]:
        """Whose it is, for people, and what it may do. Raises `DeliveryError`."""


class Descriptors(Protocol):
    """What Cloud Monitoring knows of our metrics. Each method raises `DeliveryError`."""

    def missing(self, *, seconds: float) -> list[str]:
        """Names of metrics that are not described yet."""

    def conflicts(self, *, seconds: float) -> list[str]:
        """A sentence for each that is described otherwise, so that writes are refused."""

    def create(self, names: list[str], *, seconds: float) -> list[str]:
        """Describe them; sentences about what still is not as ours."""


class Pinging(Protocol):
    """A check that can be left a line without a change of its state."""

    def logged(self, said: str, *, seconds: float) -> None:
        """Leave a line. Raises `DeliveryError`."""


def _admin(address: StoreAddress) -> FieldAdmin:
    from ..adapters.firestore_admin import FirestoreAdmin

    return FirestoreAdmin(address.project, address.database)


def _bot(token: str, api_url: str) -> Bot:
    from ..adapters.slack_scopes import SlackScopes

    return SlackScopes(token, api_url) if api_url else SlackScopes(token)


def _meter(project: str, endpoint: str) -> tuple[Meter, Descriptors]:
    from ..adapters.cloud_monitoring import CloudMonitoring

    meter = CloudMonitoring(project, endpoint=endpoint, namespace=NAMESPACE)
    return meter, meter.descriptors()


def _ping(address: str) -> Pinging:
    from ..adapters.ping import Ping

    return Ping(address)


@dataclass(frozen=True)
class Means:
    """How each part is opened. seconds: how long each part may take. clock: this machine's."""

    store: Callable[[StoreAddress], Store] = open_store
    admin: Callable[[StoreAddress], FieldAdmin] = _admin
    bot: Callable[[str, str], Bot] = _bot
    meter: Callable[[str, str], tuple[Meter, Descriptors]] = _meter
    ping: Callable[[str], Pinging] = _ping
    clock: Callable[[], datetime] = clock_here
    seconds: float = 10.0


def hidden(text: str, environment: Mapping[str, str]) -> str:
    """The text without any secret or part of one; errors hold none, and this is the second lock."""
    for secret in (environment.get(name, "").strip() for name in SECRETS):
        parts = [secret, *re.split(r"[/?&=]+", secret.partition("://")[2].partition("/")[2])]
        for part in parts:
            if len(part) >= SHORTEST_SECRET:
                text = text.replace(part, "(hidden)")
    return text
