"""Puts the parts together for a process: the coordinator's or the worker's."""

from __future__ import annotations

import logging
import sys

from flask import Flask

from heartbeat_client import configure

from .coordinator import Coordinator
from .faults import FaultSwitch
from .routes import create_coordinator_app, create_worker_app
from .settings import Settings, SettingsError, Thresholds
from .transport import COMPLETIONS, REQUESTS, InProcessTransport, PubSubTransport, Transport, pushing_to
from .worker import Worker


def coordinator_app(settings: Settings) -> Flask:
    """The coordinator on Pub/Sub; without, one that pushes to the worker's URL, or predicts in threads of its own."""
    switch = FaultSwitch(settings.state, enabled=settings.faults)
    if settings.pubsub is not None:
        coordinator = Coordinator(settings, PubSubTransport(settings.pubsub), switch)
        return create_coordinator_app(settings, coordinator)
    transport = InProcessTransport()
    coordinator = Coordinator(settings, transport, switch)
    worker = Worker(transport, switch, seconds=settings.work.predict)
    url = settings.worker_url
    transport.subscribe(REQUESTS, pushing_to(f"{url}/predict") if url else worker.predict)
    transport.subscribe(COMPLETIONS, coordinator.complete)
    return create_coordinator_app(settings, coordinator)


def worker_app(settings: Settings) -> Flask:
    """The worker; raises SettingsError where its completions would come to nobody."""
    switch = FaultSwitch(settings.state, enabled=settings.faults)
    return create_worker_app(Worker(_worker_transport(settings), switch, seconds=settings.work.predict))


def _worker_transport(settings: Settings) -> Transport:
    if settings.pubsub is not None:
        return PubSubTransport(settings.pubsub)
    if not settings.coordinator_url:
        raise SettingsError(
            "worker: expected PUBSUB_EMULATOR_HOST, GCP_PROJECT_ID or COORDINATOR_URL, got none; "
            "set one, or run the coordinator alone: without WORKER_URL it does the predictions itself"
        )
    transport = InProcessTransport()
    transport.subscribe(COMPLETIONS, pushing_to(f"{settings.coordinator_url}/complete"))
    return transport


def configure_hangwatch(service: str, thresholds: Thresholds) -> None:
    """Hangwatch's settings for this process; where beats go it reads from HANGWATCH_STORE itself."""
    configure(
        service=service,
        interval=thresholds.interval,
        beat_every=thresholds.beat_every,
        silent_after=thresholds.silent_after,
        stalled_after=thresholds.stalled_after,
        opaque_after=thresholds.opaque_after,
        deadline=thresholds.deadline,
    )


def configure_logging() -> None:
    """One line a message on stdout, as Cloud Logging reads it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
