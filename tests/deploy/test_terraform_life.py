"""The module from its first plan to its end, with the real Terraform."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable

import pytest

from tests.deploy.conftest import USUAL
from tests.deploy.planned import only, resources
from tests.deploy.provider_server import Provider
from tests.deploy.terraform import MODULE, Answer, Terraform, TerraformMissing, program

pytestmark = [pytest.mark.xdist_group("terraform"), pytest.mark.timeout(600)]

Deploy = Callable[..., Terraform]
NATIVE = sorted(path.name for path in (MODULE / "tests").glob("*.tftest.hcl"))


def test_files_have_terraforms_own_layout() -> None:
    """`terraform fmt` has nothing to change."""
    try:
        program()
    except TerraformMissing as error:
        pytest.skip(str(error))
    answer = Terraform(MODULE, "{}").run("fmt", "-check", "-recursive", "-diff")

    assert (answer.status, answer.said) == (0, "")


@pytest.mark.parametrize("where", [".", "example"])
def test_module_and_example_are_valid(deploy: Deploy, where: str) -> None:
    """Both pass `terraform validate` against the real schema, without a warning."""
    terraform = deploy()
    found = json.loads(Terraform(terraform.folder / where, terraform.reattach).must("validate", "-json"))

    assert (found["valid"], found["warning_count"]) == (True, 0)


@pytest.mark.parametrize("name", NATIVE)
def test_its_own_tests_pass(deploy: Deploy, name: str) -> None:
    """What `terraform test` checks of a user's copy passes here."""
    said = deploy().must("test", "-no-color", f"-filter=tests/{name}")

    assert "0 failed" in said
    assert "0 passed" not in said


def applied(terraform: Terraform) -> None:
    """Plan and apply what has to change something."""
    answer = terraform.plan()
    assert answer.status == 2, answer.said
    terraform.apply()


def destroyed(terraform: Terraform) -> Answer:
    """Plan the end, and try to carry it out."""
    assert terraform.plan("-destroy").status == 2
    return terraform.run("apply", "-no-color", "-input=false", "plan")


def done(provider: Provider) -> Counter[tuple[str, str]]:
    """What was done to how many resources of each type since the last call."""
    counted = Counter((change.what, change.type) for change in provider.changes)
    provider.changes.clear()
    return counted


def test_a_second_plan_is_empty(deploy: Deploy, provider: Provider) -> None:
    """Once applied, nothing is left to do."""
    terraform = deploy()
    applied(terraform)
    created = done(provider)
    again = terraform.plan()

    assert created["created", "google_cloud_run_v2_service"] == created["created", "google_cloud_scheduler_job"] == 1
    assert {what for what, _ in created} == {"created"}
    assert again.status == 0, again.said


def test_the_first_apply_needs_no_image(deploy: Deploy, provider: Provider) -> None:
    """Without one there is all but the service and its schedule, which the second apply adds."""
    terraform = deploy(image=None)
    applied(terraform)
    first = done(provider)
    terraform.variables["image"] = USUAL["image"]
    applied(terraform)
    second = done(provider)

    assert first["created", "google_artifact_registry_repository"] == 1
    assert ("created", "google_cloud_run_v2_service") not in first
    assert {type_name for _, type_name in second} == {
        "google_cloud_run_v2_service",
        "google_cloud_run_v2_service_iam_member",
        "google_cloud_scheduler_job",
    }
    assert {what for what, _ in second} == {"created"}


def test_an_upgrade_changes_the_service_alone(deploy: Deploy, provider: Provider) -> None:
    """Another image makes a new revision and nothing else, and the former image goes back in the same way."""
    terraform = deploy()
    applied(terraform)
    done(provider)
    for tag in ("0.2.0", "0.1.0"):
        terraform.variables["image"] = USUAL["image"].replace("0.1.0", tag)
        applied(terraform)

        assert done(provider) == {("updated", "google_cloud_run_v2_service"): 1}


def test_what_is_protected_is_not_destroyed(deploy: Deploy, provider: Provider) -> None:
    """With its protection on, `terraform destroy` stops, and service, images, accounts and database stay."""
    terraform = deploy()
    applied(terraform)
    done(provider)
    answer = destroyed(terraform)
    gone = {type_name for _, type_name in done(provider)}
    left = {type_name for _, type_name, _ in resources(terraform.shown())}

    assert answer.status == 1
    assert "deletion_protection = false" in answer.said
    assert {"google_cloud_run_v2_service", "google_artifact_registry_repository", "google_service_account"} <= left
    assert not gone & {"google_firestore_database", "google_project_service"}


def test_without_protection_all_of_it_goes(deploy: Deploy, provider: Provider) -> None:
    """Its protection taken away first, everything is deleted but the figures that were measured."""
    terraform = deploy()
    applied(terraform)
    terraform.variables["deletion_protection"] = False
    applied(terraform)
    done(provider)
    answer = destroyed(terraform)
    last = done(provider)

    assert answer.status == 0, answer.said
    assert not terraform.shown().get("values")
    assert last["deleted", "google_firestore_database"] == 1
    assert {type_name for what, type_name in last if what == "abandoned"} == {"google_monitoring_metric_descriptor"}


def test_a_database_that_is_not_ours_stays(deploy: Deploy, provider: Provider) -> None:
    """Of a database that existed, nothing is deleted even without protection: records in it go on to expire."""
    terraform = deploy(create_database=False, database="(default)", deletion_protection=False)
    applied(terraform)
    made = done(provider)
    answer = destroyed(terraform)
    last = done(provider)

    assert answer.status == 0, answer.said
    assert ("created", "google_firestore_database") not in made
    assert ("deleted", "google_firestore_field") not in last
    assert last["abandoned", "google_firestore_field"] == made["created", "google_firestore_field"]


def test_the_example_plans_a_whole_deployment(deploy: Deploy) -> None:
    """The example with its own file of variables plans all that the module has."""
    terraform = deploy({"slack_webhook_url": "https://hooks.example/made-up"})
    example = Terraform(terraform.folder / "example", terraform.reattach, {"image": USUAL["image"]}, terraform.secrets)
    shutil.copy(example.folder / "terraform.tfvars.example", example.folder / "terraform.tfvars")
    shown = example.planned()

    assert only(shown, "google_cloud_run_v2_service")["name"] == "hangwatch"
    assert only(shown, "google_firestore_database")["name"] == "hangwatch"
    assert "hangwatch-sweep" in shown["planned_values"]["outputs"]["next_steps"]["value"]


def test_fields_get_their_indexes_before_all_others_lose_theirs(deploy: Deploy, provider: Provider) -> None:
    """A database in use never lacks an index that a sweep needs."""
    applied(deploy(image=None))
    order = [change.after["field"] for change in provider.changes if change.type == "google_firestore_field"]

    assert "*" in order
    assert set(order[order.index("*") :]) == {"*"}
