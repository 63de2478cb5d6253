"""The coordinator for gunicorn: `gunicorn examples.coordinator.wsgi:app`."""

from __future__ import annotations

import os

from heartbeat_client import watch_requests

from .settings import Settings
from .wiring import configure_hangwatch, configure_logging, coordinator_app

settings = Settings.from_environment(os.environ)
configure_logging()
configure_hangwatch("prediction-coordinator", settings.thresholds)

# Only /start: a batch brings 450 short calls of /complete, and a watched request is a document in the store.
app = watch_requests(coordinator_app(settings), paths=["/start"], deadline=settings.thresholds.deadline)
