"""No secret comes to rest where it does not belong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.provider_server import Provider
from tests.deploy.terraform import Terraform

pytestmark = [pytest.mark.xdist_group("terraform"), pytest.mark.timeout(600)]

Deploy = Callable[..., Terraform]
PLANTED = {
    "slack_token": "xoxb-0000-planted-token",
    "slack_signing_secret": "planted0signing0secret",
    "ping_url": "https://ping.example/planted-check",
}
BOT: dict[str, Any] = {"public": True, "slack_channel": "#alerts", "secrets": dict.fromkeys(PLANTED, "1")}


def texts(terraform: Terraform, *said: str) -> str:
    """All that is kept and shown: the state's file, both as JSON, what was printed, and the plan's file itself."""
    kept = [path.read_bytes().decode(errors="replace") for path in terraform.folder.glob("*.tfstate*")]
    return "\n".join([*said, *kept, json.dumps(terraform.shown("plan")), json.dumps(terraform.shown())])


def test_values_reach_secret_manager_and_nothing_else(deploy: Deploy, provider: Provider) -> None:
    """Write-only values are sent to Secret Manager; plan, state and output hold none of them."""
    terraform = deploy(PLANTED, **BOT)
    planned = terraform.plan()
    said = texts(terraform, planned.said, terraform.apply())
    sent = [change.sent for change in provider.changes if change.type == "google_secret_manager_secret_version"]

    assert planned.status == 2
    assert sorted(one["secret_data_wo"] for one in sent) == sorted(PLANTED.values())
    assert [value for value in PLANTED.values() if value in said] == []
    assert "secret_data_wo_version" in said


def test_a_value_is_written_anew_only_with_a_new_edition(deploy: Deploy, provider: Provider) -> None:
    """Another value alone changes nothing; with another edition it is there before the old one is disabled."""
    terraform = deploy(PLANTED, **BOT)
    assert terraform.plan().status == 2
    terraform.apply()
    terraform.secrets = PLANTED | {"slack_token": "xoxb-1111-another-token"}
    unchanged = terraform.plan()
    terraform.variables["secrets"] = BOT["secrets"] | {"slack_token": "2"}
    provider.changes.clear()
    assert terraform.plan().status == 2
    said = texts(terraform, terraform.apply())
    versions = [change for change in provider.changes if change.type == "google_secret_manager_secret_version"]

    assert unchanged.status == 0, unchanged.said
    assert [change.what for change in versions] == ["created", "deleted"]
    assert versions[0].sent == {"secret_data_wo": "xoxb-1111-another-token"}
    assert "another-token" not in said


def test_an_edition_without_a_value_is_refused(deploy: Deploy) -> None:
    """Terraform says which variable is lacking before it does anything."""
    answer = deploy(**BOT).plan()

    assert answer.status == 1
    assert "secret_values: expected a value for each" in " ".join(answer.said.split())


def test_a_value_put_in_by_hand_is_none_of_terraforms(deploy: Deploy, provider: Provider) -> None:
    """With null as its edition a secret has a place and a right, and Terraform writes nothing into it."""
    terraform = deploy(**(BOT | {"secrets": dict.fromkeys(PLANTED)}))
    assert terraform.plan().status == 2
    terraform.apply()
    made = [change.type for change in provider.changes]

    assert made.count("google_secret_manager_secret") == len(PLANTED)
    assert "google_secret_manager_secret_version" not in made
