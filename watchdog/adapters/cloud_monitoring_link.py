"""The way to Cloud Monitoring: a library loaded at first use, a client made anew after trouble, calls that end in time.

Each call passes `timeout=` and `retry=None`, for the library's own retries of listing calls go on past the time given.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ..ports import DeliveryError
from .cloud_monitoring_answers import AGAIN, WHO, Away, Refusal, explained

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.monitoring_v3 import MetricServiceClient

__all__ = ["Link"]

T = TypeVar("T")

HOST = "monitoring.googleapis.com"

# An error that names each of 200 series is larger than the 16 KiB that gRPC takes by default, and would arrive as
# "received metadata size exceeds hard limit", without the series (grpc/grpc#37852).
OPTIONS = (("grpc.max_metadata_size", 256 * 1024), ("grpc.absolute_max_metadata_size", 512 * 1024))

# gRPC sends even what is meant for this machine through a proxy that the environment names.
NO_PROXY = (("grpc.enable_http_proxy", 0),)


class Link:
    """A client of one project's metrics, for one thread at a time; a forked child makes its own.

    endpoint: `host:port` instead of Google's own, empty for that. Raises ValueError for what can't be one.
    """

    def __init__(self, project: str, endpoint: str, clock: Callable[[], float]) -> None:
        _check_project(project)
        self._loopback = bool(endpoint) and _is_loopback(_host(endpoint))
        self._endpoint = endpoint or HOST
        self._clock = clock
        self._credentials: Credentials | None = None
        self._client: MetricServiceClient | None = None
        self.project_name = f"projects/{project}"

    def ends_in(self, seconds: float) -> float:
        """The clock's reading in so many seconds, for `call`."""
        return self._clock() + seconds

    def call(self, rpc: Callable[[MetricServiceClient, float], T], ends: float) -> T:
        """The answer of an rpc, which gets the seconds that are left. Raises `DeliveryError`, `Refusal` among them.

        Where the service can't be reached it is asked once more over a new connection: an idle one may be a dead one.
        """
        try:
            return self._asked(rpc, ends)
        except Away:
            if self._clock() >= ends:
                raise
        return self._asked(rpc, ends)

    def close(self) -> None:
        """Let go of the connection; never raises."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                client.transport.close()

    def _asked(self, rpc: Callable[[MetricServiceClient, float], T], ends: float) -> T:
        try:
            client = self._opened()
            return rpc(client, self._left(ends))
        except Exception as error:  # noqa: BLE001  the library's errors have no name until it is loaded
            trouble = explained(error)
            if not isinstance(trouble, Refusal):
                self._forget(trouble)
            raise trouble from None

    def _left(self, ends: float) -> float:
        left = ends - self._clock()
        if left <= 0:
            raise DeliveryError(f"{WHO}: no time is left; {AGAIN}", permanent=False)
        return left

    def _forget(self, trouble: DeliveryError) -> None:
        self.close()
        if trouble.permanent:
            self._credentials = None

    def _opened(self) -> MetricServiceClient:
        if self._client is None:
            self._client = self._made()
        return self._client

    def _made(self) -> MetricServiceClient:
        import grpc
        from google.cloud.monitoring_v3 import MetricServiceClient
        from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

        if self._loopback:
            channel = grpc.insecure_channel(self._endpoint, options=[*OPTIONS, *NO_PROXY])
        else:
            options: list[tuple[str, Any]] = [*OPTIONS]
            channel = MetricServiceGrpcTransport.create_channel(
                self._endpoint, credentials=self._login(), options=options
            )
        return MetricServiceClient(transport=MetricServiceGrpcTransport(host=self._endpoint, channel=channel))

    def _login(self) -> Credentials:
        import google.auth

        if self._credentials is None:
            self._credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/monitoring"])
        return self._credentials


def _check_project(project: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.:-]*", project):
        raise ValueError("expected the id of a project, got something else; set it to the one that metrics go to")


def _host(endpoint: str) -> str:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?", endpoint)
    if found is None:
        # Somebody may have pasted an address with a password in it.
        raise ValueError(
            "expected HOST:PORT without scheme and path, got something else; set it to 127.0.0.1:8080, say"
        )
    return found[1].strip("[]")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
