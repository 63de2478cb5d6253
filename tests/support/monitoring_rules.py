"""Cloud Monitoring's contract for custom metrics: what may be written, and what is said of what may not. No sockets.

Sources: the reference of `projects.timeSeries.create` and `projects.metricDescriptors.create` and the comments of
google.api.MetricDescriptor; for the texts, what users saw: GoogleCloudPlatform/opentelemetry-operations-java#247 and
#248, opentelemetry-operations-python#431, googleapis/google-cloud-cpp#14925, Stackdriver/stackdriver-prometheus#21,
influxdata/telegraf#5963. Where the service may take more than these say, this takes less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
from google.api import label_pb2, metric_pb2

__all__ = ["MOST_SERIES", "Book", "Failure", "Point", "Refused"]

MOST_SERIES = 200
MOST_LABELS = 30
LABEL_BYTES = 1024
OLDEST = timedelta(hours=25)
NEWEST = timedelta(minutes=5)
SAMPLING = timedelta(seconds=5)

RESOURCES = {
    "generic_task": ("project_id", "location", "namespace", "job", "task_id"),
    "generic_node": ("project_id", "location", "namespace", "node_id"),
    "global": ("project_id",),
}
METRIC_TYPE = re.compile(r"(custom|external)\.googleapis\.com(/[A-Za-z0-9_.-]+)+")
LABEL_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
UNIT = re.compile(r"(1|%|(ms|s|min|h|d|By|bit)(/\w+)?)?(\{[ -z|~]+\})?")

INVALID = grpc.StatusCode.INVALID_ARGUMENT
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION

KINDS = metric_pb2.MetricDescriptor.MetricKind
VALUES = metric_pb2.MetricDescriptor.ValueType

Key = tuple[str, frozenset[tuple[str, str]], str, frozenset[tuple[str, str]]]


class Refused(Exception):
    """A whole request is refused."""

    def __init__(self, code: grpc.StatusCode, text: str) -> None:
        self.code = code
        super().__init__(text)


@dataclass(frozen=True)
class Failure:
    """One series of a request that was not written, and why."""

    index: int
    series: Any
    code: grpc.StatusCode
    text: str


@dataclass(frozen=True)
class Point:
    """One point that was written."""

    at: datetime
    value: float


@dataclass(frozen=True)
class Entry:
    """One series of a request, with what is known of the request around it."""

    index: int
    series: Any
    project: str
    now: datetime
    again: bool

    @property
    def key(self) -> Key:
        return _key(self.series)

    @property
    def field(self) -> str:
        return f"Field timeSeries[{self.index}]"


class Book:
    """All descriptors and points of one project, and the rules that guard them."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.descriptors: dict[str, Any] = {}
        self.series: dict[Key, list[Point]] = {}

    def write(self, name: str, series: Sequence[Any], now: datetime) -> list[Failure]:
        """Write what may be written; what may not comes back. Raises `Refused` where nothing is."""
        self.check_project(name)
        if not series:
            raise Refused(INVALID, "Field timeSeries had an invalid value: At least one TimeSeries must be given.")
        if len(series) > MOST_SERIES:
            text = f"Field timeSeries had an invalid value: At most {MOST_SERIES} TimeSeries can be written at once."
            raise Refused(INVALID, text)
        seen: set[Key] = set()
        failures = []
        for index, one in enumerate(series):
            entry = Entry(index, one, self.project, now, again=_key(one) in seen)
            seen.add(entry.key)
            if problem := next(self._problems(entry), None):
                failures.append(Failure(index, one, *problem))
            else:
                self._keep(entry)
        return failures

    def check_project(self, name: str) -> None:
        """Raise `Refused` for another project than ours: nobody learns whether that one exists."""
        if name != f"projects/{self.project}":
            denied = grpc.StatusCode.PERMISSION_DENIED
            raise Refused(denied, "Permission monitoring.timeSeries.create denied (or the resource may not exist).")

    def create(self, name: str, descriptor: Any) -> Any:
        """Create a descriptor, or bring one up to date; labels are never removed. Raises `Refused`."""
        self.check_project(name)
        if problem := next(_descriptor_problems(descriptor), None):
            raise Refused(INVALID, problem)
        known = self.descriptors.get(descriptor.type)
        if known is not None and _shape(known) != _shape(descriptor):
            error = f"{{(metric: {descriptor.type}, error: The metric already exists.)}}"
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, f"Errors during metric descriptor creation: {error}.")
        made = metric_pb2.MetricDescriptor()
        made.CopyFrom(descriptor)
        made.name = f"{name}/metricDescriptors/{descriptor.type}"
        ours = {label.key for label in made.labels}
        made.labels.extend(label for label in (known.labels if known else ()) if label.key not in ours)
        self.descriptors[made.type] = made
        return made

    def _problems(self, entry: Entry) -> Iterator[tuple[grpc.StatusCode, str]]:
        for text in (*_resource_problems(entry), *_metric_problems(entry), *_point_problems(entry)):
            yield INVALID, text
        yield from ((INVALID, text) for text in self._mismatches(entry))
        yield from self._order_problems(entry)

    def _mismatches(self, entry: Entry) -> Iterator[str]:
        kind, value_type = _kind(entry.series), _value_type(entry.series)
        known = self.descriptors.get(entry.series.metric.type)
        if known is None:
            if kind == KINDS.DELTA:
                yield f"{entry.field}.metricKind had an invalid value: DELTA can't be used for a custom metric."
            return
        metric = f"for metric {known.type} must be"
        if kind != known.metric_kind:
            yield f"Metric kind {metric} {KINDS.Name(known.metric_kind)}, but is {KINDS.Name(kind)}."
        if value_type != known.value_type:
            yield f"Value type {metric} {VALUES.Name(known.value_type)}, but is {VALUES.Name(value_type)}."
        for key in sorted(entry.series.metric.labels.keys() - {label.key for label in known.labels}):
            yield f'{entry.field}.metric.labels had an invalid value of "{key}": Unrecognized metric label.'

    def _order_problems(self, entry: Entry) -> Iterator[tuple[grpc.StatusCode, str]]:
        before = self.series.get(entry.key)
        if not before:
            return
        youngest, new = before[-1].at, _end(entry.series)
        if new <= youngest:
            which = "One or more of the points specified had an older end time than the most recent point."
            yield INVALID, f"Points must be written in order. {which}"
        elif new - youngest < SAMPLING:
            stamps = f"{{Youngest Existing: '{youngest:%Y/%m/%d-%H:%M:%S.%f}', New: '{new:%Y/%m/%d-%H:%M:%S.%f}'}}"
            which = "more frequently than the maximum sampling period configured for the metric."
            where = f"{{Metric: {entry.series.metric.type}, Timestamps: {stamps}}}"
            yield PRECONDITION, f"One or more points were written {which} {where}"

    def _keep(self, entry: Entry) -> None:
        metric = entry.series.metric
        if metric.type not in self.descriptors:
            labels = [label_pb2.LabelDescriptor(key=key) for key in metric.labels]
            self.descriptors[metric.type] = metric_pb2.MetricDescriptor(
                name=f"projects/{self.project}/metricDescriptors/{metric.type}",
                type=metric.type,
                metric_kind=_kind(entry.series),
                value_type=_value_type(entry.series),
                description="Auto-created custom metric.",
                labels=labels,
            )
        value = entry.series.points[0].value
        point = Point(_end(entry.series), float(getattr(value, str(value.WhichOneof("value")))))
        self.series.setdefault(entry.key, []).append(point)


