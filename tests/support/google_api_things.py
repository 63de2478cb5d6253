"""Rules of `google_api_server`: databases and their fields, images and builds, alert policies and their channels."""

from __future__ import annotations

import io
import re
import tarfile
from typing import Any

from tests.support.google_api_server import Cloud, Refused, Request, route

V1 = "/v1/"
ADMIN = "type.googleapis.com/google.firestore.admin.v1"


@route("firestore", "GET", "/v1/projects/{project}/databases")
def databases(cloud: Cloud, asked: Request) -> Any:
    """databases.list."""
    return {"databases": cloud.below(f"projects/{cloud.project}/databases/")}


@route("firestore", "POST", "/v1/projects/{project}/databases")
def create_database(cloud: Cloud, asked: Request) -> Any:
    """databases.create: done at once."""
    name = f"projects/{cloud.project}/databases/{asked.query['databaseId']}"
    if asked.body.get("type") != "FIRESTORE_NATIVE" or not asked.body.get("locationId"):
        raise Refused(400, "expected a type and a location")
    made = cloud.put(name, {**asked.body, "name": name})
    return {
        "name": f"{name}/operations/create",
        "done": True,
        "metadata": {"@type": f"{ADMIN}.CreateDatabaseMetadata"},
        "response": {"@type": f"{ADMIN}.Database", **made},
    }


@route("firestore", "PATCH", "/v1/projects/{project}/databases/{database}")
def update_database(cloud: Cloud, asked: Request) -> Any:
    """databases.patch."""
    name = asked.path.removeprefix(V1)
    cloud.get(name).update({k: v for k, v in asked.body.items() if k in asked.query["updateMask"].split(",")})
    return {"name": f"{name}/operations/update", "done": True, "response": {"@type": f"{ADMIN}.Database"}}


@route("firestore", "DELETE", "/v1/projects/{project}/databases/{database}")
def delete_database(cloud: Cloud, asked: Request) -> Any:
    """databases.delete: not while it is protected."""
    name = asked.path.removeprefix(V1)
    if cloud.get(name).get("deleteProtectionState") == "DELETE_PROTECTION_ENABLED":
        raise Refused(400, "The database has delete protection enabled.")
    cloud.delete(name)
    return {"name": f"{name}/operations/delete", "done": True, "response": {"@type": f"{ADMIN}.Database"}}


@route("firestore", "GET", "/v1/projects/{project}/databases/{database}/collectionGroups/-/fields")
def fields(cloud: Cloud, asked: Request) -> Any:
    """fields.list: those that have settings of their own."""
    database = f"projects/{cloud.project}/databases/{asked.parts['database']}"
    cloud.get(database)
    prefix = re.compile(re.escape(database) + r"/collectionGroups/[^/]+/fields/[^/]+")
    return {"fields": [thing for name, thing in sorted(cloud.things.items()) if prefix.fullmatch(name)]}


@route("firestore", "PATCH", "/v1/projects/{project}/databases/{database}/collectionGroups/{group}/fields/{field}")
def update_field(cloud: Cloud, asked: Request) -> Any:
    """fields.patch: a field has a TTL policy or indexes, as the mask says."""
    name = asked.path.removeprefix(V1)
    cloud.get(name.partition("/collectionGroups/")[0])
    mask = asked.query["updateMask"]
    if mask not in {"indexConfig", "ttlConfig"} or (mask == "ttlConfig" and asked.parts["field"] == "*"):
        raise Refused(400, f"{mask} can't be set on {asked.parts['field']}")
    thing = cloud.things.setdefault(name, {"name": name})
    thing[mask] = dict(asked.body[mask], **({"state": "ACTIVE"} if mask == "ttlConfig" else {}))
    operation = f"{name.partition('/collectionGroups/')[0]}/operations/field"
    return {"name": operation, "done": True, "metadata": {"@type": f"{ADMIN}.FieldOperationMetadata", "field": name}}


@route("artifactregistry", "GET", "/v1/projects/{project}/locations/{region}")
def location(cloud: Cloud, asked: Request) -> Any:
    """locations.get."""
    return {"name": asked.path.removeprefix(V1), "locationId": asked.parts["region"]}


@route("artifactregistry", "GET", "/v1/projects/{project}/locations/{region}/repositories")
def repositories(cloud: Cloud, asked: Request) -> Any:
    """repositories.list."""
    return {"repositories": cloud.below(asked.path.removeprefix(V1) + "/")}


@route("artifactregistry", "POST", "/v1/projects/{project}/locations/{region}/repositories")
def create_repository(cloud: Cloud, asked: Request) -> Any:
    """repositories.create: done at once."""
    parent = asked.path.removeprefix(V1).removesuffix("/repositories")
    name = f"{parent}/repositories/{asked.query['repositoryId']}"
    cloud.put(name, {**asked.body, "name": name})
    return {"name": f"{parent}/operations/create", "done": True, "response": {}}


@route("artifactregistry", "GET", "/v1/projects/{project}/locations/{region}/repositories/{repository}")
def repository(cloud: Cloud, asked: Request) -> Any:
    """repositories.get."""
    return cloud.get(asked.path.removeprefix(V1))


@route("artifactregistry", "PATCH", "/v1/projects/{project}/locations/{region}/repositories/{repository}")
def update_repository(cloud: Cloud, asked: Request) -> Any:
    """repositories.patch."""
    thing = cloud.get(asked.path.removeprefix(V1))
    thing.update(asked.body)
    return thing


