"""The Cloud Monitoring that tests talk to refuses what the real one refuses, asked by the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import grpc
import pytest
from google.api import label_pb2, metric_pb2
from google.api_core import exceptions
from google.cloud import monitoring_v3 as monitoring
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

from tests.support.monitoring_rules import MOST_SERIES
from tests.support.monitoring_server import MonitoringServer

PROJECT = "projects/demo-project"
TYPE = "custom.googleapis.com/tests/figure"
NOW = datetime(2026, 1, 14, 10, 0, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
WHERE = {"project_id": "demo-project", "location": "global", "namespace": "n", "job": "j", "task_id": "t"}

Series = dict[str, Any]
Change = Callable[[Series], object]


@pytest.fixture
def server() -> Iterator[MonitoringServer]:
    with MonitoringServer(clock=lambda: NOW, page=2) as running:
        yield running


@pytest.fixture
def client(server: MonitoringServer) -> Iterator[monitoring.MetricServiceClient]:
    with grpc.insecure_channel(server.endpoint) as channel:
        yield monitoring.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))


def series(value: float = 1.5, at: datetime = NOW, **labels: str) -> Series:
    return {
        "metric": {"type": TYPE, "labels": labels},
        "resource": {"type": "generic_task", "labels": dict(WHERE)},
        "points": [{"interval": {"end_time": at}, "value": {"double_value": value}}],
    }


def write(client: monitoring.MetricServiceClient, *given: Series, project: str = PROJECT) -> None:
    client.create_time_series(name=project, time_series=list(given), timeout=30, retry=None)


def descriptor(**fields: Any) -> metric_pb2.MetricDescriptor:
    return metric_pb2.MetricDescriptor(**{"type": TYPE, "metric_kind": "GAUGE", "value_type": "DOUBLE"} | fields)


def create(client: monitoring.MetricServiceClient, **fields: Any) -> metric_pb2.MetricDescriptor:
    return client.create_metric_descriptor(name=PROJECT, metric_descriptor=descriptor(**fields), timeout=30, retry=None)


def moved(by: timedelta) -> Change:
    return lambda one: one["points"][0]["interval"].update(end_time=NOW + by)


def of_resource(kind: str, **labels: str) -> Change:
    return lambda one: one.update(resource={"type": kind, "labels": labels})


UNWRITABLE: dict[str, tuple[Change, str]] = {
    "a_revision": (of_resource("cloud_run_revision"), "Metrics cannot be written to cloud_run_revision"),
    "a_job": (of_resource("cloud_run_job"), "Metrics cannot be written to cloud_run_job"),
    "no_labels": (of_resource("generic_task"), "The set of resource labels is incomplete"),
    "one_label_less": (lambda s: s["resource"]["labels"].pop("job"), r"incomplete. Missing labels: \(job\)"),
    "an_empty_label": (lambda s: s["resource"]["labels"].update(job=""), r"incomplete. Missing labels: \(job\)"),
    "one_label_more": (lambda s: s["resource"]["labels"].update(x="1"), "Unrecognized resource label x"),
    "anothers_project": (lambda s: s["resource"]["labels"].update(project_id="p"), "not the project of the request"),
    "unknown_domain": (lambda s: s["metric"].update(type="example.com/figure"), "URL-formatted string with a domain"),
    "no_path": (lambda s: s["metric"].update(type="custom.googleapis.com"), "URL-formatted string with a domain"),
    "two_points": (lambda s: s["points"].append(s["points"][0]), "Only one point can be written"),
    "no_point": (lambda s: s["points"].clear(), "Only one point can be written"),
    "no_value": (lambda s: s["points"][0].update(value={}), "value had an invalid value"),
    "another_type": (lambda s: s.update(value_type="INT64"), "valueType had an invalid value"),
    "a_delta": (lambda s: s.update(metric_kind="DELTA"), "DELTA can't be used"),
    "a_long_gauge": (
        lambda s: s["points"][0]["interval"].update(start_time=NOW - SECOND),
        "A gauge has no length",
    ),
    "too_far_ahead": (moved(timedelta(minutes=5) + SECOND), "More than 5 minutes in the future"),
    "too_long_ago": (moved(-timedelta(hours=25) - SECOND), "More than 25h in the past"),
    "a_wrong_key": (lambda s: s["metric"]["labels"].update({"a-b": "x"}), "Not a label key"),
    "an_empty_value": (lambda s: s["metric"]["labels"].update(a=""), "From 1 to 1024 bytes"),
    "a_long_value": (lambda s: s["metric"]["labels"].update(a="x" * 1025), "From 1 to 1024 bytes"),
    "many_labels": (lambda s: s["metric"]["labels"].update({f"l{n}": "x" for n in range(31)}), "At most 30 labels"),
}


@pytest.mark.parametrize(("change", "said"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_a_series_that_breaks_a_rule_is_refused(
    server: MonitoringServer, client: monitoring.MetricServiceClient, change: Change, said: str
) -> None:
    """One series that breaks a rule is left out and named; the other one of the same call is written."""
    wrong = series(team="a")
    change(wrong)
    with pytest.raises(exceptions.InvalidArgument, match=said) as caught:
        write(client, wrong, series(2.5, team="b"))

    assert "timeSeries[0]" in caught.value.message
    summary: Any = monitoring.CreateTimeSeriesSummary.deserialize(caught.value.details[0].value)
    assert (summary.total_point_count, summary.success_point_count) == (2, 1)
    assert [(kind.status.code, kind.point_count) for kind in summary.errors] == [(3, 1)]
    assert server.latest(TYPE, team="b") == 2.5
    assert len(server.book.series) == 1


FITTING: dict[str, Change] = {
    "as_far_ahead_as_may_be": moved(timedelta(minutes=5)),
    "as_long_ago_as_may_be": moved(-timedelta(hours=25)),
    "a_gauge_with_both_ends": lambda s: s["points"][0]["interval"].update(start_time=NOW),
    "as_many_labels_as_may_be": lambda s: s["metric"]["labels"].update({f"l{n}": "x" for n in range(30)}),
    "as_long_a_value_as_may_be": lambda s: s["metric"]["labels"].update(a="x" * 1024),
}


@pytest.mark.parametrize("change", FITTING.values(), ids=FITTING)
def test_a_series_on_the_right_side_of_a_bound_is_written(
    server: MonitoringServer, client: monitoring.MetricServiceClient, change: Change
) -> None:
    """A bound itself is allowed."""
    right = series()
    change(right)
    write(client, right)

    assert server.latest(TYPE) == 1.5


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (MOST_SERIES, True), (MOST_SERIES + 1, False)])
def test_a_call_brings_from_1_to_200_series(
    server: MonitoringServer, client: monitoring.MetricServiceClient, count: int, fits: bool
) -> None:
    """A call with more, or with none, is refused as a whole."""
    given = [series(team=str(n)) for n in range(count)]
    if fits:
        write(client, *given)
    else:
        with pytest.raises(exceptions.InvalidArgument, match="Field timeSeries had an invalid value"):
            write(client, *given)

    assert len(server.book.series) == (count if fits else 0)


def test_a_series_comes_once_in_a_call(server: MonitoringServer, client: monitoring.MetricServiceClient) -> None:
    """The second point of one series in one call is a duplicate."""
    with pytest.raises(exceptions.InvalidArgument, match=r"timeSeries\[1\].*Duplicate TimeSeries"):
        write(client, series(1), series(2, NOW + 60 * SECOND))

    assert server.latest(TYPE) == 1


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (-1, "older end time than the most recent point"),
        (0, "older end time than the most recent point"),
        (1, "more frequently than the maximum sampling period"),
        (4.999, "more frequently than the maximum sampling period"),
        (5, None),
    ],
)
def test_points_come_in_order_and_not_too_often(
    server: MonitoringServer, client: monitoring.MetricServiceClient, later: float, said: str | None
) -> None:
    """A point is at least 5 s newer than the one before in its series; another series is another matter."""
    write(client, series(1, team="a"))
    if said is None:
        write(client, series(2, NOW + later * SECOND, team="a"), series(3, NOW - SECOND, team="b"))
    else:
        with pytest.raises(exceptions.InvalidArgument, match=said):
            write(client, series(2, NOW + later * SECOND, team="a"), series(3, NOW - SECOND, team="b"))

    assert server.latest(TYPE, team="a") == (2 if said is None else 1)
    assert server.latest(TYPE, team="b") == 3


def test_another_project_is_denied(client: monitoring.MetricServiceClient) -> None:
    """Who writes to a project that is not the server's gets no hint whether it exists."""
    with pytest.raises(exceptions.PermissionDenied, match="or the resource may not exist"):
        write(client, series(), project="projects/another")


