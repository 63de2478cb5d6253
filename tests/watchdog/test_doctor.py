"""The doctor: each part tried for real, good and bad, told with what to do and without any secret."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.firestore_admin_v1.types import Field, Index

from heartbeat_client.run import OPERATIONS, RUNS
from heartbeat_client.store_address import StoreAddress
from tests.stores.failing_firestore import FailingFirestore
from tests.support.coordinator_app import ROOT
from tests.support.firestore_admin_fields import ALL, USER
from tests.support.firestore_admin_server import FirestoreAdminServer
from tests.support.monitoring_server import MonitoringServer
from tests.support.ping_server import PingServer, Trouble
from tests.support.slack_api import ApiRoom
from tests.support.slack_server import Answer, SlackServer
from tests.support.slack_workspace import Workspace
from tests.support.world import START, ClockedStore, a_run
from watchdog.adapters.firestore_admin import FirestoreAdmin
from watchdog.adapters.store_rules import QUERIED
from watchdog.cli import main
from watchdog.doctor.examination import examination, examine, exit_status
from watchdog.doctor.fields import EXPIRING, GROUPS
from watchdog.doctor.findings import Finding, failed, fixed, noted, refused, well
from watchdog.doctor.means import SECRETS, Means
from watchdog.environment import SETTINGS
from watchdog.incident import INCIDENTS
from watchdog.ledger import WATCHDOG, Ledger, SweepState
from watchdog.message import Message
from watchdog.metrics import METRICS, PREFIX
from watchdog.notice import NOTICES, Notice
from watchdog.ports import Create, DeliveryError, Replace, StoreError

TOKEN = "xoxb-made-up-token-0000"
WEBHOOK = "https://hooks.slack.com/services/T0MADEUP/B0MADEUP/madeuptokenmadeuptoken00"


class FixedStore(ClockedStore):
    """A `ClockedStore` that stays open, so that a test can look at it afterwards."""

    def close(self) -> None:
        """Stay open until `end`."""

    def end(self) -> None:
        """Let go of the file."""
        super().close()


@dataclass
class Desk:
    """A real store whose clock stands, the environment, and what the doctor says of them."""

    store: FixedStore
    path: Path
    environment: dict[str, str] = field(default_factory=dict)
    now: datetime = START
    means: Means = field(default_factory=Means)

    def findings(self, part: str = "", **options: Any) -> list[Finding]:
        """All findings, or those of one part."""
        means = replace(self.means, store=lambda _: self.store, clock=self.clock)
        found = examine(self.environment, **options, means=means)
        return [finding for finding in found if part in ("", finding.part)]

    def only(self, part: str, **options: Any) -> Finding:
        """The one finding of a part."""
        (finding,) = self.findings(part, **options)
        return finding

    def clock(self) -> datetime:
        """This machine's clock."""
        return self.now

    def at(self, seconds: float) -> None:
        """So many seconds after START."""
        self.now = START + timedelta(seconds=seconds)

    def put(self, collection: str, name: str, fields: dict[str, Any]) -> None:
        """Write a document."""
        assert self.store.commit([Create(collection, name, fields)])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with an empty SQLite store."""
    path = tmp_path / "beats.sqlite3"
    desk = Desk(FixedStore(path, lambda: desk.now), path, {"HANGWATCH_STORE": f"sqlite:///{path}"})
    yield desk
    desk.store.end()


@pytest.fixture
def lasting(desk: Desk) -> Desk:
    """A desk whose settings say Firestore."""
    desk.environment["HANGWATCH_STORE"] = "firestore://a-project"
    return desk


def test_a_new_desk_is_told_what_is_missing(desk: Desk) -> None:
    """Each part has a finding, in an order that goes from settings to what is outside."""
    assert [(finding.part, finding.kind) for finding in desk.findings()] == [
        ("settings", "ok"),
        ("policy", "ok"),
        ("store", "ok"),
        ("read", "ok"),
        ("queries", "ok"),
        ("write", "ok"),
        ("clock", "ok"),
        ("sweeps", "note"),
        ("audit", "note"),
        ("notices", "ok"),
        ("records", "ok"),
        ("clients", "note"),
        ("indexes", "ok"),
        ("ttl", "ok"),
        ("slack", "fail"),
        ("monitoring", "note"),
        ("ping", "note"),
    ]


def test_the_command_prints_findings(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`doctor` prints a line for each finding, `--json` a list of plain values, and its status follows."""
    monkeypatch.setenv("HANGWATCH_STORE", desk.environment["HANGWATCH_STORE"])
    status = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    main(["doctor", "--json"])
    listed = json.loads(capsys.readouterr().out)

    assert status == 1
    assert [line[6:].split(":")[0] for line in lines] == [finding["part"] for finding in listed]
    assert [set(finding) for finding in listed] == [{"part", "kind", "good", "said", "todo"}] * len(listed)


def test_every_part_is_in_the_papers(lasting: Desk) -> None:
    """docs/doctor.md has a row for each part there is, of both sides, and for no other."""
    rows = re.findall("^[|] `([a-z]+)` [|]", (ROOT / "docs" / "doctor.md").read_text(), re.MULTILINE)
    lasting.put(RUNS, "r", a_run("r").to_document())
    lasting.environment["HANGWATCH_POLICY"] = str(ROOT / "nowhere.toml")
    with FirestoreAdminServer() as server:
        found = {finding.part for finding in with_admin(lasting, server).findings()}
    client = {part for part, _ in of_client(lasting, HANGWATCH_STORE=f"sqlite:///{lasting.path}")}

    assert set(rows) == found | client | {"rules"}


