"""The commands as a person calls them: what they print, how they end, what they say about mistakes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from heartbeat_client.run import RUNS, Run, due_at, expires_at
from tests.support.slack_server import SlackServer, refused
from tests.support.watching import environment, run_watchdog
from tests.support.world import a_run, counted
from watchdog.adapters.sqlite import SqliteStore
from watchdog.cli import main
from watchdog.ports import Create

COMMANDS = (
    "sweep",
    "status",
    "show",
    "ack",
    "snooze",
    "wake",
    "doctor",
    "test-notice",
    "check-policy",
    "prune",
    "demo",
)


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Settings that lead to a store of the test's own."""
    environ = environment(tmp_path)
    for name, value in environ.items():
        if name.startswith("HANGWATCH_"):
            monkeypatch.setenv(name, value)
    return environ


@pytest.fixture
def store(environ: dict[str, str]) -> Iterator[SqliteStore]:
    opened = SqliteStore(environ["HANGWATCH_STORE"].removeprefix("sqlite:///"))
    yield opened
    opened.close()


def put(store: SqliteStore, run: Run) -> None:
    """Write a run into the store as of now."""
    document = Run.to_document(run)
    assert store.commit([Create(RUNS, run.id, document)])


def stuck(store: SqliteStore, run_id: str = "abc123") -> Run:
    """A run that beats, and whose progress has stood for six minutes."""
    now = store.now()
    moved = now - timedelta(minutes=6)
    times = {"started_at": moved, "beat_at": now, "deadline": moved + timedelta(minutes=30)}
    run = a_run(run_id, **(counted(41, at=moved) | times))
    run = Run.from_document(run_id, run.to_document() | {"due_at": due_at(run), "expires_at": expires_at(run)})
    put(store, run)
    return run


