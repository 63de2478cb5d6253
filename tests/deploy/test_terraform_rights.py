"""Who may do what: the rights that are granted, tied to the calls that need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.deploy.permissions import GRANTS, needed
from tests.deploy.planned import of_type, only, resources

pytestmark = [pytest.mark.xdist_group("terraform"), pytest.mark.timeout(600)]

Shown = Mapping[str, Any]

WHO = {
    "watchdog": {"roles/datastore.user", "roles/monitoring.metricWriter", "roles/secretmanager.secretAccessor"},
    "scheduler": {"roles/run.invoker"},
    "coordinator": {"roles/datastore.user"},
    "viewer": {"roles/run.invoker"},
    "everybody": {"roles/run.invoker"},
}


def granted(shown: Shown) -> dict[str, set[str]]:
    """The roles of each party, by what its binding is called."""
    parties: dict[str, set[str]] = {}
    for address, kind, values in resources(shown):
        if kind.endswith("_iam_member"):
            parties.setdefault(_party(address), set()).add(values["role"])
    return parties


def _party(address: str) -> str:
    name, _, key = address.partition("[")
    if "google_project_iam_member.store" in name and "serviceAccount:" in key:
        return "coordinator"
    if "google_cloud_run_v2_service_iam_member" in name:
        return key.strip('"]') if key.strip('"]') in WHO else "viewer"
    return "watchdog"


def test_each_party_has_its_roles_and_no_other(deployed: Shown) -> None:
    """Who watches, who says when, who is watched and who looks have what they need, and nobody else has anything."""
    assert granted(deployed) == WHO


@pytest.mark.parametrize("party", sorted(WHO.keys() - {"everybody"}))
def test_the_roles_of_a_party_bring_what_its_calls_take(deployed: Shown, party: str) -> None:
    """Each permission that a call takes comes with a role, and each role brings one that a call takes."""
    roles = granted(deployed)[party]

    assert needed(party) <= frozenset().union(*(GRANTS[role] for role in roles))
    assert all(GRANTS[role] & needed(party) for role in roles)


def test_the_role_on_the_store_ends_at_the_database(deployed: Shown) -> None:
    """A role on the project would reach all of its databases, so each binding has a condition that names one."""
    database = only(deployed, "google_firestore_database")
    name = f"projects/{database['project']}/databases/{database['name']}"
    bindings = of_type(deployed, "google_project_iam_member").values()
    on_store = [one["condition"] for one in bindings if one["role"] == "roles/datastore.user"]

    assert len(on_store) == 2
    assert all(f'resource.name == "{name}"' in condition[0]["expression"] for condition in on_store)


def test_only_what_is_listed_is_granted_on_the_project(deployed: Shown) -> None:
    """No role on the project but those two; secrets and service have bindings of their own."""
    roles = {one["role"] for one in of_type(deployed, "google_project_iam_member").values()}

    assert roles == {"roles/datastore.user", "roles/monitoring.metricWriter"}


def test_apis_are_never_disabled(deployed: Shown) -> None:
    """Others in the project may have come to need an API."""
    apis = of_type(deployed, "google_project_service").values()

    assert apis
    assert not any(one["disable_on_destroy"] for one in apis)
