"""The settings of Firestore's fields: how they are inherited, and how they are read and changed over the Admin API."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pytest
from google.api_core.exceptions import PermissionDenied
from google.cloud.firestore_admin_v1.types import Field, Index

from tests.support.firestore_admin_fields import ALL, USER
from tests.support.firestore_admin_server import FirestoreAdminServer
from watchdog.adapters.firestore_admin import FirestoreAdmin
from watchdog.doctor.field_settings import (
    ALL_GROUPS,
    Database,
    FieldAdmin,
    FieldSetting,
    State,
    index_of,
    indexes_everything,
    ttl_of,
)
from watchdog.ports import StoreError

RUNS = "hangwatch_runs"
UP: tuple[tuple[str, State], ...] = (("ascending", "ready"),)
DOWN: tuple[tuple[str, State], ...] = (("descending", "ready"),)
BUILDING: tuple[tuple[str, State], ...] = (("ascending", "creating"),)


INHERITED: dict[str, tuple[list[FieldSetting], State | None]] = {
    "nothing_is_set_so_all_is_indexed": ([], "ready"),
    "its_own_index": ([FieldSetting(RUNS, "due_at", UP)], "ready"),
    "its_own_index_is_being_built": ([FieldSetting(RUNS, "due_at", BUILDING)], "creating"),
    "it_is_exempted": ([FieldSetting(RUNS, "due_at", ())], None),
    "only_a_descending_one_serves_no_query_of_ours": ([FieldSetting(RUNS, "due_at", DOWN)], None),
    "its_group_is_exempted": ([FieldSetting(RUNS, "*", ())], None),
    "its_group_is_exempted_but_not_it": ([FieldSetting(RUNS, "*", ()), FieldSetting(RUNS, "due_at", UP)], "ready"),
    "another_group_is_exempted": ([FieldSetting("others", "*", ())], "ready"),
    "the_database_is_exempted": ([FieldSetting(ALL_GROUPS, "*", ())], None),
    "the_database_is_exempted_but_not_its_group": (
        [FieldSetting(ALL_GROUPS, "*", ()), FieldSetting(RUNS, "*", UP)],
        "ready",
    ),
    "a_ttl_policy_says_nothing_of_its_index": ([FieldSetting(RUNS, "due_at", None, "active")], "ready"),
}


@pytest.mark.parametrize(("settings", "state"), INHERITED.values(), ids=INHERITED.keys())
def test_a_field_inherits_its_index(settings: list[FieldSetting], state: State | None) -> None:
    """The field's own setting comes first, then its collection group's, then the database's."""
    assert index_of(settings, RUNS, "due_at") == state


def test_a_ttl_policy_is_the_fields_own() -> None:
    """Another field's policy, or another group's, is none of this field."""
    settings = [FieldSetting(RUNS, "expires_at", None, "creating"), FieldSetting("others", "ended_at", None, "active")]

    assert ttl_of(settings, RUNS, "expires_at") == "creating"
    assert ttl_of(settings, RUNS, "ended_at") is None
    assert ttl_of(settings, "others", "expires_at") is None


@pytest.mark.parametrize(
    ("settings", "everything"),
    [
        pytest.param([], True, id="nothing_is_set"),
        pytest.param([FieldSetting(RUNS, "*", ())], False, id="the_group_is_exempted"),
        pytest.param([FieldSetting(RUNS, "*", UP)], True, id="the_group_has_indexes"),
        pytest.param([FieldSetting(RUNS, "activity", ())], True, id="one_field_is_exempted"),
    ],
)
def test_whether_all_else_is_indexed(settings: list[FieldSetting], everything: bool) -> None:
    """All other fields are indexed unless somebody exempted them as a whole."""
    assert indexes_everything(settings, RUNS) is everything


@pytest.fixture
def server() -> Iterator[FirestoreAdminServer]:
    with FirestoreAdminServer() as server:
        yield server


def admin(server: FirestoreAdminServer, *, timeout: float = 5.0) -> FieldAdmin:
    return FirestoreAdmin("a-project", None, timeout=timeout, client=server.client())


def test_it_reads_what_was_set(server: FirestoreAdminServer) -> None:
    """Own indexes, exemptions and TTL policies come as they are, over several pages, and what is inherited does not."""
    server.fields.exempt(RUNS, "*")
    server.fields.index(RUNS, "due_at", "ASCENDING", state=Index.State.CREATING)
    server.fields.index(RUNS, "state", "ASCENDING", "DESCENDING")
    server.fields.expire(RUNS, "expires_at")
    server.fields.expire("hangwatch_notices", "expires_at", Field.TtlConfig.State.NEEDS_REPAIR)

    assert admin(server).settings(RUNS) == [
        FieldSetting(RUNS, "*", ()),
        FieldSetting(RUNS, "due_at", (("ascending", "creating"),)),
        FieldSetting(RUNS, "expires_at", None, "active"),
        FieldSetting(RUNS, "state", (("ascending", "ready"), ("descending", "ready"))),
    ]
    assert admin(server).settings("hangwatch_notices") == [
        FieldSetting("hangwatch_notices", "expires_at", None, "needs repair")
    ]
    assert admin(server).settings("others") == []