# How findings are told


def test_a_finding_is_a_line_and_plain_values() -> None:
    """People get one line whatever is in it, and scripts names that stay."""
    finding = failed("read", "two\nlines \x1b[31m", "do this")

    assert finding.line() == "FAIL  read: two lines [31m; do this"
    assert well("read", "all").line() == "ok    read: all"
    assert json.loads(json.dumps(finding.as_json())) == {
        "part": "read",
        "kind": "fail",
        "good": False,
        "said": "two lines [31m",
        "todo": "do this",
    }
    assert (noted("a", "b").as_json()["good"], fixed("a", "b").as_json()["todo"]) == (True, None)


@pytest.mark.parametrize(
    ("text", "said", "todo"),
    [("who: what; do this", "who: what", "do this"), ("a; b; c", "a; b", "c"), ("who: what", "who: what", "")],
)
def test_an_error_says_last_what_to_do(text: str, said: str, todo: str) -> None:
    """The end of an error's text is the remedy."""
    assert refused("read", StoreError(text)) == Finding("read", "fail", said, todo)


STATUSES = {
    "all_is_well": ([well("a", ""), noted("b", ""), fixed("c", "")], 0),
    "something_fails": ([well("a", ""), failed("read", "", "")], 1),
    "settings_are_wrong": ([failed("settings", "", "")], 2),
    "the_policy_is_wrong": ([failed("read", "", ""), failed("policy", "", "")], 2),
}


@pytest.mark.parametrize(("findings", "status"), STATUSES.values(), ids=STATUSES.keys())
def test_the_exit_status(findings: list[Finding], status: int) -> None:
    """Wrong settings end with 2, any other failure with 1, notes and what is mended with 0."""
    assert exit_status(findings) == status


def test_progress_is_told_before_each_part(desk: Desk) -> None:
    """Who waits hears the name of each part before it is tried, and gets each finding as it comes."""
    told: list[str] = []
    found = examination(desk.environment, means=Means(store=lambda _: desk.store), trying=told.append)
    assert next(found).part == "settings"
    assert told == []
    while (finding := next(found)).part != "read":
        pass

    assert told[-1] == finding.part
    assert len(list(found)) > 8
    assert told[-1] == "ping"


# Settings and policy


def test_wrong_settings_stop_the_rest(desk: Desk) -> None:
    """Where the settings can't be used there is nothing to try."""
    desk.environment["HANGWATCH_STORE"] = "mysql://x"
    (finding,) = desk.findings()

    assert (finding.part, finding.kind) == ("settings", "fail")
    assert "HANGWATCH_STORE" in finding.said
    assert exit_status([finding]) == 2


def test_a_misspelt_setting_is_noticed(desk: Desk) -> None:
    """A name close to a setting that is not set is told, one of something else is not, nor is its value."""
    desk.environment |= {"HANGWATCH_SLACK_WEBHOK_URL": "hush", "HANGWATCH_EXAMPLE_SPEEDUP": "60"}
    _, finding = desk.findings("settings")

    assert finding.line() == (
        "note  settings: HANGWATCH_SLACK_WEBHOK_URL is no setting; did you mean HANGWATCH_SLACK_WEBHOOK_URL?"
    )


def test_every_secret_is_a_known_setting() -> None:
    """What must not be told is among the settings."""
    assert set(SECRETS) <= set(SETTINGS)


def test_each_mistake_of_a_policy_is_told(desk: Desk, tmp_path: Path) -> None:
    """A policy that can't be read is a failure for each mistake, and the other parts are tried all the same."""
    desk.environment["HANGWATCH_POLICY"] = str(tmp_path / "policy.toml")
    (tmp_path / "policy.toml").write_text('[defaults]\nwarn_at = 80\n[[operation]]\nopaque_after = "15m"\n')
    findings = desk.findings()

    assert len([finding for finding in findings if finding.part == "policy" and not finding.good]) == 2
    assert any(finding.part == "write" and finding.good for finding in findings)
    assert exit_status(findings) == 2


def test_rules_are_told_with_what_they_match(desk: Desk, tmp_path: Path) -> None:
    """A rule that matches nothing, or stands behind a wider one, is a note; before any operation is known all wait."""
    desk.environment["HANGWATCH_POLICY"] = str(tmp_path / "policy.toml")
    rules = ("load-*", "load-games", "publsh-*", "publish-*")
    (tmp_path / "policy.toml").write_text("".join(f'[[operation]]\nmatch = "{rule}"\n' for rule in rules))
    assert desk.only("rules").line() == "note  rules: no operation is known yet"
    for name in ("load-games", "load-players", "load-odds", "load-teams"):
        desk.put(OPERATIONS, name, {"operation": name})
    desk.put(RUNS, "r", a_run("r", operation="publish-requests").to_document())

    assert [finding.line() for finding in desk.findings("rules")] == [
        "ok    rules: 'load-*' matches load-games, load-odds, load-players and 1 more",
        "note  rules: 'load-games' matches nothing; is it misspelt, or behind a wider rule?",
        "note  rules: 'publsh-*' matches nothing; is it misspelt, or behind a wider rule?",
        "ok    rules: 'publish-*' matches publish-requests",
    ]