def _resource_problems(entry: Entry) -> Iterator[str]:
    resource = entry.series.resource
    if resource.type not in RESOURCES:
        yield f"Metrics cannot be written to {resource.type}. Its labels are set by the platform alone."
        return
    wanted, got = set(RESOURCES[resource.type]), set(resource.labels)
    if missing := sorted(key for key in wanted if not resource.labels.get(key)):
        yield f"The set of resource labels is incomplete. Missing labels: ({' '.join(missing)})."
    if strange := sorted(got - wanted):
        yield f"{entry.field}.resource had an invalid value: Unrecognized resource label {strange[0]}."
    if resource.labels.get("project_id", entry.project) != entry.project:
        yield f"{entry.field}.resource.labels.project_id had an invalid value: It is not the project of the request."


def _metric_problems(entry: Entry) -> Iterator[str]:
    metric = entry.series.metric
    if not METRIC_TYPE.fullmatch(metric.type):
        said = "The metric type must be a URL-formatted string with a domain and non-empty path."
        yield f'{entry.field}.metric.type had an invalid value of "{metric.type}": {said}'
    if len(metric.labels) > MOST_LABELS:
        yield f"{entry.field}.metric.labels had an invalid value: At most {MOST_LABELS} labels."
    for key, value in metric.labels.items():
        if not LABEL_KEY.fullmatch(key):
            yield f'{entry.field}.metric.labels had an invalid value of "{key}": Not a label key.'
        if not value or len(value.encode()) > LABEL_BYTES:
            yield f"{entry.field}.metric.labels[{key}] had an invalid value: From 1 to {LABEL_BYTES} bytes."


