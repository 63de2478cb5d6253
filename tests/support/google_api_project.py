"""Rules of `google_api_server`: the project, its APIs, accounts, secrets, and the IAM policies of everything."""

from __future__ import annotations

import base64
import re
from typing import Any

from tests.support.google_api_server import Cloud, Refused, Request, route

ROLE = re.compile(r"roles/[a-z]+(\.[A-Za-z]+)?")


@route("cloudresourcemanager", "GET", "/v1/projects/{project}")
def project(cloud: Cloud, asked: Request) -> Any:
    """projects.get."""
    _check_project(cloud, asked)
    return {"projectId": cloud.project, "projectNumber": cloud.number, "lifecycleState": "ACTIVE", "name": "A project"}


@route("serviceusage", "GET", "/v1/projects/{project}/services")
def services(cloud: Cloud, asked: Request) -> Any:
    """services.list, of the enabled ones."""
    if asked.query.get("filter") != "state:ENABLED":
        raise Refused(400, "only the filter state:ENABLED is kept here")
    names = sorted(cloud.enabled)
    found = [
        {"config": {"name": n}, "name": f"projects/{cloud.number}/services/{n}", "state": "ENABLED"} for n in names
    ]
    return {"services": found}


@route("serviceusage", "GET", "/v1/projects/{project}/services/{service}")
def service(cloud: Cloud, asked: Request) -> Any:
    """services.get."""
    return {"name": asked.path.removeprefix("/v1/"), "state": _state(cloud, asked.parts["service"])}


@route("serviceusage", "POST", "/v1/projects/{project}/services:batchEnable")
def enable(cloud: Cloud, asked: Request) -> Any:
    """services.batchEnable: done at once."""
    cloud.enabled |= set(asked.body["serviceIds"])
    return _done("operations/acat.p1-1")


@route("serviceusage", "POST", "/v1/projects/{project}/services/{service}:enable")
def enable_one(cloud: Cloud, asked: Request) -> Any:
    """services.enable: done at once."""
    cloud.enabled.add(asked.parts["service"])
    return _done("operations/acat.p1-2")


@route("iam", "GET", "/v1/projects/{project}/serviceAccounts")
def accounts(cloud: Cloud, asked: Request) -> Any:
    """serviceAccounts.list."""
    return {"accounts": cloud.below(f"projects/{cloud.project}/serviceAccounts/")}


@route("iam", "POST", "/v1/projects/{project}/serviceAccounts")
def create_account(cloud: Cloud, asked: Request) -> Any:
    """serviceAccounts.create."""
    account_id = asked.body["accountId"]
    if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", account_id):
        raise Refused(400, f"The account ID {account_id!r} does not have a length between 6 and 30.")
    email = f"{account_id}@{cloud.project}.iam.gserviceaccount.com"
    name = f"projects/{cloud.project}/serviceAccounts/{email}"
    said = asked.body.get("serviceAccount", {})
    return cloud.put(name, {"name": name, "email": email, "projectId": cloud.project, **said})


@route("iam", "DELETE", "/v1/projects/{project}/serviceAccounts/{email}")
def delete_account(cloud: Cloud, asked: Request) -> Any:
    """serviceAccounts.delete."""
    cloud.delete(f"projects/{cloud.project}/serviceAccounts/{asked.parts['email']}")
    return {}


@route("secretmanager", "GET", "/v1/projects/{project}/secrets")
def secrets(cloud: Cloud, asked: Request) -> Any:
    """secrets.list."""
    return {"secrets": cloud.below(f"projects/{cloud.project}/secrets/")}


@route("secretmanager", "POST", "/v1/projects/{project}/secrets")
def create_secret(cloud: Cloud, asked: Request) -> Any:
    """secrets.create."""
    name = f"projects/{cloud.project}/secrets/{asked.query['secretId']}"
    if "replication" not in asked.body:
        raise Refused(400, "Secret.replication must be provided.")
    return cloud.put(name, {"name": name, **asked.body})


@route("secretmanager", "DELETE", "/v1/projects/{project}/secrets/{secret}")
def delete_secret(cloud: Cloud, asked: Request) -> Any:
    """secrets.delete."""
    cloud.delete(asked.path.removeprefix("/v1/"))
    return {}


