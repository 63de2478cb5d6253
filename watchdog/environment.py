"""The settings of the watchdog, read from its environment and checked: what is wrong is said in one line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from heartbeat_client.store_address import OFF, StoreAddress, default_address

__all__ = ["SETTINGS", "Settings", "SettingsError", "settings"]

# Every variable that is read, with what it is for: `--help` and the reference are made of it.
SETTINGS = {
    "HANGWATCH_STORE": "firestore, firestore://PROJECT/DATABASE or sqlite:///PATH",
    "HANGWATCH_POLICY": "a policy file; without one the defaults hold",
    "HANGWATCH_SLACK_WEBHOOK_URL": "Slack by incoming webhook; without Slack notices go to standard error",
    "HANGWATCH_SLACK_TOKEN": "Slack by a bot's token: threads, edits, channels by operation; before a webhook",
    "HANGWATCH_SLACK_CHANNEL": "the bot's usual channel, such as #alerts or an id",
    "HANGWATCH_SLACK_SIGNING_SECRET": "Slack's signing secret: buttons, answered at /slack/actions of `serve`",
    "HANGWATCH_SLACK_API_URL": "another address of Slack's Web API, for tests",
    "HANGWATCH_MONITORING_PROJECT": "the project whose Cloud Monitoring gets metrics",
    "HANGWATCH_MONITORING_ENDPOINT": "another address of Cloud Monitoring, for tests",
    "HANGWATCH_PING_URL": "an address asked after each complete sweep, as healthchecks.io gives one",
    "HANGWATCH_LINK_BASE": "address of this watchdog's page, for links in notices",
    "HANGWATCH_SWEEP_AUDIENCE": "the audience of Cloud Scheduler's tokens: the address of `serve`; opens POST /sweep",
    "HANGWATCH_SWEEP_ACCOUNT": "the service account whose tokens may ask for a sweep",
    "HANGWATCH_SWEEP_CERTS_URL": "another address of the keys that sign those tokens, for tests",
    "HANGWATCH_PAGE": "guarded: only those who may look reach `serve`, as with Cloud Run's IAM, so show the page",
    "HANGWATCH_IAP_AUDIENCE": "Identity-Aware Proxy's audience: the page for those who came through it, by their names",
    "HANGWATCH_IAP_KEYS_URL": "another address of the keys that sign the proxy's assertions, for tests",
    "PORT": "where `serve` listens, as Cloud Run says it; 8080 by default",
}


class SettingsError(ValueError):
    """A setting is wrong: who, expected, got, what to do."""


@dataclass(frozen=True)
class Settings:
    """What the environment says. Addresses of webhook and ping, token and signing secret stay out of every text."""

    store: StoreAddress
    policy: Path | None = None
    slack_webhook_url: str = ""
    slack_token: str = ""
    slack_channel: str = ""
    slack_signing_secret: str = ""
    slack_api_url: str = ""
    monitoring_project: str = ""
    monitoring_endpoint: str = ""
    ping_url: str = ""
    link_base: str = ""
    sweep_audience: str = ""
    sweep_account: str = ""
    sweep_certs_url: str = ""
    page_guarded: bool = False
    iap_audience: str = ""
    iap_keys_url: str = ""
    port: int = 8080

    def __repr__(self) -> str:
        shown = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.name not in SECRET)
        return f"Settings({', '.join(shown)})"


SECRET = frozenset({"slack_webhook_url", "slack_token", "slack_signing_secret", "ping_url"})


def settings(environment: Mapping[str, str] = os.environ, store: str | None = None) -> Settings:
    """Read the settings; store: an address that overrules HANGWATCH_STORE. Raises `SettingsError`."""
    policy = _text(environment, "HANGWATCH_POLICY")
    known = Settings(
        store=_store(store or environment.get("HANGWATCH_STORE", ""), environment),
        policy=Path(policy) if policy else None,
        slack_webhook_url=_address(environment, "HANGWATCH_SLACK_WEBHOOK_URL"),
        slack_token=_text(environment, "HANGWATCH_SLACK_TOKEN"),
        slack_channel=_text(environment, "HANGWATCH_SLACK_CHANNEL"),
        slack_signing_secret=_text(environment, "HANGWATCH_SLACK_SIGNING_SECRET"),
        slack_api_url=_address(environment, "HANGWATCH_SLACK_API_URL"),
        monitoring_project=_text(environment, "HANGWATCH_MONITORING_PROJECT"),
        monitoring_endpoint=_text(environment, "HANGWATCH_MONITORING_ENDPOINT"),
        ping_url=_address(environment, "HANGWATCH_PING_URL"),
        link_base=_address(environment, "HANGWATCH_LINK_BASE"),
        sweep_audience=_address(environment, "HANGWATCH_SWEEP_AUDIENCE"),
        sweep_account=_text(environment, "HANGWATCH_SWEEP_ACCOUNT"),
        sweep_certs_url=_address(environment, "HANGWATCH_SWEEP_CERTS_URL"),
        page_guarded=_page_guarded(environment),
        iap_audience=_text(environment, "HANGWATCH_IAP_AUDIENCE"),
        iap_keys_url=_address(environment, "HANGWATCH_IAP_KEYS_URL"),
        port=_port(environment),
    )
    _agree(known)
    return known


def _agree(known: Settings) -> None:
    if known.slack_token and not known.slack_channel:
        raise SettingsError(
            "HANGWATCH_SLACK_CHANNEL: expected the channel that notices go to, such as #alerts, got none; "
            "set it beside HANGWATCH_SLACK_TOKEN"
        )
    if known.slack_token and not known.slack_token.startswith("xox"):
        raise SettingsError(
            "HANGWATCH_SLACK_TOKEN: expected a bot's token, which starts with xoxb-, got something else; set it anew"
        )
    if known.slack_api_url.startswith("http://") and not _is_loopback(known.slack_api_url):
        raise SettingsError(
            "HANGWATCH_SLACK_API_URL: expected an address that starts with https://, for the token goes there, "
            "got http://; set it anew"
        )
    if bool(known.sweep_audience) != bool(known.sweep_account):
        raise SettingsError(
            "HANGWATCH_SWEEP_AUDIENCE and HANGWATCH_SWEEP_ACCOUNT: expected both or neither, got one; "
            "set both, and Cloud Scheduler may ask for sweeps"
        )
    if known.monitoring_endpoint and not known.monitoring_project:
        raise SettingsError(
            "HANGWATCH_MONITORING_PROJECT: expected the project that gets metrics, got none; "
            "set it beside HANGWATCH_MONITORING_ENDPOINT, or unset that"
        )


def _page_guarded(environment: Mapping[str, str]) -> bool:
    value = _text(environment, "HANGWATCH_PAGE")
    if value not in ("", "guarded"):
        raise SettingsError(f"HANGWATCH_PAGE: expected guarded or nothing, got {value!r:.40}; set it anew or unset it")
    return value == "guarded"


def _is_loopback(address: str) -> bool:
    return urlsplit(address).hostname in ("127.0.0.1", "localhost", "::1")


def _port(environment: Mapping[str, str]) -> int:
    value = _text(environment, "PORT") or "8080"
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65536:
        raise SettingsError(f"PORT: expected a port from 1 to 65535, got {value!r:.20}; set it anew")
    return int(value)


def _text(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()


def _store(text: str, environment: Mapping[str, str]) -> StoreAddress:
    try:
        address = StoreAddress.parse(text) if text.strip() else default_address(environment)
    except ValueError as error:
        raise SettingsError(f"HANGWATCH_STORE: {error}; set it to the store that the clients write to") from None
    if address.kind == OFF:
        raise SettingsError("HANGWATCH_STORE: expected the store that the clients write to, got off; set it to that")
    return address


def _address(environment: Mapping[str, str], name: str) -> str:
    value = _text(environment, name)
    if value and not value.startswith(("https://", "http://")):
        # The value may be a secret that was pasted into the wrong place.
        raise SettingsError(f"{name}: expected an address that starts with https://, got something else; set it anew")
    return value
