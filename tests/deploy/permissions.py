"""Which rights each part needs: the calls that the code makes, the permissions they take, the roles that bring them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CALLS", "GRANTS", "Call", "needed"]


@dataclass(frozen=True)
class Call:
    """A call to a service. by: who makes it. source: where its permissions stand."""

    by: str
    permissions: frozenset[str]
    source: str


CLOUD = "https://docs.cloud.google.com"
FIRESTORE = f"{CLOUD}/firestore/native/docs/security/iam"
ENTITY = "datastore.entities"

READ = frozenset({f"{ENTITY}.get"})
QUERY = frozenset({f"{ENTITY}.get", f"{ENTITY}.list"})
WRITE = frozenset({f"{ENTITY}.create", f"{ENTITY}.update"})

CALLS: Mapping[str, Call] = {
    "client: Firestore.BatchWrite": Call("coordinator", WRITE, FIRESTORE),
    "client: Firestore.BatchGetDocuments": Call("coordinator", READ, FIRESTORE),
    "watchdog: Firestore.BatchGetDocuments": Call("watchdog", READ, FIRESTORE),
    "watchdog: Firestore.RunQuery": Call("watchdog", QUERY, FIRESTORE),
    "watchdog: Firestore.Commit": Call("watchdog", WRITE | {f"{ENTITY}.delete"}, FIRESTORE),
    "watchdog: MetricService.CreateTimeSeries": Call(
        "watchdog", frozenset({"monitoring.timeSeries.create"}), f"{CLOUD}/monitoring/access-control"
    ),
    "Cloud Run: SecretManagerService.AccessSecretVersion": Call(
        "watchdog", frozenset({"secretmanager.versions.access"}), f"{CLOUD}/run/docs/configuring/services/secrets"
    ),
    "Cloud Scheduler: POST /sweep": Call(
        "scheduler", frozenset({"run.routes.invoke"}), f"{CLOUD}/run/docs/reference/iam/permissions"
    ),
    "people: GET / of a page behind Identity-Aware Proxy": Call(
        "page viewer", frozenset({"iap.webServiceVersions.accessViaIAP"}), f"{CLOUD}/iap/docs/managing-access"
    ),
    "Identity-Aware Proxy: GET / of the page": Call(
        "proxy",
        frozenset({"run.routes.invoke"}),
        f"{CLOUD}/run/docs/securing/identity-aware-proxy-cloud-run",
    ),
    "people: GET /": Call("viewer", frozenset({"run.routes.invoke"}), f"{CLOUD}/run/docs/reference/iam/permissions"),
}

# Of what each role brings, the permissions that are relied on (https://docs.cloud.google.com/iam/docs/roles-permissions).
GRANTS: Mapping[str, frozenset[str]] = {
    "roles/datastore.user": frozenset({f"{ENTITY}.{verb}" for verb in ("create", "delete", "get", "list", "update")}),
    "roles/monitoring.metricWriter": frozenset({"monitoring.timeSeries.create"}),
    "roles/secretmanager.secretAccessor": frozenset({"secretmanager.versions.access"}),
    "roles/run.invoker": frozenset({"run.routes.invoke"}),
    "roles/iap.httpsResourceAccessor": frozenset({"iap.webServiceVersions.accessViaIAP"}),
}


def needed(by: str) -> frozenset[str]:
    """All permissions that somebody's calls take."""
    return frozenset().union(*(call.permissions for call in CALLS.values() if call.by == by))
