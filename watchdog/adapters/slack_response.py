"""A word to the one who clicked, seen by nobody else, at the address that Slack sent along with the click."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from ..ports import DeliveryError
from .slack_blocks import escaped
from .slack_http import SlackHttp, status_remedy

__all__ = ["SlackResponse"]

LONGEST = 5.0
TEXT_LIMIT = 1000
SETTING = "HANGWATCH_SLACK_API_URL"
RESPONSES = "https://hooks.slack.com"


class SlackResponse:
    """Answers to clicks. api_url: the Web API's; on its host answers are taken too, as for Slack's GovSlack or a test.

    clock: monotonic, in seconds.
    """

    def __init__(self, api_url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(api_url)
        self._origins = (RESPONSES, f"{parts.scheme}://{parts.netloc}")
        self._http = SlackHttp(SETTING, pause=time.sleep, clock=clock)

    def tell(self, response_url: str, text: str) -> None:
        """Tell the clicker, within 5 s and once. Raises `DeliveryError`, also for an address that is not Slack's."""
        if not self._is_slacks(response_url):
            # The payload names it: whoever could make one would send us anywhere, into our own network too.
            raise DeliveryError("slack: expected a response_url at hooks.slack.com, got another", permanent=True)
        body = {"response_type": "ephemeral", "replace_original": False, "text": escaped(text[:TEXT_LIMIT])}
        answer = self._http.ask(response_url, body, self._http.ends(LONGEST))
        if not answer.delivered:
            remedy = status_remedy(answer.status, SETTING)
            raise DeliveryError(f"slack: response_url answered {answer.status}; {remedy}".rstrip("; "), permanent=True)

    def _is_slacks(self, response_url: str) -> bool:
        # Whole and with plain letters only: what is read in two ways by two parsers is none of Slack's.
        return any(re.fullmatch(re.escape(origin) + r"/[\w/-]+", response_url, re.ASCII) for origin in self._origins)