# The store


def test_a_store_that_cannot_be_used(tmp_path: Path) -> None:
    """A file that is no database fails once, what needs it is not tried, and what is outside is."""
    broken = tmp_path / "notes.txt"
    broken.write_text("not a database, " * 100)
    findings = examine({"HANGWATCH_STORE": f"sqlite:///{broken}"})
    store, left_out = (finding for finding in findings if finding.part in ("store", "read"))

    assert (store.kind, left_out.kind) == ("fail", "note")
    assert "move the file away" in store.todo
    assert left_out.said.startswith("not tried because of store: read, queries, write")
    assert findings[-1].part == "ping"


def test_missing_rights_are_told_with_the_role(monkeypatch: pytest.MonkeyPatch) -> None:
    """PERMISSION_DENIED of a real client names roles/datastore.user."""
    server = FailingFirestore()
    try:
        server.fail(grpc.StatusCode.PERMISSION_DENIED, "Missing or insufficient permissions.")
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", server.host)
        environment = {"HANGWATCH_STORE": "firestore://a-project", "FIRESTORE_EMULATOR_HOST": server.host}
        (finding,) = [finding for finding in examine(environment) if finding.part == "store"]
    finally:
        server.close()

    assert finding.kind == "fail"
    assert finding.todo == "grant roles/datastore.user to the service account that this process runs as"


def refusing(desk: Desk, *triggers: str) -> None:
    """Let SQLite itself refuse a kind of change."""
    desk.store.find(RUNS)
    with sqlite3.connect(desk.path) as connection:
        for at, trigger in enumerate(triggers):
            connection.execute(f"CREATE TRIGGER refuse{at} BEFORE {trigger} END")
    connection.close()


WRITES = {
    "nothing_may_be_written": (
        "INSERT ON documents BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database');",
        "readonly",
    ),
    "nothing_may_be_deleted": ("DELETE ON documents BEGIN SELECT RAISE(IGNORE);", "could not be deleted"),
}


@pytest.mark.parametrize(("trigger", "said"), WRITES.values(), ids=WRITES.keys())
def test_a_store_that_may_only_be_read(desk: Desk, trigger: str, said: str) -> None:
    """Each kind of change is tried, and what is refused is told; the parts behind it are tried."""
    refusing(desk, trigger)
    finding = desk.only("write")

    assert finding.kind == "fail"
    assert said in finding.line()
    assert finding.todo
    assert desk.only("clock").good


def test_the_try_of_writing_leaves_nothing_behind(desk: Desk) -> None:
    """What the doctor made is gone afterwards."""
    assert desk.only("write").good
    assert desk.store.find(WATCHDOG) == []


@pytest.mark.parametrize(
    ("ahead", "good", "said"),
    [
        (0, True, "within 0 s of the store's"),
        (5, True, "within 5 s of the store's"),
        (-5, True, "within 5 s of the store's"),
        (6, False, "this machine is 6 s ahead of the store"),
        (-6, False, "this machine is 6 s behind the store"),
    ],
)
def test_the_clock(desk: Desk, ahead: float, good: bool, said: str) -> None:
    """A clock that is more than five seconds off is told, with its side."""
    means = Means(store=lambda _: desk.store, clock=lambda: desk.now + timedelta(seconds=ahead))
    (finding,) = [finding for finding in examine(desk.environment, means=means) if finding.part == "clock"]

    assert (finding.good, finding.said) == (good, said)


class Stuck(FixedStore):
    """A store whose server never answers."""

    ended = threading.Event()

    def now(self) -> datetime:
        """Wait for the test's end."""
        self.ended.wait(120)
        return super().now()


def test_a_part_without_an_end_stops_no_other(desk: Desk, tmp_path: Path) -> None:
    """A store that does not answer costs its time once, and what does not need it is tried."""
    stuck = Stuck(tmp_path / "stuck.sqlite3", desk.clock)
    findings = examine(desk.environment, means=Means(store=lambda _: stuck, seconds=0.3))
    stuck.ended.set()
    stuck.end()
    store, left_out = (finding for finding in findings if finding.part in ("store", "read"))

    assert store.line() == "FAIL  store: no end within 0.3 s; is the network open to it?"
    assert left_out.kind == "note"
    assert [finding.part for finding in findings][-1] == "ping"


class SlowToWrite(FixedStore):
    """A store that answers, and takes no write to its end."""

    ended = threading.Event()

    def commit(self, writes: Any) -> bool:
        """Wait for the test's end."""
        self.ended.wait(120)
        return False


def test_a_store_in_use_is_not_used_by_two(desk: Desk, tmp_path: Path) -> None:
    """After a part that does not end the store is left alone, whatever part it was."""
    slow = SlowToWrite(tmp_path / "slow.sqlite3", desk.clock)
    findings = examine(desk.environment, means=Means(store=lambda _: slow, clock=desk.clock, seconds=0.5))
    slow.ended.set()
    slow.end()
    told = {finding.part: finding for finding in findings}

    assert told["write"].said == "no end within 0.5 s"
    assert told["clock"].said.startswith("not tried because of write: clock, sweeps, audit")
    assert "clients" not in told


