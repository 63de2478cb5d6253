"""A run around each HTTP request of an ASGI application, until its response is complete."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .heartbeat import Heartbeat
from .shield import SHIELD
from .wsgi import Watches

__all__ = ["WatchedAsgi"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class WatchedAsgi:
    """The application, watched; has all its attributes."""

    def __init__(self, app: Callable[..., Awaitable[None]], watch: Watches) -> None:
        self.__dict__.update(_hangwatch_app=app, _hangwatch_watch=watch)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        app: Callable[..., Awaitable[None]] = self._hangwatch_app
        hb = None
        if scope.get("type") == "http":
            hb = self._hangwatch_watch.heartbeat(str(scope.get("method", "")), str(scope.get("path", "")))
        if hb is None:
            await app(scope, receive, send)
            return
        response = _Response(hb, send)
        await hb.__aenter__()
        try:
            await app(scope, receive, response.send)
        except BaseException:
            await response.finish(*sys.exc_info())
            raise
        await response.finish()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_hangwatch_app"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_hangwatch_app"], name, value)


class _Response:
    """A response on its way to the server."""

    def __init__(self, hb: Heartbeat, send: Send) -> None:
        self._hb = hb
        self._send = send
        self._over = False

    async def send(self, message: Message) -> None:
        """Pass a message on; the run is over before the last one is."""
        last = False
        with SHIELD:
            kind = message.get("type")
            if kind == "http.response.start" and message.get("status", 0) >= 500:
                self._hb.fail(f"answered {message['status']}")
            last = kind == "http.response.body" and not message.get("more_body", False)
        if last:
            await self.finish()
        await self._send(message)

    async def finish(self, kind: Any = None, error: Any = None, traceback: Any = None) -> None:
        """End the run, once."""
        if not self._over:
            self._over = True
            await self._hb.__aexit__(kind, error, traceback)
