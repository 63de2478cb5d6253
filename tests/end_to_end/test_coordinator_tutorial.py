"""The tutorial of the example coordinator: what its README tells people to type works, and it names every setting."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from examples.coordinator.settings import Settings, SettingsError
from tests.support.coordinator_app import GENEROUS, ROOT, Server, environment, until
from watchdog.schedule import slots
from watchdog.wiring import read_policy

EXAMPLE = ROOT / "examples" / "coordinator"
README = (EXAMPLE / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8080"
SHELL = "\n".join(re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)).splitlines()

pytestmark = pytest.mark.xdist_group("coordinator_app")


def lines(beginning: str) -> list[str]:
    """The tutorial's commands that begin so, in order."""
    found = [line for line in SHELL if line.startswith(beginning)]
    assert found, f"README.md has no command that begins with {beginning!r}"
    return found


def tutorial_server(home: Path) -> Server:
    """The coordinator as terminal 1 starts it; only its port, its files and the length of its work are ours."""
    exports = dict(re.findall(r"(\w+)=(\S+)", lines("export COORDINATOR_API_KEY")[0]))
    command = lines("gunicorn")[0].replace("127.0.0.1:8080", "127.0.0.1:0").split()
    own = {"COORDINATOR_TIME_SCALE": "0.1", "HANGWATCH_STORE": f"sqlite:///{home}/runs.db"}
    return Server([sys.executable, "-m", *command], environment(home, **exports, **own), home / "terminal-1.log")


def typed(server: Server, command: str) -> str:
    """What bash prints for a curl line of the tutorial."""
    shell = ["bash", "-c", command.removesuffix(" &").replace(ADDRESS, server.url)]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=GENEROUS, check=True)
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_tutorial_work(tmp_path: Path) -> None:
    """Typed in order, its lines run a healthy batch, one that hangs in the load, and one that hangs in workers."""
    healthy, _, hanging, _, release, waiting, _ = lines("curl")
    server = tutorial_server(tmp_path)
    try:
        assert '"published"' in typed(server, healthy)
        server.until_state("2026-11-23", "complete")
        stuck = subprocess.Popen(["bash", "-c", hanging.removesuffix(" &").replace(ADDRESS, server.url)])
        server.until_state("2026-11-24", "loading")
        until(lambda: '"released":1' in typed(server, release), "the hang to be released")

        assert stuck.wait(GENEROUS) == 0
        server.until_state("2026-11-24", "complete")
        assert '"published"' in typed(server, waiting)
        batch = server.until_state("2026-11-25", "predicting", missing=2)
        until(lambda: '"released":2' in typed(server, release), "the hangs to be released")

        assert batch["first_missing"] == ["player-007", "player-013"]
        server.until_state("2026-11-25", "complete")
    finally:
        server.kill()


def test_the_policy_of_the_tutorial_says_what_it_says(tmp_path: Path) -> None:
    """Its lines put the example's policy into seconds, expect a batch each minute instead, and take that back."""
    read = []
    for line in (*lines("sed 's"), *lines("sed -i"), *lines("mv")):
        command = line.replace("/tmp/", f"{tmp_path}/")
        subprocess.run(["bash", "-c", command], cwd=ROOT, check=True, timeout=GENEROUS)
        read.append(read_policy(tmp_path / "hangwatch-tutorial.toml"))
    example = read_policy(EXAMPLE / "policy.toml")

    assert [policy.expected[0].schedule for policy in read] == ["0 7 * * *", "* * * * *", "0 7 * * *"]
    for policy in read:
        assert [one.grace * 60 for one in policy.expected] == [one.grace for one in example.expected]
    assert read[0] == read[2]


@pytest.mark.parametrize(
    ("day", "hour"),
    [
        pytest.param(datetime(2026, 3, 7, 13, tzinfo=timezone.utc), 11, id="clocks moved on that night"),
        pytest.param(datetime(2026, 10, 31, 12, tzinfo=timezone.utc), 12, id="clocks moved back that night"),
    ],
)
def test_the_batch_is_expected_at_seven_in_new_york(day: datetime, hour: int) -> None:
    """The next batch after this one is expected at seven in New York, whatever that is in UTC."""
    batch, consolidation = read_policy(EXAMPLE / "policy.toml").expected

    assert next(slots(batch, day)) == (day + timedelta(days=1)).replace(hour=hour)
    assert (batch.operation, batch.grace) == ("worker-predictions", 30 * 60)
    assert (consolidation.after, consolidation.grace) == ("worker-predictions", 20 * 60)


def test_the_policy_speaks_of_operations_that_there_are() -> None:
    """Each rule and each expectation names operations of the example's code."""
    code = "".join(path.read_text() for path in EXAMPLE.glob("*.py"))
    named = re.findall(r'^(?:match|operation|after) = "(.+)"', (EXAMPLE / "policy.toml").read_text(), re.MULTILINE)

    assert len(named) == 4 + 1 + 2
    assert [name for name in named if f'"{name}"' not in code] == []


