"""The doctor's look outside: Slack, Cloud Monitoring, and whoever raises the alarm when the watchdog itself is dead.

None of it is seen where people or alarms look: no message is sent, metrics go to a namespace of the doctor's own, and a
ping is left with `/log`. A real `/start` would turn a check down that nobody ends, and a plain ping would make a dead
watchdog look alive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from ..environment import Settings
from ..ports import Reading
from .findings import Finding, failed, fixed, noted, well
from .means import Means
from .trials import Trial

__all__ = ["channel_trials", "monitoring_trials", "ping_trials"]

WEBHOOK = r"/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+"
TEST = "python -m watchdog test-notice sends a message"
MAKE_WEBHOOK = "set HANGWATCH_SLACK_WEBHOOK_URL to an incoming webhook, or HANGWATCH_SLACK_TOKEN to a bot's token"

# 0 is what a healthy watchdog writes there.
TRIED_METRIC = Reading("sweep/doubtful", 0)
STEP = 4.0


def channel_trials(known: Settings, means: Means) -> Iterator[tuple[str, Trial]]:
    """Slack, by a bot's token or by a webhook."""
    yield "slack", lambda: _slack(known, means)


def monitoring_trials(known: Settings, means: Means, fix: bool) -> Iterator[tuple[str, Trial]]:
    """Cloud Monitoring. fix: describe metrics that are not described."""
    yield "monitoring", lambda: _monitoring(known, means, fix)


def ping_trials(known: Settings, means: Means, lasting: bool) -> Iterator[tuple[str, Trial]]:
    """The ping. lasting: whether this is a watchdog that others rely on, and not one on somebody's desk."""
    yield "ping", lambda: _ping(known, means, lasting)


def _slack(known: Settings, means: Means) -> Iterator[Finding]:
    if known.slack_token:
        yield from _bot(known, means)
        if known.slack_webhook_url:
            yield noted("slack", "HANGWATCH_SLACK_WEBHOOK_URL is set too and not used", "unset it")
    elif known.slack_webhook_url:
        yield _webhook(known.slack_webhook_url)
    else:
        yield failed("slack", "not set: notices are only printed", MAKE_WEBHOOK)


def _webhook(address: str) -> Finding:
    parts = urlsplit(address)
    if parts.hostname == "hooks.slack.com" and not (parts.scheme == "https" and re.fullmatch(WEBHOOK, parts.path)):
        said = "HANGWATCH_SLACK_WEBHOOK_URL is no incoming webhook: expected https://hooks.slack.com/services/T…/B…/…"
        return failed("slack", said, "copy it anew from the app's page Incoming Webhooks")
    if parts.hostname != "hooks.slack.com":
        return noted("slack", "by incoming webhook, at an address that is not Slack's", TEST)
    return noted("slack", "by incoming webhook, which can't be tried unseen", TEST)


def _bot(known: Settings, means: Means) -> Iterator[Finding]:
    if not known.slack_token.startswith("xoxb-"):
        yield failed(
            "slack", "HANGWATCH_SLACK_TOKEN is no bot's token: expected xoxb-…", "copy the Bot User OAuth Token"
        )
        return
    whose, scopes = means.bot(known.slack_token, known.slack_api_url).scopes(seconds=STEP)
    if "chat:write" not in scopes:
        todo = "add the scope chat:write to the app and install it anew"
        yield failed("slack", f"the bot ({whose}) may not write", todo)
    else:
        yield well("slack", f"by bot {whose}; {TEST}")
    if "chat:write.public" not in scopes:
        yield noted("slack", "the bot writes only to channels that it is in", "invite it, or add chat:write.public")
    yield from _bot_settings(known)


def _bot_settings(known: Settings) -> Iterator[Finding]:
    if not re.fullmatch(r"#?[^\s#,<>]{1,80}", known.slack_channel):
        said = "HANGWATCH_SLACK_CHANNEL: expected one channel, such as #alerts or C0123456789, got something else"
        yield failed("slack", said, "set it anew")
    if not known.slack_signing_secret:
        yield noted("slack", "no buttons", "set HANGWATCH_SLACK_SIGNING_SECRET to have Acknowledge and Snooze")


def _monitoring(known: Settings, means: Means, fix: bool) -> Iterator[Finding]:
    if not known.monitoring_project:
        yield noted("monitoring", "not set: no metrics", "set HANGWATCH_MONITORING_PROJECT to have graphs and alerts")
        return
    try:
        meter, descriptors = means.meter(known.monitoring_project, known.monitoring_endpoint)
    except ValueError as error:
        yield failed("monitoring", f"HANGWATCH_MONITORING_PROJECT or _ENDPOINT: {error}", "set it anew")
        return
    missing = descriptors.missing(seconds=STEP)
    conflicts = descriptors.conflicts(seconds=STEP) if not missing else []
    if missing and fix:
        conflicts = descriptors.create(missing, seconds=STEP)
        yield fixed("monitoring", f"described {len(missing)} metrics")
    elif missing:
        yield noted(
            "monitoring", f"{len(missing)} metrics are not described", "python -m watchdog doctor --fix does it"
        )
    for conflict in conflicts:
        yield noted("monitoring", conflict)
    meter.write([TRIED_METRIC], means.clock(), seconds=STEP)
    yield well("monitoring", f"wrote a figure to {known.monitoring_project}, apart from the sweep's own")


def _ping(known: Settings, means: Means, lasting: bool) -> Iterator[Finding]:
    if known.ping_url:
        means.ping(known.ping_url).logged("tried by python -m watchdog doctor", seconds=STEP * 2)
        yield well("ping", "left a line at the check, which changes nothing of its state")
    elif known.monitoring_project:
        todo = "alert on the absence of sweep/completed, as deploy/ does, or set HANGWATCH_PING_URL"
        yield noted("ping", "not set: a dead watchdog is told by Cloud Monitoring only", todo)
    elif lasting:
        todo = "set HANGWATCH_PING_URL to a check of healthchecks.io, or HANGWATCH_MONITORING_PROJECT"
        yield failed("ping", "not set, nor is monitoring: nobody hears of a dead watchdog", todo)
    else:
        yield noted("ping", "not set: nobody hears of a dead watchdog")
