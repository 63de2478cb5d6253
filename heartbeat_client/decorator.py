"""`@heartbeat`: a heartbeat around each call of a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, NoReturn, ParamSpec, Protocol, TypeVar, overload

from .checks import Length
from .heartbeat import Heartbeat

__all__ = ["heartbeat"]

P = ParamSpec("P")
R = TypeVar("R")


class Decorator(Protocol):
    """Gives a function back with its own type."""

    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]:
        """Decorate."""


@overload
def heartbeat(operation: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def heartbeat(
    operation: str,
    *,
    detail: str = "",
    total: int | None = None,
    interval: Length | None = None,
    beat_every: Length | None = None,
    silent_after: Length | None = None,
    stalled_after: Length | None = None,
    opaque_after: Length | None = None,
    max_runtime: Length | None = None,
    deadline: Length | datetime | None = None,
    labels: Mapping[str, str] | None = None,
    run_id: str | None = None,
) -> Decorator: ...


def heartbeat(operation: Any = "", *extra: NoReturn, **given: Any) -> Any:
    """Put a `Heartbeat` around each call of a function; each call is a run of its own, also when calls overlap.

    Takes what `Heartbeat` takes. Bare (`@heartbeat`), the operation is the function's name. An `async def` stays one.
    Raises TypeError at decoration, and only there, for a generator function: its body runs between the caller's own
    steps, so that a run around it would show the caller's pace; open a `Heartbeat` inside of it.

    >>> @heartbeat("consolidate-batch", stalled_after=600)
    ... def consolidate(batch: str) -> str:
    ...     return batch
    """
    if callable(operation) and not given:
        return _decorated(operation, getattr(operation, "__qualname__", ""), (), {})
    return lambda function: _decorated(function, operation, extra, given)


_GENERATORS = (inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def _decorated(function: Any, operation: Any, extra: tuple[Any, ...], given: Mapping[str, Any]) -> Any:
    who = getattr(function, "__qualname__", type(function).__name__)
    if not callable(function):
        raise TypeError(f"@heartbeat: expected a function, got {who}; put it right above a def")
    called = getattr(function, "__call__", None)  # noqa: B004 (an object may be called as a coroutine function is)
    if any(is_generator(one) for is_generator in _GENERATORS for one in (function, called)):
        raise TypeError(
            f"@heartbeat: expected a function, got the generator {who}; open a Heartbeat inside of it instead"
        )
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called):

        @wraps(function)
        async def in_loop(*args: Any, **kwargs: Any) -> Any:
            async with Heartbeat(operation, *extra, **given):
                return await function(*args, **kwargs)

        return in_loop

    @wraps(function)
    def in_thread(*args: Any, **kwargs: Any) -> Any:
        with Heartbeat(operation, *extra, **given):
            return function(*args, **kwargs)

    return in_thread
