"""The one place that names adapters: from settings to a store, channels, a meter, a telltale and a policy."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from heartbeat_client.store_address import SQLITE, StoreAddress

from .environment import Settings, SettingsError, settings
from .policy import Policy
from .policy_text.source import policy_from, policy_text
from .ports import Channel, Meter, Store, Telltale

__all__ = [
    "Settings",
    "SettingsError",
    "channels",
    "clock_here",
    "meter",
    "open_store",
    "read_policy",
    "settings",
    "telltale",
]


def read_policy(path: Path | None) -> Policy:
    """The policy in a TOML file; the empty policy without one. Raises `PolicyError` naming each mistake."""
    return Policy() if path is None else policy_from(policy_text(path), path.name)


def open_store(address: StoreAddress) -> Store:
    """The store at an address; its library is imported only here. Raises `StoreError` when it can't be opened."""
    if address.kind == SQLITE and address.path is not None:
        from .adapters.sqlite import SqliteStore

        return SqliteStore(address.path)
    from .adapters.firestore import FirestoreStore

    return FirestoreStore(project=address.project, database=address.database)


def clock_here() -> datetime:
    """This machine's clock, only to compare it with the store's."""
    return datetime.now(timezone.utc)


def channels(given: Settings) -> list[Channel]:
    """Where notices go: Slack by token, or by webhook, where one is set, else this process's standard error."""
    if given.slack_token:
        from .adapters.slack_bot import SLACK_API, SlackBot

        address = given.slack_api_url or SLACK_API
        buttons = bool(given.slack_signing_secret)
        return [SlackBot(given.slack_token, given.slack_channel, api_url=address, buttons=buttons)]
    if given.slack_webhook_url:
        from .adapters.slack import SlackWebhook

        return [SlackWebhook(given.slack_webhook_url)]
    from .adapters.console import Console

    return [Console()]


def meter(given: Settings) -> Meter | None:
    """Where figures go, None where no project is set; its library is imported at its first use.

    Raises `SettingsError`.
    """
    if not given.monitoring_project:
        return None
    from .adapters.cloud_monitoring import CloudMonitoring

    try:
        return CloudMonitoring(given.monitoring_project, endpoint=given.monitoring_endpoint)
    except ValueError as error:
        raise SettingsError(f"HANGWATCH_MONITORING_PROJECT or _ENDPOINT: {error}") from None


def telltale(given: Settings) -> Telltale | None:
    """Who raises the alarm when the sweeps stop, None where no address is set."""
    if not given.ping_url:
        return None
    from .adapters.ping import Ping

    return Ping(given.ping_url)
