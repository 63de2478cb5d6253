"""`doctor --client`: what a coordinator's side needs, to be run where it runs, with its settings and its account."""

from __future__ import annotations

import importlib.util
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from heartbeat_client.backend import Backend, StoreAway, StoreRefused, Write, Written
from heartbeat_client.lengths import seconds_of, spoken
from heartbeat_client.run import RUNS, SUCCEEDED, Run
from heartbeat_client.settings import DEADLINE, open_backend
from heartbeat_client.store_address import FIRESTORE, OFF, StoreAddress, default_address, on_cloud_run

from ..ports import Delete, StoreError
from .findings import Finding, failed, noted, well
from .means import Means
from .trials import Trial

__all__ = ["client_trials"]

OPERATION = "hangwatch-doctor"
KEPT_FOR = timedelta(hours=1)

# Cloud Run's longest request, and so the longest deadline that a service can have.
LONGEST_REQUEST = 3600.0


def client_trials(environment: Mapping[str, str], store: str | None, means: Means) -> Iterator[tuple[str, Trial]]:
    """The parts, in a sensible order. store: an address that overrules HANGWATCH_STORE."""
    known: list[StoreAddress] = []

    def find() -> Iterator[Finding]:
        finding, address = _address(environment, store)
        known.extend([address] if address else [])
        yield finding

    yield "settings", find
    yield "library", lambda: [_library(known[0])]
    yield "run", lambda: [_run(known[0], means)]
    yield "platform", lambda: [_platform(environment)]
    yield "deadline", lambda: [_deadline(environment)]


def _address(environment: Mapping[str, str], store: str | None) -> tuple[Finding, StoreAddress | None]:
    text = (store or environment.get("HANGWATCH_STORE", "")).strip()
    try:
        address = StoreAddress.parse(text) if text else default_address(environment)
    except ValueError as error:
        return failed("settings", f"HANGWATCH_STORE: {error}", "set it to the store that the watchdog reads"), None
    if address.kind == OFF:
        todo = "set HANGWATCH_STORE to the store that the watchdog reads"
        return failed(
            "settings", "HANGWATCH_STORE is off: heartbeats are logged, and no watchdog sees them", todo
        ), None
    by = "HANGWATCH_STORE" if text else "HANGWATCH_STORE is not set, so by default"
    return well("settings", f"{by}: {address}"), address


def _library(address: StoreAddress) -> Finding:
    if address.kind != FIRESTORE:
        return well("library", "none needed")
    try:
        found = importlib.util.find_spec("google.cloud.firestore")
    except ImportError:
        found = None
    if found is None:
        todo = "install hangwatch-client[firestore] in the coordinator's image"
        return failed("library", "google-cloud-firestore is missing, so nothing is recorded", todo)
    return well("library", "google-cloud-firestore is there")


def _run(address: StoreAddress, means: Means) -> Finding:
    try:
        run = _written(address)
    except (StoreAway, StoreRefused) as error:
        raise StoreError(str(error)) from None
    # What is left behind if this fails is well-formed, ended, and expires by itself.
    store = means.store(address)
    try:
        store.commit([Delete(RUNS, run)])
    finally:
        store.close()
    return well("run", "wrote the record of a run as a client does, changed it, and deleted it")


def _written(address: StoreAddress) -> str:
    """The id of a run that a client's backend wrote twice. Raises StoreAway or StoreRefused."""
    backend = open_backend(address)
    if backend is None:
        raise StoreRefused(f"{address}: expected a store, got none; set HANGWATCH_STORE")
    try:
        return _written_through(backend)
    finally:
        backend.close()


def _written_through(backend: Backend) -> str:
    now = backend.read_run(OPERATION).server_time
    run = Run(
        id=f"doctor-{secrets.token_hex(4)}",
        operation=OPERATION,
        started_at=now,
        state=SUCCEEDED,
        beat_at=now,
        expires_at=now + KEPT_FOR,
    )
    (first,) = backend.commit([Write(run)])
    if isinstance(first, Written):
        (second,) = backend.commit([Write(replace(run, seq=1), first.version)])
        if isinstance(second, Written):
            return run.id
    raise StoreRefused("the store took no run; is it a store of Hangwatch's? see doctor without --client")


def _platform(environment: Mapping[str, str]) -> Finding:
    if environment.get("CLOUD_RUN_JOB"):
        return well("platform", "a Cloud Run job, which has its CPU all the time")
    if on_cloud_run(environment):
        todo = "deploy the service with --no-cpu-throttling if it works on after its response"
        return noted("platform", "a Cloud Run service: between requests its CPU, and so its beats, may stop", todo)
    said = "not on Cloud Run: neither K_SERVICE nor CLOUD_RUN_JOB is set"
    return noted("platform", said, "run it where the coordinator runs, for its settings and its account")


def _deadline(environment: Mapping[str, str]) -> Finding:
    text = environment.get("HANGWATCH_DEADLINE", "").strip()
    todo = "set it to the service's request timeout, which Cloud Run tells nobody inside"
    if not text:
        return noted("deadline", f"HANGWATCH_DEADLINE is not set: {spoken(DEADLINE)} are assumed", todo)
    try:
        seconds = seconds_of(text)
    except ValueError as error:
        return failed("deadline", f"HANGWATCH_DEADLINE: {error}", todo)
    if environment.get("K_SERVICE") and seconds > LONGEST_REQUEST:
        said = f"HANGWATCH_DEADLINE is {spoken(seconds)}, and Cloud Run cuts each request after an hour at most"
        return failed("deadline", said, todo)
    return well("deadline", f"{spoken(seconds)} by HANGWATCH_DEADLINE; it must be the service's request timeout")
