"""Cloud Monitoring, against a server that keeps its contract: what arrives, what is no error, what errors say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import grpc
import pytest
from google.api import label_pb2, metric_pb2

from tests.support.monitoring_server import MonitoringServer, Wording
from tests.support.tcp_proxy import TcpProxy
from tests.support.world import World, a_run
from watchdog.adapters.cloud_monitoring import CALL_LIMIT, CloudMonitoring
from watchdog.incident import Case
from watchdog.measures import readings
from watchdog.metrics import METRICS, PREFIX, VERDICTS
from watchdog.policy import Policy
from watchdog.ports import DeliveryError, Meter, Reading
from watchdog.report import SweepReport
from watchdog.sweep import Sweep
from watchdog.verdict import judge

PROJECT = "demo-project"
NOW = datetime(2026, 1, 14, 10, 0, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
PLENTY = 30.0

COMPLETED = Reading("sweep/completed", 1.0)
SILENCE = Reading("operation/worst_silence", 12.5, {"operation": "load"})
DESCRIPTOR = metric_pb2.MetricDescriptor

Codes = grpc.StatusCode


@pytest.fixture
def server() -> Iterator[MonitoringServer]:
    with MonitoringServer(PROJECT, clock=lambda: NOW) as running:
        yield running


@pytest.fixture
def meter(server: MonitoringServer) -> Iterator[CloudMonitoring]:
    made = CloudMonitoring(PROJECT, endpoint=server.endpoint)
    yield made
    made.close()


def undelivered(meter: Meter, *given: Reading, at: datetime = NOW, seconds: float = PLENTY) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        meter.write(given or (COMPLETED,), at, seconds=seconds)
    return caught.value


def latest(server: MonitoringServer, reading: Reading) -> float | None:
    return server.latest(PREFIX + reading.metric, **reading.labels)


def of_operations(how_many: int) -> list[Reading]:
    return [Reading("operation/live_runs", n, {"operation": f"op {n}"}) for n in range(how_many)]


def test_each_reading_is_one_point_of_its_own_series(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """A reading arrives under its metric's type, with its labels, its value and the sweep's instant."""
    meter.write([COMPLETED, SILENCE], NOW, seconds=PLENTY)

    (point,) = server.points(PREFIX + "operation/worst_silence", operation="load")
    assert (point.at, point.value) == (NOW, 12.5)
    assert latest(server, COMPLETED) == 1
    assert [(call.method, call.series) for call in server.calls] == [("CreateTimeSeries", 2)]


def test_all_series_are_of_one_resource_that_never_changes(server: MonitoringServer) -> None:
    """The resource is a generic_task with each of its labels, the same from sweep to sweep."""
    for minute in range(2):
        meter = CloudMonitoring(PROJECT, location="europe-west3", namespace="staging", endpoint=server.endpoint)
        meter.write([COMPLETED], NOW + minute * 60 * SECOND, seconds=PLENTY)
        meter.close()

    labels = {
        "project_id": PROJECT,
        "location": "europe-west3",
        "namespace": "staging",
        "job": "watchdog",
        "task_id": "sweep",
    }
    assert {key[2:] for key in server.book.series} == {("generic_task", frozenset(labels.items()))}
    assert [point.at for point in server.points(PREFIX + "sweep/completed")] == [NOW, NOW + 60 * SECOND]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, 0), (2.6, 3), (1e30, 2**63 - 1), (-1e30, -(2**63 - 1))],
    ids=["zero", "rounded", "too_large", "too_small"],
)
def test_a_count_is_written_as_a_whole_number(
    server: MonitoringServer, meter: CloudMonitoring, value: float, written: int
) -> None:
    """What is counted is an INT64, whatever a record claimed."""
    meter.write([Reading("clients/failed_writes", value)], NOW, seconds=PLENTY)

    assert server.latest(PREFIX + "clients/failed_writes") == float(written)


def test_what_a_sweep_writes_is_taken_as_it_is(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """All figures of a sweep fit the descriptors that were created for them."""
    runs = [a_run(id=str(n), operation=f"op {n}", started_at=NOW, beat_at=NOW, due_at=NOW) for n in range(60)]
    cases = [Case(run.id, run, judge(run, Policy(), NOW)) for run in runs]
    found = readings(cases, [], SweepReport(NOW), Policy(), NOW, live=runs, took=2.5)
    assert meter.descriptors().create(METRICS) == []

    meter.write(found, NOW, seconds=PLENTY)

    assert [latest(server, reading) for reading in found] == [pytest.approx(reading.value) for reading in found]
    assert len(server.book.series) == len(found) > 2 * CALL_LIMIT


@pytest.mark.parametrize(
    ("how_many", "calls"),
    [
        (0, []),
        (1, [1]),
        (CALL_LIMIT, [CALL_LIMIT]),
        (CALL_LIMIT + 1, [CALL_LIMIT, 1]),
        (2 * CALL_LIMIT, [CALL_LIMIT, CALL_LIMIT]),
    ],
    ids=["nothing", "one", "a_full_call", "one_more", "two_full_calls"],
)
def test_a_call_brings_no_more_series_than_it_may(
    server: MonitoringServer, meter: CloudMonitoring, how_many: int, calls: list[int]
) -> None:
    """What does not fit one call is written with the next."""
    meter.write(of_operations(how_many), NOW, seconds=PLENTY)

    assert [call.series for call in server.calls] == calls
    assert len(server.book.series) == how_many


def test_an_operation_in_trouble_goes_back_to_zero(tmp_path: Path) -> None:
    """From sweep to sweep, the figure of an operation's incidents rises with its trouble and ends at zero."""
    world = World(tmp_path)
    with MonitoringServer(PROJECT, clock=lambda: world.now) as server:
        meter = CloudMonitoring(PROJECT, endpoint=server.endpoint)
        run = world.put(a_run(), beat_at=world.now)

        def told_after(minutes: float, verdict: str) -> float | None:
            world.at(minutes)
            assert Sweep(world.store, world.channels, world.policy, meter=meter).run().unmeasured == ""
            return server.latest(PREFIX + "operation/open_incidents", operation=run.operation, verdict=verdict)

        assert told_after(1, "silent") == 0
        assert told_after(2, "silent") == 1
        world.beat(run)
        assert told_after(2.2, "silent") == 0
        assert [point.value for point in server.points(PREFIX + "sweep/completed")] == [1, 1, 1]
        meter.close()


