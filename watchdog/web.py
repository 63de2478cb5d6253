"""The watchdog's web application: one part for each thing it does, put together here.

Run it with a server of its own, such as gunicorn with threads; it keeps nothing between requests but which clicks it
has heard.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Blueprint, Flask, Response

from .adapters.slack_bot import SLACK_API
from .adapters.slack_response import SlackResponse
from .slack_actions import Answers, slack_actions

__all__ = ["Answers", "make_app"]


def make_app(
    answers: Answers,
    *,
    signing_secret: str,
    api_url: str = SLACK_API,
    page: Blueprint | None = None,
    clock: Callable[[], float] = time.time,  # noqa: TID251  Slack signs the time of day
) -> Flask:
    """A WSGI application: `GET /healthz`, and `POST /slack/actions` where there is a signing secret.

    answers: does what clicks ask for. signing_secret: Slack's, a secret; empty: nobody may click. api_url: Slack's Web
    API. page: what people look at, where they may. clock: seconds since the epoch.
    """
    app = Flask(__name__, static_folder=None)
    app.register_blueprint(_health())
    if page is not None:
        app.register_blueprint(page)
    if signing_secret:
        app.register_blueprint(slack_actions(answers, signing_secret, SlackResponse(api_url).tell, clock))
    return app


def _health() -> Blueprint:
    part = Blueprint("health", __name__)

    # Cloud Run's front end keeps some paths that end in z for itself; its probes inside do reach them.
    @part.get("/health")
    @part.get("/healthz")
    def health() -> Response:
        return Response("ok\n", mimetype="text/plain")

    return part