def test_the_lines_that_the_tutorial_counts_are_there() -> None:
    """The tutorial's grep finds each kind of line that it calls Hangwatch's, and nothing else than these."""
    found = subprocess.run(["bash", "-c", lines("grep")[0]], cwd=ROOT, capture_output=True, text=True, check=True)
    code = [line.split(":", 2) for line in found.stdout.splitlines()]
    places = sorted((Path(path).name, re.sub(r"\(.*", "", text.strip())) for path, _, text in code)

    assert places == [
        ("coordinator.py", "run = open_run"),
        ("coordinator.py", "run.succeed"),
        ("coordinator.py", "with Heartbeat"),
        ("coordinator.py", "with Heartbeat"),
        ("coordinator.py", "with attach"),
        ("publishing.py", "for player in hb.track"),
        ("publishing.py", "with Heartbeat"),
        ("wiring.py", "configure"),
        ("worker.py", "run.advance"),
        ("worker.py", "with Heartbeat"),
        ("worker.py", "with attach"),
        ("wsgi.py", "app = watch_requests"),
    ]


def test_every_setting_has_its_row() -> None:
    """The table of settings names exactly the variables that the code reads."""
    source = (EXAMPLE / "settings.py").read_text()
    read = set(re.findall(r'"((?:COORDINATOR|WORKER|PUBSUB|GCP|HANGWATCH_EXAMPLE)_[A-Z_]+)"', source))
    read |= {f"HANGWATCH_EXAMPLE_{name}" for name in re.findall(r'seconds\("([A-Z_]+)"', source)}

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE)) == read


def test_every_default_is_the_one_in_its_row() -> None:
    """With an empty environment the settings are those of the table."""
    defaults = dict(re.findall(r"^\| `([A-Z_]+)` \| ([\d.]+) \|", README, re.MULTILINE))
    settings = Settings.from_environment({})

    assert Settings.from_environment(defaults) == settings
    assert len(defaults) == 12


def test_the_scales_multiply_work_and_divide_thresholds() -> None:
    """The time scale shortens the work, the speedup Hangwatch's times, and a named threshold is taken as it is."""
    environ = {"COORDINATOR_TIME_SCALE": "0.5", "HANGWATCH_EXAMPLE_SPEEDUP": "60", "HANGWATCH_EXAMPLE_DEADLINE": "40"}
    settings = Settings.from_environment(environ)

    assert (settings.work.load, settings.work.predict) == (4.0, 0.025)
    assert (settings.thresholds.beat_every, settings.thresholds.silent_after) == (0.25, 1.5)
    assert (settings.thresholds.deadline, settings.thresholds.opaque_after) == (40.0, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("COORDINATOR_PLAYERS", "0", id="no player"),
        pytest.param("COORDINATOR_PLAYERS", "many", id="players in words"),
        pytest.param("COORDINATOR_LOAD_SECONDS", "-1", id="negative seconds"),
        pytest.param("COORDINATOR_LOAD_SECONDS", "inf", id="endless seconds"),
        pytest.param("COORDINATOR_TIME_SCALE", "nan", id="a scale that is no number"),
        pytest.param("HANGWATCH_EXAMPLE_SPEEDUP", "0", id="a speedup of zero"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(name: str, value: str) -> None:
    """A value that can't be used is refused in one line that names the variable and the value."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: value})

    assert name in str(refused.value)
    assert value in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("app", "missing", "named"),
    [("wsgi", "COORDINATOR_API_KEY", "COORDINATOR_API_KEY"), ("worker_wsgi", "", "PUBSUB_EMULATOR_HOST")],
    ids=["a coordinator without a key", "a worker without Pub/Sub"],
)
def test_a_service_without_what_it_needs_does_not_start(tmp_path: Path, app: str, missing: str, named: str) -> None:
    """The services end at once where they could not do their work, and say what to set."""
    environ = environment(tmp_path)
    environ.pop(missing, None)
    command = [sys.executable, "-c", f"import examples.coordinator.{app}"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=GENEROUS, check=False)

    assert done.returncode == 1
    assert f"SettingsError: {'worker' if app == 'worker_wsgi' else 'coordinator'}: " in done.stderr
    assert named in done.stderr


@pytest.mark.parametrize(
    ("host", "status", "named"),
    [("", 2, "PUBSUB_EMULATOR_HOST"), ("127.0.0.1:1", 1, "ServiceUnavailable")],
    ids=["no Pub/Sub is configured", "nobody listens"],
)
def test_setup_says_why_it_could_not(tmp_path: Path, host: str, status: int, named: str) -> None:
    """setup_pubsub ends with 2 for wrong settings, 1 for a Pub/Sub that it can't reach, and one line about it."""
    environ = environment(tmp_path, PUBSUB_EMULATOR_HOST=host)
    command = [sys.executable, "-m", "examples.coordinator.setup_pubsub"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=GENEROUS, check=False)

    assert done.returncode == status
    assert re.fullmatch(f"setup_pubsub: .*{named}.*\n", done.stderr)