def test_the_first_write_makes_a_descriptor(client: monitoring.MetricServiceClient) -> None:
    """A metric that nobody described is described as it was written, without a unit."""
    write(client, series(team="a"))

    made = client.get_metric_descriptor(name=f"{PROJECT}/metricDescriptors/{TYPE}", timeout=30, retry=None)
    assert (made.metric_kind, made.value_type, made.unit) == (descriptor().metric_kind, descriptor().value_type, "")
    assert [label.key for label in made.labels] == ["team"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"value_type": "INT64"}, "Value type for metric .* must be INT64, but is DOUBLE"),
        ({"metric_kind": "CUMULATIVE"}, "Metric kind for metric .* must be CUMULATIVE, but is GAUGE"),
        ({}, "Unrecognized metric label"),
    ],
    ids=["value_type", "kind", "label"],
)
def test_a_series_fits_its_descriptor(
    client: monitoring.MetricServiceClient, fields: dict[str, str], said: str
) -> None:
    """Once a metric is described, only what fits is written."""
    create(client, **fields)

    with pytest.raises(exceptions.InvalidArgument, match=said):
        write(client, series(team="a"))


def test_a_descriptor_may_be_created_again(client: monitoring.MetricServiceClient) -> None:
    """Creating brings words and labels up to date, and takes no label away."""
    create(client, description="old", labels=[label_pb2.LabelDescriptor(key="a")])
    made = create(client, description="new", unit="s", labels=[label_pb2.LabelDescriptor(key="b")])

    assert (made.description, made.unit) == ("new", "s")
    assert {label.key for label in made.labels} == {"a", "b"}