class Overwriting(FixedStore):
    """A store that takes an old version for the present one."""

    def commit(self, writes: Any) -> bool:
        """Replace whatever is there."""
        return super().commit([self._as_it_is(write) for write in writes])

    def _as_it_is(self, write: Any) -> Any:
        if not isinstance(write, Replace):
            return write
        return Replace(
            write.collection, write.id, write.fields, self.get(write.collection, [write.id])[write.id].version
        )


def test_a_store_that_overwrites_is_a_failure(desk: Desk, tmp_path: Path) -> None:
    """Without compare-and-set two sweeps would tell twice, so an old version is tried too."""
    overwriting = Overwriting(tmp_path / "other.sqlite3", desk.clock)
    findings = examine(desk.environment, means=Means(store=lambda _: overwriting, clock=desk.clock))
    overwriting.end()
    (finding,) = [finding for finding in findings if finding.part == "write"]

    assert finding.said == "an old version was overwritten, so two sweeps would tell twice"


class Defective(FixedStore):
    """A store with a defect."""

    def commit(self, writes: Any) -> bool:
        """Raise what no store should."""
        raise RuntimeError(f"oops, {WEBHOOK}")


def test_a_defect_in_one_part_stops_no_other(desk: Desk, tmp_path: Path) -> None:
    """What should not happen is told by its kind alone, for its text may hold a secret."""
    defective = Defective(tmp_path / "other.sqlite3", desk.clock)
    findings = examine(desk.environment, means=Means(store=lambda _: defective, clock=desk.clock))
    defective.end()
    (finding,) = [finding for finding in findings if finding.part == "write"]

    assert finding.said == "ended with RuntimeError"
    assert any(finding.part == "clients" for finding in findings)


# What the store tells


def swept(desk: Desk, **state: Any) -> None:
    """A sweep has been at START."""
    assert Ledger(desk.store).save_state(SweepState(last_sweep_at=START, **state), None)


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (180, True), (181, False)])
def test_somebody_must_sweep(desk: Desk, seconds: float, good: bool) -> None:
    """A last sweep more than three minutes ago means that nobody sweeps."""
    swept(desk)
    desk.at(seconds)

    assert desk.only("sweeps").good is good
    assert good or "nobody sweeps: the last was 3 min 1 s ago" in desk.only("sweeps").said


def test_a_slower_pace_is_the_policys(desk: Desk, tmp_path: Path) -> None:
    """Who lets sweeps come less often by policy is not told before that gap."""
    desk.environment["HANGWATCH_POLICY"] = str(tmp_path / "policy.toml")
    (tmp_path / "policy.toml").write_text('[watchdog]\ngap_after = "10m"\n')
    swept(desk)
    desk.at(600)
    assert desk.only("sweeps").good
    desk.at(601)

    assert not desk.only("sweeps").good


def test_runs_that_nobody_watches_are_a_failure(desk: Desk) -> None:
    """Without any sweep it is a note while nothing runs, and a failure as soon as there are runs."""
    assert desk.only("sweeps").kind == "note"
    desk.put(RUNS, "r", a_run("r").to_document())

    assert desk.only("sweeps").kind == "fail"


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (2700, True), (2701, False)])
def test_an_audit_must_be_recent(desk: Desk, seconds: float, good: bool) -> None:
    """Three audits that did not come are a failure."""
    swept(desk, last_audit_at=START)
    desk.at(seconds)

    assert desk.only("audit").good is good


@pytest.mark.parametrize(("seconds", "good"), [(120, True), (121, False)])
def test_notices_must_not_wait(desk: Desk, seconds: float, good: bool) -> None:
    """A notice that waits for more than two minutes is told with its age and its error."""
    message = Message(kind="opened", mood="bad", title="t", sentence="s")
    notice = Notice("n", "opened", "slack", (), message, START, state="retry", error="slack: answered 500")
    desk.put(NOTICES, "n", notice.to_document())
    desk.at(seconds)
    finding = desk.only("notices")

    assert finding.good is good
    assert finding.said == (
        "1 wait to be sent" if good else "1 wait for longer than 2 min, the oldest for 2 min 1 s (slack: answered 500)"
    )


@pytest.mark.parametrize("collection", [RUNS, INCIDENTS, NOTICES])
def test_records_that_cannot_be_read_are_told(desk: Desk, collection: str) -> None:
    """A stranger's record is a failure with its id; the ones that can be read are counted."""
    desk.put(RUNS, "good", a_run("good").to_document())
    assert desk.only("records").line() == "ok    records: 1 were read and understood"
    for name in ("a", "b", "c", "d"):
        desk.put(collection, name, {"operation": 7})
    wrong, read = desk.findings("records")

    assert wrong.said == f"4 of {collection} can't be read: a, b, c and 1 more"
    assert wrong.todo
    assert read.good


@pytest.mark.parametrize(
    ("writes", "kind", "said"),
    [
        (0, "ok", "2 running runs report no failed writes"),
        (2, "note", "1 of 2 running runs report 2 failed writes, too few to hide a hang"),
        (3, "fail", "1 of 2 running runs report 3 failed writes: load-historical-games"),
    ],
)
def test_clients_that_do_not_get_through(desk: Desk, writes: int, kind: str, said: str) -> None:
    """Three writes that a run could not make are a failure with the usual cause, fewer a note."""
    desk.put(RUNS, "r", a_run("r", failed_writes=writes).to_document())
    desk.put(RUNS, "other", a_run("other", operation="publish").to_document())
    desk.put(RUNS, "ended", a_run("ended", state="succeeded", failed_writes=99).to_document())
    finding = desk.only("clients")

    assert (finding.kind, finding.said) == (kind, said)
    assert ("roles/datastore.user" in finding.todo) is (kind == "fail")


