"""Addresses in a notice: each leads to what it says, whatever the names in it are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given

from heartbeat_client.run import Run
from tests.client.random_runs import instants, runs
from tests.support.world import START, a_run
from watchdog.links import links

NOW = START + timedelta(minutes=18)
CLOUD: dict[str, Any] = {
    "project": "nba-props",
    "region": "us-west2",
    "platform": "cloud_run_service",
    "service": "coordinator",
    "revision": "coordinator-00042-abc",
}


def linked(run: Run, base: str = "", runbook: str | None = None) -> dict[str, str]:
    return dict(links(run, NOW, base, runbook))


def filter_of(run: Run) -> list[str]:
    """The lines of the filter that the link to the logs opens."""
    parts = urlsplit(linked(run)["Logs"])
    assert parts.netloc == "console.cloud.google.com"
    assert parse_qs(parts.query) == {"project": [run.project]}
    path, _, query = parts.path.partition(";query=")
    assert path == "/logs/query"
    assert "/" not in query
    assert ";" not in query
    return unquote(query).split("\n")


@pytest.mark.parametrize(
    ("run", "labels"),
    [
        pytest.param(a_run(), [], id="a_laptop_has_neither"),
        pytest.param(a_run(**CLOUD), ["Logs", "Cloud Run"], id="a_service"),
        pytest.param(a_run(**CLOUD | {"platform": "cloud_run_job"}), ["Logs", "Cloud Run"], id="a_job"),
        pytest.param(a_run(**CLOUD | {"project": ""}), [], id="no_project"),
        pytest.param(a_run(**CLOUD | {"region": ""}), ["Logs"], id="no_region"),
        pytest.param(a_run(**CLOUD | {"service": ""}), [], id="no_service"),
        pytest.param(a_run(**CLOUD | {"revision": ""}), ["Logs", "Cloud Run"], id="no_revision"),
        pytest.param(
            a_run(**CLOUD | {"platform": "cloud_run_job", "revision": ""}), ["Logs"], id="a_job_without_its_execution"
        ),
        pytest.param(a_run(**CLOUD | {"platform": "kubernetes"}), [], id="another_platform"),
    ],
)
def test_a_link_is_there_where_it_can_lead_somewhere(run: Run, labels: list[str]) -> None:
    """Links are made of what is known, and left out where that is not enough."""
    assert list(linked(run)) == labels


def test_the_links_come_in_a_fixed_order() -> None:
    """The run's page first, the runbook last."""
    found = linked(a_run(**CLOUD), "https://hangwatch.example/", "https://wiki.example/load?a=1&b=2")

    assert list(found) == ["Run", "Logs", "Cloud Run", "Runbook"]
    assert found["Run"] == "https://hangwatch.example/runs/run1"
    assert found["Runbook"] == "https://wiki.example/load?a=1&b=2"
    assert found["Cloud Run"] == (
        "https://console.cloud.google.com/run/detail/us-west2/coordinator/metrics?project=nba-props"
    )


def test_the_logs_are_those_of_the_run() -> None:
    """The filter holds the service, its revision, and the time from a minute before the start to some after now."""
    assert filter_of(a_run(**CLOUD)) == [
        'resource.type="cloud_run_revision"',
        'resource.labels.service_name="coordinator"',
        'resource.labels.revision_name="coordinator-00042-abc"',
        'timestamp>="2026-01-14T09:59:00Z"',
        'timestamp<="2026-01-14T10:23:00Z"',
    ]


def test_the_logs_of_a_run_that_is_over_end_with_it() -> None:
    """The end of the range follows the end of the run, not the time of the notice."""
    ended = a_run(**CLOUD, state="succeeded", ended_at=START + timedelta(minutes=5))

    assert filter_of(ended)[-1] == 'timestamp<="2026-01-14T10:10:00Z"'


def test_a_jobs_links_lead_to_its_execution() -> None:
    """A job has executions where a service has revisions."""
    job = a_run(**CLOUD | {"platform": "cloud_run_job", "service": "nightly", "revision": "nightly-x7"})

    assert filter_of(job)[:3] == [
        'resource.type="cloud_run_job"',
        'resource.labels.job_name="nightly"',
        'labels."run.googleapis.com/execution_name"="nightly-x7"',
    ]
    assert linked(job)["Cloud Run"] == (
        "https://console.cloud.google.com/run/jobs/executions/details/us-west2/nightly-x7/tasks?project=nba-props"
    )


def test_a_name_cannot_leave_its_place_in_a_filter() -> None:
    """Quotes and backslashes of a name stay inside the filter's quotes."""
    hostile = a_run(**CLOUD | {"service": 'x" OR resource.labels.y="\\'})

    assert filter_of(hostile)[1] == 'resource.labels.service_name="x\\" OR resource.labels.y=\\"\\\\"'


def test_an_id_cannot_leave_its_place_in_an_address() -> None:
    """An id with slashes, dots and marks is one segment of the path."""
    address = urlsplit(linked(a_run("../../x?y#z"), "https://hangwatch.example")["Run"])

    assert (address.path, address.query, address.fragment) == ("/runs/..%2F..%2Fx%3Fy%23z", "", "")


@given(run=runs(), now=instants)
def test_any_run_has_addresses_in_plain_ascii(run: Run, now: object) -> None:
    """Whatever its names are, the links of a run are web addresses without blanks or brackets."""
    for _, address in links(run, now, "https://hangwatch.example"):  # type: ignore[arg-type]  # drawn as an instant
        assert address.startswith("https://")
        assert address.isascii()
        assert not set(address) & set(' <>|"\n\t')