wordings = pytest.mark.parametrize(
    "wording",
    [
        *(
            Wording(said, one_by_one=one_by_one, summary=summary)
            for said in ("newer", "older")
            for summary in ("codes", "texts", "nothing")
            for one_by_one in (False, True)
        ),
        Wording("nothing", summary="texts"),
    ],
    ids=lambda w: f"text_{w.said}_details_{w.summary}{'_one_by_one' if w.one_by_one else ''}",
)


@pytest.mark.parametrize("later", [0, -1, 4.999], ids=["the_same_instant", "an_older_one", "too_soon_after"])
@wordings
def test_two_sweeps_that_overlap_are_no_error(wording: Wording, later: float) -> None:
    """Where another sweep has just written, its points stay, and what it left out is written."""
    with MonitoringServer(PROJECT, clock=lambda: NOW, wording=wording) as server:
        first, second = (CloudMonitoring(PROJECT, endpoint=server.endpoint) for _ in range(2))
        theirs, ours = of_operations(CALL_LIMIT), [Reading(r.metric, 77, r.labels) for r in of_operations(CALL_LIMIT)]
        first.write(theirs, NOW, seconds=PLENTY)
        second.write([*ours, COMPLETED], NOW + later * SECOND, seconds=PLENTY)
        first.close()
        second.close()

        assert [latest(server, reading) for reading in theirs] == [reading.value for reading in theirs]
        assert latest(server, COMPLETED) == 1


