"""deploy/gcloud/deploy.sh makes with gcloud what it says, once, and stops with one clear line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.dockerfile_reader import read_dockerfile
from tests.deploy.gcloud_passes import PROJECT, SCRIPT, Pass, Passes
from tests.support.imports import ROOT
from watchdog.adapters.store_rules import QUERIED
from watchdog.environment import SETTINGS

pytestmark = [pytest.mark.xdist_group("gcloud"), pytest.mark.timeout(900)]

HOOK = "https://hooks.slack.test/services/T0/B0/first-secret"
OTHER_HOOK = "https://hooks.slack.test/services/T0/B0/second-secret"
WATCHDOG = f"serviceAccount:hangwatch-watchdog@{PROJECT}.iam.gserviceaccount.com"
SCHEDULER = f"serviceAccount:hangwatch-scheduler@{PROJECT}.iam.gserviceaccount.com"
COORDINATOR = f"coordinator@{PROJECT}.iam.gserviceaccount.com"
ADDRESS = "https://hangwatch-123456789012.us-central1.run.app"
DATABASE = f"projects/{PROJECT}/databases/hangwatch"
IN_REGION = f"projects/{PROJECT}/locations/us-central1"
ALL_APIS = (
    "artifactregistry cloudbuild cloudresourcemanager cloudscheduler firestore iam logging monitoring run secretmanager"
)


class Story:
    """A project from nothing to a deployment, and to nothing again."""

    def __init__(self, passes: Passes) -> None:
        things = passes.server.cloud.things
        hook = f"--secret=slack_webhook_url={passes.file('hook', HOOK + chr(10))}"
        mail = "--alert-email=ops@example.com"
        self.first = passes.run(hook, mail)
        self.made = json.loads(json.dumps(things))
        self.policies = json.loads(json.dumps(passes.server.cloud.policies))
        self.second = passes.run(hook, mail)
        things[f"projects/{PROJECT}/serviceAccounts/{COORDINATOR}"] = {"email": COORDINATOR}
        other = ("--secret", "slack_webhook_url=-", "--coordinator", COORDINATOR)
        self.third = passes.run(*other, mail, typed=OTHER_HOOK)
        self.asked_only = passes.run("--remove", typed="another-project\n")
        self.removed = passes.run("--remove", typed=f"{PROJECT}\nno\n")
        self.left = json.loads(json.dumps(things))
        self.left_policies = json.loads(json.dumps(passes.server.cloud.policies))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    passes = Passes(tmp_path_factory.mktemp("gcloud"))
    with passes.server:
        yield Story(passes)


@pytest.fixture
def passes(tmp_path: Path) -> Iterator[Passes]:
    passes = Passes(tmp_path)
    with passes.server:
        yield passes


def bindings(policy: dict[str, Any]) -> set[tuple[str, str]]:
    """Role and member of each binding."""
    return {(one["role"], member) for one in policy.get("bindings", []) for member in one["members"]}


def container(body: dict[str, Any]) -> dict[str, Any]:
    """The only container of a service."""
    (found,) = body["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def test_the_first_run_makes_everything_and_says_what_comes_next(story: Story) -> None:
    """From an empty project it comes to its end, and every call is one that the server has a rule for."""
    assert (story.first.status, story.first.errors) == (0, "")
    assert [call for call in story.first.calls if call.status == 501] == []
    assert f"The watchdog sweeps each minute: {ADDRESS}" in story.first.said
    for word in ("test-notice", "HANGWATCH_STORE=firestore://acme-prod/hangwatch", "HANGWATCH_DEADLINE", "doctor"):
        assert word in story.first.said


def test_a_second_run_changes_nothing(story: Story) -> None:
    """It looks first: where all is as it should be, it makes no call that changes anything."""
    assert (story.second.status, story.second.errors) == (0, "")
    assert story.second.changes == []
    assert "nothing had to be changed" in story.second.said


def test_a_third_run_changes_what_is_asked_for_alone(story: Story) -> None:
    """A new value of a secret is a new version and a new revision; a coordinator gets its right; no more."""
    assert (story.third.status, story.third.errors) == (0, "")
    assert story.third.changes == [
        ("POST", f"{PROJECT}:setIamPolicy"),
        ("POST", "hangwatch-slack-webhook-url:addVersion"),
        ("PUT", "hangwatch"),
        ("POST", "hangwatch:setIamPolicy"),  # gcloud's own: it takes allUsers away, whether they are there or not
        ("POST", "hangwatch-sweep:run"),
    ]
    env = {one["name"]: one for one in container(story.third.body("PUT", "/services/hangwatch"))["env"]}
    assert env["HANGWATCH_SLACK_WEBHOOK_URL"]["valueFrom"]["secretKeyRef"]["key"] == "2"


def test_the_fields_that_are_queried_keep_an_index_and_no_other_has_one(story: Story) -> None:
    """What the script sets is `store_rules.QUERIED`: indexes for those, none for the rest, TTL on expires_at."""
    prefix = f"{DATABASE}/collectionGroups/"
    fields = {name.removeprefix(prefix): thing for name, thing in story.made.items() if name.startswith(prefix)}
    indexed = {name for name, thing in fields.items() if thing["indexConfig"].get("indexes")}
    others = {name for name, thing in fields.items() if not thing["indexConfig"].get("indexes")}
    both = {name for name in indexed if len(fields[name]["indexConfig"]["indexes"]) == 2}

    assert indexed == {f"{collection}/fields/{field}" for collection, field in QUERIED}
    assert both == {"hangwatch_runs/fields/by_operation"}
    collections = {*(collection for collection, _ in QUERIED), "hangwatch_operations", "hangwatch_watchdog"}
    assert others == {f"{collection}/fields/*" for collection in collections}
    expiring = {f"{collection}/fields/{field}" for collection, field in QUERIED if field == "expires_at"}
    assert {name for name, thing in fields.items() if "ttlConfig" in thing} == expiring


def test_rights_are_the_least(story: Story) -> None:
    """The watchdog may use one database, write metrics and read its secrets; the scheduler may ask, and no more."""
    project = story.policies[f"projects/{PROJECT}"]
    (store,) = [one for one in project["bindings"] if one["role"] == "roles/datastore.user"]
    wanted = f'resource.type == "firestore.googleapis.com/Database" && resource.name == "{DATABASE}"'

    assert bindings(project) == {("roles/datastore.user", WATCHDOG), ("roles/monitoring.metricWriter", WATCHDOG)}
    assert store["condition"] == {"title": "hangwatch-database", "expression": wanted}
    secret = story.policies[f"projects/{PROJECT}/secrets/hangwatch-slack-webhook-url"]
    assert bindings(secret) == {("roles/secretmanager.secretAccessor", WATCHDOG)}
    assert bindings(story.policies[f"{IN_REGION}/services/hangwatch"]) == {("roles/run.invoker", SCHEDULER)}


def test_the_database_is_native_and_protected(story: Story) -> None:
    """A database of its own, that nobody deletes by mistake."""
    database = story.made[DATABASE]

    assert (database["type"], database["locationId"]) == ("FIRESTORE_NATIVE", "us-central1")
    assert database["deleteProtectionState"] == "DELETE_PROTECTION_ENABLED"


def test_the_image_is_built_from_what_the_dockerfile_copies(story: Story) -> None:
    """Cloud Build gets the files that the image is made of, and pushes the image that the service runs."""
    (upload,) = [thing for name, thing in story.made.items() if name.startswith("objects/")]
    copied = {
        word
        for stage in read_dockerfile(ROOT / "deploy/Dockerfile")
        for one in stage.instructions
        if one.name == "COPY" and "--from" not in one.text
        for word in one.words()[:-1]
    }
    sent = {next((top for top in copied if name.startswith(f"{top}/")), name) for name in upload["files"]}
    build = story.first.body("POST", "/builds")
    substitutions = build["substitutions"]
    assert isinstance(substitutions, dict)
    pushed = f"us-central1-docker.pkg.dev/{PROJECT}/hangwatch/watchdog:{substitutions['_TAG']}"

    assert sent == copied | {"deploy/Dockerfile", ".dockerignore"}
    assert container(story.made[f"{IN_REGION}/services/hangwatch"])["image"] == pushed
    assert [one for one in upload["files"] if one.endswith(".pyc")] == []


def test_the_service_is_as_terraform_makes_it(story: Story) -> None:
    """Memory, CPU, timeout, concurrency and billing are those of deploy/terraform/service.tf."""
    terraform = (ROOT / "deploy/terraform/service.tf").read_text()
    service = story.made[f"{IN_REGION}/services/hangwatch"]
    spec, made = service["spec"]["template"]["spec"], container(service)
    notes = service["spec"]["template"]["metadata"]["annotations"]

    assert f'memory = "{made["resources"]["limits"]["memory"]}"' in terraform
    assert f'timeout                          = "{spec["timeoutSeconds"]}s"' in terraform
    assert f"max_instance_request_concurrency = {spec['containerConcurrency']}" in terraform
    assert notes["run.googleapis.com/cpu-throttling"] == "True"
    assert notes["run.googleapis.com/execution-environment"] == "gen1"
    assert spec["serviceAccountName"] == WATCHDOG.removeprefix("serviceAccount:")
    assert made["startupProbe"]["httpGet"] == {"path": "/healthz", "port": 8080}


def test_the_service_gets_settings_that_the_watchdog_reads(story: Story) -> None:
    """Each variable is one of `environment.SETTINGS`, and the secret comes from Secret Manager by version."""
    env = {one["name"]: one for one in container(story.made[f"{IN_REGION}/services/hangwatch"])["env"]}
    plain = {name: one["value"] for name, one in env.items() if "value" in one}

    assert env.keys() <= SETTINGS.keys()
    assert plain == {
        "HANGWATCH_STORE": f"firestore://{PROJECT}/hangwatch",
        "HANGWATCH_MONITORING_PROJECT": PROJECT,
        "HANGWATCH_LINK_BASE": ADDRESS,
        "HANGWATCH_SWEEP_AUDIENCE": ADDRESS,
        "HANGWATCH_SWEEP_ACCOUNT": SCHEDULER.removeprefix("serviceAccount:"),
        "HANGWATCH_PAGE": "guarded",
    }
    reference = {"key": "1", "name": "hangwatch-slack-webhook-url"}
    assert env["HANGWATCH_SLACK_WEBHOOK_URL"]["valueFrom"] == {"secretKeyRef": reference}


def test_the_schedule_asks_each_minute_with_a_token(story: Story) -> None:
    """Cloud Scheduler posts to /sweep as its own account, for the address, and does not try again by itself."""
    job = story.made[f"{IN_REGION}/jobs/hangwatch-sweep"]

    assert (job["schedule"], job["attemptDeadline"], job["retryConfig"]["retryCount"]) == ("* * * * *", "55s", 0)
    assert job["httpTarget"] == {
        "uri": f"{ADDRESS}/sweep",
        "httpMethod": "POST",
        "oidcToken": {"serviceAccountEmail": SCHEDULER.removeprefix("serviceAccount:"), "audience": ADDRESS},
    }
    assert ("POST", "hangwatch-sweep:run") in story.first.changes


def test_the_alerts_are_those_of_terraform(story: Story) -> None:
    """Absence and failure alert by mail, on the filters and under the names that the module has."""
    terraform = re.sub(r"\s+", " ", "".join(path.read_text() for path in (ROOT / "deploy/terraform").glob("*.tf")))
    policies = [thing for name, thing in story.made.items() if "/alertPolicies/" in name]
    channel = f"projects/{PROJECT}/notificationChannels/1"

    assert {policy["displayName"].rpartition(" ")[2] for policy in policies} == {"absent", "failing"}
    for policy in policies:
        assert policy["displayName"] in terraform
        assert policy["notificationChannels"] == [channel]
        (condition,) = policy["conditions"]
        asked = condition.get("conditionAbsent") or condition["conditionThreshold"]
        assert (
            '.labels.namespace = "hangwatch"' in asked["filter"]
            or "run.googleapis.com/request_count" in asked["filter"]
        )
        assert f'alignment_period = "{asked["aggregations"][0]["alignmentPeriod"]}"' in terraform
    assert story.made[channel]["labels"] == {"email_address": "ops@example.com"}


@pytest.mark.parametrize("name", ["first", "second", "third"])
def test_no_secret_is_said_or_shown(story: Story, name: str) -> None:
    """Neither what the script prints nor a command line holds a secret's value."""
    done: Pass = getattr(story, name)

    assert "gcloud" not in done.arguments.splitlines()[0]
    assert [one for one in ("first-secret", "second-secret") if one in done.said + done.errors + done.arguments] == []


