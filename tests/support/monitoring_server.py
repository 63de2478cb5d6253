"""A gRPC server on loopback that keeps Cloud Monitoring's contract, for the real client to talk to."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from types import TracebackType
from typing import Any, Literal

import grpc
from google.cloud import monitoring_v3 as monitoring
from google.protobuf import any_pb2, empty_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status

from .monitoring_rules import Book, Failure, Point, Refused

__all__ = ["Call", "MonitoringServer", "Wording"]

SERVICE = "google.monitoring.v3.MetricService"
STARTS_WITH = re.compile(r'metric\.type = starts_with\("([^"]+)"\)')


@dataclass(frozen=True)
class Call:
    """One call that arrived. series: how many it brought; seconds: the time that the caller gives it."""

    method: str
    series: int
    seconds: float


@dataclass(frozen=True)
class Wording:
    """How a partial failure is said.

    said: as in 2025, as before, or nothing of the series. one_by_one: each series by itself, not those with one reason
    together. summary: what the error's details tell.
    """

    said: Literal["newer", "older", "nothing"] = "newer"
    one_by_one: bool = False
    summary: Literal["codes", "texts", "nothing"] = "codes"


class MonitoringServer:
    """One project, on a port of its own, from `with` to its end.

    clock: what the service takes for now. page: descriptors in one page of a list.
    """

    def __init__(
        self,
        project: str = "demo-project",
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        page: int = 10_000,
        wording: Wording = Wording(),
    ) -> None:
        self.book = Book(project)
        self.calls: list[Call] = []
        self._clock = clock
        self._page = page
        self._wording = wording
        self._refusing: Refused | None = None
        self._lock = threading.Lock()
        self._working = threading.Event()
        self._working.set()
        self._server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, self._methods()),))
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> MonitoringServer:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._working.set()
        self._server.stop(None).wait()

    def answer(self, code: grpc.StatusCode, text: str) -> None:
        """From now on every call ends with this."""
        self._refusing = Refused(code, text)

    def hang(self) -> None:
        """From now on calls are not answered, and what they bring is lost, whatever comes later."""
        self._working.clear()

    def work(self) -> None:
        """Do what the contract says again."""
        self._refusing = None
        self._working.set()

    def points(self, metric_type: str, **labels: str) -> list[Point]:
        """All points of a metric whose labels include these, in the order of their time."""
        wanted = set(labels.items())
        with self._lock:
            series = [kept for key, kept in self.book.series.items() if key[0] == metric_type and wanted <= key[1]]
            return sorted((point for kept in series for point in kept), key=lambda point: point.at)

    def latest(self, metric_type: str, **labels: str) -> float | None:
        """The value of the newest point of a metric whose labels include these, None without one."""
        found = self.points(metric_type, **labels)
        return found[-1].value if found else None

    def _methods(self) -> dict[str, Any]:
        return {
            "CreateTimeSeries": self._method(self._write, monitoring.CreateTimeSeriesRequest),
            "CreateMetricDescriptor": self._method(self._create, monitoring.CreateMetricDescriptorRequest),
            "GetMetricDescriptor": self._method(self._get, monitoring.GetMetricDescriptorRequest),
            "ListMetricDescriptors": self._method(self._list, monitoring.ListMetricDescriptorsRequest),
        }

    def _method(self, handle: Callable[[Any, grpc.ServicerContext], Any], request: Any) -> grpc.RpcMethodHandler:
        def handled(asked: Any, context: grpc.ServicerContext) -> Any:
            self._arrived(request.__name__.removesuffix("Request"), asked, context)
            try:
                with self._lock:
                    return handle(asked, context)
            except Refused as refused:
                context.abort(refused.code, str(refused))

        read = request.pb().FromString
        return grpc.unary_unary_rpc_method_handler(handled, read, lambda answer: answer.SerializeToString())

    def _arrived(self, method: str, asked: Any, context: grpc.ServicerContext) -> None:
        self.calls.append(Call(method, len(getattr(asked, "time_series", ())), context.time_remaining()))
        if not self._working.is_set():
            while context.is_active() and not self._working.wait(0.02):
                pass
            context.abort(grpc.StatusCode.UNAVAILABLE, "it was to be left without an answer")
        if self._refusing is not None:
            context.abort(self._refusing.code, str(self._refusing))

    def _write(self, asked: Any, context: grpc.ServicerContext) -> Any:
        failures = self.book.write(asked.name, asked.time_series, self._clock())
        if failures:
            context.abort_with_status(rpc_status.to_status(_partly(failures, len(asked.time_series), self._wording)))
        return empty_pb2.Empty()

    def _create(self, asked: Any, _: grpc.ServicerContext) -> Any:
        return self.book.create(asked.name, asked.metric_descriptor)

    def _get(self, asked: Any, _: grpc.ServicerContext) -> Any:
        found = next((one for one in self.book.descriptors.values() if one.name == asked.name), None)
        if found is None:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Could not find descriptor for metric '{asked.name}'.")
        return found

    def _list(self, asked: Any, _: grpc.ServicerContext) -> Any:
        self.book.check_project(asked.name)
        wanted = STARTS_WITH.fullmatch(asked.filter)
        if wanted is None:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "Field filter had an invalid value: Not understood here.")
        found = sorted(type_ for type_ in self.book.descriptors if type_.startswith(wanted[1]))
        begin = int(asked.page_token or 0)
        size = min(asked.page_size or self._page, self._page)
        return monitoring.ListMetricDescriptorsResponse.pb()(
            metric_descriptors=[self.book.descriptors[type_] for type_ in found[begin : begin + size]],
            next_page_token=str(begin + size) if begin + size < len(found) else "",
        )


def _partly(failures: Sequence[Failure], total: int, wording: Wording) -> Any:
    groups: dict[tuple[str, str, int], list[Failure]] = defaultdict(list)
    for failure in failures:
        own = failure.index if wording.one_by_one else 0
        groups[failure.series.metric.type, failure.text, own].append(failure)
    said = "; ".join(_said(group, wording) for group in groups.values())
    code = grpc.StatusCode.INVALID_ARGUMENT.value[0]
    head = "One or more TimeSeries could not be written"
    answer = status_pb2.Status(code=code, message=head if wording.said == "nothing" else f"{head}: {said}")
    if wording.summary != "nothing":
        answer.details.append(_packed(_summary(failures, total, wording)))
    return answer


def _packed(message: Any) -> Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _summary(failures: Sequence[Failure], total: int, wording: Wording) -> Any:
    kinds: dict[tuple[int, str], int] = defaultdict(int)
    for failure in failures:
        kinds[failure.code.value[0], failure.text if wording.summary == "texts" else ""] += 1
    summary = monitoring.CreateTimeSeriesSummary.pb()
    made = summary(total_point_count=total, success_point_count=total - len(failures))
    for (code, text), count in kinds.items():
        made.errors.add(status=status_pb2.Status(code=code, message=text), point_count=count)
    return made


def _said(group: Sequence[Failure], wording: Wording) -> str:
    first = group[0]
    metric, resource = first.series.metric, first.series.resource
    where = f"{resource.type}{{{','.join(f'{key}:{value}' for key, value in sorted(resource.labels.items()))}}}"
    which = f"timeSeries[{_ranges([failure.index for failure in group])}]"
    if wording.said == "older":
        return f"{first.text}: {where} {which}: {metric.type}{{{','.join(map(':'.join, metric.labels.items()))}}}"
    labels = ", ".join(f'"{key}": "{value}"' for key, value in metric.labels.items())
    example = f'(example metric.type="{metric.type}", metric.labels={{{labels}}})'
    return f"{which} {example}: write for resource={where} failed with: {first.text}"


def _ranges(indexes: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for index in indexes:
        if runs and runs[-1][-1] == index - 1:
            runs[-1][1:] = [index]
        else:
            runs.append([index])
    return ",".join("-".join(map(str, run)) for run in runs)