@route("secretmanager", "POST", "/v1/projects/{project}/secrets/{secret}:addVersion")
def add_version(cloud: Cloud, asked: Request) -> Any:
    """secrets.addVersion."""
    secret = asked.path.removeprefix("/v1/").removesuffix(":addVersion")
    cloud.get(secret)
    name = f"{secret}/versions/{len(cloud.below(f'{secret}/versions/')) + 1}"
    data = asked.body["payload"]["data"]
    base64.urlsafe_b64decode(data)
    made = {"name": name, "state": "ENABLED", "createTime": f"2026-01-01T00:00:{name.rpartition('/')[2]:0>2}Z"}
    cloud.put(name, made | {"payload": data})
    return made | {"clientSpecifiedPayloadChecksum": "dataCrc32c" in asked.body["payload"]}


@route("secretmanager", "GET", "/v1/projects/{project}/secrets/{secret}/versions")
def versions(cloud: Cloud, asked: Request) -> Any:
    """secrets.versions.list, newest first."""
    prefix = asked.path.removeprefix("/v1/") + "/"
    cloud.get(prefix.removesuffix("/versions/"))
    found = [{k: v for k, v in one.items() if k != "payload"} for one in cloud.below(prefix)]
    return {"versions": sorted(found, key=lambda one: one["createTime"], reverse=True)}


@route("secretmanager", "GET", "/v1/projects/{project}/secrets/{secret}/versions/{version}:access")
def access(cloud: Cloud, asked: Request) -> Any:
    """secrets.versions.access."""
    found = cloud.get(asked.path.removeprefix("/v1/").removesuffix(":access"))
    return {"name": found["name"], "payload": {"data": found["payload"]}}


@route("cloudresourcemanager", "POST", "/v1/projects/{project}:getIamPolicy")
@route("secretmanager", "GET", "/v1/projects/{project}/secrets/{secret}:getIamPolicy")
@route("run", "GET", "/v1/projects/{project}/locations/{region}/services/{service}:getIamPolicy")
def get_policy(cloud: Cloud, asked: Request) -> Any:
    """getIamPolicy of a resource that is there."""
    return _policy(cloud, _resource(cloud, asked))


@route("cloudresourcemanager", "POST", "/v1/projects/{project}:setIamPolicy")
@route("secretmanager", "POST", "/v1/projects/{project}/secrets/{secret}:setIamPolicy")
@route("run", "POST", "/v1/projects/{project}/locations/{region}/services/{service}:setIamPolicy")
def set_policy(cloud: Cloud, asked: Request) -> Any:
    """setIamPolicy: the version that was read must still be the current one, and its members must exist."""
    resource, policy = _resource(cloud, asked), asked.body["policy"]
    if policy.get("etag") != _policy(cloud, resource)["etag"]:
        raise Refused(409, "There were concurrent policy changes. Please retry with exponential backoff.")
    for binding in policy.get("bindings", []):
        _check_binding(cloud, binding, policy.get("version", 1))
    count = int(base64.b64decode(policy["etag"])) + 1
    cloud.policies[resource] = policy | {"etag": base64.b64encode(str(count).encode()).decode()}
    return cloud.policies[resource]


def _policy(cloud: Cloud, resource: str) -> dict[str, Any]:
    return cloud.policies.setdefault(resource, {"version": 1, "etag": base64.b64encode(b"0").decode()})


def _resource(cloud: Cloud, asked: Request) -> str:
    name = asked.path.removeprefix("/v1/").rpartition(":")[0]
    if name == f"projects/{asked.parts['project']}":
        _check_project(cloud, asked)
    else:
        cloud.get(name)
    return name


def _check_binding(cloud: Cloud, binding: dict[str, Any], version: int) -> None:
    if not ROLE.fullmatch(binding["role"]):
        raise Refused(400, f"Role {binding['role']} is not supported for this resource.")
    if binding.get("condition") and version != 3:
        raise Refused(400, "a policy with conditions must have version 3")
    ours = f"@{cloud.project}.iam.gserviceaccount.com"
    for member in binding["members"]:
        kind, _, email = member.partition(":")
        if kind == "serviceAccount" and email.endswith(ours):
            known = f"projects/{cloud.project}/serviceAccounts/{email}"
            if known not in cloud.things:
                raise Refused(400, f"Service account {email} does not exist.")


def _check_project(cloud: Cloud, asked: Request) -> None:
    if asked.parts["project"] not in {cloud.project, cloud.number}:
        raise Refused(403, f"The caller does not have permission on project {asked.parts['project']}")


def _state(cloud: Cloud, service_name: str) -> str:
    return "ENABLED" if service_name in cloud.enabled else "DISABLED"


def _done(name: str) -> dict[str, Any]:
    return {"name": name, "done": True, "response": {}}
