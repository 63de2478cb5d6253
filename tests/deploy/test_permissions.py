"""The rights that deploy/ grants are those that the code uses, as recorded while it works: none missing, none more."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from heartbeat_client.store_address import StoreAddress
from tests.deploy.permissions import CALLS, GRANTS, needed
from tests.deploy.recorded_life import ALL_OF_IT, KILLED, Life
from tests.support.emulators import LOOPBACK, Running, free_port
from tests.support.firestore_admin_server import FirestoreAdminServer
from tests.support.firestore_recorder import FirestoreRecorder
from tests.support.imports import ROOT
from tests.support.monitoring_server import MonitoringServer
from tests.support.token_issuer import Issuer
from watchdog.adapters.firestore_admin import FirestoreAdmin
from watchdog.doctor.examination import examine
from watchdog.doctor.means import Means
from watchdog.ports import Store, StoreError

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("recorded"), pytest.mark.timeout(400)]

AUDIENCE = "https://hangwatch-1234567890.us-central1.run.app"
ACCOUNT = "hangwatch-scheduler@a-project.iam.gserviceaccount.com"
FIRESTORE_RIGHTS = "datastore.entities."

# What the doctor calls besides, as whoever runs it. Sources: "IAM permissions" of Firestore, and the roles' pages.
DOCTORS_CALLS = {
    "FirestoreAdmin.GetDatabase": ("datastore.databases.getMetadata", "roles/datastore.user"),
    "FirestoreAdmin.ListFields": ("datastore.indexes.list", "roles/datastore.user"),
    "FirestoreAdmin.UpdateField": ("datastore.indexes.update", "roles/datastore.indexAdmin"),
    "MetricService.CreateTimeSeries": ("monitoring.timeSeries.create", "roles/monitoring.metricWriter"),
    "MetricService.ListMetricDescriptors": ("monitoring.metricDescriptors.list", "roles/monitoring.metricWriter"),
    "MetricService.CreateMetricDescriptor": ("monitoring.metricDescriptors.create", "roles/monitoring.metricWriter"),
}
OF_THE_FIX = {"FirestoreAdmin.UpdateField", "MetricService.CreateMetricDescriptor"}


@dataclass
class Recorded:
    """What one side asked for. calls: `Service.Method`; rights: permissions on documents."""

    calls: set[str]
    rights: set[str]


def of(recorder: FirestoreRecorder) -> Recorded:
    """What the recorder has heard, and begin anew."""
    heard = Recorded({f"Firestore.{name}" for name in recorder.tally.methods}, set(recorder.tally.rights))
    recorder.tally.clear()
    return heard


@pytest.fixture(scope="module")
def recorded(firestore_emulator: Running) -> Iterator[dict[str, Recorded]]:
    """Each side's calls: the client's, the watchdog's in all it does, its metrics among them."""
    with FirestoreRecorder(firestore_emulator.host) as recorder, MonitoringServer() as monitoring, Issuer() as issuer:
        metrics = {"HANGWATCH_MONITORING_PROJECT": "demo-project", "HANGWATCH_MONITORING_ENDPOINT": monitoring.endpoint}
        life = Life(recorder, **metrics)
        for _ in range(5):
            life.client(ALL_OF_IT)
            if f"{FIRESTORE_RIGHTS}update" in recorder.tally.rights:
                break  # on a crowded machine a first write may take so long that it is the run's only one
        life.client(KILLED)
        heard = {"client": of(recorder)}
        watch(life, issuer)
        heard["watchdog"] = of(recorder)
        heard["watchdog"].calls |= {f"MetricService.{call.method}" for call in monitoring.calls}
        yield heard


def watch(life: Life, issuer: Issuer) -> None:
    """Everything that the watchdog does by itself and for people, but the doctor."""
    life.sweep("--audit")
    incident = incident_told(life)
    life.watchdog("status", "--all", "--json")
    life.watchdog("show", incident["run"])
    life.watchdog("ack", incident["run"], "--by", "ada")
    life.watchdog("snooze", "recorded-*", "--for", "1h", "--by", "ada")
    life.watchdog("wake", "recorded-*", "--by", "ada")
    serve_once(life, issuer)
    life.watchdog("prune", "--dry-run")
    life.watchdog("prune", incident["run"])


