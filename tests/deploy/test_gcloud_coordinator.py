"""What deploy/coordinator puts into the service under watch: names that the client reads, rights that it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from heartbeat_client.lengths import seconds_of
from heartbeat_client.store_address import StoreAddress
from tests.deploy.gcloud_passes import PROJECT
from tests.deploy.provider_schema import Schema
from tests.deploy.provider_server import Provider, served
from tests.deploy.terraform import Terraform, TerraformMissing, program
from tests.support.google_api_server import GoogleApiServer, gcloud_environment
from tests.support.imports import ROOT

FOLDER = ROOT / "deploy/coordinator"
ACCOUNT = f"coordinator@{PROJECT}.iam.gserviceaccount.com"
SERVICE = f"projects/{PROJECT}/locations/us-central1/services/coordinator"
CONDITION = (
    f'resource.type == "firestore.googleapis.com/Database" && resource.name == "projects/{PROJECT}/databases/hangwatch"'
)

pytestmark = [pytest.mark.xdist_group("gcloud"), pytest.mark.timeout(300)]


@pytest.fixture
def server() -> Iterator[GoogleApiServer]:
    """A project with a coordinator that knows nothing of Hangwatch yet."""
    with GoogleApiServer(PROJECT) as server:
        server.cloud.enabled |= {"run.googleapis.com", "iam.googleapis.com"}
        server.cloud.things[f"projects/{PROJECT}/serviceAccounts/{ACCOUNT}"] = {"email": ACCOUNT}
        server.cloud.things["images/dockerImages/v1"] = {}
        server.cloud.things[SERVICE] = coordinator(ACCOUNT)
        yield server


def coordinator(account: str) -> dict[str, Any]:
    """A service as Cloud Run describes it, with a setting of its own."""
    spec = {
        "containers": [{"image": "registry.test/coordinator:v1", "env": [{"name": "BATCH_SIZE", "value": "450"}]}],
        "timeoutSeconds": 1740,
        "serviceAccountName": account,
    }
    ready = [{"type": kind, "status": "True"} for kind in ("Ready", "ConfigurationsReady", "RoutesReady")]
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "coordinator", "namespace": PROJECT, "generation": 1, "resourceVersion": "r1"},
        "spec": {"template": {"metadata": {"annotations": {}}, "spec": spec}},
        "status": {"conditions": ready, "observedGeneration": 1, "url": "https://coordinator.test"},
    }


def watch(server: GoogleApiServer, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A run of the script."""
    if shutil.which("gcloud") is None:
        pytest.skip("the script needs gcloud, which is not on PATH")
    environment = os.environ | gcloud_environment(server, folder)
    command = ["bash", str(FOLDER / "watch.sh"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)


def check_settings(env: Mapping[str, str]) -> None:
    """The settings name the watchdog's store, and the service's own timeout."""
    assert str(StoreAddress.parse(env["HANGWATCH_STORE"])) == f"firestore://{PROJECT}/hangwatch"
    assert env.keys() <= client_settings()


def client_settings() -> set[str]:
    """The variables that the client reads."""
    sources = "".join(path.read_text() for path in (ROOT / "heartbeat_client").glob("*.py"))
    return set(re.findall(r'environ(?:ment)?(?:\.get\(|\[)"(HANGWATCH_[A-Z_]+)"', sources))


def test_the_script_sets_up_a_service(server: GoogleApiServer, tmp_path: Path) -> None:
    """It gets settings, its own timeout as deadline, a CPU that goes on, and a right that ends at the database."""
    done = watch(server, tmp_path, PROJECT, "coordinator")
    template = server.cloud.things[SERVICE]["spec"]["template"]
    env = {one["name"]: one["value"] for one in template["spec"]["containers"][0]["env"]}
    (binding,) = server.cloud.policies[f"projects/{PROJECT}"]["bindings"]

    assert done.returncode == 0, done.stderr
    assert env.pop("BATCH_SIZE") == "450"
    check_settings(env)
    assert seconds_of(env["HANGWATCH_DEADLINE"]) == 1740
    assert template["metadata"]["annotations"]["run.googleapis.com/cpu-throttling"].lower() == "false"
    assert (binding["role"], binding["members"]) == ("roles/datastore.user", [f"serviceAccount:{ACCOUNT}"])
    assert binding["condition"] == {"title": "hangwatch-database", "expression": CONDITION}
    assert [call for call in server.calls if call.status == 501] == []


def test_the_script_wants_an_account_of_its_own(server: GoogleApiServer, tmp_path: Path) -> None:
    """The default account is everybody's: nothing is granted to it."""
    server.cloud.things[SERVICE] = coordinator("")
    done = watch(server, tmp_path, PROJECT, "coordinator")

    assert done.returncode == 1
    assert "expected a service account of its own" in done.stderr
    assert [call for call in server.calls if call.changes] == []


def test_the_script_says_what_it_expects(server: GoogleApiServer, tmp_path: Path) -> None:
    """One word is too few."""
    done = watch(server, tmp_path, PROJECT)

    assert (done.returncode, server.calls) == (2, [])
    assert "expected PROJECT SERVICE" in done.stderr


def test_shellcheck_finds_nothing_in_it() -> None:
    """The script keeps to the linter's rules."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.skip("shellcheck is not in this environment; install the dev group")
    done = subprocess.run([str(shellcheck), str(FOLDER / "watch.sh")], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture
def planned(google: Schema, tmp_path: Path) -> dict[str, Any]:
    """What Terraform would make of the snippet."""
    try:
        program()
    except TerraformMissing as error:
        pytest.skip(str(error))
    shutil.copy(FOLDER / "watch.tf", tmp_path)
    variables = {"project": PROJECT, "image": "registry.test/coordinator:v1"}
    with served(Provider(google)) as reattach:
        terraform = Terraform(tmp_path, reattach, variables)
        terraform.must("init", "-no-color", "-input=false")
        terraform.must("fmt", "-check")
        assert terraform.plan().status == 2
        terraform.apply()
        shown: dict[str, Any] = terraform.shown()
    return shown


def test_the_terraform_snippet_says_the_same(planned: dict[str, Any]) -> None:
    """Formatted, applied on the real provider's schema: the same settings, right and CPU as the script's."""
    made = {one["address"]: one["values"] for one in planned["values"]["root_module"]["resources"]}
    (template,) = made["google_cloud_run_v2_service.coordinator"]["template"]
    (container,) = template["containers"]
    env = {one["name"]: one["value"] for one in container["env"]}
    beats = made["google_project_iam_member.beats"]

    check_settings(env)
    assert env["HANGWATCH_DEADLINE"] == template["timeout"]
    assert container["resources"][0]["cpu_idle"] is False
    assert beats["role"] == "roles/datastore.user"
    assert beats["condition"][0]["expression"] == CONDITION
