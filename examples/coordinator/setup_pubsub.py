"""Makes the topics and push subscriptions; run `python -m examples.coordinator.setup_pubsub` at any time."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

from google.api_core.exceptions import AlreadyExists, GoogleAPICallError, RetryError
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient  # type: ignore[import-untyped]  # no types

from .settings import PubSub, Settings, SettingsError
from .transport import COMPLETIONS, REQUESTS

CALL_SECONDS = 10.0
ACK_SECONDS = 600
"""The longest that Pub/Sub allows a push endpoint: a prediction or a consolidation may take minutes."""


def set_up(pubsub: PubSub) -> list[tuple[str, str]]:
    """Make what is missing and point each subscription to its URL; returns (subscription, URL) pairs."""
    publisher, subscriber = PublisherClient(), SubscriberClient()
    made = []
    for topic, endpoint in (
        (REQUESTS, f"{pubsub.worker_url}/predict"),
        (COMPLETIONS, f"{pubsub.coordinator_url}/complete"),
    ):
        topic_path = publisher.topic_path(pubsub.project, topic)
        _make_topic(publisher, topic_path)
        subscription = f"{topic}-push"
        _make_subscription(subscriber, topic_path, subscriber.subscription_path(pubsub.project, subscription), endpoint)
        made.append((subscription, endpoint))
    return made


def _make_topic(publisher: Any, topic_path: str) -> None:
    with suppress(AlreadyExists):
        publisher.create_topic(request={"name": topic_path}, timeout=CALL_SECONDS, retry=None)


def _make_subscription(subscriber: Any, topic_path: str, path: str, endpoint: str) -> None:
    push = {"push_endpoint": endpoint}
    request = {"name": path, "topic": topic_path, "push_config": push, "ack_deadline_seconds": ACK_SECONDS}
    try:
        subscriber.create_subscription(request=request, timeout=CALL_SECONDS, retry=None)
    except AlreadyExists:
        change = {"subscription": path, "push_config": push}
        subscriber.modify_push_config(request=change, timeout=CALL_SECONDS, retry=None)


def main() -> int:
    """Exit status 0 done, 1 Pub/Sub refused or could not be reached, 2 wrong settings."""
    try:
        pubsub = Settings.from_environment(os.environ).pubsub
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if pubsub is None:
        print(
            "setup_pubsub: expected PUBSUB_EMULATOR_HOST or GCP_PROJECT_ID, got neither; set one",
            file=sys.stderr,
        )
        return 2
    try:
        made = set_up(pubsub)
    except (GoogleAPICallError, RetryError) as error:
        print(
            f"setup_pubsub: Pub/Sub answered {type(error).__name__}; check that it runs and is reachable",
            file=sys.stderr,
        )
        return 1
    for subscription, endpoint in made:
        print(f"{subscription} pushes to {endpoint}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
