"""The page behind Identity-Aware Proxy: a service of its own, who gets through to it, how the watchdog takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.deploy.permissions import CALLS, GRANTS, needed
from tests.deploy.planned import of_type, only, resources
from tests.deploy.provider_rules import broken
from tests.deploy.provider_server import Provider
from tests.deploy.terraform import Terraform
from watchdog.environment import SETTINGS, Settings
from watchdog.environment import settings as read_settings
from watchdog.page.access import access_for

pytestmark = [pytest.mark.xdist_group("terraform"), pytest.mark.timeout(600)]

Deploy = Callable[..., Terraform]
Shown = Mapping[str, Any]

PAGE = {
    "page_viewers": ["group:ops@example.com", "user:ada@example.com"],
    "viewers": [],
    "public": True,
    "slack_channel": "#alerts",
    "secrets": {"slack_token": "1", "slack_signing_secret": "1"},
    "policy": '[defaults]\ndeadline = "30m"\n',
}
VALUES = {"slack_token": "xoxb-planted", "slack_signing_secret": "planted-signing"}
SERVICE = "google_cloud_run_v2_service"


@pytest.fixture
def shown(deploy: Deploy) -> Shown:
    """A deployment with a page behind the proxy, as its state says."""
    terraform = deploy(VALUES, **PAGE)
    assert terraform.plan().status == 2
    terraform.apply()
    assert terraform.plan().status == 0
    return terraform.shown()


def service(shown: Shown, name: str) -> Mapping[str, Any]:
    (found,) = (one for one in of_type(shown, SERVICE).values() if one["name"] == name)
    return found


def environment(one: Mapping[str, Any]) -> dict[str, str]:
    """The service's settings; those that are secret have a made-up value."""
    variables = one["template"][0]["containers"][0]["env"]
    return {entry["name"]: entry["value"] or "xoxb-made-up" for entry in variables}


def test_the_page_is_a_service_of_its_own(shown: Shown) -> None:
    """The proxy stands before the page alone; sweeps and Slack's clicks still reach the watchdog, which has none."""
    page, watchdog = service(shown, "hangwatch-page"), service(shown, "hangwatch")
    settings = read(watchdog)

    assert (page["iap_enabled"], watchdog["iap_enabled"]) == (True, None)
    assert "HANGWATCH_PAGE" not in environment(watchdog)
    assert access_for("0.0.0.0", settings.link_base, None, guarded=settings.page_guarded) is None  # noqa: S104  as Cloud Run binds
    assert settings.link_base == read(page).link_base
    assert only(shown, "google_cloud_scheduler_job")["http_target"][0]["uri"] == f"{settings.sweep_audience}/sweep"
    assert page["template"][0]["scaling"][0]["max_instance_count"] == 1
    assert page["template"][0]["containers"][0]["image"] == watchdog["template"][0]["containers"][0]["image"]


def read(one: Mapping[str, Any]) -> Settings:
    """The service's environment as the watchdog reads it."""
    given = environment(one)
    assert set(given) <= set(SETTINGS)
    return read_settings(given)


def test_the_watchdog_takes_the_page_as_it_is_deployed(shown: Shown) -> None:
    """The page checks the audience that the proxy signs for; nothing sweeps there, or knows what it need not."""
    page = service(shown, "hangwatch-page")
    settings, store = read(page), read(service(shown, "hangwatch")).store
    number = settings.link_base.removeprefix("https://hangwatch-page-").partition(".")[0]

    assert settings.iap_audience == f"/projects/{number}/locations/us-central1/services/hangwatch-page"
    assert settings.store == store
    assert (settings.sweep_audience, settings.slack_signing_secret) == ("", "")
    access = access_for("0.0.0.0", settings.link_base, str)  # noqa: S104  as Cloud Run binds
    assert access is not None
    assert access.hosts == {settings.link_base.removeprefix("https://")}


def test_only_the_proxy_reaches_the_page_and_only_viewers_the_proxy(shown: Shown) -> None:
    """Nobody can go around the proxy, and it lets through whom `page_viewers` names."""
    invokers = {
        one["member"]
        for one in of_type(shown, "google_cloud_run_v2_service_iam_member").values()
        if one["name"] == "hangwatch-page"
    }
    through = of_type(shown, "google_iap_web_cloud_run_service_iam_member").values()

    assert len(invokers) == 1
    assert invokers.pop().endswith("@gcp-sa-iap.iam.gserviceaccount.com")
    assert {one["member"] for one in through} == set(PAGE["page_viewers"])
    assert {one["cloud_run_service_name"] for one in through} == {"hangwatch-page"}
    assert "iap.googleapis.com" in {one["service"] for one in of_type(shown, "google_project_service").values()}


def test_no_rule_is_broken_and_each_role_is_needed(shown: Shown) -> None:
    """Provider and API take each value; the roles bring what the calls of proxy and viewers take."""
    found = {address: said for address, kind, values in resources(shown) if (said := broken(kind, values))}

    assert found == {}
    for party, role in (("proxy", "roles/run.invoker"), ("page viewer", "roles/iap.httpsResourceAccessor")):
        assert any(call.by == party for call in CALLS.values())
        assert needed(party) == GRANTS[role]


def test_a_page_comes_and_goes_by_itself(deploy: Deploy, provider: Provider) -> None:
    """Naming viewers adds the page to what is there; naming none takes it away, and changes links alone."""
    terraform = deploy(viewers=[])
    assert terraform.plan().status == 2
    terraform.apply()
    provider.changes.clear()
    seen = []
    for viewers in (["group:ops@example.com"], []):
        terraform.variables["page_viewers"] = viewers
        assert terraform.plan().status == 2
        terraform.apply()
        seen.append(sorted((change.what, change.type) for change in provider.changes))
        provider.changes.clear()

    ours = [SERVICE, f"{SERVICE}_iam_member", "google_iap_web_cloud_run_service_iam_member", "google_project_service"]
    updated = [("updated", SERVICE)]
    assert seen[0] == sorted([("created", type_name) for type_name in ours] + updated)
    assert [what for what, _ in seen[1]].count("updated") == 1
    assert {type_name for what, type_name in seen[1] if what != "updated"} == set(ours)
