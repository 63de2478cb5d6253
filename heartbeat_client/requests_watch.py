"""`watch_requests()`: a run around each request of a web application, so that no phase of it is unwatched.

A request's run ends before the last byte of its response is handed to the server: Cloud Run may freeze the process
right after that byte, and an end that was not written looks like a death. What an application does after its response
needs a heartbeat of its own.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NoReturn, TypeVar

from .asgi import WatchedAsgi
from .checks import Checks, Length
from .heartbeat import Heartbeat
from .shield import SHIELD
from .wsgi import WatchedWsgi

__all__ = ["watch_requests"]

App = TypeVar("App")

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_HEX = r"(?<![0-9a-z])(?=[a-f]*\d)[0-9a-f]{8,}(?![0-9a-z])"
_ID = re.compile(rf"{_UUID}|{_HEX}|\d+", re.IGNORECASE)


def watch_requests(
    app: App,
    *,
    paths: Iterable[str] | None = None,
    deadline: Length | datetime | None = None,
    operation: str | None = None,
    interval: Length | None = None,
    beat_every: Length | None = None,
    silent_after: Length | None = None,
    stalled_after: Length | None = None,
    opaque_after: Length | None = None,
    max_runtime: Length | None = None,
    labels: Mapping[str, str] | None = None,
    **unknown: NoReturn,
) -> App:
    """Wrap a WSGI or ASGI application: a run for each request, in which the heartbeats inside of it nest.

    app: the application, or its WSGI callable: both `app = watch_requests(app)` and
    `app.wsgi_app = watch_requests(app.wsgi_app)` work. The wrapper passes attributes through to the application.
    paths: which requests are watched, as exact paths or shell patterns such as "/batches/*"; by default all.
    deadline: when the server's answer is cut, as a length from the request's start; give the timeout of the service.
    operation: the name of all these runs; by default method and path such as `POST /start`, ids in it replaced by `#`,
    never the query string. The others are those of `Heartbeat`.

    A response of 500 or above, or an exception, is a failed run. Lifespan and websocket events of ASGI pass through.
    Never raises: what is no application is logged as an error and given back as it is.

    >>> def app(environ, start_response):
    ...     start_response("200 OK", [])
    ...     return [b"started"]
    >>> app = watch_requests(app, paths=["/start"], deadline="30m")
    """
    given = {name: value for name, value in locals().items() if name not in _NO_SETTINGS and value is not None}
    with SHIELD:
        checks = Checks("watch_requests()")
        checks.unknown(unknown, watch_requests.__kwdefaults__ or {})
        if not callable(app):
            expected = f"expected a WSGI or ASGI application, got {type(app).__name__}"
            checks.wrong("app", expected, "it is not watched")
            return app
        watched: Any = (WatchedAsgi if _is_asgi(app) else WatchedWsgi)(app, Watch(_patterns(paths), operation, given))
        return watched  # type: ignore[no-any-return]  # it passes for the application
    return app


_NO_SETTINGS = ("app", "paths", "operation", "unknown")


class Watch:
    """Which requests are watched, and the heartbeat of one."""

    def __init__(self, patterns: tuple[str, ...] | None, operation: str | None, given: Mapping[str, Any]) -> None:
        self._patterns = patterns
        self._operation = operation
        self._given = given

    def heartbeat(self, method: str, path: str) -> Heartbeat | None:
        """The heartbeat of a request, None if it is not watched."""
        with SHIELD:
            if self._patterns is None or any(fnmatchcase(path, pattern) for pattern in self._patterns):
                return Heartbeat(self._operation or _operation_of(method, path), **self._given)
        return None


def _operation_of(method: str, path: str) -> str:
    return f"{method[:20]} {_ID.sub('#', path)}"[:200]


def _patterns(paths: object) -> tuple[str, ...] | None:
    if paths is None:
        return None
    if isinstance(paths, str):
        return (paths,)
    if isinstance(paths, Iterable):
        return tuple(path for path in paths if isinstance(path, str))
    expected = f"expected a list of paths, got {type(paths).__name__}"
    Checks("watch_requests()").wrong("paths", expected, "all are watched")
    return None


def _is_asgi(app: Any) -> bool:
    """Whether an application is called as ASGI does: with scope, receive and send, and awaited."""
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None)):  # noqa: B004 (not whether, but how it is called)
        return True
    return _takes_three(app)


def _takes_three(app: Callable[..., Any]) -> bool:
    """A plain function that returns an awaitable is told by what it takes."""
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return False
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return len([one for one in parameters if one.kind in kinds and one.default is one.empty]) == 3