@route("artifactregistry", "DELETE", "/v1/projects/{project}/locations/{region}/repositories/{repository}")
def delete_repository(cloud: Cloud, asked: Request) -> Any:
    """repositories.delete: done at once."""
    name = asked.path.removeprefix(V1)
    cloud.delete(name)
    return {"name": f"{name.partition('/repositories/')[0]}/operations/delete", "done": True, "response": {}}


@route("artifactregistry", "GET", "/v1/projects/{project}/locations/{region}/repositories/{repository}/dockerImages")
def images(cloud: Cloud, asked: Request) -> Any:
    """dockerImages.list."""
    cloud.get(asked.path.removeprefix(V1).removesuffix("/dockerImages"))
    return {"dockerImages": cloud.below(asked.path.removeprefix(V1) + "/")}


@route("storage", "GET", "/storage/v1/b/{bucket}")
def bucket(cloud: Cloud, asked: Request) -> Any:
    """buckets.get."""
    return cloud.get(f"buckets/{asked.parts['bucket']}")


@route("storage", "GET", "/storage/v1/b")
def buckets(cloud: Cloud, asked: Request) -> Any:
    """buckets.list of the project."""
    return {"items": [one for one in cloud.below("buckets/") if one["name"].startswith(asked.query.get("prefix", ""))]}


@route("storage", "POST", "/storage/v1/b")
def create_bucket(cloud: Cloud, asked: Request) -> Any:
    """buckets.insert."""
    return cloud.put(f"buckets/{asked.body['name']}", {**asked.body, "id": asked.body["name"]})


@route("storage", "POST", "/(resumable/)?upload/storage/v1/b/{bucket}/o")
def upload(cloud: Cloud, asked: Request) -> Any:
    """objects.insert: an archive, of which the names of its files are kept."""
    cloud.get(f"buckets/{asked.parts['bucket']}")
    content = _attached(asked.raw)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        names = sorted(member.name for member in archive if member.isfile())
    name = asked.query.get("name", "")
    made = {"name": name, "bucket": asked.parts["bucket"], "generation": "1", "size": str(len(content))}
    cloud.things[f"objects/{asked.parts['bucket']}/{name.replace('/', ' ')}"] = {"files": names}
    return made


def _attached(raw: bytes) -> bytes:
    """The file in a multipart/related upload: what stands between its gzip header and the last boundary."""
    boundary = raw.split(b"\n", 1)[0].strip()
    return raw[raw.find(b"\x1f\x8b") : raw.rfind(boundary)].removesuffix(b"\n").removesuffix(b"\r")


@route("cloudbuild", "POST", "/v1/projects/{project}/locations/{region}/builds")
def build(cloud: Cloud, asked: Request) -> Any:
    """builds.create: done at once, the images in their repository."""
    known = asked.body.get("substitutions", {}) | {"PROJECT_ID": cloud.project, "LOCATION": asked.parts["region"]}
    for image in asked.body["images"]:
        _push(cloud, re.sub(r"\$(\w+)", lambda found: known[found[1]], image))
    made = {
        **asked.body,
        "id": "b1",
        "name": f"projects/{cloud.project}/locations/{asked.parts['region']}/builds/b1",
        "projectId": cloud.project,
        "status": "SUCCESS",
    }
    cloud.things[made["name"]] = made
    metadata = {"@type": "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata", "build": made}
    return {"name": f"operations/build/{cloud.project}/b1", "metadata": metadata, "done": True}


@route("cloudbuild", "GET", "/v1/projects/{project}/locations/{region}/builds/{build}")
def get_build(cloud: Cloud, asked: Request) -> Any:
    """builds.get."""
    return cloud.get(asked.path.removeprefix(V1))


def _push(cloud: Cloud, image: str) -> None:
    found = re.fullmatch(r"([a-z0-9-]+)-docker\.pkg\.dev/([^/]+)/([^/]+)/([^/:]+):(.+)", image)
    if found is None:
        raise Refused(400, f"invalid image name {image}")
    region, project, repository_id, package, tag = found.groups()
    parent = f"projects/{project}/locations/{region}/repositories/{repository_id}"
    cloud.get(parent)
    name = f"{parent}/dockerImages/{package}@sha256:{tag}"
    cloud.things[name] = {"name": name, "uri": image.rpartition(":")[0] + f"@sha256:{tag}", "tags": [tag]}


@route("monitoring", "GET", "/v3/projects/{project}/notificationChannels")
def channels(cloud: Cloud, asked: Request) -> Any:
    """notificationChannels.list."""
    return {"notificationChannels": cloud.below(f"projects/{cloud.project}/notificationChannels/")}


@route("monitoring", "POST", "/v3/projects/{project}/(?P<kind>notificationChannels|alertPolicies)")
def create_watch(cloud: Cloud, asked: Request) -> Any:
    """notificationChannels.create and alertPolicies.create: the server makes the id."""
    parent = asked.path.removeprefix("/v3/")
    for channel in asked.body.get("notificationChannels", []):
        cloud.get(channel)
    name = f"{parent}/{len(cloud.below(f'{parent}/')) + 1}"
    return cloud.put(name, {**asked.body, "name": name})


@route("monitoring", "GET", "/v3/projects/{project}/alertPolicies")
def policies(cloud: Cloud, asked: Request) -> Any:
    """alertPolicies.list."""
    return {"alertPolicies": cloud.below(f"projects/{cloud.project}/alertPolicies/")}


@route("monitoring", "DELETE", "/v3/projects/{project}/alertPolicies/{policy}")
def delete_policy(cloud: Cloud, asked: Request) -> Any:
    """alertPolicies.delete."""
    cloud.delete(asked.path.removeprefix("/v3/"))
    return {}