def test_removal_asks_first(story: Story) -> None:
    """Another word than the project's id removes nothing."""
    assert story.asked_only.status == 2
    assert story.asked_only.changes == []
    assert "nothing is removed" in story.asked_only.errors


def test_removal_leaves_the_records_unless_it_is_told_to(story: Story) -> None:
    """After a yes to the first question and no to the second, all is gone but the database and its settings."""
    left = {name for name in story.left if not name.startswith((DATABASE, "buckets/", "objects/"))}
    left = {name for name in left if "/builds/" not in name and COORDINATOR not in name}

    assert (story.removed.status, story.removed.errors) == (0, "")
    assert "it is kept" in story.removed.said
    assert left == {f"projects/{PROJECT}/notificationChannels/1"}
    assert DATABASE in story.left
    assert bindings(story.left_policies[f"projects/{PROJECT}"]) == set()


def test_a_dry_run_changes_nothing(passes: Passes) -> None:
    """`--dry-run` on an empty project says all that it would do, and does none of it."""
    done = passes.run("--dry-run")

    assert (done.status, done.errors, done.changes) == (0, "", [])
    assert "would change service hangwatch" in done.said
    assert "nothing was changed" in done.said


FAILURES = {
    "the_project_is_not_mine": ("GET", f"/projects/{PROJECT}$", 403, "you need roles/browser on acme-prod"),
    "apis_may_not_be_seen": ("GET", "/services$", 403, "you need roles/serviceusage.serviceUsageAdmin on acme-prod"),
    "an_account_was_made_meanwhile": ("POST", "/serviceAccounts$", 409, "somebody else changed it meanwhile"),
    "a_database_is_not_there_yet": ("GET", "/fields$", 404, "is not there, or not yet: run this again"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failing_call_stops_it_with_one_line(passes: Passes, case: str) -> None:
    """The line names the step, what gcloud said, and what to do; nothing is tried after it."""
    method, path, status, remedy = FAILURES[case]
    cloud = passes.server.cloud
    cloud.enabled |= {f"{api}.googleapis.com" for api in ALL_APIS.split()}
    if status == 404:
        cloud.things[DATABASE] = {"name": DATABASE, "type": "FIRESTORE_NATIVE"}
        for who in (WATCHDOG, SCHEDULER):
            email = who.removeprefix("serviceAccount:")
            cloud.things[f"projects/{PROJECT}/serviceAccounts/{email}"] = {"email": email}
    passes.server.fail(method, path, status, "a reason of Google's")

    done = passes.run()

    assert done.status == 1
    assert len(done.errors.splitlines()) == 1
    assert "a reason of Google's" in done.errors
    assert remedy in done.errors
    assert done.calls[-1].status == status


WRONG = {
    "no_project": (["--region=us-central1"], "PROJECT: expected the id of a project"),
    "a_project_number_is_no_id": (["123456789012"], "PROJECT: expected the id of a project"),
    "two_projects": ([PROJECT, "acme-test"], "expected one project"),
    "a_zone_is_no_region": ([PROJECT, "--region", "us-central1-a"], "--region: expected a region"),
    "an_image_without_a_tag": ([PROJECT, "--image=gcr.io/a/b"], "--image: expected HOST/PATH:TAG"),
    "an_option_without_a_value": ([PROJECT, "--name"], "--name: expected a value"),
    "an_option_that_is_none": ([PROJECT, "--nmae=x"], "expected an option that --help lists, got --nmae"),
    "a_secret_that_is_none": ([PROJECT, "--secret=password=x"], "--secret: expected slack_webhook_url"),
    "a_secret_on_the_command_line": ([PROJECT, f"--secret=slack_webhook_url={HOOK}"], "expected a file"),
    "a_policy_that_is_not_there": ([PROJECT, "--policy=/nowhere/policy.toml"], "--policy: expected a file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_options_are_said_in_one_line(case: str) -> None:
    """What is wrong with an option is said before anything is asked, and a secret is not repeated."""
    options, said = WRONG[case]
    done = subprocess.run(
        ["bash", str(SCRIPT), *options],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "first-secret" not in done.stderr


def test_help_names_every_option() -> None:
    """Each option that is read stands in `--help`."""
    said = subprocess.check_output(["bash", str(SCRIPT), "--help"], text=True, timeout=60)
    read = re.findall(r"^ +(--[a-z-]+)\)", (SCRIPT.parent / "settings.sh").read_text(), re.MULTILINE)

    assert read
    assert [option for option in read if option not in said] == []


def test_shellcheck_finds_nothing() -> None:
    """The script and its rooms keep to the linter's rules."""
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.skip("shellcheck is not in this environment; install the dev group")
    files = sorted(map(str, SCRIPT.parent.glob("*.sh")))
    done = subprocess.run(
        [str(shellcheck), "--external-sources", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")
