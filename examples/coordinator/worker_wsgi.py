"""The worker for gunicorn: `gunicorn examples.coordinator.worker_wsgi:app`."""

from __future__ import annotations

import os

from .settings import Settings
from .wiring import configure_hangwatch, configure_logging, worker_app

settings = Settings.from_environment(os.environ)
configure_logging()
configure_hangwatch("prediction-worker", settings.thresholds)
app = worker_app(settings)
