"""What is deployed, held against the code that it deploys and against what Google's services take."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from heartbeat_client.parts import PARTS
from heartbeat_client.run import OPERATIONS, RUNS
from heartbeat_client.store_address import StoreAddress
from tests.deploy import metrics_file
from tests.deploy.planned import of_type, only, resources, settings
from tests.deploy.provider_rules import broken
from tests.support.imports import ROOT
from watchdog.adapters.store_rules import QUERIED
from watchdog.doctor.fields import DOWNWARDS, EXPIRING
from watchdog.environment import SETTINGS
from watchdog.environment import settings as read_settings
from watchdog.incident import INCIDENTS
from watchdog.ledger import WATCHDOG
from watchdog.metrics import METRICS
from watchdog.notice import NOTICES

pytestmark = [pytest.mark.xdist_group("terraform"), pytest.mark.timeout(600)]

Shown = Mapping[str, Any]
WEB = ROOT / "watchdog/web.py"
COLLECTIONS = {RUNS, PARTS, OPERATIONS, INCIDENTS, NOTICES, WATCHDOG}


# --- what Google's services take


def test_no_rule_of_the_services_is_broken(deployed: Shown) -> None:
    """Every value is one that the provider and its API take."""
    found = {address: said for address, kind, values in resources(deployed) if (said := broken(kind, values))}

    assert found == {}


# --- the store


def test_every_queried_field_has_its_index(deployed: Shown) -> None:
    """The fields that keep an index are those that the watchdog queries, no more and no less."""
    indexed = {
        (field["collection"], field["field"])
        for field in of_type(deployed, "google_firestore_field").values()
        if field["index_config"][0]["indexes"]
    }

    assert indexed == set(QUERIED)


def test_an_index_goes_downwards_only_where_a_query_does(deployed: Shown) -> None:
    """Each field has the ascending index, and those that are asked for backwards the descending one too."""
    for field in of_type(deployed, "google_firestore_field").values():
        orders = {index["order"] for index in field["index_config"][0]["indexes"]}
        downwards = {"DESCENDING"} if field["field"] in DOWNWARDS else set()

        assert orders in (set(), {"ASCENDING"} | downwards)


def test_all_other_fields_are_exempt(deployed: Shown) -> None:
    """In each collection, whatever is not queried has no index."""
    fields = of_type(deployed, "google_firestore_field").values()
    exempt = {one["collection"] for one in fields if one["field"] == "*" and not one["index_config"][0]["indexes"]}

    assert exempt == COLLECTIONS


def test_what_expires_is_deleted(deployed: Shown) -> None:
    """The collections whose records expire have a TTL policy on expires_at, and no other field has one."""
    fields = of_type(deployed, "google_firestore_field").values()

    assert {(one["collection"], one["field"]) for one in fields if one["ttl_config"]} == {
        (collection, "expires_at") for collection in EXPIRING
    }


# --- the service


def test_every_setting_is_one_that_is_read(deployed: Shown) -> None:
    """A misspelt variable would be ignored by the watchdog without a word."""
    assert set(settings(deployed)) <= set(SETTINGS)


def test_the_settings_are_accepted(deployed: Shown) -> None:
    """The watchdog takes its environment as it is deployed, with values in the places of secrets."""
    secrets = {
        "HANGWATCH_SLACK_TOKEN": "xoxb-made-up",
        "HANGWATCH_SLACK_SIGNING_SECRET": "made-up",
        "HANGWATCH_PING_URL": "https://ping.example/made-up",
    }
    known = read_settings({name: one["value"] or secrets[name] for name, one in settings(deployed).items()})
    job = only(deployed, "google_cloud_scheduler_job")["http_target"][0]

    assert known.slack_channel == "#alerts"
    assert (known.sweep_audience, known.sweep_account) == (
        job["oidc_token"][0]["audience"],
        job["oidc_token"][0]["service_account_email"],
    )
    assert job["uri"] == f"{known.link_base}/sweep"
    assert str(known.policy) == "/etc/hangwatch/policy.toml"


def test_a_service_for_everybody_has_no_page(deployed: Shown) -> None:
    """Slack's clicks need a service that everybody reaches, and not everybody may look at the page."""
    everybody = any(
        one["member"] == "allUsers" for one in of_type(deployed, "google_cloud_run_v2_service_iam_member").values()
    )

    assert ("HANGWATCH_PAGE" in settings(deployed)) is not everybody


def test_the_policy_is_where_the_setting_says(deployed: Shown) -> None:
    """The file that HANGWATCH_POLICY names is one that the service has."""
    (template,) = only(deployed, "google_cloud_run_v2_service")["template"]
    (mount,) = template["containers"][0]["volume_mounts"]
    (volume,) = template["volumes"]
    path = f"{mount['mount_path']}/{volume['secret'][0]['items'][0]['path']}"

    assert mount["name"] == volume["name"]
    assert path == settings(deployed)["HANGWATCH_POLICY"]["value"]


def test_a_revision_starts_only_if_it_answers(deployed: Shown) -> None:
    """The probe asks an address that the web application has, within the time that a start may take."""
    (template,) = only(deployed, "google_cloud_run_v2_service")["template"]
    (probe,) = template["containers"][0]["startup_probe"]
    path = probe["http_get"][0]["path"]

    assert probe["period_seconds"] * probe["failure_threshold"] <= 240
    assert path in WEB.read_text(encoding="utf-8")


def test_the_store_is_an_address_that_is_understood(deployed: Shown) -> None:
    """HANGWATCH_STORE names the project and the database that are made."""
    address = StoreAddress.parse(settings(deployed)["HANGWATCH_STORE"]["value"])
    database = only(deployed, "google_firestore_database")

    assert (address.project, address.database) == (database["project"], database["name"])