def incident_told(life: Life) -> dict[str, str]:
    """The incident of the dead run; it may take some sweeps, for the watchdog doubts itself first."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        life.sweep()
        incidents = json.loads(life.watchdog("status", "--json"))["incidents"]
        if incidents:
            found: dict[str, str] = incidents[0]
            return found
        time.sleep(1)
    raise AssertionError(f"no incident of the dead run: {life.watchdog('status', '--all')}")


def serve_once(life: Life, issuer: Issuer) -> None:
    """A sweep as Cloud Scheduler asks for it."""
    port = free_port()
    settings = {
        "PORT": str(port),
        "HANGWATCH_SWEEP_AUDIENCE": AUDIENCE,
        "HANGWATCH_SWEEP_ACCOUNT": ACCOUNT,
        "HANGWATCH_SWEEP_CERTS_URL": issuer.address,
    }
    command = [sys.executable, "-m", "watchdog", "serve"]
    server = subprocess.Popen(
        command, env=life.environment | settings, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        swept(port, issuer.token(AUDIENCE, ACCOUNT))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def swept(port: int, token: str) -> None:
    """Ask for a sweep until the server is there to do it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(600):
        asked = urllib.request.Request(f"http://{LOOPBACK}:{port}/sweep", method="POST", headers=headers)
        try:
            with opener.open(asked, timeout=60) as answer:
                assert json.loads(answer.read())["outcome"] == "swept"
                return
        except OSError:  # nobody listens yet
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


@pytest.mark.parametrize("side", ["client", "watchdog"])
def test_the_table_names_the_calls_that_are_made(recorded: dict[str, Recorded], side: str) -> None:
    """`permissions.CALLS` lists what each side calls: no call that is not there, and none that nobody makes."""
    listed = {name.removeprefix(f"{side}: ") for name in CALLS if name.startswith(f"{side}: ")}

    assert recorded[side].calls == listed


@pytest.mark.parametrize(("side", "party"), [("client", "coordinator"), ("watchdog", "watchdog")])
def test_the_table_names_the_rights_that_are_used(recorded: dict[str, Recorded], side: str, party: str) -> None:
    """The permissions on documents that a party is said to need are those that its requests took."""
    listed = {right for right in needed(party) if right.startswith(FIRESTORE_RIGHTS)}

    assert recorded[side].rights == listed


def granted_by_the_script() -> dict[str, set[str]]:
    """The roles that deploy/gcloud gives, by the variable that names who gets them."""
    text = "".join(path.read_text() for path in sorted((ROOT / "deploy/gcloud").glob("*.sh")) if path.stem != "removal")
    text = re.sub(r"\\\n\s*", " ", text)
    found: dict[str, set[str]] = {}
    for who, role in re.findall(r'add-iam-policy-binding [^\n]*?--member="(\S+?)"[^\n]*?--role=(\S+)', text):
        found.setdefault(who, set()).add(role)
    return found


def test_the_script_gives_the_roles_that_the_rights_need() -> None:
    """Watchdog, coordinators, scheduler and viewers get the roles of the table, and no other role is given."""
    given = granted_by_the_script()
    watchdog = given["serviceAccount:$watchdog"] | given["$who"] - {"roles/run.invoker"}

    assert given.keys() == {"serviceAccount:$watchdog", "$who"}
    assert given["$who"] == {"roles/datastore.user", "roles/run.invoker"}
    assert frozenset().union(*(GRANTS[role] for role in watchdog)) >= needed("watchdog")
    assert all(GRANTS[role] & needed("watchdog") for role in watchdog)
    assert GRANTS["roles/datastore.user"] >= needed("coordinator")
    assert GRANTS["roles/run.invoker"] >= needed("scheduler") | needed("viewer")


@pytest.mark.parametrize("fix", [False, True], ids=["looking", "mending"])
def test_the_doctor_calls_what_is_listed(fix: bool) -> None:
    """The doctor looks with the watchdog's own roles; `--fix` takes one more, which no account of ours has."""
    with FirestoreAdminServer("demo-project", "hangwatch") as admin, MonitoringServer() as monitoring:
        environment = {
            "HANGWATCH_STORE": "firestore://demo-project/hangwatch",
            "HANGWATCH_MONITORING_PROJECT": "demo-project",
            "HANGWATCH_MONITORING_ENDPOINT": monitoring.endpoint,
        }
        fields = FirestoreAdmin("demo-project", "hangwatch", client=admin.client())
        examine(environment, fix=fix, means=Means(admin=lambda _: fields, store=no_store))
        called = {f"FirestoreAdmin.{name}" for name in admin.calls}
        called |= {f"MetricService.{call.method}" for call in monitoring.calls}

    assert called == DOCTORS_CALLS.keys() - (set() if fix else OF_THE_FIX)
    watchdogs = {"roles/datastore.user", "roles/monitoring.metricWriter"}
    assert {role for name, (_, role) in DOCTORS_CALLS.items() if name in called} - watchdogs <= (
        {"roles/datastore.indexAdmin"} if fix else set()
    )


def no_store(address: StoreAddress) -> Store:
    """The store is looked at by other tests; here only what stands beside it is."""
    raise StoreError(f"{address}: no store in this test", away=True)
