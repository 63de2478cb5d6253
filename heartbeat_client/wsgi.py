"""A run around each request of a WSGI application, until its response is complete."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from .heartbeat import Heartbeat
from .shield import SHIELD

__all__ = ["WatchedWsgi", "Watches"]


class Watches(Protocol):
    """Knows which requests are watched."""

    def heartbeat(self, method: str, path: str) -> Heartbeat | None:
        """The heartbeat of a request, None if it is not watched."""


class WatchedWsgi:
    """The application, watched; has all its attributes."""

    def __init__(self, app: Callable[..., Iterable[bytes]], watch: Watches) -> None:
        self.__dict__.update(_hangwatch_app=app, _hangwatch_watch=watch)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        app: Callable[..., Iterable[bytes]] = self._hangwatch_app
        hb = self._hangwatch_watch.heartbeat(str(environ.get("REQUEST_METHOD", "")), _path(environ))
        if hb is None:
            return app(environ, start_response)
        response = _Response(hb, start_response)
        hb.__enter__()
        try:
            response.body = app(environ, response.start)
            response.parts = iter(response.body)
        except BaseException:
            hb.__exit__(*sys.exc_info())
            raise
        return response

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_hangwatch_app"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_hangwatch_app"], name, value)


def _path(environ: Mapping[str, Any]) -> str:
    # WSGI hands the path's bytes over as if they were latin-1.
    return str(environ.get("PATH_INFO", "")).encode("latin-1", "replace").decode("utf-8", "replace")


class _Response:
    """A response on its way to the server. The run is over before the last part is handed out, if that can be known."""

    def __init__(self, hb: Heartbeat, start_response: Callable[..., Any]) -> None:
        self.body: Iterable[bytes] = ()
        self.parts: Iterator[bytes] = iter(())
        self._hb = hb
        self._start_response = start_response
        self._left: int | None = None
        self._over = False

    def start(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        """Take note of the status and of the length of the body."""
        with SHIELD:
            if status[:1] == "5":
                self._hb.fail(f"answered {status[:3]}")
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            self._left = int(lengths[0]) if lengths else None
        return self._start_response(status, headers, *exc_info)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            part = next(self.parts)
        except StopIteration:
            self._finish()
            raise
        except BaseException:
            self._finish(*sys.exc_info())
            raise
        if self._is_last(part):
            self._finish()
        return part

    def _is_last(self, part: bytes) -> bool:
        with SHIELD:
            if self._left is not None:
                self._left -= len(part)
                return self._left <= 0
        return False

    def close(self) -> None:
        """The server is done with the response, whether it took all of it or the client went away."""
        try:
            if hasattr(self.body, "close"):
                self.body.close()
        except BaseException:
            self._finish(*sys.exc_info())
            raise
        self._finish()

    def __del__(self) -> None:
        # A server that breaks off may forget to close.
        self._finish(GeneratorExit)

    def _finish(self, kind: Any = None, error: Any = None, traceback: Any = None) -> None:
        if not self._over:
            self._over = True
            self._hb.__exit__(kind, error, traceback)
