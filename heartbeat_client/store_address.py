"""Which store a text names, and which one is taken when nobody names any. Opens nothing; Python's own modules only.

The watchdog's wiring reads the same texts through this module, so that both sides find the same store.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FIRESTORE", "OFF", "SQLITE", "StoreAddress", "default_address", "on_cloud_run", "state_file"]

FIRESTORE = "firestore"
SQLITE = "sqlite"
OFF = "off"

_EXPECTED = "firestore, firestore://PROJECT/DATABASE, sqlite:///PATH or off"


@dataclass(frozen=True)
class StoreAddress:
    """A store by its kind (`FIRESTORE`, `SQLITE` or `OFF`) and where it is.

    project, database: None for those of the environment and `(default)`. path: of SQLite's file, None otherwise.
    """

    kind: str
    project: str | None = None
    database: str | None = None
    path: Path | None = None

    def __str__(self) -> str:
        """The text that names this store."""
        if self.kind == SQLITE:
            return f"sqlite:///{self.path}"
        parts = [self.project or "", *([self.database] if self.database else [])]
        return f"{self.kind}://{'/'.join(parts)}" if any(parts) else self.kind

    @classmethod
    def parse(cls, text: str) -> StoreAddress:
        """The store that a text names: `firestore`, `firestore://PROJECT/DATABASE`, `sqlite:///PATH`, `off`.

        The database may be left out. `sqlite:///state.db` is relative to the working directory, `sqlite:////var/state.db`
        absolute, and `~` is the home directory, as SQLAlchemy and its users write it.
        Raises ValueError, saying what was expected and what came.
        """
        text = text.strip()
        if text in (FIRESTORE, OFF):
            return cls(text)
        kind, separator, rest = text.partition("://")
        if separator and kind == FIRESTORE:
            return _firestore(rest, text)
        if separator and kind == SQLITE:
            return cls(SQLITE, path=_sqlite_path(rest, text))
        raise ValueError(f"expected {_EXPECTED}, got {_shown(text)}")


def _shown(text: str) -> str:
    """An address without what stands before its host and after its path: people put databases' passwords there."""
    kind, separator, rest = text.partition("://")
    rest = rest.rpartition("@")[2].partition("?")[0] if separator else ""
    return repr(f"{kind.rpartition('@')[2]}{separator}{rest}"[:80])


def _firestore(rest: str, text: str) -> StoreAddress:
    project, _, database = rest.rstrip("/").partition("/")
    if "/" in database or not (project or database):
        raise ValueError(f"expected firestore://PROJECT/DATABASE, got {_shown(text)}")
    return StoreAddress(FIRESTORE, project or None, database or None)


def _sqlite_path(rest: str, text: str) -> Path:
    if not rest.startswith("/") or rest in ("/", "/:memory:"):
        raise ValueError(f"expected sqlite:///PATH with the path of a file, got {_shown(text)}")
    return Path(rest[1:]).expanduser()


def default_address(environ: Mapping[str, str]) -> StoreAddress:
    """The store that is taken when nobody names one: Firestore on Cloud Run, else a file of the user's own."""
    if on_cloud_run(environ):
        return StoreAddress(FIRESTORE)
    return StoreAddress(SQLITE, path=state_file(environ))


def on_cloud_run(environ: Mapping[str, str]) -> bool:
    """Whether this is a Cloud Run service or job, by the variables that its container contract promises."""
    return bool(environ.get("K_SERVICE") or environ.get("CLOUD_RUN_JOB"))


def state_file(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """SQLite's file in the user's state directory: XDG's, or where macOS and Windows keep such things."""
    return _state_directory(environ, platform) / "hangwatch" / "hangwatch.sqlite3"


def _state_directory(environ: Mapping[str, str], platform: str) -> Path:
    chosen = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(chosen):  # XDG's rule: a relative path is ignored
        return Path(chosen)
    home = Path(os.path.expanduser("~"))
    if platform == "darwin":
        return home / "Library" / "Application Support"
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return home / ".local" / "state"