def test_secrets_come_from_secret_manager(deployed: Shown) -> None:
    """What is secret is never a plain value of the service."""
    secret = {"HANGWATCH_SLACK_TOKEN", "HANGWATCH_SLACK_SIGNING_SECRET", "HANGWATCH_PING_URL"}
    given = settings(deployed)

    assert {name for name, one in given.items() if one["value_source"]} == secret
    assert not [name for name in secret if given[name]["value"]]


def test_a_sweep_has_time_to_answer(deployed: Shown) -> None:
    """A sweep's 45 s fit the scheduler's deadline, that the service's, and all of it the minute until the next one."""
    job = only(deployed, "google_cloud_scheduler_job")
    (template,) = only(deployed, "google_cloud_run_v2_service")["template"]

    assert 45 < int(job["attempt_deadline"].rstrip("s")) < 60
    assert int(job["attempt_deadline"].rstrip("s")) < int(template["timeout"].rstrip("s")) <= 60
    assert (job["schedule"], job["retry_config"][0]["retry_count"]) == ("* * * * *", 0)


def test_the_service_is_paid_by_request(deployed: Shown) -> None:
    """Between sweeps no CPU is paid for, and no instance is kept."""
    (template,) = only(deployed, "google_cloud_run_v2_service")["template"]
    (used,) = template["containers"][0]["resources"]

    assert (used["cpu_idle"], used["startup_cpu_boost"]) == (True, True)
    assert template["scaling"][0]["min_instance_count"] == 0


# --- the metrics


def test_metrics_are_described_as_they_are_written() -> None:
    """metrics.json says what watchdog/metrics.py says; python -m tests.deploy.metrics_file remakes it."""
    assert metrics_file.FILE.read_text(encoding="utf-8") == metrics_file.text()


def test_descriptors_are_those_that_the_watchdog_would_make(deployed: Shown) -> None:
    """A descriptor of another kind or value type would have every point refused."""
    described = of_type(deployed, "google_monitoring_metric_descriptor").values()
    found = {
        one["type"]: (one["metric_kind"], one["value_type"], one["unit"], one["display_name"]) for one in described
    }

    assert found == {
        metric.type: (metric.kind, metric.value_type, metric.unit, f"Hangwatch: {metric.title}")
        for metric in METRICS.values()
    }


def metric_types(text: str) -> set[str]:
    """The metrics that filters name."""
    return set(re.findall(r'metric\.type = \\*"([^"\\]+)', text))


OTHERS = {
    "run.googleapis.com/request_count",  # Cloud Run's own
    "logging.googleapis.com/user/hangwatch/client_write_failures",  # made of the client's lines
}


@pytest.mark.parametrize("type_name", ["google_monitoring_alert_policy", "google_monitoring_dashboard"])
def test_alerts_and_charts_name_metrics_that_exist(deployed: Shown, type_name: str) -> None:
    """A filter on a metric that nobody writes never matches, and no one would know."""
    named = metric_types(json.dumps(list(of_type(deployed, type_name).values())))

    assert named
    assert named <= {metric.type for metric in METRICS.values()} | OTHERS


def test_every_metric_is_on_the_dashboard(deployed: Shown) -> None:
    """The dashboard is JSON that shows each metric once, in tiles that don't overlap."""
    board = json.loads(only(deployed, "google_monitoring_dashboard")["dashboard_json"])
    tiles = board["mosaicLayout"]["tiles"]
    shown = [metric_types(json.dumps(tile)) for tile in tiles]
    places = [(tile["xPos"], tile["yPos"]) for tile in tiles]

    assert {metric.type for metric in METRICS.values()} <= set().union(*shown)
    assert all(len(one) == 1 for one in shown)
    assert len(set(places)) == len(places)
    assert all(tile["xPos"] + tile["width"] <= board["mosaicLayout"]["columns"] for tile in tiles)


def test_charts_group_by_labels_that_their_metric_has(deployed: Shown) -> None:
    """A label that a metric lacks would put all its lines into one."""
    board = json.loads(only(deployed, "google_monitoring_dashboard")["dashboard_json"])
    by_type = {metric.type: set(metric.labels) for metric in METRICS.values()}
    for tile in board["mosaicLayout"]["tiles"]:
        query = tile["widget"]["xyChart"]["dataSets"][0]["timeSeriesQuery"]["timeSeriesFilter"]
        labels = set(re.findall(r'metric\.label\."(\w+)"', " ".join(query["aggregation"]["groupByFields"])))
        (name,) = metric_types(query["filter"])

        assert labels == by_type.get(name, set())


def test_a_dead_watchdog_alerts(deployed: Shown) -> None:
    """The absence of complete sweeps alerts after three missed ones at the earliest, critically."""
    policies = of_type(deployed, "google_monitoring_alert_policy").values()
    (policy,) = (one for one in policies if one["conditions"][0]["condition_absent"])
    (condition,) = policy["conditions"][0]["condition_absent"]

    assert METRICS["sweep/completed"].type in condition["filter"]
    assert int(condition["duration"].rstrip("s")) >= 180
    assert policy["severity"] == "CRITICAL"


def test_every_alert_says_what_to_do(deployed: Shown) -> None:
    """Whoever is woken reads more than the name of a metric."""
    for policy in of_type(deployed, "google_monitoring_alert_policy").values():
        assert len(policy["documentation"][0]["content"]) > 100
        assert policy["documentation"][0]["subject"]


def test_alerts_are_named_once(deployed: Shown) -> None:
    """Two policies of one name can't be told apart in a message."""
    names = [one["display_name"] for one in of_type(deployed, "google_monitoring_alert_policy").values()]

    assert len(set(names)) == len(names)
