"""Rules of `google_api_server`: Cloud Run's services, as gcloud asks for them, and Cloud Scheduler's jobs."""

from __future__ import annotations

import re
from typing import Any

from tests.support.google_api_server import Cloud, Refused, Request, route

SERVICES = "/apis/serving.knative.dev/v1/namespaces/{project}/services"
JOBS = "/v1/projects/{project}/locations/{region}/jobs"


@route("run", "GET", SERVICES)
def services(cloud: Cloud, asked: Request) -> Any:
    """services.list."""
    found = [
        thing
        for name, thing in sorted(cloud.things.items())
        if re.fullmatch(r".*/locations/[^/]+/services/[^/]+", name)
    ]
    return {"apiVersion": "serving.knative.dev/v1", "kind": "ServiceList", "items": found, "metadata": {}}


@route("run", "GET", SERVICES + "/{service}")
def service(cloud: Cloud, asked: Request) -> Any:
    """services.get."""
    return cloud.get(_name(cloud, asked.parts["service"]))


@route("run", "POST", SERVICES)
def create_service(cloud: Cloud, asked: Request) -> Any:
    """services.create: ready at once, if its account, image and secrets are there."""
    name = asked.body["metadata"]["name"]
    _check(cloud, asked.body)
    return cloud.put(_name(cloud, name), _ready(asked.body, 1))


@route("run", "PUT", SERVICES + "/{service}")
def replace_service(cloud: Cloud, asked: Request) -> Any:
    """services.replaceService."""
    known = cloud.get(_name(cloud, asked.parts["service"]))
    _check(cloud, asked.body)
    known.update(_ready(asked.body, known["metadata"]["generation"] + 1))
    return known


@route("run", "DELETE", SERVICES + "/{service}")
def delete_service(cloud: Cloud, asked: Request) -> Any:
    """services.delete."""
    cloud.delete(_name(cloud, asked.parts["service"]))
    return {"status": "Success"}


@route("run", "GET", "/apis/serving.knative.dev/v1/namespaces/{project}/(configurations|routes|revisions)(/{name})?")
def rest(cloud: Cloud, asked: Request) -> Any:
    """Parts of a service that gcloud asks for, and can do without."""
    raise Refused(404, "there is none")


def _name(cloud: Cloud, service: str) -> str:
    return f"projects/{cloud.project}/locations/us-central1/services/{service}"


def _check(cloud: Cloud, body: dict[str, Any]) -> None:
    template = body["spec"]["template"]
    cloud.get(f"projects/{cloud.project}/serviceAccounts/{template['spec']['serviceAccountName']}")
    (container,) = template["spec"]["containers"]
    tag = container["image"].rpartition(":")[2]
    if not any("/dockerImages/" in name and name.endswith(tag) for name in cloud.things):
        raise Refused(400, f"Image '{container['image']}' not found.")
    for variable in container.get("env", []):
        if "valueFrom" in variable:
            key = variable["valueFrom"]["secretKeyRef"]
            cloud.get(f"projects/{cloud.project}/secrets/{key['name']}/versions/{key['key']}")


def _ready(body: dict[str, Any], generation: int) -> dict[str, Any]:
    name = body["metadata"]["name"]
    body["metadata"] |= {
        "uid": "u1",
        "generation": generation,
        "resourceVersion": f"r{generation}",
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    kinds = ("Ready", "ConfigurationsReady", "RoutesReady")
    revision = f"{name}-{generation:05}"
    body["status"] = {
        "observedGeneration": generation,
        "conditions": [{"type": kind, "status": "True"} for kind in kinds],
        "url": f"https://{name}-abc.a.run.app",
        "latestReadyRevisionName": revision,
        "latestCreatedRevisionName": revision,
        "traffic": [{"revisionName": revision, "percent": 100, "latestRevision": True}],
    }
    return body


@route("cloudscheduler", "GET", JOBS)
def jobs(cloud: Cloud, asked: Request) -> Any:
    """jobs.list."""
    return {"jobs": cloud.below(asked.path.removeprefix("/v1/") + "/")}


@route("cloudscheduler", "GET", JOBS + "/{job}")
def job(cloud: Cloud, asked: Request) -> Any:
    """jobs.get."""
    return cloud.get(asked.path.removeprefix("/v1/"))


@route("cloudscheduler", "POST", JOBS)
def create_job(cloud: Cloud, asked: Request) -> Any:
    """jobs.create: the account that it signs as must be there."""
    target = asked.body["httpTarget"]
    cloud.get(f"projects/{cloud.project}/serviceAccounts/{target['oidcToken']['serviceAccountEmail']}")
    if not re.fullmatch(r"(\S+ ){4}\S+", asked.body["schedule"]) or not asked.body.get("timeZone"):
        raise Refused(400, "Schedule or time zone is invalid.")
    return cloud.put(asked.body["name"], {**asked.body, "state": "ENABLED"})


@route("cloudscheduler", "PATCH", JOBS + "/{job}")
def update_job(cloud: Cloud, asked: Request) -> Any:
    """jobs.patch."""
    thing = cloud.get(asked.path.removeprefix("/v1/"))
    thing.update(asked.body)
    return thing


@route("cloudscheduler", "POST", JOBS + "/{job}:run")
def run_job(cloud: Cloud, asked: Request) -> Any:
    """jobs.run: the attempt is over at once; `cloud.things` of the job may say how it ends, as `_outcome`."""
    thing = cloud.get(asked.path.removeprefix("/v1/").removesuffix(":run"))
    attempts = thing["_attempts"] = thing.get("_attempts", 0) + 1
    thing["lastAttemptTime"] = f"2026-01-01T00:{attempts:02}:00Z"
    thing["status"] = thing.get("_outcome", {})
    return thing


@route("cloudscheduler", "DELETE", JOBS + "/{job}")
def delete_job(cloud: Cloud, asked: Request) -> Any:
    """jobs.delete."""
    cloud.delete(asked.path.removeprefix("/v1/"))
    return {}