def test_the_next_sweep_writes_again(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """After the sampling period of 5 s a series takes another point."""
    for later in (0, 5):
        meter.write([COMPLETED], NOW + later * SECOND, seconds=PLENTY)

    assert len(server.points(PREFIX + "sweep/completed")) == 2


def a_strangers_descriptor(server: MonitoringServer, name: str, **fields: object) -> None:
    metric = METRICS[name]
    given = {"type": metric.type, "metric_kind": "GAUGE", "value_type": metric.value_type} | fields
    server.book.create(f"projects/{PROJECT}", DESCRIPTOR(**given))


def test_overlap_that_nobody_can_be_sure_of_is_told() -> None:
    """Where neither text nor details say why series were left out, that is an error."""
    with MonitoringServer(PROJECT, clock=lambda: NOW, wording=Wording("nothing", summary="codes")) as server:
        meter = CloudMonitoring(PROJECT, endpoint=server.endpoint)
        meter.write([COMPLETED], NOW, seconds=PLENTY)
        error = undelivered(meter)
        meter.close()

        assert "could not be written" in str(error)


@wordings
def test_a_descriptor_that_does_not_fit_is_told_and_the_rest_is_written(wording: Wording) -> None:
    """A series that is refused for good is an error with a remedy, even beside overlap; no other series suffers."""
    with MonitoringServer(PROJECT, clock=lambda: NOW, wording=wording) as server:
        a_strangers_descriptor(server, "sweep/read", value_type="DOUBLE")
        meter = CloudMonitoring(PROJECT, endpoint=server.endpoint)
        meter.write([COMPLETED], NOW, seconds=PLENTY)
        others = of_operations(CALL_LIMIT)
        error = undelivered(meter, COMPLETED, Reading("sweep/read", 3), *others)
        meter.close()

        assert error.permanent
        assert "must be DOUBLE, but is INT64" in str(error)
        assert "doctor" in str(error)
        assert [latest(server, reading) for reading in others] == [reading.value for reading in others]


@wordings
def test_an_operations_name_hides_no_error(wording: Wording) -> None:
    """The words of an error count, not those of the labels that it quotes."""
    sly = "Points must be written in order; points were written more frequently than"
    with MonitoringServer(PROJECT, clock=lambda: NOW, wording=wording) as server:
        a_strangers_descriptor(server, "operation/live_runs", metric_kind="CUMULATIVE")
        meter = CloudMonitoring(PROJECT, endpoint=server.endpoint)
        error = undelivered(meter, Reading("operation/live_runs", 1, {"operation": sly}))
        meter.close()

        assert "Metric kind" in str(error)


@pytest.mark.parametrize(
    ("at", "fits"),
    [
        (NOW + timedelta(minutes=5), True),
        (NOW + timedelta(minutes=5, seconds=1), False),
        (NOW - timedelta(hours=25), True),
        (NOW - timedelta(hours=25, seconds=1), False),
    ],
    ids=["five_minutes_ahead", "further_ahead", "25_hours_ago", "longer_ago"],
)
def test_a_store_whose_clock_is_wrong_is_told(
    server: MonitoringServer, meter: CloudMonitoring, at: datetime, fits: bool
) -> None:
    """A point too far from the service's own time is refused, and the error says whose time it was."""
    if fits:
        meter.write([COMPLETED], at, seconds=PLENTY)
        assert latest(server, COMPLETED) == 1
    else:
        assert "the time of the store's server" in str(undelivered(meter, at=at))


@pytest.mark.parametrize(
    ("code", "said", "permanent", "helps", "calls"),
    [
        (Codes.PERMISSION_DENIED, "Permission denied", True, "roles/monitoring.metricWriter", 1),
        (Codes.PERMISSION_DENIED, "API has not been used in project 7", True, "enable monitoring.googleapis.com", 1),
        (Codes.UNAUTHENTICATED, "token ya29.s3cret expired", True, "gcloud auth application-default login", 1),
        (Codes.NOT_FOUND, "Requested entity was not found", True, "HANGWATCH_MONITORING_PROJECT", 1),
        (Codes.RESOURCE_EXHAUSTED, "Quota exceeded", False, "quotas", 1),
        (Codes.INTERNAL, "Internal error encountered", False, "next sweep", 1),
        (Codes.UNAVAILABLE, "The service is currently unavailable", False, "next sweep", 2),
    ],
    ids=["no_role", "api_disabled", "no_login", "no_project", "quota", "internal", "unavailable"],
)
def test_an_error_says_what_to_do(
    server: MonitoringServer,
    meter: CloudMonitoring,
    *,
    code: Codes,
    said: str,
    permanent: bool,
    helps: str,
    calls: int,
) -> None:
    """Each error tells whether a person must act, and how; no secret is in it, and no retry goes on in secret."""
    server.answer(code, said)
    error = undelivered(meter)

    assert error.permanent is permanent
    assert str(error).startswith("cloud monitoring: ")
    assert helps in str(error)
    assert "s3cret" not in str(error)
    assert error.__cause__ is None
    assert len(server.calls) == calls


def test_after_an_error_the_next_write_works(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """A service that was away is written to again as soon as it is back."""
    server.answer(Codes.UNAVAILABLE, "away")
    undelivered(meter)
    server.work()
    meter.write([COMPLETED], NOW, seconds=PLENTY)

    assert latest(server, COMPLETED) == 1


def test_other_series_are_not_tried_where_the_service_is_away(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """Trouble that is no series' own ends the write: the time is needed elsewhere."""
    server.answer(Codes.INTERNAL, "broken")
    undelivered(meter, *of_operations(3 * CALL_LIMIT))

    assert len(server.calls) == 1


def test_a_service_that_never_answers_costs_the_seconds_given(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """A call ends when the time is over, which the service is told."""
    server.hang()
    error = undelivered(meter, seconds=0.5)

    assert not error.permanent
    assert error.maybe_delivered
    assert [call.seconds < 0.6 for call in server.calls] == [True]


def test_the_seconds_are_for_all_calls_together(server: MonitoringServer) -> None:
    """A later call gets what the earlier ones left; gRPC may round what it tells the service up by 3 %."""
    ticks = count(step=20)
    meter = CloudMonitoring(PROJECT, endpoint=server.endpoint, clock=lambda: float(next(ticks)))
    meter.write(of_operations(3 * CALL_LIMIT), NOW, seconds=100)
    meter.close()

    assert [round(call.seconds) for call in server.calls] == [80, 60, 40]


def test_without_time_nothing_is_sent(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """Where no time is left no call is made, and the error says so."""
    error = undelivered(meter, seconds=0)

    assert not error.permanent
    assert "no time is left" in str(error)
    assert server.calls == []


@pytest.mark.parametrize("how", ["refuse", "freeze"])
def test_a_service_that_cannot_be_reached(server: MonitoringServer, how: str) -> None:
    """A port that refuses and a network that swallows everything end in an error; once it is back, so are we."""
    with TcpProxy(server.endpoint) as proxy:
        getattr(proxy, how)()
        meter = CloudMonitoring(PROJECT, endpoint=proxy.host)
        error = undelivered(meter, seconds=0.5)
        proxy.forward()
        meter.write([COMPLETED], NOW, seconds=PLENTY)
        meter.close()

    assert not error.permanent
    assert latest(server, COMPLETED) == 1


def test_a_connection_that_died_while_idle_is_made_anew(server: MonitoringServer) -> None:
    """A second write over a connection that was cut meanwhile goes through."""
    with TcpProxy(server.endpoint) as proxy:
        meter = CloudMonitoring(PROJECT, endpoint=proxy.host)
        meter.write([COMPLETED], NOW, seconds=PLENTY)
        proxy.refuse()
        proxy.forward()
        meter.write([COMPLETED], NOW + 60 * SECOND, seconds=PLENTY)
        meter.close()

    assert len(server.points(PREFIX + "sweep/completed")) == 2


def test_a_meter_works_after_its_close(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """Closing lets go of the connection only, and may be done twice."""
    meter.close()
    meter.close()
    meter.write([COMPLETED], NOW, seconds=PLENTY)

    assert latest(server, COMPLETED) == 1


@pytest.mark.parametrize(
    "content", [None, "s3cret", json.dumps({"type": "service_account", "private_key": "s3cret"})],
    ids=["no_such_file", "no_json", "no_key"],
)  # fmt: skip
def test_without_credentials_the_error_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    """Google's own endpoint is talked to with credentials only; what is wrong with them is told, and not quoted."""
    path = tmp_path / "s3cret.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    error = undelivered(CloudMonitoring(PROJECT))

    assert error.permanent
    assert "gcloud auth application-default login" in str(error)
    assert "s3cret" not in str(error)


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, server: MonitoringServer
) -> None:
    """A loopback endpoint is talked to directly, whatever proxy is set."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    meter = CloudMonitoring(PROJECT, endpoint=server.endpoint)
    meter.write([COMPLETED], NOW, seconds=PLENTY)
    meter.close()

    assert latest(server, COMPLETED) == 1


def test_a_missing_library_is_told_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, meter: CloudMonitoring
) -> None:
    """Without google-cloud-monitoring a write is an error that names it."""
    monkeypatch.setitem(sys.modules, "google.cloud.monitoring_v3", None)
    error = undelivered(meter)

    assert error.permanent
    assert "install google-cloud-monitoring" in str(error)


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    """A watchdog that writes no metrics does not pay half a second and 60 MB for their library."""
    code = (
        "import sys; from watchdog.adapters.cloud_monitoring import CloudMonitoring as C; "
        "C('p').descriptors(); print([m for m in sys.modules if m.startswith(('google.cloud.monitoring', 'grpc'))])"
    )
    root = Path(__file__).parents[2]

    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True, timeout=60).strip() == "[]"


@pytest.mark.parametrize("project", ["", "projects/p", "My Project", "p\n"], ids=repr)
def test_what_is_no_project_is_refused(project: str) -> None:
    """A project that can't be one is refused at once, without quoting it."""
    with pytest.raises(ValueError, match="expected the id of a project, got something else") as caught:
        CloudMonitoring(project)
    assert not project or repr(project) not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.0.0.1:80", "user:s3cret@host:1", "127.0.0.1:80/v3", "host:", "host:123456", ":80", " "],
    ids=repr,
)
def test_what_is_no_endpoint_is_refused(endpoint: str) -> None:
    """An endpoint is a host and perhaps a port; what else was set stays out of the error."""
    with pytest.raises(ValueError, match="expected HOST:PORT") as caught:
        CloudMonitoring(PROJECT, endpoint=endpoint)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "loopback"),
    [
        ("127.0.0.1:80", True),
        ("127.9.9.9:80", True),
        ("localhost:80", True),
        ("[::1]:80", True),
        ("", False),
        ("monitoring.googleapis.com", False),
        ("127.0.0.1.example.com:80", False),
        ("localhost.example.com:80", False),
        ("10.0.0.1:80", False),
        ("0.0.0.0:80", False),
    ],
)
def test_only_this_machine_is_talked_to_without_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: str, loopback: bool
) -> None:
    """An endpoint elsewhere gets TLS and credentials, and so nothing at all where there are none."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    meter = CloudMonitoring(PROJECT, endpoint=endpoint)
    error = undelivered(meter, seconds=0)

    assert ("no time is left" if loopback else "no valid credentials") in str(error)


def test_a_project_without_our_metrics_misses_them_all(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """Descriptors are created once, with units, descriptions and labels; again changes nothing."""
    descriptors = meter.descriptors()
    assert descriptors.missing() == list(METRICS)

    assert descriptors.create(descriptors.missing()) == []
    before = {name: made.SerializeToString() for name, made in server.book.descriptors.items()}
    assert descriptors.missing() == []
    assert descriptors.create(METRICS) == []
    assert {name: made.SerializeToString() for name, made in server.book.descriptors.items()} == before

    made = server.book.descriptors[PREFIX + "operation/worst_stall"]
    metric = METRICS["operation/worst_stall"]
    assert (made.unit, made.description) == ("s", metric.description)
    assert {label.key: label.description for label in made.labels} == dict(metric.labels)
    assert (made.metric_kind, made.value_type) == (DESCRIPTOR.GAUGE, DESCRIPTOR.DOUBLE)


def test_a_metric_that_was_written_first_is_mended(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """What the service made up at the first write gets our unit and words, and keeps its points."""
    meter.write([SILENCE], NOW, seconds=PLENTY)
    descriptors = meter.descriptors()
    assert SILENCE.metric in descriptors.missing()

    assert descriptors.create([SILENCE.metric]) == []

    assert SILENCE.metric not in descriptors.missing()
    assert server.book.descriptors[PREFIX + SILENCE.metric].unit == "s"
    assert latest(server, SILENCE) == 12.5


@pytest.mark.parametrize(
    "lacking",
    [{"unit": "min"}, {"description": "?"}, {"display_name": "?"}, {"labels": []}],
    ids=["unit", "description", "title", "labels"],
)
def test_what_a_descriptor_lacks_is_missing_until_it_is_created(
    server: MonitoringServer, meter: CloudMonitoring, lacking: dict[str, object]
) -> None:
    """A descriptor with another unit or other words, or without one of our labels, is brought up to date."""
    descriptors = meter.descriptors()
    descriptors.create(METRICS)
    made = server.book.descriptors[PREFIX + SILENCE.metric]
    for field, value in lacking.items():
        made.ClearField(field)
        if value:
            setattr(made, field, value)
    assert descriptors.missing() == [SILENCE.metric]

    descriptors.create([SILENCE.metric])

    assert descriptors.missing() == []


def test_labels_that_somebody_else_added_are_told_and_do_no_harm(
    server: MonitoringServer, meter: CloudMonitoring
) -> None:
    """Labels can't be taken from a descriptor, so it is enough that ours are there."""
    a_strangers_descriptor(server, SILENCE.metric, labels=[label_pb2.LabelDescriptor(key="team")])
    descriptors = meter.descriptors()

    (remark,) = descriptors.create([SILENCE.metric])

    assert "labels that are not ours (team)" in remark
    assert descriptors.conflicts() == []
    assert SILENCE.metric not in descriptors.missing()
    meter.write([SILENCE], NOW, seconds=PLENTY)
    assert latest(server, SILENCE) == 12.5


@pytest.mark.parametrize("differing", [{"value_type": "INT64"}, {"metric_kind": "CUMULATIVE"}], ids=["value", "kind"])
def test_a_descriptor_of_another_kind_is_a_conflict(
    server: MonitoringServer, meter: CloudMonitoring, differing: dict[str, object]
) -> None:
    """What can't be changed is not missing but a conflict; creating says the same, and creates the others."""
    a_strangers_descriptor(server, SILENCE.metric, **differing)
    descriptors = meter.descriptors()

    (conflict,) = descriptors.conflicts()
    assert PREFIX + SILENCE.metric in conflict
    assert "expected GAUGE DOUBLE, got " in conflict
    assert "delete that descriptor" in conflict
    assert SILENCE.metric not in descriptors.missing()
    assert descriptors.create(METRICS) == [conflict]
    assert descriptors.missing() == []


def test_a_long_list_of_descriptors_is_read_to_its_end() -> None:
    """What the service lists on later pages is not missing."""
    with MonitoringServer(PROJECT, clock=lambda: NOW, page=4) as server:
        meter = CloudMonitoring(PROJECT, endpoint=server.endpoint)
        meter.descriptors().create(METRICS)

        assert meter.descriptors().missing() == []
        meter.close()
        assert [call.method for call in server.calls].count("ListMetricDescriptors") == -(-len(METRICS) // 4)


@pytest.mark.parametrize("ask", ["missing", "conflicts", "create"])
def test_descriptors_of_a_project_that_is_not_ours(server: MonitoringServer, ask: str) -> None:
    """What forbids writing forbids looking, with the same remedy."""
    meter = CloudMonitoring("another-project", endpoint=server.endpoint)
    descriptors = meter.descriptors()
    with pytest.raises(DeliveryError, match=r"roles/monitoring\.metricWriter"):
        descriptors.create(["sweep/read"]) if ask == "create" else getattr(descriptors, ask)()
    meter.close()


def test_looking_at_descriptors_is_not_retried_in_secret(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """A service that is away is asked once more, and then it is told."""
    server.answer(Codes.UNAVAILABLE, "away")
    with pytest.raises(DeliveryError, match="away"):
        meter.descriptors().missing()

    assert len(server.calls) == 2


def test_every_verdict_can_be_asked_for(server: MonitoringServer, meter: CloudMonitoring) -> None:
    """An alert policy that filters by operation and verdict finds the series that it means."""
    given = [
        Reading("operation/open_incidents", n, {"operation": "load", "verdict": verdict})
        for n, verdict in enumerate(VERDICTS)
    ]
    meter.write(given, NOW, seconds=PLENTY)

    assert server.latest(PREFIX + "operation/open_incidents", verdict="stalled") == VERDICTS.index("stalled")
