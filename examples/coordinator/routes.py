"""The HTTP of both services: keys, bodies and status codes; what is done about them is elsewhere."""

from __future__ import annotations

import hmac
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import Flask, request

from .coordinator import Coordinator
from .faults import FaultError
from .settings import Settings, SettingsError
from .start_order import OrderError, read_order
from .transport import Answer
from .worker import Worker

LEAGUE_TIME = ZoneInfo("America/New_York")


def create_coordinator_app(settings: Settings, coordinator: Coordinator) -> Flask:
    """The coordinator's routes; raises SettingsError without an API key."""
    if not settings.api_key:
        raise SettingsError("coordinator: COORDINATOR_API_KEY is not set; set it to the key that callers will send")
    app = Flask("prediction-coordinator")
    app.get("/healthz")(_healthz)

    @app.post("/start")
    def start() -> Answer:
        body = _body()
        with_fault = isinstance(body, dict) and "fault" in body
        return _refusal(settings, with_fault=with_fault) or _start(coordinator, body)

    @app.post("/release")
    def release() -> Answer:
        return _refusal(settings, with_fault=True) or coordinator.release()

    @app.post("/complete")
    def complete() -> Answer:
        return coordinator.complete(_body())

    @app.get("/status")
    def status() -> Answer:
        return coordinator.status(request.args.get("batch_id"))

    return app


def create_worker_app(worker: Worker) -> Flask:
    """The worker's routes."""
    app = Flask("prediction-worker")
    app.get("/healthz")(_healthz)

    @app.post("/predict")
    def predict() -> Answer:
        return worker.predict(_body())

    return app


def _start(coordinator: Coordinator, body: object) -> Answer:
    try:
        order = read_order(body, coordinator.players, _today)
    except (OrderError, FaultError) as error:
        return {"error": f"start: {error}"}, 400
    return coordinator.start(order)


def _refusal(settings: Settings, *, with_fault: bool) -> Answer | None:
    key = request.headers.get("X-API-Key", "")
    if not hmac.compare_digest(key.encode(), settings.api_key.encode()):
        return {"error": "header X-API-Key is missing or wrong; send the key that is in COORDINATOR_API_KEY"}, 401
    if with_fault and not settings.faults:
        return {"error": "faults are off; run the coordinator with COORDINATOR_FAULTS=1 to inject one"}, 403
    return None


def _body() -> object:
    # Whatever the Content-Type: a caller's `curl -d` says that it sends a form.
    return request.get_json(force=True, silent=True)


def _healthz() -> Answer:
    return {"status": "ok"}, 200


def _today() -> date:
    return datetime.now(LEAGUE_TIME).date()
