"""Whether Slack itself made a request. Pure. Source: Slack's "Verifying requests from Slack"."""

from __future__ import annotations

import hashlib
import hmac
import re

__all__ = ["WINDOW", "SignatureError", "check_signature"]

# Seconds either way between Slack's clock and ours; Slack's own libraries take as much.
WINDOW = 300


class SignatureError(ValueError):
    """A request is not from Slack, or not from now. The text never holds what came."""


def check_signature(secret: str, timestamp: str, signature: str, body: bytes, now: float) -> None:
    """Raise `SignatureError` unless `signature` is Slack's for this very body at that time.

    timestamp, signature: the headers X-Slack-Request-Timestamp and X-Slack-Signature, empty where they are missing.
    now: seconds since the epoch.
    """
    if not timestamp or not signature:
        raise SignatureError("expected the two headers of Slack's signature, got none")
    if not re.fullmatch("[0-9]{1,12}", timestamp):
        raise SignatureError("expected seconds since the epoch as timestamp, got something else")
    if abs(now - int(timestamp)) > WINDOW:
        away = now - int(timestamp)
        raise SignatureError(f"expected a request of the last {WINDOW} s, got one that is {away:.0f} s old")
    signed = b"v0:" + timestamp.encode() + b":" + body
    expected = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    # As bytes: compare_digest refuses text beyond ASCII.
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape")):
        raise SignatureError("the signature is not that of HANGWATCH_SLACK_SIGNING_SECRET; is that this app's secret?")
