"""What the other tests rest on: the schema is the real one, and Terraform judges by it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.bindings import BindingsMissing, modules
from tests.deploy.provider_rules import RULES, TYPES_WITHOUT_RULES, broken
from tests.deploy.provider_schema import Attribute, Block, Nested, Schema
from tests.deploy.terraform import Terraform

pytestmark = [pytest.mark.xdist_group("terraform"), pytest.mark.timeout(600)]

MISTAKES = {
    "an_unknown_argument": ('disable_on_delete = true, service = "run.googleapis.com"', "Unsupported argument"),
    "a_missing_argument": ("disable_on_destroy = false", "Missing required argument"),
    "a_wrong_type": ('service = ["run.googleapis.com"]', "Incorrect attribute value type"),
}


def nested(block: Block, *path: str) -> Nested:
    for name in path[:-1]:
        block = block.blocks[name].block
    return block.blocks[path[-1]]


def test_arguments_are_as_the_provider_documents_them(google: Schema) -> None:
    """Types and duties of arguments are those of the provider's documentation."""
    field = google.resources["google_firestore_field"].attributes
    version = google.resources["google_secret_manager_secret_version"].attributes
    service = google.resources["google_cloud_run_v2_service"].attributes

    assert field["collection"] == Attribute("string", required=True)
    assert field["database"] == Attribute("string", optional=True)
    assert field["name"] == Attribute("string", computed=True)
    assert version["secret_data_wo"] == Attribute("string", optional=True, write_only=True)
    assert not version["secret_data"].write_only
    assert service["custom_audiences"].type in (["list", "string"], ["set", "string"])
    assert service["labels"] == Attribute(["map", "string"], optional=True)
    assert google.data_sources["google_project"].attributes["number"].computed


def test_blocks_nest_as_the_provider_documents_them(google: Schema) -> None:
    """How often a block may stand, and whether its order counts, is as documented."""
    service = google.resources["google_cloud_run_v2_service"]
    policy = google.resources["google_monitoring_alert_policy"]
    field = google.resources["google_firestore_field"]

    assert (nested(policy, "conditions").at_least, nested(policy, "conditions").at_most) == (1, 0)
    assert nested(field, "index_config").at_most == 1
    assert nested(field, "timeouts").nesting == "single"
    assert nested(service, "template", "containers", "env").nesting == "set"
    assert nested(service, "template", "containers").nesting == "list"
    assert "uri" in service.attributes
    assert service.attributes["conditions"].computed


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only place where pip looks for packages, and a cache with nothing in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def test_another_wheel_is_refused(shelf: Path) -> None:
    """A package with another hash than the one written down is an error, not a reason to skip."""
    (shelf / "cdktn_provider_google-21.1.0-py3-none-any.whl").write_bytes(b"another")

    with pytest.raises(LookupError, match="expected the wheel with sha256"):
        modules(frozenset({"firestore-field"}))


@pytest.mark.usefixtures("shelf")
def test_a_machine_without_the_package_is_told_so() -> None:
    """Where the package can't be fetched, the error says which one and is a reason to skip."""
    with pytest.raises(BindingsMissing, match=r"cdktn-provider-google==21\.1\.0 can't be fetched"):
        modules(frozenset({"firestore-field"}))


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_in_the_module_is_found(deploy: Callable[..., Terraform], arguments: str, said: str) -> None:
    """Terraform refuses what the schema does not know, so a module that passes has been checked."""
    terraform = deploy()
    body = "\n".join(f"  {line.strip()}" for line in arguments.split(", "))
    (terraform.folder / "mistake.tf").write_text(f'resource "google_project_service" "mistaken" {{\n{body}\n}}\n')

    answer = terraform.run("validate", "-no-color")

    assert answer.status == 1
    assert said in answer.said


def test_every_type_has_rules_for_what_the_schema_cannot_tell(google: Schema) -> None:
    """A resource type without rules of ours would be checked by half."""
    assert {rule.type for rule in RULES} | TYPES_WITHOUT_RULES == set(google.resources)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.type.removeprefix('google_')}.{rule.at}")
def test_a_rule_speaks_of_arguments_that_exist(google: Schema, rule: object) -> None:
    """A rule on a misspelt argument would hold for ever."""
    block = google.resources[rule.type]  # type: ignore[attr-defined]  # pytest's parameters have no type
    for name in rule.at.split(".") if rule.at else []:  # type: ignore[attr-defined]  # as above
        if name.endswith("[]") and name[:-2] in block.blocks:
            block = block.blocks[name[:-2]].block
        else:
            assert name in block.attributes


BROKEN = {
    "a_value_out_of_its_enum": ("google_firestore_database", {"type": "NATIVE"}, "type: expected one of"),
    "a_length_below_the_least": ("google_cloud_scheduler_job", {"attempt_deadline": "14s"}, "attempt_deadline"),
    "two_of_one_kind": (
        "google_cloud_scheduler_job",
        {"http_target": [{"uri": "https://x", "oidc_token": [{}], "oauth_token": [{}]}]},
        "exactly one of oidc_token, oauth_token",
    ),
    "seconds_that_are_no_minutes": (
        "google_monitoring_alert_policy",
        {
            "alert_strategy": [{}],
            "conditions": [{"condition_absent": [{"duration": "190s", "filter": 'metric.type = "x"'}]}],
        },
        "in steps of 60",
    ),
}


@pytest.mark.parametrize(("type_name", "values", "said"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_rule_is_told(type_name: str, values: dict[str, object], said: str) -> None:
    """The rules refuse what the service would refuse."""
    assert any(said in sentence for sentence in broken(type_name, values))
