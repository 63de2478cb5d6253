"""The one place that reads the environment and names adapters: from settings to a store, channels and a policy."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from heartbeat_client.store_address import OFF, SQLITE, StoreAddress, default_address

from .policy import Policy, PolicyError
from .policy_file import parse_policy
from .ports import Channel, Store

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Settings", "SettingsError", "channels", "clock_here", "open_store", "read_policy", "settings"]


class SettingsError(ValueError):
    """A setting is wrong: who, expected, got, what to do."""


@dataclass(frozen=True)
class Settings:
    """What the environment says. slack_webhook_url is a secret and stays out of every text."""

    store: StoreAddress
    policy: Path | None = None
    slack_webhook_url: str = ""
    link_base: str = ""

    def __repr__(self) -> str:
        return f"Settings(store={self.store!r}, policy={self.policy!r}, link_base={self.link_base!r})"


def settings(environment: Mapping[str, str] = os.environ, store: str | None = None) -> Settings:
    """Read the settings; store: an address that overrules HANGWATCH_STORE. Raises `SettingsError`."""
    policy = environment.get("HANGWATCH_POLICY", "").strip()
    return Settings(
        store=_store(store or environment.get("HANGWATCH_STORE", ""), environment),
        policy=Path(policy) if policy else None,
        slack_webhook_url=_address(environment, "HANGWATCH_SLACK_WEBHOOK_URL"),
        link_base=_address(environment, "HANGWATCH_LINK_BASE"),
    )


def _store(text: str, environment: Mapping[str, str]) -> StoreAddress:
    try:
        address = StoreAddress.parse(text) if text.strip() else default_address(environment)
    except ValueError as error:
        raise SettingsError(f"HANGWATCH_STORE: {error}; set it to the store that the clients write to") from None
    if address.kind == OFF:
        raise SettingsError("HANGWATCH_STORE: expected the store that the clients write to, got off; set it to that")
    return address


def _address(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip()
    if value and not value.startswith(("https://", "http://")):
        # The value may be a secret that was pasted into the wrong place.
        raise SettingsError(f"{name}: expected an address that starts with https://, got something else; set it anew")
    return value


def read_policy(path: Path | None) -> Policy:
    """The policy in a TOML file; the empty policy without one. Raises `PolicyError` naming each mistake."""
    return Policy() if path is None else parse_policy(_tables(path), path.name)


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PolicyError([f"{path}: expected a policy file, found none; mend HANGWATCH_POLICY or unset it"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError([f"{path}: can't be read ({type(error).__name__}); mend the file or its rights"]) from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([f"{path.name}: is not TOML: {error}"]) from None


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
    """Where notices go: Slack where it is set, else this process's standard error."""
    if given.slack_webhook_url:
        from .adapters.slack import SlackWebhook

        return [SlackWebhook(given.slack_webhook_url)]
    from .adapters.console import Console

    return [Console()]