def _point_problems(entry: Entry) -> Iterator[str]:
    points = entry.series.points
    if entry.again:
        yield f"{entry.field} had an invalid value: Duplicate TimeSeries encountered. Only one point can be written."
    if len(points) != 1:
        yield f"{entry.field}.points had an invalid value: Only one point can be written per TimeSeries per request."
        return
    interval, end = points[0].interval, _end(entry.series)
    if points[0].value.WhichOneof("value") is None:
        yield f"{entry.field}.points[0].value had an invalid value: It is required."
    if entry.series.value_type and entry.series.value_type != _point_type(entry.series):
        yield f"{entry.field}.valueType had an invalid value: It is not that of the point."
    lasting = interval.HasField("start_time") and interval.start_time != interval.end_time
    if lasting and _kind(entry.series) == KINDS.GAUGE:
        yield f"{entry.field}.points[0].interval.start_time had an invalid value: A gauge has no length."
    if end - entry.now > NEWEST:
        yield f"{entry.field}.points[0].interval.end_time had an invalid value: More than 5 minutes in the future."
    if entry.now - end > OLDEST:
        yield f"{entry.field}.points[0].interval.end_time had an invalid value: More than 25h in the past."


def _descriptor_problems(descriptor: Any) -> Iterator[str]:
    if not METRIC_TYPE.fullmatch(descriptor.type):
        yield f'Field metricDescriptor.type had an invalid value of "{descriptor.type}"'
    if descriptor.metric_kind not in {KINDS.GAUGE, KINDS.CUMULATIVE}:
        yield "Field metricDescriptor.metricKind had an invalid value: GAUGE or CUMULATIVE."
    if not descriptor.value_type:
        yield "Field metricDescriptor.valueType had an invalid value: It is required."
    if not UNIT.fullmatch(descriptor.unit):
        yield f'Field metricDescriptor.unit had an invalid value of "{descriptor.unit}"'
    if len(descriptor.labels) > MOST_LABELS or not all(LABEL_KEY.fullmatch(label.key) for label in descriptor.labels):
        yield "Field metricDescriptor.labels had an invalid value."


def _key(series: Any) -> Key:
    metric, resource = series.metric, series.resource
    return (metric.type, frozenset(metric.labels.items()), resource.type, frozenset(resource.labels.items()))


def _shape(descriptor: Any) -> tuple[int, int]:
    return (descriptor.metric_kind, descriptor.value_type)


def _kind(series: Any) -> int:
    return int(series.metric_kind) or KINDS.GAUGE


def _value_type(series: Any) -> int:
    return int(series.value_type) or _point_type(series)


def _point_type(series: Any) -> int:
    name = series.points[0].value.WhichOneof("value")
    return int(VALUES.Value(str(name).removesuffix("_value").upper())) if name else 0


def _end(series: Any) -> datetime:
    return series.points[0].interval.end_time.ToDatetime(tzinfo=timezone.utc)