@pytest.mark.parametrize("fields", [{"value_type": "INT64"}, {"metric_kind": "CUMULATIVE"}], ids=["value_type", "kind"])
def test_a_descriptor_never_changes_its_kind(client: monitoring.MetricServiceClient, fields: dict[str, str]) -> None:
    """A descriptor of another kind under a name that is taken is refused."""
    create(client)

    with pytest.raises(exceptions.AlreadyExists, match="The metric already exists"):
        create(client, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "compute.googleapis.com/x"},
        {"metric_kind": "DELTA"},
        {"metric_kind": None},
        {"value_type": None},
        {"unit": "{run"},
        {"labels": [label_pb2.LabelDescriptor(key="1st")]},
        {"labels": [label_pb2.LabelDescriptor(key=f"l{n}") for n in range(31)]},
    ],
    ids=["domain", "delta", "no_kind", "no_value_type", "unit", "label_key", "many_labels"],
)
def test_a_descriptor_that_breaks_a_rule_is_refused(
    server: MonitoringServer, client: monitoring.MetricServiceClient, fields: dict[str, Any]
) -> None:
    """What can't be a custom metric gets no descriptor."""
    with pytest.raises(exceptions.InvalidArgument, match="Field metricDescriptor"):
        create(client, **fields)

    assert server.book.descriptors == {}


def test_descriptors_are_listed_by_prefix_page_by_page(client: monitoring.MetricServiceClient) -> None:
    """A list has what begins as asked, on as many pages as it takes; a filter of another form is refused."""
    for name in ("a/1", "a/2", "a/3", "b/1"):
        create(client, type=f"custom.googleapis.com/{name}")

    def listed(wanted: str) -> list[str]:
        request: Any = {"name": PROJECT, "filter": wanted}
        return [one.type for one in client.list_metric_descriptors(request, timeout=30, retry=None)]

    found = listed('metric.type = starts_with("custom.googleapis.com/a/")')
    assert found == [f"custom.googleapis.com/a/{n}" for n in (1, 2, 3)]
    with pytest.raises(exceptions.InvalidArgument, match="filter"):
        listed("metric.type : a")


def test_a_descriptor_that_is_not_there(client: monitoring.MetricServiceClient) -> None:
    """Asking for a metric that nobody described or wrote is an error."""
    with pytest.raises(exceptions.NotFound):
        client.get_metric_descriptor(name=f"{PROJECT}/metricDescriptors/{TYPE}", timeout=30, retry=None)


def test_it_can_be_away_and_come_back(server: MonitoringServer, client: monitoring.MetricServiceClient) -> None:
    """A test says how it answers, until it is told to work again."""
    server.answer(grpc.StatusCode.UNAVAILABLE, "away")
    with pytest.raises(exceptions.ServiceUnavailable, match="away"):
        write(client, series())
    server.hang()
    with pytest.raises(exceptions.DeadlineExceeded):
        client.create_time_series(name=PROJECT, time_series=[series()], timeout=0.2, retry=None)
    server.work()
    write(client, series())

    assert [point.value for point in server.points(TYPE)] == [1.5]
    assert [(call.method, call.series) for call in server.calls] == [("CreateTimeSeries", 1)] * 3
