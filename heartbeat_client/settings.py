"""What `configure()` sets for the whole process, and what the environment says where nobody configured anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NoReturn

from .backend import Backend
from .checks import Checks, Length
from .limits import INTERVAL, LEAST, NAMES, Limits
from .shield import SHIELD
from .store_address import FIRESTORE, OFF, StoreAddress, default_address, state_file

__all__ = [
    "DEADLINE",
    "Settings",
    "configure",
    "deadline_from_environment",
    "open_backend",
    "settings",
    "store_of",
    "when_changed",
]

DEADLINE: Final = 1800.0  # Cloud Run's answer to the first user's coordinator is cut after 30 minutes

_EVIDENCE = ("full", "stack", "off")
_BACKEND = ("commit", "read_run", "read_part", "read_operation", "close")


@dataclass(frozen=True)
class Settings:
    """The process-wide settings; None where nobody said anything. Lengths in seconds, a deadline may be an instant."""

    store: StoreAddress | Backend | None = None
    service: str = ""
    deadline: float | datetime | None = None
    interval: float = INTERVAL
    limits: Limits = field(default_factory=Limits)
    labels: Mapping[str, str] = field(default_factory=dict)
    error_text: bool = False
    evidence: str = "full"
    on_sigterm: bool = False
    flush_timeout: float = 2.0
    sidecar: bool = False


_settings = Settings()
_listeners: list[Callable[[], None]] = []


def settings() -> Settings:
    """The settings as they are now."""
    return _settings


def configure(
    *,
    store: str | Backend | None = None,
    service: str | None = None,
    deadline: Length | datetime | None = None,
    interval: Length | None = None,
    beat_every: Length | None = None,
    silent_after: Length | None = None,
    stalled_after: Length | None = None,
    opaque_after: Length | None = None,
    max_runtime: Length | None = None,
    labels: Mapping[str, str] | None = None,
    error_text: bool | None = None,
    evidence: str | None = None,
    on_sigterm: bool | None = None,
    flush_timeout: Length | None = None,
    sidecar: bool | None = None,
    **unknown: NoReturn,
) -> None:
    """Set defaults for all heartbeats of this process; may be called again, and changes only what is given.

    Lengths are seconds, a `timedelta` or text such as "90s" and "1h30m". A value that can't be used is logged as an
    error and not used; nothing is raised.

    store: `"firestore"`, `"firestore://PROJECT/DATABASE"`, `"sqlite:///PATH"`, `"off"` or a backend object; by default
    HANGWATCH_STORE, else Firestore on Cloud Run, else SQLite in the user's state directory.
    service: the name people know this program by; by default Cloud Run's, else the program's.
    deadline: how long an outermost run may take, or an instant; by default HANGWATCH_DEADLINE, else 30 minutes.
    interval: between "still running" lines, 300 s. beat_every: between beats, 15 s.
    silent_after, stalled_after, opaque_after, max_runtime: limits as on `Heartbeat`.
    labels: put on every run. error_text: whether an exception's text is kept, False by default: it can hold data.
    evidence: how much is kept of where an operation stands: "full", "stack" or "off".
    on_sigterm: chain a SIGTERM handler that tells the store that open runs are interrupted; False by default.
    flush_timeout: how long the exit of an outermost run may wait for its last record, 2 s.
    sidecar: keep a helper process of about 10 MB, which tells at once when this process was killed, and beats for it
    while one call holds Python for ever; False by default.

    >>> configure(service="prediction-coordinator", deadline="30m", store="off")
    """
    given = {name: value for name, value in locals().items() if name != "unknown" and value is not None}
    with SHIELD:
        _configure(given, unknown)
    for tell in _listeners:
        with SHIELD:
            tell()


def _configure(given: Mapping[str, Any], unknown: Mapping[str, Any]) -> None:
    global _settings  # noqa: PLW0603 (one set of defaults a process is what configure() means)
    checks = Checks("configure()")
    checks.unknown(unknown, configure.__kwdefaults__ or {})
    changes: dict[str, Any] = {
        "store": _checked_store(checks, given.get("store")),
        "service": checks.text("service", given.get("service")) or None,
        "deadline": checks.deadline(given.get("deadline")),
        "interval": checks.length("interval", given.get("interval"), LEAST),
        "labels": checks.labels(given.get("labels")) or None,
        "error_text": checks.flag("error_text", given.get("error_text")),
        "evidence": checks.one_of("evidence", given.get("evidence"), _EVIDENCE),
        "on_sigterm": checks.flag("on_sigterm", given.get("on_sigterm")),
        "flush_timeout": checks.length("flush_timeout", given.get("flush_timeout")),
        "sidecar": checks.flag("sidecar", given.get("sidecar")),
    }
    changes["limits"] = _settings.limits.changed(checks.lengths(NAMES, given, LEAST))
    _settings = replace(_settings, **{name: value for name, value in changes.items() if value is not None})


def _checked_store(checks: Checks, value: object) -> StoreAddress | Backend | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return StoreAddress.parse(value)
        except ValueError as error:
            checks.wrong("store", str(error), "the store stays as it was")
            return None
    if all(callable(getattr(value, method, None)) for method in _BACKEND):
        return value  # type: ignore[return-value]  # a backend is what has a backend's methods
    checks.wrong("store", f"expected text or a backend, got {type(value).__name__}", "the store stays as it was")
    return None


def when_changed(tell: Callable[[], None]) -> None:
    """Have `tell` called after each `configure()`."""
    _listeners.append(tell)


def store_of(current: Settings) -> StoreAddress | Backend:
    """The store that holds: the configured one, else HANGWATCH_STORE, else the default of this machine."""
    if current.store is not None:
        return current.store
    return _store_from(tuple((name, os.environ.get(name, "")) for name in _STORE_VARIABLES))


_STORE_VARIABLES = ("HANGWATCH_STORE", "K_SERVICE", "CLOUD_RUN_JOB", "XDG_STATE_HOME", "HOME", "LOCALAPPDATA")


@lru_cache(maxsize=8)  # asked at each run, and what is wrong with it is said once
def _store_from(variables: tuple[tuple[str, str], ...]) -> StoreAddress:
    environ = dict(variables)
    named = environ["HANGWATCH_STORE"].strip()
    if named:
        try:
            return StoreAddress.parse(named)
        except ValueError as error:
            Checks("environment").wrong("HANGWATCH_STORE", str(error), f"{default_address(environ)} is used")
    return default_address(environ)


def open_backend(store: StoreAddress | Backend) -> Backend | None:
    """The backend of a store, None when it is off. Imports the store's library, so never on an operation's thread.

    Raises StoreAway or StoreRefused.
    """
    if not isinstance(store, StoreAddress):
        return store
    if store.kind == OFF:
        return None
    if store.kind == FIRESTORE:
        from .stores.firestore import FirestoreBackend

        return FirestoreBackend(project=store.project, database=store.database)
    from .stores.sqlite import SqliteBackend

    return SqliteBackend(store.path or state_file(os.environ))


def deadline_from_environment() -> float | datetime | None:
    """What HANGWATCH_DEADLINE says: a length such as "30m", or an instant in ISO 8601 with a time zone."""
    text = os.environ.get("HANGWATCH_DEADLINE", "").strip()
    return _deadline_from(text) if text else None


@lru_cache(maxsize=8)  # asked at each run, and what is wrong with it is said once
def _deadline_from(text: str) -> float | datetime | None:
    checks = Checks("environment: HANGWATCH_DEADLINE")
    try:
        return checks.deadline(datetime.fromisoformat(text.replace("Z", "+00:00")))
    except ValueError:
        return checks.deadline(text)