# Firestore's fields


def settled(server: FirestoreAdminServer) -> None:
    """All as deploy/ makes it."""
    for group in GROUPS:
        server.fields.exempt(group, "*")
    for collection, path in QUERIED:
        server.fields.index(collection, path, "ASCENDING", "DESCENDING")
    for collection in EXPIRING:
        server.fields.expire(collection, "expires_at")


def with_admin(desk: Desk, server: FirestoreAdminServer) -> Desk:
    """The desk with the admin API of a database."""

    def opened(address: StoreAddress) -> FirestoreAdmin:
        return FirestoreAdmin(address.project, address.database, client=server.client())

    desk.means = replace(desk.means, admin=opened)
    return desk


def of_fields(findings: list[Finding]) -> list[str]:
    return [finding.line() for finding in findings if finding.part in ("database", "fields", "indexes", "ttl")]


def test_a_database_that_was_deployed_is_well(lasting: Desk) -> None:
    """With indexes, exemptions and TTL policies there is nothing to tell, and the watchdog's own account may look."""
    with FirestoreAdminServer(granted=USER) as server:
        settled(server)
        told = of_fields(with_admin(lasting, server).findings())

    assert told == [
        "ok    database: firestore a-project/(default) is in Native mode, in us-central1",
        f"ok    fields: {len(server.fields.set)} have settings of their own",
        f"ok    indexes: {len(QUERIED)} of {len(QUERIED)} fields that are queried have theirs",
        f"ok    ttl: {len(EXPIRING)} of {len(EXPIRING)} collections have an active policy",
    ]


def test_a_new_database_lacks_ttl_and_indexes_too_much(lasting: Desk) -> None:
    """Where nothing was set every field is indexed, which is a note, and nothing expires, which is a failure."""
    with FirestoreAdminServer() as server:
        findings = with_admin(lasting, server).findings()
    wide, missing = [[f for f in findings if f.part == part and f.kind != "ok"] for part in ("indexes", "ttl")]

    assert [finding.kind for finding in wide] == ["note"]
    assert "every other field of hangwatch_runs" in wide[0].said
    assert [finding.kind for finding in missing] == ["fail"] * len(EXPIRING)
    assert missing[0].line() == (
        "FAIL  ttl: hangwatch_runs.expires_at: no TTL policy, so records are kept for ever; "
        "python -m watchdog doctor --fix does it, with roles/datastore.indexAdmin"
    )


def test_an_exempted_field_that_is_queried_fails(lasting: Desk) -> None:
    """Without its index a query is refused in production, which no emulator shows."""
    with FirestoreAdminServer() as server:
        settled(server)
        server.fields.exempt(RUNS, "due_at")
        server.fields.index(RUNS, "by_operation", "ASCENDING")
        server.fields.index(RUNS, "state", "ASCENDING", "DESCENDING", state=Index.State.CREATING)
        server.fields.index(RUNS, "ended_at", "ASCENDING", state=Index.State.NEEDS_REPAIR)
        found = {finding.said: finding for finding in with_admin(lasting, server).findings("indexes")}
    kinds = {said.partition(":")[0]: finding.kind for said, finding in found.items() if said.startswith("hangwatch")}

    assert kinds == {
        "hangwatch_runs.due_at": "fail",
        "hangwatch_runs.by_operation": "fail",
        "hangwatch_runs.state": "note",
        "hangwatch_runs.ended_at": "fail",
    }


def test_ttl_policies_in_every_state(lasting: Desk) -> None:
    """A policy that is being applied is a note, one that could not be applied a failure."""
    with FirestoreAdminServer() as server:
        settled(server)
        server.fields.expire(RUNS, "expires_at", Field.TtlConfig.State.CREATING)
        server.fields.expire(NOTICES, "expires_at", Field.TtlConfig.State.NEEDS_REPAIR)
        found = with_admin(lasting, server).findings("ttl")

    assert sorted(finding.kind for finding in found) == ["fail", "note", "ok"]


def test_fix_mends_what_is_missing_once(lasting: Desk) -> None:
    """--fix creates policies and indexes and says so; done again it changes nothing, and in the end all is well."""
    with FirestoreAdminServer() as server:
        settled(server)
        server.fields.exempt(RUNS, "due_at")
        server.fields.set.pop((NOTICES, "expires_at"))
        desk = with_admin(lasting, server)
        first = [finding for finding in desk.findings(fix=True) if finding.kind == "fixed"]
        changes = list(server.fields.changes)
        second = [finding for finding in desk.findings(fix=True) if finding.part in ("indexes", "ttl")]
        unchanged = server.fields.changes == changes
        server.fields.finish()
        third = desk.findings(fix=True)

    assert [(finding.part, finding.said.partition(":")[0]) for finding in first] == [
        ("indexes", "hangwatch_runs.due_at"),
        ("indexes", "hangwatch_notices.expires_at"),
        ("ttl", "hangwatch_notices.expires_at"),
    ]
    assert all(finding.good for finding in second)
    assert unchanged
    assert [finding.kind for finding in third if finding.part in ("indexes", "ttl")] == ["ok", "ok"]


