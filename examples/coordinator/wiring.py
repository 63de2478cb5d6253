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
from .transport import COMPLETIONS, REQUESTS, InProcessTransport, PubSubTransport
from .worker import Worker


def coordinator_app(settings: Settings) -> Flask:
    """The coordinator on Pub/Sub; without Pub/Sub, one that does its workers' job in threads of its own."""
    switch = FaultSwitch(settings.state, enabled=settings.faults)
    if settings.pubsub is not None:
        coordinator = Coordinator(settings, PubSubTransport(settings.pubsub), switch)
        return create_coordinator_app(settings, coordinator)
    transport = InProcessTransport()
    coordinator = Coordinator(settings, transport, switch)
    worker = Worker(transport, switch, seconds=settings.work.predict)
    transport.subscribe(REQUESTS, worker.predict)
    transport.subscribe(COMPLETIONS, coordinator.complete)
    return create_coordinator_app(settings, coordinator)


def worker_app(settings: Settings) -> Flask:
    """The worker; raises SettingsError without Pub/Sub, which alone could bring it messages."""
    if settings.pubsub is None:
        raise SettingsError(
            "worker: expected PUBSUB_EMULATOR_HOST or GCP_PROJECT_ID, got neither; "
            "set one, or run the coordinator alone: without Pub/Sub it does the predictions itself"
        )
    switch = FaultSwitch(settings.state, enabled=settings.faults)
    return create_worker_app(Worker(PubSubTransport(settings.pubsub), switch, seconds=settings.work.predict))


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
