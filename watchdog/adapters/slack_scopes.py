"""Slack's answer to auth.test: whose a bot's token is, and by a header what it may do. Nothing is sent to anybody."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import requests
from requests.auth import AuthBase

from ..ports import DeliveryError
from ..within import TimeUp, within

__all__ = ["SlackScopes"]

SLACK_API = "https://slack.com/api"
CONNECT_SECONDS = 5.0
BODY_LIMIT = 10_000
SETTING = "HANGWATCH_SLACK_API_URL"

NEW_TOKEN = "install the app anew and set HANGWATCH_SLACK_TOKEN"  # noqa: S105 - a remedy, no token
REMEDIES = {
    "invalid_auth": NEW_TOKEN,
    "not_authed": NEW_TOKEN,
    "token_revoked": NEW_TOKEN,
    "token_expired": NEW_TOKEN,
    "account_inactive": NEW_TOKEN,
    "ratelimited": "try again in a minute",
}


class SlackScopes:
    """A bot's token as Slack sees it. token: a secret. api_url: Slack's Web API."""

    def __init__(self, token: str, api_url: str = SLACK_API) -> None:
        self._auth = _Bearer(token)
        self._token = token
        self._address = f"{api_url.rstrip('/')}/auth.test"

    def scopes(self, *, seconds: float) -> tuple[str, frozenset[str]]:
        """Whose the token is, such as `hangwatch in Example Team`, and its scopes. Raises `DeliveryError`."""
        try:
            headers, body = within(seconds, lambda: self._asked(seconds))
        except (TimeUp, requests.Timeout):
            raise DeliveryError(
                f"slack: no answer within {seconds:g} s; is the network open?", permanent=False
            ) from None
        except (requests.RequestException, ValueError, UnicodeError) as error:
            raise DeliveryError(
                f"slack: {type(error).__name__}; is the network open? check {SETTING}", permanent=False
            ) from None
        if body.get("ok") is not True:
            raise self._refused(body.get("error"))
        listed = headers.get("x-oauth-scopes", "")
        scopes = frozenset(scope.strip() for scope in listed.split(",") if scope.strip())
        return f"{str(body.get('user'))[:80]} in {str(body.get('team'))[:80]}", scopes

    def _asked(self, seconds: float) -> tuple[Mapping[str, str], dict[str, Any]]:
        limits = (min(CONNECT_SECONDS, seconds), seconds)
        with requests.post(
            self._address, json={}, auth=self._auth, timeout=limits, allow_redirects=False, stream=True
        ) as response:
            body = json.loads(response.raw.read(BODY_LIMIT, decode_content=True) or b"null")
        return response.headers, body if isinstance(body, dict) else {}

    def _refused(self, word: object) -> DeliveryError:
        # Only words like Slack's own are quoted: another server may answer with what it was asked, the token.
        said = word if isinstance(word, str) and re.fullmatch("[a-z_]{2,60}", word) and word not in self._token else ""
        text = f"slack: auth.test answered {said or 'something else than Slack does'}"
        return DeliveryError(
            f"{text}; {REMEDIES.get(said, f'check HANGWATCH_SLACK_TOKEN and {SETTING}')}", permanent=True
        )


class _Bearer(AuthBase):
    """The token as a header, where no error of requests shows it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