def test_fix_without_the_right_says_the_role(lasting: Desk) -> None:
    """Who may look but not change is told what is missing and which role mends it."""
    with FirestoreAdminServer(granted=ALL - {"datastore.indexes.update"}) as server:
        settled(server)
        server.fields.set.pop((INCIDENTS, "expires_at"))
        desk = with_admin(lasting, server)
        (finding, *_) = [finding for finding in desk.findings("ttl", fix=True) if not finding.good]

    assert "no TTL policy" in finding.said
    assert "it can't be mended" in finding.said
    assert finding.todo.startswith("grant roles/datastore.indexAdmin")


def test_without_fix_nothing_is_changed(lasting: Desk) -> None:
    """The doctor looks, and changes nothing unless it is asked to."""
    with FirestoreAdminServer() as server:
        with_admin(lasting, server).findings()

    assert server.fields.changes == []


def test_a_database_that_cannot_be_looked_at(lasting: Desk) -> None:
    """Without the right to look, indexes and TTL policies are not judged, and the rest is tried."""
    with FirestoreAdminServer(granted=frozenset()) as server:
        findings = with_admin(lasting, server).findings()
    told = {finding.part: finding for finding in findings}

    assert not told["database"].good
    assert told["fields"].todo == "grant roles/datastore.user to the service account that this process runs as"
    assert told["indexes"].said == "not tried because of fields: indexes, ttl"
    assert "slack" in told


def test_datastore_mode_is_a_failure(lasting: Desk) -> None:
    """A database in Datastore mode can't be used."""
    with FirestoreAdminServer(native=False) as server:
        assert not with_admin(lasting, server).only("database").good


# Slack


WEBHOOKS = {
    "an_incoming_webhook": (WEBHOOK, "note"),
    "a_workflows_address": ("https://hooks.slack.com/triggers/T0MADEUP/0000000/madeuptoken", "fail"),
    "a_part_is_missing": ("https://hooks.slack.com/services/T0MADEUP/madeuptoken", "fail"),
    "not_over_tls": (WEBHOOK.replace("https", "http"), "fail"),
    "not_slack_itself": ("https://chat.example/hooks/madeuptoken", "note"),
}


@pytest.mark.parametrize(("address", "kind"), WEBHOOKS.values(), ids=WEBHOOKS.keys())
def test_the_webhooks_address(desk: Desk, address: str, kind: str) -> None:
    """A webhook can't be tried without a message, but an address that can't be one is told, without its secret."""
    desk.environment["HANGWATCH_SLACK_WEBHOOK_URL"] = address
    finding = desk.only("slack")

    assert finding.kind == kind
    assert "adeup" not in finding.line().lower()


@pytest.fixture
def slack() -> Iterator[tuple[SlackServer, ApiRoom]]:
    room = ApiRoom(Workspace(), token=TOKEN)
    with SlackServer(rooms=[room]) as server:
        yield server, room


def with_bot(desk: Desk, slack: SlackServer, **more: str) -> Desk:
    """The desk with a bot's token."""
    usual = {"TOKEN": TOKEN, "API_URL": f"{slack.address}/api", "CHANNEL": "#alerts", "SIGNING_SECRET": "made-up-0000"}
    desk.environment |= {f"HANGWATCH_SLACK_{name}": value for name, value in (usual | more).items()}
    return desk


def test_a_bot_with_its_scopes_is_well(desk: Desk, slack: tuple[SlackServer, ApiRoom]) -> None:
    """Slack says whose the token is and what it may do, and no message is sent."""
    finding = with_bot(desk, slack[0]).only("slack")

    assert finding.line() == (
        "ok    slack: by bot hangwatch in Made Up; python -m watchdog test-notice sends a message"
    )
    assert slack[0].messages == []


@pytest.mark.parametrize(
    ("scopes", "kinds"),
    [
        (("chat:write", "chat:write.public", "commands"), ["ok"]),
        (("chat:write",), ["ok", "note"]),
        (("chat:write.public",), ["fail"]),
        ((), ["fail", "note"]),
    ],
    ids=["both", "without_public", "without_write", "none"],
)
def test_a_bots_scopes(
    desk: Desk, slack: tuple[SlackServer, ApiRoom], scopes: tuple[str, ...], kinds: list[str]
) -> None:
    """Without chat:write it is a failure, without chat:write.public a note about channels."""
    slack[1].scopes = scopes

    assert [finding.kind for finding in with_bot(desk, slack[0]).findings("slack")] == kinds


BOTS: dict[str, tuple[dict[str, str], str]] = {
    "another_token": ({"TOKEN": "xoxb-made-up-other-0000"}, "auth.test answered invalid_auth"),
    "a_persons_token": ({"TOKEN": "xoxp-made-up-token-0000"}, "expected xoxb-"),
    "two_channels": ({"CHANNEL": "#one, #two"}, "expected one channel"),
}


