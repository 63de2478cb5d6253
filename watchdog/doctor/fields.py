"""The doctor's look at how Firestore keeps fields: indexes for what is queried, TTL policies for what expires."""

from __future__ import annotations

from collections.abc import Iterator

from heartbeat_client.parts import PARTS
from heartbeat_client.run import RUNS

from ..adapters.store_rules import QUERIED
from ..incident import INCIDENTS
from ..notice import NOTICES
from ..ports import StoreError
from .field_settings import (
    ACTIVE,
    ALL_GROUPS,
    CREATING,
    NEEDS_REPAIR,
    READY,
    FieldAdmin,
    FieldSetting,
    State,
    index_of,
    indexes_everything,
    ttl_of,
)
from .findings import Finding, failed, fixed, noted, well
from .trials import Trial

__all__ = ["EXPIRING", "field_trials", "not_applicable"]

EXPIRING = (RUNS, PARTS, INCIDENTS, NOTICES)
EXPIRES_AT = "expires_at"
GROUPS = tuple(dict.fromkeys((*EXPIRING, *(collection for collection, _ in QUERIED))))

# The last run before one is asked for by `<`, nearest first; all other queries go upwards.
DOWNWARDS = {"by_operation"}
FIX = "python -m watchdog doctor --fix does it, with roles/datastore.indexAdmin"


def not_applicable(why: str) -> Iterator[Finding]:
    """The same parts where there is nothing to look at."""
    for part in ("indexes", "ttl"):
        yield well(part, f"not applicable: {why}")


def field_trials(admin: FieldAdmin, fix: bool) -> Iterator[tuple[str, Trial]]:
    """The parts, in a sensible order. fix: mend what is missing."""
    look = _Look(admin, fix)
    yield "database", lambda: [_database(admin)]
    yield "fields", lambda: [look.read()]
    yield "indexes", look.indexes
    yield "ttl", look.ttl


def _database(admin: FieldAdmin) -> Finding:
    found = admin.database()
    if not found.native:
        return failed("database", f"{admin.name} is in Datastore mode", "name a database in Native mode")
    return well("database", f"{admin.name} is in Native mode, in {found.location}")


class _Look:
    """What was set, looked at once, and mended where it is asked for."""

    def __init__(self, admin: FieldAdmin, fix: bool) -> None:
        self._admin = admin
        self._fix = fix
        self._settings: list[FieldSetting] = []
        self._mended: dict[tuple[str, str], StoreError | None] = {}

    def read(self) -> Finding:
        """Read all settings there are."""
        for group in (ALL_GROUPS, *GROUPS):
            self._settings.extend(self._admin.settings(group))
        return well("fields", f"{len(self._settings)} have settings of their own")

    def indexes(self) -> Iterator[Finding]:
        """Whether each field that is queried has its index, and whether others have none."""
        findings = [found for place in QUERIED if (found := self._index(*place)) is not None]
        yield from findings
        if len(findings) < len(QUERIED):
            yield well(
                "indexes", f"{len(QUERIED) - len(findings)} of {len(QUERIED)} fields that are queried have theirs"
            )
        wide = [collection for collection in GROUPS if indexes_everything(self._settings, collection)]
        if wide:
            said = f"every other field of {', '.join(wide)} is indexed too, which each beat pays for"
            yield noted("indexes", said, "exempt field * of these collection groups, as deploy/ does")

    def ttl(self) -> Iterator[Finding]:
        """Whether each collection's records expire."""
        findings = [found for collection in EXPIRING if (found := self._expiring(collection)) is not None]
        yield from findings
        active = len(EXPIRING) - len(findings)
        if active:
            yield well("ttl", f"{active} of {len(EXPIRING)} collections have an active policy")

    def _index(self, collection: str, field: str) -> Finding | None:
        """What is to be told of one field's index, None where it is as it must be."""
        who, states = f"{collection}.{field}", self._states(collection, field)
        if states == {READY}:
            return None
        if states <= {READY, CREATING}:
            return noted("indexes", f"{who}: its index is being built, and queries are refused until then")
        if NEEDS_REPAIR in states:
            return failed("indexes", f"{who}: its index could not be built", "take its exemption away, and set it anew")
        missing = failed("indexes", f"{who}: it is queried and has no index, so sweeps are refused", FIX)
        done = fixed("indexes", f"{who}: its index is being built; sweeps are refused until it is there")
        return self._told(missing, done, (collection, field))

    def _expiring(self, collection: str) -> Finding | None:
        """What is to be told of one collection's TTL policy, None where it is as it must be."""
        who, state = f"{collection}.{EXPIRES_AT}", ttl_of(self._settings, collection, EXPIRES_AT)
        if state == ACTIVE:
            return None
        if state == CREATING:
            return noted("ttl", f"{who}: its TTL policy is being applied")
        if state is not None:
            return failed("ttl", f"{who}: its TTL policy could not be applied", "take it away, and set it anew")
        missing = failed("ttl", f"{who}: no TTL policy, so records are kept for ever", FIX)
        done = fixed("ttl", f"{who}: the TTL policy is being applied; what has expired goes within a day of that")
        return self._told(missing, done, (collection, EXPIRES_AT))

    def _states(self, collection: str, field: str) -> set[State | None]:
        return {index_of(self._settings, collection, field, downwards) for downwards in {False, field in DOWNWARDS}}

    def _told(self, missing: Finding, done: Finding, place: tuple[str, str]) -> Finding:
        """What is missing, or that it is being mended."""
        if not self._fix:
            return missing
        if place not in self._mended:
            self._mended[place] = self._mend(*place)
        error = self._mended[place]
        if error is None:
            return done
        said, _, todo = str(error).rpartition("; ")
        return failed(missing.part, f"{missing.said}; it can't be mended: {said or todo}", todo if said else FIX)

    def _mend(self, collection: str, field: str) -> StoreError | None:
        """Mend all that a field lacks, in one change: a second one would be refused while the first goes on."""
        index = (collection, field) in QUERIED and None in self._states(collection, field)
        ttl = field == EXPIRES_AT and ttl_of(self._settings, collection, field) is None
        try:
            self._admin.mend(collection, field, index=index, ttl=ttl)
        except StoreError as error:
            return error
        return None
