"""`python -m watchdog serve`: the web application under gunicorn, one process with threads, and sweeps if wanted."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask
from gunicorn.app.base import BaseApplication

from heartbeat_client.store_address import SQLITE

from .adapters.iap import IAP_KEYS, IapAssertions
from .adapters.oidc import GOOGLE_CERTS, OidcTokens
from .adapters.slack_bot import SLACK_API
from .desk import Desk
from .page.access import access_for
from .page.front import status_page
from .page.reader import READS_PER_MINUTE, Reader
from .policy_text.source import PolicySource
from .ports import StoreError
from .report import SweepReport
from .rounds import Rounds
from .sweep_requests import sweep_requests
from .web import make_app
from .wiring import Settings, channels, meter, open_store, telltale

__all__ = ["serve"]

log = logging.getLogger("watchdog")

# Cloud Run gives a container 10 s from SIGTERM to SIGKILL.
GRACE = 8
A_MINUTE = 60.0
THREADS = 8


def serve(known: Settings, host: str, port: int, sweep_every: float | None) -> None:
    """Serve until stopped. sweep_every: seconds between sweeps of its own; None where somebody else asks for them.

    Raises `PolicyError` before it listens, where the policy can't be used.
    """
    policy = PolicySource(known.policy)

    def application() -> Flask:
        if sweep_every is not None:
            _sweep_in_background(known, policy, sweep_every)
        return _application(known, policy, host)

    sweeps = f", sweeping each {sweep_every:g} s" if sweep_every is not None else ""
    print(f"serving {known.store} at http://{host}:{port}{sweeps}; stop with Ctrl-C", flush=True)
    _Server(application, f"{host}:{port}").run()


def _application(known: Settings, policy: PolicySource, host: str) -> Flask:
    desk = Desk(lambda: open_store(known.store), channels(known), policy.current, known.link_base)
    api_url, page = known.slack_api_url or SLACK_API, _page(known, policy, desk, host)
    app = make_app(desk, signing_secret=known.slack_signing_secret, api_url=api_url, page=page)
    if known.sweep_audience:
        rounds = _Late(lambda: _rounds(known, policy))
        certs_url = known.sweep_certs_url or GOOGLE_CERTS
        tokens = OidcTokens(known.sweep_audience, known.sweep_account, certs_url=certs_url)
        app.register_blueprint(sweep_requests(rounds.go, tokens.check))
    return app


def _page(known: Settings, policy: PolicySource, desk: Desk, host: str) -> Blueprint | None:
    keys_url = known.iap_keys_url or IAP_KEYS
    prove = IapAssertions(known.iap_audience, keys_url=keys_url).check if known.iap_audience else None
    access = access_for(host, known.link_base, prove, guarded=known.page_guarded)
    if access is None:
        return None
    # What is read from a file of this machine costs no money.
    per_minute = 10 * READS_PER_MINUTE if known.store.kind == SQLITE else READS_PER_MINUTE
    reader = Reader(lambda: open_store(known.store), policy.current, reads_per_minute=per_minute)
    return status_page(reader, desk, access)


class _Late:
    """Rounds that are made at the first call, so that a store that is away at the start stops nobody from serving."""

    def __init__(self, make: Callable[[], Rounds]) -> None:
        self._make = make
        self._rounds: Rounds | None = None

    def go(self) -> SweepReport:
        self._rounds = self._rounds or self._make()
        return self._rounds.go()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    def __init__(self, application: Any, address: str) -> None:
        self._application = application
        self._address = address
        super().__init__()

    def load_config(self) -> None:
        """Override: nothing is read from files or GUNICORN_CMD_ARGS, so that settings have one place."""
        settings = {
            "bind": self._address,
            "workers": 1,
            "threads": THREADS,
            "worker_class": "gthread",
            "timeout": 0,  # a worker is judged by Cloud Run's own limit on each request
            "graceful_timeout": GRACE,
            "preload_app": False,  # what a store opens before a fork may hang in the child
            "loglevel": "warning",
            "control_socket_disable": True,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """Override: in the worker."""
        app: Flask = self._application()
        return app


def _sweep_in_background(known: Settings, policy: PolicySource, every: float) -> None:
    thread = threading.Thread(target=_sweep_on, args=(known, policy, every), name="hangwatch sweeps", daemon=True)
    thread.start()


def _sweep_on(known: Settings, policy: PolicySource, every: float) -> None:
    rounds = _Late(lambda: _rounds(known, policy, every))
    while True:
        began = time.monotonic()
        try:
            rounds.go()
        except StoreError as error:
            log.error("no sweep this time: %s", error)
        except Exception:  # a watchdog that ends tells nobody of anything; the next pass may do better
            log.exception("no sweep this time; this is a defect of the watchdog")
        time.sleep(max(0.0, every - (time.monotonic() - began)))


def _rounds(known: Settings, policy: PolicySource, every: float = A_MINUTE) -> Rounds:
    store = open_store(known.store)
    return Rounds(
        store,
        channels(known),
        policy.current,
        meter=meter(known),
        telltale=telltale(known),
        link_base=known.link_base,
        wait=time.sleep if every >= A_MINUTE else None,
    )