@pytest.mark.parametrize(("settings", "said"), BOTS.values(), ids=BOTS.keys())
def test_a_bot_that_is_not_set_up(
    desk: Desk, slack: tuple[SlackServer, ApiRoom], settings: dict[str, str], said: str
) -> None:
    """What is wrong with a bot's settings is told with what to do, and without the token."""
    (finding,) = [one for one in with_bot(desk, slack[0], **settings).findings("slack") if not one.good]

    assert said in finding.line()
    assert "made-up" not in finding.line()


def test_a_bot_without_buttons_is_a_note(desk: Desk, slack: tuple[SlackServer, ApiRoom]) -> None:
    """Without a signing secret there are no buttons; with a webhook beside the token one of them is too many."""
    more = {"SIGNING_SECRET": "", "WEBHOOK_URL": WEBHOOK}
    kinds = [finding.kind for finding in with_bot(desk, slack[0], **more).findings("slack")]

    assert kinds == ["ok", "note", "note"]


SLACK_TROUBLES: dict[str, Answer] = {
    "an_echo_of_the_token": Answer(200, json.dumps({"ok": False, "error": TOKEN})),
    "no_json": Answer(200, f"<html>{TOKEN}</html>"),
    "a_list": Answer(200, "[]"),
    "a_redirect": Answer(302, "", headers={"Location": f"http://127.0.0.1:9/{TOKEN}"}),
    "a_reset": Answer(ending="reset"),
}


