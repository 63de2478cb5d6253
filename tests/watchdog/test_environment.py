"""Settings from the environment: what is read, what is refused, and what stays secret."""

from __future__ import annotations

import pytest

from watchdog.environment import SETTINGS, SettingsError, settings

STORE = {"HANGWATCH_STORE": "sqlite:////tmp/x.sqlite3"}
WEBHOOK = "https://hooks.slack.com/services/T0/B0/verysecret"
TOKEN = "xoxb-verysecret"


def test_all_of_them_are_read() -> None:
    """Each variable that is listed is read."""
    values = {
        "HANGWATCH_POLICY": "policy.toml",
        "HANGWATCH_SLACK_WEBHOOK_URL": WEBHOOK,
        "HANGWATCH_SLACK_TOKEN": TOKEN,
        "HANGWATCH_SLACK_CHANNEL": "#alerts",
        "HANGWATCH_SLACK_SIGNING_SECRET": "signing",
        "HANGWATCH_SLACK_API_URL": "http://127.0.0.1:1/api",
        "HANGWATCH_MONITORING_PROJECT": "p",
        "HANGWATCH_MONITORING_ENDPOINT": "127.0.0.1:2",
        "HANGWATCH_PING_URL": "https://hc-ping.com/uuid",
        "HANGWATCH_LINK_BASE": "https://hangwatch.example",
        "HANGWATCH_SWEEP_AUDIENCE": "https://hangwatch.example",
        "HANGWATCH_SWEEP_ACCOUNT": "a@p.iam.gserviceaccount.com",
        "HANGWATCH_SWEEP_CERTS_URL": "http://127.0.0.1:3/certs",
        "HANGWATCH_PAGE": "guarded",
        "HANGWATCH_IAP_AUDIENCE": "/projects/1/apps/p",
        "HANGWATCH_IAP_KEYS_URL": "http://127.0.0.1:4/keys",
        "PORT": "9000",
    }
    known = settings(STORE | values)

    assert set(SETTINGS) == {*STORE, *values}
    assert (known.slack_token, known.slack_channel, known.port) == (TOKEN, "#alerts", 9000)
    assert (known.monitoring_project, known.ping_url) == ("p", "https://hc-ping.com/uuid")
    assert str(known.policy) == "policy.toml"


def test_secrets_stay_out_of_texts() -> None:
    """Whoever prints the settings prints no secret."""
    shown = repr(
        settings(
            STORE
            | {
                "HANGWATCH_SLACK_WEBHOOK_URL": WEBHOOK,
                "HANGWATCH_SLACK_TOKEN": TOKEN,
                "HANGWATCH_SLACK_CHANNEL": "#alerts",
                "HANGWATCH_SLACK_SIGNING_SECRET": "verysecret",
                "HANGWATCH_PING_URL": "https://hc-ping.com/verysecret",
            }
        )
    )

    assert "verysecret" not in shown
    assert "#alerts" in shown


WRONG = {
    "a_store_that_is_off": ({"HANGWATCH_STORE": "off"}, "HANGWATCH_STORE: expected the store that the clients write"),
    "a_store_of_no_kind": ({"HANGWATCH_STORE": "mysql://verysecret"}, "HANGWATCH_STORE: "),
    "a_webhook_without_a_scheme": (
        {"HANGWATCH_SLACK_WEBHOOK_URL": "verysecret"},
        "HANGWATCH_SLACK_WEBHOOK_URL: expected an address that starts with https://",
    ),
    "a_token_without_a_channel": (
        {"HANGWATCH_SLACK_TOKEN": TOKEN},
        "HANGWATCH_SLACK_CHANNEL: expected the channel that notices go to",
    ),
    "a_token_that_is_none": (
        {"HANGWATCH_SLACK_TOKEN": "verysecret", "HANGWATCH_SLACK_CHANNEL": "#a"},
        "HANGWATCH_SLACK_TOKEN: expected a bot's token",
    ),
    "an_api_in_the_clear": (
        {"HANGWATCH_SLACK_API_URL": "http://slack.example/api"},
        "HANGWATCH_SLACK_API_URL: expected an address that starts with https://, for the token goes there",
    ),
    "an_endpoint_without_a_project": (
        {"HANGWATCH_MONITORING_ENDPOINT": "127.0.0.1:2"},
        "HANGWATCH_MONITORING_PROJECT: expected the project that gets metrics",
    ),
    "an_audience_without_an_account": (
        {"HANGWATCH_SWEEP_AUDIENCE": "https://x.example"},
        "expected both or neither, got one",
    ),
    "a_page_of_no_kind": ({"HANGWATCH_PAGE": "open"}, "HANGWATCH_PAGE: expected guarded or nothing, got 'open'"),
    "a_port_in_words": ({"PORT": "http"}, "PORT: expected a port from 1 to 65535, got 'http'"),
    "a_port_beyond": ({"PORT": "65536"}, "PORT: expected a port"),
    "a_port_of_zero": ({"PORT": "0"}, "PORT: expected a port"),
}


@pytest.mark.parametrize(("values", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said_without_the_value_of_a_secret(values: dict[str, str], said: str) -> None:
    """A setting that can't be used is named in one line, with what to do."""
    with pytest.raises(SettingsError) as refused:
        settings(STORE | values)

    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    if "STORE" not in said:
        assert "verysecret" not in str(refused.value)
