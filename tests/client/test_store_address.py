"""Which store a text names, and which one is taken when nobody names any."""

from __future__ import annotations

from pathlib import Path

import pytest

from heartbeat_client.store_address import StoreAddress, default_address, state_file
from tests.client.world import Process

HOME = Path("~").expanduser()

TEXTS: dict[str, tuple[str, StoreAddress, str]] = {
    "off": ("off", StoreAddress("off"), "off"),
    "firestore": ("firestore", StoreAddress("firestore"), "firestore"),
    "with spaces around": (" firestore\n", StoreAddress("firestore"), "firestore"),
    "a project": ("firestore://p", StoreAddress("firestore", "p"), "firestore://p"),
    "a project, a slash": ("firestore://p/", StoreAddress("firestore", "p"), "firestore://p"),
    "a database": ("firestore://p/watch", StoreAddress("firestore", "p", "watch"), "firestore://p/watch"),
    "the default database": (
        "firestore://p/(default)",
        StoreAddress("firestore", "p", "(default)"),
        "firestore://p/(default)",
    ),
    "a database of the default project": (
        "firestore:///watch",
        StoreAddress("firestore", None, "watch"),
        "firestore:///watch",
    ),
    "a relative file": ("sqlite:///a/b.db", StoreAddress("sqlite", path=Path("a/b.db")), "sqlite:///a/b.db"),
    "an absolute file": ("sqlite:////a/b.db", StoreAddress("sqlite", path=Path("/a/b.db")), "sqlite:////a/b.db"),
    "a file at home": ("sqlite:///~/b.db", StoreAddress("sqlite", path=HOME / "b.db"), f"sqlite:///{HOME}/b.db"),
}


@pytest.mark.parametrize(("text", "address", "shown"), TEXTS.values(), ids=TEXTS)
def test_a_text_names_a_store(text: str, address: StoreAddress, shown: str) -> None:
    """A text is read as documented, and the store it names is shown as a text that names it."""
    assert StoreAddress.parse(text) == address
    assert str(address) == shown
    assert StoreAddress.parse(shown) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "firestor", "FIRESTORE", "firestore:p", "firestore://", "firestore://p/d/x", "postgres://h/d"),
        *("sqlite", "sqlite://a.db", "sqlite:///", "sqlite:///:memory:", "sqlite:a.db", "off://x", "/var/a.db"),
    ],
)
def test_other_texts_are_refused_with_what_was_expected(text: str) -> None:
    """What names no store raises ValueError with what was expected and what came."""
    with pytest.raises(ValueError, match=r"expected .*, got '"):
        StoreAddress.parse(text)


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({}, "sqlite"),
        ({"K_SERVICE": "x"}, "firestore"),
        ({"CLOUD_RUN_JOB": "x"}, "firestore"),
        ({"K_SERVICE": ""}, "sqlite"),
    ],
    ids=["anywhere", "a Cloud Run service", "a Cloud Run job", "an empty variable"],
)
def test_the_default_store(environ: dict[str, str], kind: str) -> None:
    """On Cloud Run it is Firestore, elsewhere a file of the user's own."""
    assert default_address(environ).kind == kind


@pytest.mark.parametrize(
    ("environ", "platform", "path"),
    [
        ({}, "linux", HOME / ".local/state/hangwatch/hangwatch.sqlite3"),
        ({"XDG_STATE_HOME": "/state"}, "linux", Path("/state/hangwatch/hangwatch.sqlite3")),
        ({"XDG_STATE_HOME": "state"}, "linux", HOME / ".local/state/hangwatch/hangwatch.sqlite3"),
        ({}, "darwin", HOME / "Library/Application Support/hangwatch/hangwatch.sqlite3"),
        ({"LOCALAPPDATA": "/local"}, "win32", Path("/local/hangwatch/hangwatch.sqlite3")),
        ({}, "win32", HOME / "AppData/Local/hangwatch/hangwatch.sqlite3"),
    ],
    ids=["Linux", "XDG's variable", "a relative one is ignored", "macOS", "Windows", "Windows without its variable"],
)
def test_the_users_state_directory(environ: dict[str, str], platform: str, path: Path) -> None:
    """The file lies where each system keeps such things."""
    assert state_file(environ, platform) == path


def test_a_variable_that_names_no_store_is_said_once(process: Process) -> None:
    """A wrong HANGWATCH_STORE is one error in the log, and the default store is taken."""
    done = process.run(
        "from heartbeat_client import Heartbeat\nfor _ in range(3):\n    with Heartbeat('load'): pass",
        env={"HANGWATCH_STORE": "firestor", "XDG_STATE_HOME": str(process.folder)},
    )

    assert done.stderr.count("HANGWATCH_STORE: expected firestore, ") == 1
    assert (process.folder / "hangwatch/hangwatch.sqlite3").exists()


def test_a_missing_library_is_an_error_in_the_log(process: Process) -> None:
    """Without google-cloud-firestore the operation runs, and the log says what to install."""
    done = process.run(
        """
        import sys
        sys.modules["google"] = sys.modules["google.cloud"] = None
        from heartbeat_client import Heartbeat
        with Heartbeat("load"):
            pass
        print("done")
        """,
        env={"HANGWATCH_STORE": "firestore://demo-project"},
    )

    assert done.stdout.splitlines()[-1] == "done"
    assert "beats can't be written to firestore://demo-project: " in done.stderr
    assert "google-cloud-firestore" in done.stderr
