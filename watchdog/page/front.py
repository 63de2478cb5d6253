"""The status page as a part of the web application: its addresses, and what is checked before any of them answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol, TypeVar
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, g, jsonify, render_template, request, url_for
from werkzeug.routing import BaseConverter

from heartbeat_client.lengths import spoken

from ..ports import StoreError
from . import deeds, phrases
from .access import Access
from .asking import Asked, exact
from .deeds import Answers, Outcome
from .filters import Filter
from .guard import HEADERS, GuardError, check_host, check_origin, check_token, cookie_name
from .overview import overview
from .pages import operation_page, problem_page, run_page
from .reader import Look, Reader
from .shell import asking, remembered, sent, told, trouble
from .visitors import VisitorError, visitor

__all__ = ["status_page"]

log = logging.getLogger("watchdog")

BODY_LIMIT = 20_000

T = TypeVar("T")


class AnyName(BaseConverter):
    """A name in an address, whatever letters it has; slashes are escaped, for browsers would act on `../`."""

    regex = ".+"
    part_isolating = False

    def to_url(self, value: str) -> str:
        """Override."""
        return quote(value, safe="")


class Titled(Protocol):
    """What a page has to have."""

    @property
    def title(self) -> str:
        """What the browser's tab says."""


def status_page(reader: Reader, answers: Answers, access: Access) -> Blueprint:
    """The part of the app that people look at."""
    part = Blueprint("page", __name__, static_folder="../static", static_url_path="/static")
    part.before_request(lambda: _admit(access))
    part.after_request(_sealed)
    _words(part)
    part.record(lambda state: state.app.url_map.converters.update(name=AnyName))
    _views(part, reader)
    _posts(part, answers, reader)
    _troubles(part)
    return part


def _admit(access: Access) -> None:
    request.max_content_length = BODY_LIMIT
    check_host(request.host, access.hosts)
    g.visitor = visitor(dict(request.headers), request.remote_addr or "", access.prove)


def _sealed(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint != "page.static":
        response.headers["Cache-Control"] = "no-store" if request.args.get("part") != "live" else "private, no-cache"
    return response


def _words(part: Blueprint) -> None:
    for filter_name in ("ago", "as_json", "clock", "name", "stamp"):
        part.add_app_template_filter(getattr(phrases, filter_name), filter_name)
    part.add_app_template_filter(spoken)


def _views(part: Blueprint, reader: Reader) -> None:
    @part.get("/")
    def first() -> Response:
        wanted = Filter.from_query(request.args)
        look = reader.look("all", lambda surveyor: surveyor.panorama())
        everything = request.args.get("all") == "1"

        def draw() -> str:
            shown = overview(look.value, wanted, everything=everything)
            return render_template("page/_overview.html", page=shown, wanted=wanted, look=look)

        return sent(look, "What runs, and how it stands", draw)

    @part.get("/runs/<name:run_id>", merge_slashes=False)
    def run(run_id: str) -> Response:
        look = reader.look(("run", run_id), lambda surveyor: surveyor.run(run_id))
        return _one(look, run_page, "run")

    @part.get("/operations/<name:name>", merge_slashes=False)
    def operation(name: str) -> Response:
        look = reader.look(("operation", name), lambda surveyor: surveyor.operation(name))
        return _one(look, operation_page, "operation")

    @part.get("/incidents/<name:incident_id>", merge_slashes=False)
    def incident(incident_id: str) -> Response:
        look = reader.look(("incident", incident_id), lambda surveyor: surveyor.incident(incident_id))
        return _one(look, problem_page, "incident")


def _one(look: Look[T | None], page_of: Callable[[T], Titled], what: str) -> Response:
    if look.value is None:
        return trouble(404, f"There is no such {what}", GONE[what])
    page = page_of(look.value)
    return sent(look, page.title, lambda: render_template(f"page/_{what}.html", page=page))


GONE = {
    "run": "its record may have been deleted: that happens 7 days after a run's end",
    "operation": 'no run of that name is on record; the name is what stands in Heartbeat("…")',
    "incident": "it may have been deleted: that happens 30 days after it was resolved",
}


def _posts(part: Blueprint, answers: Answers, reader: Reader) -> None:
    @part.post("/acknowledge")
    def acknowledge() -> Response:
        return _acted(reader, lambda by: deeds.acknowledge(answers, request.form, by))

    @part.get("/snooze")
    def ask() -> Response:
        operation = exact(request.args, "operation")
        return asking(Asked(operation, back=_came_from(operation)), answers.zone())

    @part.post("/snooze")
    def snooze() -> Response:
        asked = Asked.from_form(request.form)

        def again(outcome: Outcome) -> Response:
            return asking(asked, answers.zone(), outcome)

        return _acted(reader, lambda by: deeds.snooze(answers, asked, by), again)

    @part.post("/wake")
    def wake() -> Response:
        return _acted(reader, lambda by: deeds.wake(answers, request.form, by))


def _came_from(operation: str) -> str:
    """The page whose link was followed, as its address on this server; without one, the operation's page."""
    came = urlsplit(request.referrer or "")
    if came.netloc == request.host and came.path != request.path:
        return f"{came.path}?{came.query}" if came.query else came.path
    return url_for("page.operation", name=operation) if operation else url_for("page.first")


def _acted(
    reader: Reader, act: Callable[[str], Outcome], again: Callable[[Outcome], Response] | None = None
) -> Response:
    """Do what a post asks for and answer it; again: shows the form once more where nothing was done."""
    check_origin(dict(request.headers), request.host)
    form = request.form
    cookies = (request.cookies.get(cookie_name(secure=secure), "") for secure in (True, False))
    check_token(next(filter(None, cookies), ""), form.get("token", ""))
    typed = form.get("name", "")
    outcome = act(g.visitor.signed(typed))
    reader.renew()
    if request.accept_mimetypes.best == "application/json":
        response = jsonify({"said": outcome.said, "done": outcome.done})
        response.status_code = outcome.status
    elif again is not None and not outcome.done:
        response = again(outcome)
    else:
        response = told(outcome.said, form.get("back", ""))
    return remembered(response, typed)


def _troubles(part: Blueprint) -> None:
    @part.errorhandler(StoreError)
    def no_store(error: StoreError) -> Response:
        return trouble(503, "The store can't be read", str(error), "python -m watchdog doctor tries each part of it")

    @part.errorhandler(GuardError)
    def refused(error: GuardError) -> Response:
        log.warning("page: a request to %s is refused: %s", request.path[:80], error)
        return _refusal(str(error))

    @part.errorhandler(VisitorError)
    def unknown(error: VisitorError) -> Response:
        log.warning("page: a request to %s is refused: %s", request.path[:80], error)
        return _refusal(str(error))


def _refusal(said: str) -> Response:
    if request.accept_mimetypes.best == "application/json":
        response = jsonify({"said": f"Nothing was done: {said}", "done": False})
        response.status_code = 403
        return response
    return Response(f"refused: {said}\n", 403, mimetype="text/plain")
