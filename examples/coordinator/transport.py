"""Carries messages: Google's Pub/Sub, or where none is configured a stand-in inside each service."""

from __future__ import annotations

import itertools
import json
import logging
import queue
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .envelope import write_envelope
from .settings import PubSub

logger = logging.getLogger(__name__)

REQUESTS = "prediction-requests"
COMPLETIONS = "prediction-completions"

PUBLISH_SECONDS = 60.0
PUSH_SECONDS = 600.0
STAND_IN_THREADS = 4
STAND_IN_ATTEMPTS = 5
STAND_IN_DUPLICATE_EVERY = 10

Answer = tuple[dict[str, Any], int]
"""A JSON body and an HTTP status."""
Handler = Callable[[object], Answer]


def pushing_to(url: str) -> Handler:
    """A handler in another service: POSTs each envelope to `url`, and raises what urllib raises for no success."""

    def push(body: object) -> Answer:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310 (from our settings)
        with urllib.request.urlopen(request, timeout=PUSH_SECONDS) as answer:  # noqa: S310 (from our settings)
            return json.load(answer), answer.status

    return push


class Transport(Protocol):
    """Where messages are published."""

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Return when the message is accepted; raises what the service raises."""


class PubSubTransport:
    """The service, or its emulator if PUBSUB_EMULATOR_HOST is set (the library reads that itself)."""

    def __init__(self, pubsub: PubSub) -> None:
        self._project = pubsub.project
        self._lock = threading.Lock()
        self._client: Any = None

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Return when Pub/Sub has the message; raises TimeoutError after a minute."""
        client = self._publisher()
        future = client.publish(client.topic_path(self._project, topic), data, **attributes)
        future.result(timeout=PUBLISH_SECONDS)

    def _publisher(self) -> Any:
        # Made at first use, because a client with threads must not be carried over gunicorn's fork.
        with self._lock:
            if self._client is None:
                from google.cloud.pubsub_v1 import PublisherClient  # type: ignore[import-untyped]  # no types
                from google.cloud.pubsub_v1.types import BatchSettings  # type: ignore[import-untyped]  # no types

                # Each publish waits for its answer: a batch would only add the 10 ms it waits for company.
                batches = BatchSettings(max_messages=1)
                self._client = PublisherClient(batch_settings=batches)
            return self._client


@dataclass(frozen=True)
class Delivery:
    """One message on its way to one handler."""

    topic: str
    envelope: dict[str, Any]
    attempt: int = 1


class InProcessTransport:
    """Threads that push envelopes to handlers as Pub/Sub does: at least once, in no order, again on failure.

    Its queue is memory: unlike Pub/Sub's, what is not yet delivered dies with the process.
    """

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._queue: queue.SimpleQueue[Delivery] = queue.SimpleQueue()
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._started = False

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Push the topic's messages to `handler`."""
        self._handlers[topic] = handler

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Take the message; every tenth one is delivered twice, unless it carries a fault: one fault, one hang."""
        self._start()
        number = next(self._ids)
        delivery = Delivery(topic, write_envelope(data, attributes, str(number), f"{topic}-push"))
        twice = number % STAND_IN_DUPLICATE_EVERY == 0 and "fault" not in attributes
        for _ in range(2 if twice else 1):
            self._queue.put(delivery)

    def _start(self) -> None:
        # At first use: threads do not survive gunicorn's fork.
        with self._lock:
            for number in range(0 if self._started else STAND_IN_THREADS):
                threading.Thread(target=self._deliver, name=f"stand-in-{number}", daemon=True).start()
            self._started = True

    def _deliver(self) -> None:
        while True:
            delivery = self._queue.get()
            if self._push(delivery) or delivery.attempt == STAND_IN_ATTEMPTS:
                continue
            time.sleep(0.1 * delivery.attempt)
            self._queue.put(Delivery(delivery.topic, delivery.envelope, delivery.attempt + 1))

    def _push(self, delivery: Delivery) -> bool:
        try:
            body, status = self._handlers[delivery.topic](delivery.envelope)
        except Exception:  # as a push endpoint that answers 500
            logger.exception("%s: attempt %s failed", delivery.topic, delivery.attempt)
            return False
        if status >= 300:
            logger.warning("%s: attempt %s got %s: %s", delivery.topic, delivery.attempt, status, body)
        return status < 300