def test_help_names_every_command_and_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` lists all commands, the environment and the exit statuses."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    printed = capsys.readouterr().out

    assert ended.value.code == 0
    for name in (*COMMANDS, "HANGWATCH_STORE", "HANGWATCH_POLICY", "HANGWATCH_SLACK_WEBHOOK_URL", "exit status"):
        assert name in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command says what it does."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 4


@pytest.mark.parametrize("arguments", [[], ["swep"], ["sweep", "--watch", "soon"], ["show"], ["sweep", "--watch", "0"]])
def test_wrong_words_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that can't be used end the command with 2 and a line that says which."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "error" in capsys.readouterr().err


WRONG = {
    "a store of no kind": ({"HANGWATCH_STORE": "mysql://x"}, "HANGWATCH_STORE"),
    "the store switched off": ({"HANGWATCH_STORE": "off"}, "HANGWATCH_STORE"),
    "a webhook that is no address": ({"HANGWATCH_SLACK_WEBHOOK_URL": "T0/B0/hush"}, "HANGWATCH_SLACK_WEBHOOK_URL"),
    "a policy that is not there": ({"HANGWATCH_POLICY": "/nowhere/policy.toml"}, "HANGWATCH_POLICY"),
}


@pytest.mark.parametrize(("settings", "named"), WRONG.values(), ids=WRONG.keys())
def test_wrong_settings_end_with_2_and_one_line(
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    named: str,
) -> None:
    """A setting that can't be used ends the command with 2 and one line that names it, without its secret."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    status = main(["sweep"])
    said = capsys.readouterr().err

    assert status == 2
    assert named in said
    assert said.count("\n") == 1
    assert "hush" not in said


def test_a_store_that_cannot_be_used_ends_with_1(
    environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is no database is one line and exit status 1, for every command that needs a store."""
    broken = tmp_path / "notes.txt"
    broken.write_text("not a database, " * 100)
    for command in (["sweep"], ["status"], ["show", "x"], ["prune"]):
        assert main([*command, "--store", f"sqlite:///{broken}"]) == 1
        said = capsys.readouterr().err
        assert "not a database" in said
        assert said.count("\n") == 1


def test_an_empty_store_teaches(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing has ever run, `status` shows how to wrap the first operation."""
    assert main(["status"]) == 0
    assert "from heartbeat_client import Heartbeat" in capsys.readouterr().out


def test_status_json_has_the_promised_shape(
    environ: dict[str, str], store: SqliteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """`status --json` prints what scripts depend on."""
    stuck(store)
    put(store, a_run("over", state="succeeded", started_at=store.now(), ended_at=store.now()))
    assert main(["status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert main(["status", "--json", "--all"]) == 0
    everything = json.loads(capsys.readouterr().out)

    assert set(status) == {"now", "runs", "incidents", "watchdog"}
    (run,) = status["runs"]
    promised = {"id", "operation", "detail", "state", "started_at", "beat_at", "deadline", "progress", "verdict"}
    assert promised | {"activity"} <= set(run)
    assert run["verdict"]["state"] == "stalled"
    assert run["progress"]["done"] == 41
    assert run["started_at"].endswith("Z")
    assert {run["id"] for run in everything["runs"]} == {"abc123", "over"}


def test_a_sweep_prints_tells_and_shows(
    environ: dict[str, str], store: SqliteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Slack a sweep tells on standard error, its report on stdout stays JSON, and `show` has it all."""
    stuck(store)
    status = main(["sweep", "--json"])
    swept = capsys.readouterr()
    main(["show", "abc"])
    shown = capsys.readouterr().out
    main(["status"])
    table = capsys.readouterr().out

    assert status == 0
    assert len(json.loads(swept.out)["told"]) == 1
    assert set(json.loads(swept.out)) >= {"read", "judged", "told", "undelivered", "unjudged", "held"}
    assert "load-historical-games is stalled" in swept.err
    assert "41 of 450 done" in shown
    assert "notice opened by console: sent" in shown
    assert "stalled" in table


def test_show_of_an_unknown_run_says_so(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """An id that fits no run is one line and exit status 1."""
    assert main(["show", "nothing"]) == 1
    assert "status --all" in capsys.readouterr().err


def test_an_unjudged_run_makes_the_sweep_end_with_1(
    environ: dict[str, str], store: SqliteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record that can't be judged shows in the exit status, and `prune` of that run mends it."""
    assert store.commit([Create(RUNS, "stranger", {"operation": 7})])
    first = main(["sweep"])
    pruned = main(["prune", "stranger", "nobody"])
    said = capsys.readouterr().out
    second = main(["sweep"])

    assert (first, pruned, second) == (1, 1, 0)
    assert "stranger: deleted" in said
    assert "nobody: there is no such run" in said


def test_prune_deletes_what_has_expired_only(
    environ: dict[str, str], store: SqliteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Expired records go, others stay, and a dry run deletes nothing."""
    now = store.now()
    put(store, a_run("old", state="succeeded", expires_at=now - timedelta(seconds=1)))
    put(store, a_run("kept", state="succeeded", expires_at=now + timedelta(days=1)))
    main(["prune", "--dry-run"])
    before = {document.id for document in store.find(RUNS)}
    main(["prune"])

    assert before == {"old", "kept"}
    assert {document.id for document in store.find(RUNS)} == {"kept"}
    assert "hangwatch_runs: 1 expired and deleted" in capsys.readouterr().out


def test_check_policy_names_rules_and_mistakes(
    environ: dict[str, str], store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A good policy shows which rule each known operation falls under; a bad one ends with 2 and a line a mistake."""
    stuck(store)
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('[[operation]]\nmatch = "load-*"\nopaque_after = "15m"\n')
    bad.write_text('[defaults]\nsilent_afer = "1m"\nwarn_at = 80\n[[operation]]\nopaque_after = "15m"\n')
    status_good = main(["check-policy", str(good)])
    said = capsys.readouterr().out
    status_bad = main(["check-policy", str(bad)])
    mistakes = capsys.readouterr().err.splitlines()

    assert (status_good, status_bad) == (0, 2)
    assert "[[operation]] 1 'load-*': load-historical-games" in said
    assert len(mistakes) == 3
    assert "did you mean silent_after?" in mistakes[0]


def test_check_policy_says_what_it_would_have_told(
    environ: dict[str, str], store: SqliteStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Runs of the last week are held against the new limits and those in force; `--over` looks back less far."""
    now = store.now()
    for number, hours in enumerate((3, 48)):
        began = now - timedelta(hours=hours)
        ended = began + timedelta(minutes=20)
        times = {"started_at": began, "ended_at": ended, "deadline": began + timedelta(minutes=30)}
        put(store, a_run(f"run{number}", state="succeeded", **times))
    strict = tmp_path / "strict.toml"
    strict.write_text('[[operation]]\nmatch = "load-*"\nmax_runtime = "10m"\n')
    main(["check-policy", str(strict)])
    week = capsys.readouterr().out
    main(["check-policy", str(strict), "--over", "1d", "--json"])
    day = json.loads(capsys.readouterr().out)

    assert "2 runs, overdue 0 -> 2" in week
    assert "would be told" in week
    assert len(day["rules"]) == 1
    assert day["replay"]["operations"][0]["runs"] == 1


def test_test_notice_goes_through_slack(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`test-notice` sends a real message and ends with 0; where Slack refuses, with 1 and what to do."""
    with SlackServer() as slack:
        monkeypatch.setenv("HANGWATCH_SLACK_WEBHOOK_URL", slack.webhook_url)
        delivered = main(["test-notice"])
        slack.answer_next(refused("no_service"))
        failed = main(["test-notice"])
        said = capsys.readouterr()

    assert (delivered, failed) == (0, 1)
    assert "a test notice" in slack.messages[0].text
    assert "slack: delivered" in said.out
    assert "make a new one" in said.err


def test_ack_is_shown_and_said(environ: dict[str, str], store: SqliteStore, capsys: pytest.CaptureFixture[str]) -> None:
    """`ack` takes the beginning of a run's id and says what it did; `status` and `show` name who it was."""
    stuck(store)
    main(["sweep"])
    capsys.readouterr()
    first, again = main(["ack", "abc", "--by", "ada"]), main(["ack", "abc123", "--by", "bob"])
    said = capsys.readouterr().out
    main(["status"])
    main(["show", "abc123"])
    shown = capsys.readouterr().out
    main(["status", "--json"])
    (incident,) = json.loads(capsys.readouterr().out)["incidents"]

    assert (first, again) == (0, 0)
    assert "load-historical-games acknowledged by ada; no more reminders" in said
    assert "ada acknowledged it at" in said
    assert "(acknowledged by ada)" in shown
    assert "goes on, acknowledged by ada at" in shown
    assert (incident["state"], incident["acknowledged_by"]) == ("acknowledged", "ada")


def test_ack_needs_a_problem(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is nothing to acknowledge, that is said in one line."""
    status = main(["ack", "nobody"])

    assert status == 1
    assert capsys.readouterr().err == "watchdog: run nobody has no open incident; see status\n"


def test_snooze_and_wake(environ: dict[str, str], store: SqliteStore, capsys: pytest.CaptureFixture[str]) -> None:
    """A snoozed operation is not told; `status` says who wanted that and why, and who ended it with `wake`."""
    stuck(store)
    began = main(["snooze", "load-*", "--for", "2h", "--why", "the database moves", "--by", "ada"])
    main(["sweep"])
    quiet = capsys.readouterr()
    main(["status"])
    shown = capsys.readouterr().out
    ended, again = main(["wake", "load-*", "--by", "bob"]), main(["wake", "load-*"])
    main(["sweep"])
    told = capsys.readouterr()
    main(["status"])
    awake = capsys.readouterr().out
    main(["status", "--json"])
    (woken,) = json.loads(capsys.readouterr().out)["watchdog"]["woken"]

    assert (began, ended, again) == (0, 0, 1)
    assert "load-* is snoozed until" in quiet.out
    assert "is stalled" not in quiet.err
    assert "snoozed: load-* until" in shown
    assert "by ada: the database moves" in shown
    assert "expected an operation or pattern that is snoozed (none), got 'load-*'" in told.err
    assert "UTC by bob; it was snoozed until" in awake.partition("woken: load-* at ")[2]
    assert awake.partition("it was snoozed until")[2].splitlines()[0].endswith("by ada: the database moves")
    assert (woken["operation"], woken["by"], woken["why"]) == ("load-*", "ada", "the database moves")
    assert woken["woken_by"] == "bob"
    assert woken["woken_at"].endswith("Z")
    assert "load-historical-games is stalled" in told.err


@pytest.mark.parametrize("arguments", [["snooze", "x"], ["snooze", "x", "--for", "soon"], ["ack"], ["wake"]])
def test_answers_need_their_words(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is missing is named, and the status is 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("length", ["31d", "10000h"])
def test_a_snooze_is_not_for_ever(environ: dict[str, str], length: str, capsys: pytest.CaptureFixture[str]) -> None:
    """More than 30 days is refused with what to do."""
    assert main(["snooze", "x", "--for", length]) == 1
    assert "expected at most 30 days, got" in capsys.readouterr().err


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    """`python -m watchdog` works as a process of its own, and prints no escape codes where no terminal is."""
    done = run_watchdog(["status"], environment(tmp_path))

    assert done.returncode == 0
    assert "\x1b" not in done.stdout


def test_a_run_is_shown_against_those_before_it(
    environ: dict[str, str], store: SqliteStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """`status` says how long an operation usually takes, `show` where this run stands and when it will be done."""
    now = store.now()
    for number in range(6):
        began = now - timedelta(hours=number + 1)
        times = {"started_at": began, "deadline": began + timedelta(minutes=30)}
        put(store, a_run(f"old{number}", state="succeeded", ended_at=began + timedelta(minutes=4.5 + number), **times))
    stuck(store)
    main(["sweep"])
    capsys.readouterr()
    main(["status"])
    status = capsys.readouterr().out
    main(["show", "abc123"])
    shown = capsys.readouterr().out
    main(["show", "abc123", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert "usually" in status
    assert "7 min" in status
    assert "longer than 2 of the last 6 healthy runs (median 7 min, longest 9 min 30 s)" in shown
    assert (told["history"]["runs"], told["history"]["longest"]) == (6, 570.0)
