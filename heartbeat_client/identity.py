"""Who beats: service, revision and instance on Cloud Run, host and process everywhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from http.client import HTTPConnection

from .process import this_process
from .store_address import on_cloud_run

__all__ = ["Identity", "Who", "identify", "with_metadata"]

# The address that Google documents beside the name `metadata.google.internal`: a name's look-up has no timeout.
_METADATA = "169.254.169.254"
_METADATA_TIMEOUT = 1.0
_OK = 200
_ASK_EVERY = 60.0
_ASK_TIMES = 3


@dataclass(frozen=True)
class Identity:
    """Where runs of this process come from; empty text where it is not known."""

    service: str
    platform: str
    revision: str
    instance: str
    project: str
    region: str
    host: str
    pid: int
    python: str


def identify(service: str, environ: Mapping[str, str] = os.environ) -> Identity:
    """What is known without asking anybody; service: the configured name, empty for the environment's."""
    return Identity(
        service=service or environ.get("K_SERVICE") or environ.get("CLOUD_RUN_JOB") or _program(),
        platform=_platform(environ),
        revision=environ.get("K_REVISION") or environ.get("CLOUD_RUN_EXECUTION") or "",
        instance="",
        project=environ.get("GOOGLE_CLOUD_PROJECT", ""),
        region="",
        host=_host(),
        pid=this_process(),
        python=sys.version.split()[0],
    )


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket  # loads as much as we do all together, and is needed on Windows alone

    return socket.gethostname()


def _platform(environ: Mapping[str, str]) -> str:
    if environ.get("K_SERVICE"):
        return "cloud_run_service"
    return "cloud_run_job" if environ.get("CLOUD_RUN_JOB") else ""


def _program() -> str:
    """The program's name; never its arguments, which may hold secrets."""
    path = Path(sys.argv[0] if sys.argv else "")
    if path.stem == "__main__":  # python -m package
        path = path.parent
    return path.stem if path.stem not in ("", "-c", "-m") else "python"


def with_metadata(identity: Identity, environ: Mapping[str, str] = os.environ) -> Identity:
    """The identity with what Cloud Run's metadata server adds; as it was off Cloud Run or without an answer.

    Asks the network, so never on an operation's thread; bounded by a timeout of 1 s a question, and ends at the first
    question without an answer. GCE_METADATA_HOST names another server, as for Google's own libraries.
    """
    if not on_cloud_run(environ):
        return identity
    import http.client  # loads ssl, which takes longer than all of us together

    connection = http.client.HTTPConnection(environ.get("GCE_METADATA_HOST") or _METADATA, timeout=_METADATA_TIMEOUT)
    try:
        # Ids of one service begin alike, so the end tells instances apart.
        instance = _ask(connection, "instance/id")[-12:]
        region = _ask(connection, "instance/region").rpartition("/")[2]
        project = identity.project or _ask(connection, "project/project-id")
    except (OSError, http.client.HTTPException, ValueError):
        return identity
    finally:
        connection.close()
    return replace(identity, instance=instance, region=region, project=project)


def _ask(connection: HTTPConnection, path: str) -> str:
    connection.request("GET", f"/computeMetadata/v1/{path}", headers={"Metadata-Flavor": "Google"})
    response = connection.getresponse()
    text = response.read(1000).decode("ascii")
    if response.status != _OK:
        raise ValueError(f"metadata server: expected 200 for {path}, got {response.status}")
    return text.strip()


class Who:
    """The identity of this process, completed by the metadata server when it answers.

    It is asked at the first run, and again a minute later each, three times in all.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._known: Identity | None = None
        self._asked = 0
        self._ask_at = 0.0

    def now(self, service: str, monotonic: float) -> Identity:
        """The identity; service: the configured name. May ask the metadata server, so only for the sender."""
        known = self._known or identify("", self._environ)
        if not known.instance and self._asked < _ASK_TIMES and monotonic >= self._ask_at:
            known = with_metadata(known, self._environ)
            self._asked += 1
            self._ask_at = monotonic + _ASK_EVERY
        self._known = known
        return replace(known, service=service) if service else known