def test_the_account_of_the_watchdog_may_look() -> None:
    """roles/datastore.user is enough to read all of it."""
    with FirestoreAdminServer(granted=USER) as server:
        server.fields.exempt(RUNS, "*")

        assert admin(server).settings(RUNS) == [FieldSetting(RUNS, "*", ())]
        assert admin(server).database() == Database(native=True, location="us-central1")


def test_a_database_in_datastore_mode_is_told_apart() -> None:
    """A database in Datastore mode is not native."""
    with FirestoreAdminServer(native=False) as server:
        assert not admin(server).database().native


def test_it_restores_an_index(server: FirestoreAdminServer) -> None:
    """The ascending index is being built after the call, ready in the end, and nothing else of the field changes."""
    server.fields.exempt(RUNS, "*")
    server.fields.expire(RUNS, "expires_at")
    admin(server).mend(RUNS, "expires_at", index=True, ttl=False)
    building = admin(server).settings(RUNS)
    server.fields.finish()
    ready = admin(server).settings(RUNS)

    assert server.fields.changes == [(RUNS, "expires_at", "index_config")]
    assert index_of(building, RUNS, "expires_at") == "creating"
    assert (index_of(ready, RUNS, "expires_at"), ttl_of(ready, RUNS, "expires_at")) == ("ready", "active")


def test_it_creates_a_ttl_policy(server: FirestoreAdminServer) -> None:
    """The policy is being applied after the call, active in the end, and the field's exemption stays."""
    server.fields.exempt(RUNS, "expires_at")
    admin(server).mend(RUNS, "expires_at", index=False, ttl=True)
    creating = admin(server).settings(RUNS)
    server.fields.finish()

    assert creating == [FieldSetting(RUNS, "expires_at", (), "creating")]
    assert ttl_of(admin(server).settings(RUNS), RUNS, "expires_at") == "active"


def test_it_mends_both_in_one_change(server: FirestoreAdminServer) -> None:
    """A field that lacks both gets both at once, for a second change is refused while the first goes on."""
    server.fields.exempt(RUNS, "*")
    admin(server).mend(RUNS, "expires_at", index=True, ttl=True)
    settings = admin(server).settings(RUNS)

    assert (index_of(settings, RUNS, "expires_at"), ttl_of(settings, RUNS, "expires_at")) == ("creating", "creating")
    with pytest.raises(StoreError, match="already an operation in progress"):
        admin(server).mend(RUNS, "expires_at", index=True, ttl=True)


def test_why_fields_are_listed_and_not_got() -> None:
    """The permission for GetField is not in roles/datastore.user, that for ListFields is."""
    with FirestoreAdminServer(granted=USER) as server:
        with pytest.raises(PermissionDenied):
            server.client().get_field(
                name=f"{server.name}/collectionGroups/{RUNS}/fields/due_at", retry=None, timeout=5
            )

        assert admin(server).settings(RUNS) == []


def test_a_second_ttl_field_is_refused(server: FirestoreAdminServer) -> None:
    """A collection group has one TTL field; the API's refusal comes as a store error."""
    server.fields.expire(RUNS, "another")
    with pytest.raises(StoreError, match="already has a TTL field"):
        admin(server).mend(RUNS, "expires_at", index=False, ttl=True)


def test_who_may_not_look_is_told_the_role() -> None:
    """Without the right to look the error names roles/datastore.user."""
    with FirestoreAdminServer(granted=frozenset()) as server, pytest.raises(StoreError) as raised:
        admin(server).settings(RUNS)

    assert "Missing or insufficient permissions" in str(raised.value)
    assert "grant roles/datastore.user" in str(raised.value)


@pytest.mark.parametrize("granted", [USER, ALL - {"datastore.indexes.update"}], ids=["user", "viewer"])
def test_who_may_not_change_is_told_the_role(granted: frozenset[str]) -> None:
    """Without the right to change the error names roles/datastore.indexAdmin."""
    with FirestoreAdminServer(granted=granted) as server:
        for index, ttl in ((True, False), (False, True)):
            with pytest.raises(StoreError) as raised:
                admin(server).mend(RUNS, "expires_at", index=index, ttl=ttl)

            assert str(raised.value).endswith(
                "grant roles/datastore.indexAdmin to the account that runs doctor --fix, or let deploy/ do it"
            )


def test_a_database_that_is_not_there(server: FirestoreAdminServer) -> None:
    """A wrong name of a database is told as one."""
    wrong = FirestoreAdmin("a-project", "nowhere", client=server.client())
    with pytest.raises(StoreError, match="create the database"):
        wrong.settings(RUNS)


def test_a_server_that_is_away(server: FirestoreAdminServer) -> None:
    """An outage is told as one that may pass."""
    server.fail = (grpc.StatusCode.UNAVAILABLE, "connection refused")
    with pytest.raises(StoreError) as raised:
        admin(server).settings(RUNS)

    assert raised.value.away
    assert server.calls == ["ListFields"]


def test_a_server_that_hangs(server: FirestoreAdminServer) -> None:
    """A call ends after its time, which the library's own retries would stretch to a minute."""
    server.hangs = True
    began = time.monotonic()
    with pytest.raises(StoreError) as raised:
        admin(server, timeout=0.5).settings(RUNS)

    assert raised.value.away
    assert time.monotonic() - began < 50