@pytest.mark.parametrize("answer", SLACK_TROUBLES.values(), ids=SLACK_TROUBLES.keys())
def test_a_slack_that_is_none(
    desk: Desk, slack: tuple[SlackServer, ApiRoom], answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever answers like no Slack is a failure, and the token is in no finding and no log."""
    slack[0].answer_always(answer)
    with caplog.at_level(logging.DEBUG):
        found = with_bot(desk, slack[0]).findings("slack")

    assert [finding.kind for finding in found] == ["fail"]
    assert TOKEN not in found[0].line() + caplog.text


# Cloud Monitoring


def with_monitoring(desk: Desk, server: MonitoringServer) -> Desk:
    """The desk with a project for metrics; both clocks are right."""
    desk.environment |= {
        "HANGWATCH_MONITORING_PROJECT": "demo-project",
        "HANGWATCH_MONITORING_ENDPOINT": server.endpoint,
    }
    desk.now = datetime.now(timezone.utc)
    return desk


def test_a_figure_is_really_written(desk: Desk) -> None:
    """The try writes where no alarm looks: a namespace of its own, and never the sign of life of a sweep."""
    with MonitoringServer() as server:
        told = [finding.kind for finding in with_monitoring(desk, server).findings("monitoring", fix=True)]

        assert told == ["fixed", "ok"]
        ((metric, _, _, where),) = server.book.series
        assert metric == f"{PREFIX}sweep/doubtful"
        assert ("namespace", "hangwatch-doctor") in where


def test_metrics_that_are_not_described_are_a_note(desk: Desk) -> None:
    """Without --fix what is missing is told, with it it is made, and then there is nothing to tell."""
    with MonitoringServer() as server:
        first = with_monitoring(desk, server).findings("monitoring")
        desk.findings(fix=True)
        desk.now += timedelta(minutes=1)
        last = desk.findings("monitoring", fix=True)

    assert first[0].line().startswith(f"note  monitoring: {len(METRICS)} metrics are not described; python -m")
    assert [finding.kind for finding in last] == ["ok"]


def test_monitoring_without_rights(desk: Desk) -> None:
    """A refusal is told with the role."""
    with MonitoringServer() as server:
        server.answer(grpc.StatusCode.PERMISSION_DENIED, "Permission monitoring.timeSeries.create denied")
        finding = with_monitoring(desk, server).only("monitoring")

    assert finding.kind == "fail"
    assert "roles/monitoring." in finding.todo


def test_monitoring_with_a_wrong_setting(desk: Desk) -> None:
    """A project that can't be one is told by the setting's name."""
    desk.environment["HANGWATCH_MONITORING_PROJECT"] = "no project"
    finding = desk.only("monitoring")

    assert finding.kind == "fail"
    assert "HANGWATCH_MONITORING_PROJECT" in finding.said


# The ping


def test_a_ping_is_left_that_changes_nothing(desk: Desk) -> None:
    """A dead watchdog's check stays down, a new one's stays new, and the address is proved all the same."""
    with PingServer() as server:
        dead, new = server.checks.add(), server.checks.add()
        dead.status = "down"
        for check in (dead, new):
            desk.environment["HANGWATCH_PING_URL"] = server.of(check)
            assert desk.only("ping").kind == "ok"

        assert [server.state(check) for check in (dead, new)] == ["down", "new"]
        assert [ping.action for ping in dead.pings] == ["log"]


def test_a_ping_that_does_not_arrive(desk: Desk) -> None:
    """A refusal is a failure with what to do."""
    with PingServer() as server:
        server.answer_next(Trouble(404, "not found"))
        desk.environment["HANGWATCH_PING_URL"] = server.slug("made-up-slug")
        finding = desk.only("ping")

    assert finding.line() == (
        "FAIL  ping: ping: answered 404; there is no such check; make one and set HANGWATCH_PING_URL"
    )


def test_somebody_must_hear_of_a_dead_watchdog(lasting: Desk) -> None:
    """Where others rely on it, a watchdog without ping and monitoring is a failure; with monitoring it is a note."""
    with FirestoreAdminServer() as admin, MonitoringServer() as monitoring:
        desk = with_admin(lasting, admin)
        assert desk.only("ping").kind == "fail"

        assert with_monitoring(desk, monitoring).only("ping").kind == "note"


# No secret


def echoing(text: str) -> Callable[..., Any]:
    """A way to open something that fails with a text."""

    def fail(*_: object) -> Any:
        raise DeliveryError(f"somebody said {text}; mend it", permanent=True)

    return fail


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_in_an_error_is_hidden(desk: Desk, name: str) -> None:
    """Even where an error quotes a secret, or a part of an address that is one, no finding does."""
    secrets = {
        "HANGWATCH_SLACK_WEBHOOK_URL": WEBHOOK,
        "HANGWATCH_SLACK_TOKEN": TOKEN,
        "HANGWATCH_SLACK_CHANNEL": "#alerts",
        "HANGWATCH_SLACK_SIGNING_SECRET": "made-up-signing-secret",
        "HANGWATCH_PING_URL": "https://hc-ping.com/made-up-ping-key-0000/monitoring?create=1",
    }
    desk.environment |= secrets
    for text in (secrets[name], max(re.split("[/?]+", secrets[name]), key=len)):
        desk.means = Means(bot=echoing(text), ping=echoing(text))
        lines = [finding.line() for finding in desk.findings()]

        assert not any(text in line for line in lines)
        assert sum("(hidden)" in line for line in lines) == 2
        assert any("monitoring" in line for line in lines)


# The coordinator's side


def of_client(desk: Desk, **environment: str) -> list[tuple[str, str]]:
    findings = examine({**desk.environment, **environment}, client=True)
    return [(finding.part, finding.kind) for finding in findings]


def test_a_coordinators_side_on_a_desk(desk: Desk) -> None:
    """A run is written as a client writes it, and nothing of it stays."""
    assert of_client(desk) == [
        ("settings", "ok"),
        ("library", "ok"),
        ("run", "ok"),
        ("platform", "note"),
        ("deadline", "note"),
    ]
    assert desk.store.find(RUNS) == []


@pytest.mark.parametrize("store", ["off", "mysql://x"])
def test_a_coordinator_without_a_store(desk: Desk, store: str) -> None:
    """A store that is off or of no kind fails, and what needs it is not tried."""
    assert of_client(desk, HANGWATCH_STORE=store) == [("settings", "fail"), ("library", "note")]


def test_a_coordinator_without_the_library(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing google-cloud-firestore is told with the extra that brings it."""
    monkeypatch.setitem(sys.modules, "google.cloud.firestore", None)
    (finding,) = [
        one for one in examine({"HANGWATCH_STORE": "firestore://a-project"}, client=True) if one.part == "library"
    ]

    assert finding.todo == "install hangwatch-client[firestore] in the coordinator's image"


def test_a_coordinator_that_may_not_write(desk: Desk) -> None:
    """A store that refuses the record of a run fails with what to do."""
    refusing(desk, "INSERT ON documents BEGIN SELECT RAISE(ABORT, 'attempt to write a readonly database');")

    assert ("run", "fail") in of_client(desk)


PLATFORMS: dict[str, tuple[dict[str, str], str, str]] = {
    "no_cloud_run": ({}, "note", "note"),
    "a_service": ({"K_SERVICE": "coordinator", "HANGWATCH_DEADLINE": "30m"}, "note", "ok"),
    "a_service_with_the_longest_request": ({"K_SERVICE": "c", "HANGWATCH_DEADLINE": "3600"}, "note", "ok"),
    "a_service_with_a_longer_one": ({"K_SERVICE": "c", "HANGWATCH_DEADLINE": "3601"}, "note", "fail"),
    "a_job_may_take_longer": ({"CLOUD_RUN_JOB": "nightly", "HANGWATCH_DEADLINE": "6h"}, "ok", "ok"),
    "a_deadline_that_is_none": ({"HANGWATCH_DEADLINE": "soon"}, "note", "fail"),
}


@pytest.mark.parametrize(("environment", "platform", "deadline"), PLATFORMS.values(), ids=PLATFORMS.keys())
def test_where_a_coordinator_runs(desk: Desk, environment: dict[str, str], platform: str, deadline: str) -> None:
    """A service's CPU and deadline are told, for Cloud Run tells neither to what runs in it."""
    found = dict(of_client(desk, **environment))

    assert (found["platform"], found["deadline"]) == (platform, deadline)


# On Firestore


@pytest.mark.emulator
def test_on_the_emulator(firestore_project: str, firestore_emulator: Any) -> None:
    """All that the doctor asks of a store, Firestore answers, on both sides; what the emulator has not is told."""
    environment = {
        "HANGWATCH_STORE": f"firestore://{firestore_project}",
        "FIRESTORE_EMULATOR_HOST": firestore_emulator.host,
    }
    kinds = [(finding.part, finding.kind) for finding in examine(environment)]
    client = [(finding.part, finding.kind) for finding in examine(environment, client=True)]

    assert [part for part, kind in kinds if kind == "fail"] == ["slack", "ping"]
    assert ("write", "ok") in kinds
    assert ("queries", "ok") in kinds
    assert ("indexes", "ok") in kinds
    assert ("run", "ok") in client
