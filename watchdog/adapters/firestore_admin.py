"""The settings of a Firestore database's fields, by the Firestore Admin API: single-field indexes and TTL policies.

They are read by ListFields, whose permission roles/datastore.user brings; GetField's it does not, so an account that
may run the watchdog would not be allowed to look.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from heartbeat_client.stores.firestore_connection import explained

from ..doctor.field_settings import ACTIVE, CREATING, NEEDS_REPAIR, READY, Database, FieldSetting, State
from ..ports import StoreError
from .store_rules import told_as_store_error

if TYPE_CHECKING:
    from google.cloud.firestore_admin_v1 import FirestoreAdminClient
    from google.cloud.firestore_admin_v1.types import Field, Index

__all__ = ["FirestoreAdmin"]

T = TypeVar("T")

# The only two that ListFields takes: it lists nothing but what was set by somebody.
OVERRIDDEN = "indexConfig.usesAncestorConfig:false OR ttlConfig:*"
CHANGER = "grant roles/datastore.indexAdmin to the account that runs doctor --fix, or let deploy/ do it"
ORDERS = ("ASCENDING", "DESCENDING")
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class FirestoreAdmin:
    """A `FieldAdmin` of one database; its library is imported at the first call.

    project None: from the environment or the credentials. database None: `(default)`. timeout: seconds for each call.
    client: one that is made already, for an endpoint of its own; then project must be given.
    """

    def __init__(
        self,
        project: str | None,
        database: str | None,
        *,
        timeout: float = 5.0,
        client: FirestoreAdminClient | None = None,
    ) -> None:
        self._project = project
        self._database = database or "(default)"
        self._timeout = timeout
        self._client = client

    @property
    def name(self) -> str:
        """Which database, for people."""
        return f"firestore {self._project or 'project'}/{self._database}"

    def database(self) -> Database:
        """See `FieldAdmin.database`."""
        found = self._call(
            lambda client: client.get_database(
                name=f"projects/{self._project}/databases/{self._database}", retry=None, timeout=self._timeout
            )
        )
        return Database(native=found.type_.name == "FIRESTORE_NATIVE", location=found.location_id)

    def settings(self, collection: str) -> list[FieldSetting]:
        """See `FieldAdmin.settings`."""

        def listed(client: FirestoreAdminClient) -> list[Field]:
            request = {"parent": self._group(collection), "filter": OVERRIDDEN}
            return list(client.list_fields(request=request, retry=None, timeout=self._timeout))

        return [_setting(field) for field in self._call(listed)]

    def mend(self, collection: str, field: str, *, index: bool, ttl: bool) -> None:
        """See `FieldAdmin.mend`. Other indexes of the field are replaced: queries need no other."""
        changed: dict[str, object] = {"index_config": {"indexes": [_ordered(field, order) for order in ORDERS]}}
        changed = (changed if index else {}) | ({"ttl_config": {}} if ttl else {})

        def updated(client: FirestoreAdminClient) -> None:
            request = {
                "field": {"name": f"{self._group(collection)}/fields/{field}", **changed},
                "update_mask": {"paths": list(changed)},
            }
            # Not waited for: over many documents it takes hours, and the settings say how far it is.
            client.update_field(request=request, retry=None, timeout=self._timeout)

        try:
            self._call(updated)
        except StoreError as error:
            text, _, remedy = str(error).rpartition("; ")
            if not remedy.startswith("grant "):
                raise
            raise StoreError(f"{text}; {CHANGER}") from None

    def _group(self, collection: str) -> str:
        return f"projects/{self._project}/databases/{self._database}/collectionGroups/{collection}"

    def _call(self, rpc: Callable[[FirestoreAdminClient], T]) -> T:
        with told_as_store_error():
            try:
                return rpc(self._opened())
            except Exception as error:  # noqa: BLE001 - the library's errors have no name until it is loaded
                raise explained(error, self.name) from None

    def _opened(self) -> FirestoreAdminClient:
        if self._client is None:
            import google.auth
            from google.cloud.firestore_admin_v1 import FirestoreAdminClient

            credentials, project = google.auth.default(scopes=[SCOPE])
            self._project = self._project or os.environ.get("GOOGLE_CLOUD_PROJECT") or project
            self._client = FirestoreAdminClient(credentials=credentials)
        return self._client


def _setting(field: Field) -> FieldSetting:
    rest, _, path = field.name.partition("/fields/")
    own = "index_config" in field and not field.index_config.uses_ancestor_config
    return FieldSetting(
        collection=rest.rpartition("/")[2],
        field=path.strip("`"),
        indexes=tuple(_index(index) for index in field.index_config.indexes) if own else None,
        ttl=_STATES.get(field.ttl_config.state.name, CREATING) if "ttl_config" in field else None,
    )


def _ordered(field: str, order: str) -> dict[str, object]:
    return {"query_scope": "COLLECTION", "fields": [{"field_path": field, "order": order}]}


def _index(index: Index) -> tuple[str, State]:
    # An index over collection groups serves no query of one collection.
    orders = [field.order.name.lower() for field in index.fields if field.order.name in ORDERS]
    kind = orders[0] if orders else "contains"
    scope = "" if index.query_scope.name == "COLLECTION" else " over collection groups"
    return kind + scope, _STATES.get(index.state.name, READY)


_STATES: dict[str, State] = {
    "CREATING": CREATING,
    "ACTIVE": ACTIVE,
    "READY": READY,
    "NEEDS_REPAIR": NEEDS_REPAIR,
}
