"""What Firestore's Admin API keeps of fields, and what it refuses. Knows no sockets.

Sources: the API's own field.proto, firestore_admin.proto and operation.proto (as their generated Python types say it),
the IAM page of Firestore for the permission of each method, and the TTL page for one TTL field a collection group.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn

from google.cloud.firestore_admin_v1.types import Field, Index, UpdateFieldRequest
from grpc import StatusCode

__all__ = ["ALL", "USER", "Fields", "RefusedError", "named"]

# What roles/datastore.user brings of the permissions that are asked for here, and what there is in all.
USER: Final = frozenset({"datastore.databases.getMetadata", "datastore.indexes.list"})
ALL: Final = USER | {"datastore.indexes.get", "datastore.indexes.update"}

NAME: Final = re.compile(
    r"projects/(?P<project>[^/]+)/databases/(?P<database>[^/]+)/collectionGroups/(?P<group>[^/]+)/fields/(?P<path>.+)"
)
OVERRIDDEN: Final = ("indexConfig.usesAncestorConfig:false", "ttlConfig:*")
CREATING, ACTIVE = Field.TtlConfig.State.CREATING, Field.TtlConfig.State.ACTIVE
BUILDING, READY = Index.State.CREATING, Index.State.READY


class RefusedError(Exception):
    """The API refuses a request, with a status and its words."""

    def __init__(self, code: StatusCode, text: str) -> None:
        self.code = code
        super().__init__(text)


@dataclass(frozen=True)
class Setting:
    """What was set for one field. indexes: None where they are inherited. busy: an operation goes on."""

    indexes: tuple[Index, ...] | None = None
    ttl: Field.TtlConfig.State | None = None
    busy: bool = False


@dataclass
class Fields:
    """The fields of one database, by collection group and path. granted: the caller's permissions."""

    parent: str
    granted: frozenset[str] = ALL
    set: dict[tuple[str, str], Setting] = field(default_factory=dict)
    changes: list[tuple[str, str, str]] = field(default_factory=list)

    def exempt(self, group: str, path: str) -> None:
        """Take all indexes of a field away."""
        self.set[group, path] = replace(self._own(group, path), indexes=())

    def index(self, group: str, path: str, *orders: str, state: Index.State = READY) -> None:
        """Give a field indexes of its own: ASCENDING, DESCENDING."""
        self.set[group, path] = replace(
            self._own(group, path), indexes=tuple(_index(path, order, state) for order in orders)
        )

    def expire(self, group: str, path: str, state: Field.TtlConfig.State = ACTIVE) -> None:
        """Give a field a TTL policy."""
        self.set[group, path] = replace(self._own(group, path), ttl=state)

    def finish(self) -> None:
        """Let all that goes on come to its end."""
        for key, own in self.set.items():
            indexes = own.indexes and tuple(_with_state(index, READY) for index in own.indexes)
            self.set[key] = Setting(indexes, ACTIVE if own.ttl == CREATING else own.ttl)

    def check(self, permission: str) -> None:
        """Refuse a caller without a permission."""
        if permission not in self.granted:
            raise RefusedError(StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions.")

    def listed(self, parent: str, filter_: str) -> list[Field]:
        """ListFields."""
        self.check("datastore.indexes.list")
        group = self._group_of(parent)
        wanted = filter_.split(" OR ")
        if not filter_ or not set(wanted) <= set(OVERRIDDEN):
            refuse("Invalid filter: only indexConfig.usesAncestorConfig:false and ttlConfig:* are supported.")
        keys = sorted(key for key in self.set if group in ("-", key[0]) and self._fits(self.set[key], wanted))
        return [self.read(*key) for key in keys]

    def got(self, name: str) -> Field:
        """GetField."""
        self.check("datastore.indexes.get")
        return self.read(*self._key_of(name))

    def read(self, group: str, path: str) -> Field:
        """A field as the API shows it, with what it inherits."""
        own, ancestor = self._own(group, path), self._ancestor(group, path)
        inherited = self._own(*ancestor).indexes if ancestor else None
        indexes = own.indexes if own.indexes is not None else inherited
        if indexes is None:
            indexes = tuple(_index(path, order, READY) for order in ("ASCENDING", "DESCENDING"))
        config = Field.IndexConfig(
            indexes=[_named_for(index, path) for index in indexes],
            uses_ancestor_config=own.indexes is None and (group, path) != ("__default__", "*"),
            ancestor_field=named(self.parent, *ancestor) if ancestor else "",
        )
        shown = Field(name=named(self.parent, group, path), index_config=config)
        if own.ttl is not None:
            shown.ttl_config = Field.TtlConfig(state=own.ttl)
        return shown

    def update(self, request: UpdateFieldRequest) -> str:
        """UpdateField; the name of the field."""
        self.check("datastore.indexes.update")
        group, path = self._key_of(request.field.name)
        masked = list(request.update_mask.paths) or ["index_config", "ttl_config"]
        if not set(masked) <= {"index_config", "ttl_config"}:
            refuse(f"Invalid field mask: {masked}")
        own = self._own(group, path)
        if own.busy:
            raise RefusedError(
                StatusCode.FAILED_PRECONDITION, "There is already an operation in progress on this field."
            )
        if "index_config" in masked:
            own = replace(own, indexes=_checked_indexes(request.field, path), busy=True)
        if "ttl_config" in masked:
            own = replace(own, ttl=self._checked_ttl(request.field, group, path), busy=True)
        self.set[group, path] = own
        self.changes += [(group, path, part) for part in masked]
        return request.field.name

    def _checked_ttl(self, asked: Field, group: str, path: str) -> Field.TtlConfig.State | None:
        if "ttl_config" not in asked:
            return None
        if path == "*":
            refuse("TTL can't be configured on the wildcard field.")
        others = [key for key, own in self.set.items() if key[0] == group and key[1] != path and own.ttl is not None]
        if others:
            refuse(f"Collection group {group} already has a TTL field.")
        return self._own(group, path).ttl or CREATING

    def _own(self, group: str, path: str) -> Setting:
        return self.set.get((group, path), Setting())

    def _ancestor(self, group: str, path: str) -> tuple[str, str] | None:
        if (group, path) == ("__default__", "*"):
            return None
        inner = (group, "*")
        return inner if path != "*" and self._own(*inner).indexes is not None else ("__default__", "*")

    def _fits(self, own: Setting, wanted: list[str]) -> bool:
        return (OVERRIDDEN[0] in wanted and own.indexes is not None) or (
            OVERRIDDEN[1] in wanted and own.ttl is not None
        )

    def _group_of(self, parent: str) -> str:
        found = re.fullmatch(re.escape(self.parent) + "/collectionGroups/([^/]+)", parent)
        if not found:
            _no_such(parent)
        return found[1]

    def _key_of(self, name: str) -> tuple[str, str]:
        found = NAME.fullmatch(name)
        if not found:
            refuse(f'Invalid field name "{name}".')
        if not name.startswith(self.parent + "/"):
            _no_such(name)
        return found["group"], found["path"]


def named(parent: str, group: str, path: str) -> str:
    """The full name of a field."""
    return f"{parent}/collectionGroups/{group}/fields/{path}"


def refuse(text: str) -> NoReturn:
    raise RefusedError(StatusCode.INVALID_ARGUMENT, text)


def _no_such(name: str) -> NoReturn:
    database = name.partition("/collectionGroups/")[0]
    raise RefusedError(StatusCode.NOT_FOUND, f"The database {database} does not exist.")


def _index(path: str, order: str, state: Index.State) -> Index:
    one = Index.IndexField(field_path=path, order=Index.IndexField.Order[order])
    return Index(query_scope=Index.QueryScope.COLLECTION, fields=[one], state=state)


def _with_state(index: Index, state: Index.State) -> Index:
    copy = Index(index)
    copy.state = state
    return copy


def _named_for(index: Index, path: str) -> Index:
    copy = Index(index)
    copy.fields[0].field_path = path
    return copy


def _checked_indexes(asked: Field, path: str) -> tuple[Index, ...] | None:
    if "index_config" not in asked:
        return None
    for index in asked.index_config.indexes:
        if [one.field_path for one in index.fields] != [path]:
            refuse("A single-field index must have exactly its own field.")
        if index.query_scope == Index.QueryScope.QUERY_SCOPE_UNSPECIFIED:
            refuse("query_scope must be specified.")
        if not index.fields[0].order and not index.fields[0].array_config:
            refuse("Either order or array_config must be specified.")
    return tuple(_with_state(index, BUILDING) for index in asked.index_config.indexes)
