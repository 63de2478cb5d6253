"""A run for each request: WSGI and ASGI, until the response is complete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from heartbeat_client import Heartbeat, configure, watch_requests
from heartbeat_client.requests_watch import _operation_of
from heartbeat_client.run import FAILED, INTERRUPTED, RUNNING, SUCCEEDED
from heartbeat_client.testing import MemoryStore
from tests.client.world import last, until

OPERATIONS = {
    "a plain path": ("POST", "/start", "POST /start"),
    "the root": ("GET", "/", "GET /"),
    "a number": ("GET", "/batches/17/players/450", "GET /batches/#/players/#"),
    "a uuid": ("GET", "/batches/0b0d1c8e-1f2a-4b3c-8d4e-5f6071829304", "GET /batches/#"),
    "an id in hexadecimal": ("GET", "/batches/9f31c2aa1b", "GET /batches/#"),
    "an id with a date": ("GET", "/batches/batch_2026-01-14_9f31c2aa", "GET /batches/batch_#-#-#_#"),
    "a word of the letters a to f": ("GET", "/facade/deadbeef", "GET /facade/deadbeef"),
    "a version": ("GET", "/v1/start", "GET /v#/start"),
    "a path too long": ("GET", "/" + "x" * 300, "GET /" + "x" * 195),
}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS.values(), ids=OPERATIONS)
def test_ids_do_not_make_operations(method: str, path: str, operation: str) -> None:
    """Method and path name the operation, with `#` where ids are."""
    assert _operation_of(method, path) == operation


class Server:
    """What a WSGI server does with an application."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.status = ""

    def start_response(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Callable[[bytes], None]:
        self.status = status
        return lambda data: None

    def begin(self, path: str = "/start", method: str = "POST", **environ: Any) -> Iterable[bytes]:
        return self.app({"REQUEST_METHOD": method, "PATH_INFO": path, **environ}, self.start_response)  # type: ignore[no-any-return]

    def request(self, path: str = "/start", method: str = "POST", **environ: Any) -> bytes:
        body = self.begin(path, method, **environ)
        try:
            return b"".join(body)
        finally:
            if hasattr(body, "close"):
                body.close()


def answering(status: str = "200 OK", parts: Iterable[bytes] = (b"done",), headers: Any = ()) -> Any:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response(status, list(headers))
        return parts

    return app


def raising(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    raise LookupError("the operation's own")


def raising_midway() -> Iterator[bytes]:
    yield b"some"
    raise LookupError("the operation's own")


WSGI: dict[str, tuple[Any, str, str]] = {
    "an answer": (answering(), SUCCEEDED, ""),
    "an empty answer": (answering("204 No Content", ()), SUCCEEDED, ""),
    "a refusal is not a failure": (answering("404 Not Found"), SUCCEEDED, ""),
    "an error of the server's": (answering("500 Internal Server Error"), FAILED, "answered 500"),
    "a gateway's timeout": (answering("504 Gateway Timeout"), FAILED, "answered 504"),
    "an exception": (raising, FAILED, ""),
    "an exception midway": (answering(parts=raising_midway()), FAILED, ""),
}


@pytest.mark.parametrize(("app", "state", "reason"), WSGI.values(), ids=WSGI)
def test_how_a_request_ends(store: MemoryStore, app: Any, state: str, reason: str) -> None:
    """500 and above and exceptions are failures; what the application raised still reaches the server."""
    server = Server(watch_requests(app))
    if state == FAILED and not reason:
        with pytest.raises(LookupError):
            server.request()
    else:
        server.request()

    run = last(store)
    assert (run.operation, run.state, run.reason) == ("POST /start", state, reason)
    assert (run.failure.type if run.failure else "") == ("LookupError" if state == FAILED and not reason else "")


def test_the_query_is_in_no_record(store: MemoryStore) -> None:
    """What comes after the question mark may be a secret."""
    Server(watch_requests(answering())).request(QUERY_STRING="key=hunter2")

    assert "hunter2" not in repr(store.documents)


PATHS: dict[str, tuple[Any, str, bool]] = {
    "all by default": (None, "/any", True),
    "an exact path": (["/start"], "/start", True),
    "only the exact path": (["/start"], "/start/", False),
    "another path": (["/start"], "/complete", False),
    "a pattern": (["/batches/*"], "/batches/17", True),
    "one of several": (["/start", "/complete"], "/complete", True),
    "none": ([], "/start", False),
    "a single text is one path": ("/start", "/start", True),
    "letter case counts": (["/start"], "/START", False),
}


@pytest.mark.parametrize(("paths", "path", "watched"), PATHS.values(), ids=PATHS)
def test_which_requests_are_watched(store: MemoryStore, paths: Any, path: str, watched: bool) -> None:
    """Only requests to the given paths are runs."""
    assert Server(watch_requests(answering(), paths=paths)).request(path) == b"done"

    assert len(store.runs) == watched


def test_a_path_may_have_any_letters(store: MemoryStore) -> None:
    """The bytes that WSGI hands over as latin-1 are UTF-8."""
    Server(watch_requests(answering(), paths=["/größe"])).request("/größe".encode().decode("latin-1"))

    assert last(store).operation == "POST /größe"


def test_a_request_is_around_all_in_it(store: MemoryStore) -> None:
    """What the application opens nests in the request's run, also while the response streams."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        with Heartbeat("load"):
            pass
        yield b"some"
        with Heartbeat("publish"):
            pass
        yield b"more"

    assert Server(watch_requests(app, deadline="10m")).request() == b"somemore"

    request = last(store, "POST /start")
    for operation in ("load", "publish"):
        assert last(store, operation).ancestors == (request.id,)
        assert last(store, operation).deadline == request.deadline
    assert request.deadline is not None
    assert (request.deadline - request.started_at).total_seconds() == 600


@pytest.mark.parametrize(
    ("headers", "parts", "ended_before"),
    [
        ([("Content-Length", "8")], [b"some", b"more"], 2),
        ([], [b"some", b"more"], 3),
        ([("content-length", "0")], [], 1),
    ],
    ids=["the length is known", "it streams", "nothing to send"],
)
def test_the_end_is_written_before_the_last_byte_is_sent(
    store: MemoryStore, headers: Any, parts: list[bytes], ended_before: int
) -> None:
    """When the server gets the last part, or learns that there is none left, the end is in the store."""
    body = iter(Server(watch_requests(answering(parts=parts, headers=headers))).begin())
    states = []
    for _ in range(ended_before):
        next(body, None)
        until(lambda: store.runs, "the first record")
        states.append(last(store).state)

    assert states == [RUNNING] * (ended_before - 1) + [SUCCEEDED]


def test_a_client_that_goes_away_ends_the_run(store: MemoryStore) -> None:
    """A response that the server closes early is over."""
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            return iter([b"some", b"more"])

        def close(self) -> None:
            closed.append(True)

    body = Server(watch_requests(answering(parts=Body()))).begin()
    next(iter(body))
    body.close()  # type: ignore[attr-defined]  # ours has it

    assert closed == [True]
    assert last(store).state == SUCCEEDED


def test_a_response_that_nobody_closes_is_interrupted(store: MemoryStore) -> None:
    """A server that drops a response without closing it leaves no run open."""
    Server(watch_requests(answering(parts=[b"some"]))).begin()
    until(lambda: store.runs and last(store).state == INTERRUPTED, "the end of the run")


def test_limits_of_requests(store: MemoryStore) -> None:
    """Operation, labels and limits can be given for all requests."""
    Server(watch_requests(answering(), operation="start-batch", labels={"team": "x"}, max_runtime="5m")).request()

    run = last(store)
    assert (run.operation, run.labels, run.thresholds.max_runtime) == ("start-batch", {"team": "x"}, 300)


class Application:
    """An application with attributes, as Flask's are."""

    def __init__(self) -> None:
        self.config = {"DEBUG": False}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return answering()(environ, start_response)  # type: ignore[no-any-return]


def test_the_applications_attributes_stay_reachable(store: MemoryStore) -> None:
    """The wrapper passes reads and writes of attributes on."""
    app = Application()
    watched = watch_requests(app)
    watched.config["DEBUG"] = True
    watched.config = {**watched.config, "NAME": "x"}

    assert app.config == {"DEBUG": True, "NAME": "x"}
    with pytest.raises(AttributeError):
        watched.unheard_of  # type: ignore[attr-defined]  # that is the point  # noqa: B018 (reading is the test)


def flask_app() -> Any:
    flask = pytest.importorskip("flask", reason="flask is not installed")
    app = flask.Flask("coordinator")

    @app.post("/start")
    def start() -> tuple[dict[str, str], int]:
        with Heartbeat("load"):
            return {"batch": "b1"}, 202

    @app.get("/broken")
    def broken() -> str:
        raise LookupError

    @app.get("/stream")
    def stream() -> Any:
        return flask.Response((part for part in ("some", "more")), mimetype="text/plain")

    return app


@pytest.mark.parametrize("inside", [False, True], ids=["watch_requests(app)", "app.wsgi_app = watch_requests(…)"])
def test_flask(store: MemoryStore, inside: bool) -> None:
    """Both ways to wrap a Flask application work, and its own handling of errors stays as it is."""
    app = flask_app()
    if inside:
        app.wsgi_app = watch_requests(app.wsgi_app)
        server = Server(app)
    else:
        server = Server(watch_requests(app))
    common = {"SERVER_NAME": "x", "SERVER_PORT": "80", "wsgi.url_scheme": "http", "wsgi.input": None}
    started = server.request("/start", **common)
    server.request("/broken", "GET", **common)
    streamed = server.request("/stream", "GET", **common)

    assert started.strip() == b'{"batch":"b1"}'
    assert streamed == b"somemore"
    assert {run.operation: run.state for run in store.runs} == {
        "POST /start": SUCCEEDED,
        "load": SUCCEEDED,
        "GET /broken": FAILED,
        "GET /stream": SUCCEEDED,
    }
    assert last(store, "load").ancestors == (last(store, "POST /start").id,)


Asgi = Callable[[Any, Any, Any], Any]


def asgi_answering(status: int = 200, parts: Iterable[bytes] = (b"done",)) -> Asgi:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


async def asgi_raising(scope: Any, receive: Any, send: Any) -> None:
    raise LookupError


async def asgi_without_an_answer(scope: Any, receive: Any, send: Any) -> None:
    pass


async def request(app: Any, sent: list[Any], path: str = "/start", kind: str = "http") -> None:
    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    await app({"type": kind, "method": "POST", "path": path, "query_string": b"key=hunter2"}, receive, send)


ASGI: dict[str, tuple[Asgi, str, str]] = {
    "an answer": (asgi_answering(), SUCCEEDED, ""),
    "a refusal": (asgi_answering(404), SUCCEEDED, ""),
    "an error of the server's": (asgi_answering(503), FAILED, "answered 503"),
    "an exception": (asgi_raising, FAILED, ""),
    "no answer at all": (asgi_without_an_answer, SUCCEEDED, ""),
}


@pytest.mark.parametrize(("app", "state", "reason"), ASGI.values(), ids=ASGI)
def test_how_an_asgi_request_ends(store: MemoryStore, app: Asgi, state: str, reason: str) -> None:
    """ASGI's requests end as WSGI's do."""
    sent: list[Any] = []
    if app is asgi_raising:
        with pytest.raises(LookupError):
            asyncio.run(request(watch_requests(app), sent))
    else:
        asyncio.run(request(watch_requests(app), sent))

    run = last(store)
    assert (run.operation, run.state, run.reason) == ("POST /start", state, reason)
    assert "hunter2" not in repr(store.documents)


def test_an_asgi_end_is_written_before_the_last_message(store: MemoryStore) -> None:
    """When the server gets the last message, the end is in the store; what comes after it is outside."""
    states = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with Heartbeat("load"):
            pass
        await asgi_answering(parts=())(scope, receive, send)
        async with Heartbeat("background"):
            pass

    async def send(message: Any) -> None:
        states.append([run.state for run in store.runs if run.operation == "POST /start"][-1:])

    watched: Any = watch_requests(app)
    asyncio.run(watched({"type": "http", "method": "POST", "path": "/start"}, None, send))

    assert states[-1] == [SUCCEEDED]
    assert last(store, "load").ancestors == (last(store, "POST /start").id,)
    assert last(store, "background").ancestors == ()


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_other_scopes_pass_through(store: MemoryStore, kind: str) -> None:
    """Only HTTP requests are runs."""
    sent: list[Any] = []
    asyncio.run(request(watch_requests(asgi_answering()), sent, kind=kind))

    assert len(sent) == 3
    assert store.runs == []


class Starlette:
    """An ASGI application that is an object."""

    def __init__(self) -> None:
        self.state = "ready"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await asgi_answering()(scope, receive, send)


def awaitable(scope: Any, receive: Any, send: Any) -> Any:
    return Starlette()(scope, receive, send)


async def with_more(more: str, scope: Any, receive: Any, send: Any) -> None:
    await asgi_answering()(scope, receive, send)


@pytest.mark.parametrize(
    "app",
    [
        Starlette(),
        asgi_answering(),
        partial(with_more, "x"),
        awaitable,
    ],
    ids=["an object", "a function", "a partial", "a plain function that returns an awaitable"],
)
def test_asgi_is_told_by_how_it_is_called(store: MemoryStore, app: Any) -> None:
    """All the shapes that ASGI applications have are recognized."""
    asyncio.run(request(watch_requests(app), []))

    assert last(store).state == SUCCEEDED


@pytest.mark.parametrize(
    "app", [Application(), answering(), partial(answering())], ids=["an object", "a function", "a partial"]
)
def test_wsgi_is_told_by_how_it_is_called(store: MemoryStore, app: Any) -> None:
    """All the shapes that WSGI applications have are recognized."""
    assert Server(watch_requests(app)).request() == b"done"

    assert last(store).state == SUCCEEDED


def test_an_application_runs_with_the_store_away(store: MemoryStore) -> None:
    """A store that can't be written changes no answer."""
    store.away()
    configure(flush_timeout=0.1)

    assert Server(watch_requests(answering())).request() == b"done"
    sent: list[Any] = []
    asyncio.run(request(watch_requests(asgi_answering()), sent))
    assert len(sent) == 3


def test_what_is_no_application_comes_back(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    """watch_requests() of what can't be called is an error in the log, and gives it back."""
    assert watch_requests(17) == 17

    assert "app: expected a WSGI or ASGI application, got int; it is not watched" in caplog.text
