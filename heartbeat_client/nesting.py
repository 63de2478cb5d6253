"""Which run a line of code is inside of: the innermost open one of its context, be that a thread or an asyncio task."""

from __future__ import annotations

from contextvars import ContextVar

from .live import LiveRun
from .process import this_process

__all__ = ["enter", "innermost_open", "leave"]

_inside: ContextVar[LiveRun | None] = ContextVar("hangwatch_inside", default=None)


def innermost_open() -> LiveRun | None:
    """The innermost run of this context that is open in this process, None outside of any.

    A task may outlive the run that it was started in, and a child process has its parent's context: runs that are over
    and runs of another process are passed over.
    """
    live = _inside.get()
    pid = this_process()
    while live is not None and (live.is_over or live.owner != pid):
        live = live.parent
    return live


def enter(live: LiveRun) -> None:
    """From here on this context is inside of `live`."""
    _inside.set(live)


def leave(live: LiveRun) -> None:
    """This context is no longer inside of `live`.

    No token is kept: a generator may be closed in another context, where resetting a token raises.
    """
    if _inside.get() is live:
        _inside.set(live.parent)
