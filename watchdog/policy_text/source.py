"""The policy in force: what its file says now, or the last good text of it while the file can't be used.

Whoever changes the file needs no redeploy: it is read at each look. A mistake in it costs nobody the limits that held
before, not in a new process either, where a shelf keeps the last good text.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from heartbeat_client.fields import Fields

from ..policy import Policy, PolicyError
from ..ports import Create, Replace, Store, StoreError
from .file import parse_policy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["PolicyFile", "PolicySource", "Shelf", "StoreShelf", "policy_from", "policy_text"]

log = logging.getLogger("watchdog")

WATCHDOG = "hangwatch_watchdog"
SHELF_ID = "policy"

# A file that is being written may be whole lines of it already, and so a policy, but half of one. Some file systems
# keep the instant of a change to 2 s only.
STILL_FRESH = 5.0
SETTLING = 0.2
SETTLED_WITHIN = 5
LARGEST = 500_000


def policy_text(path: Path) -> str:
    """The text of a policy file. Raises `PolicyError` where it can't be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark that TOML refuses
    except FileNotFoundError:
        raise PolicyError([f"{path}: expected a policy file, found none; mend HANGWATCH_POLICY or unset it"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError([f"{path}: can't be read ({type(error).__name__}); mend the file or its rights"]) from None
    if len(text) > LARGEST:
        raise PolicyError([f"{path}: expected at most {LARGEST} characters, got {len(text)}; is it a policy?"])
    return text


def policy_from(text: str, name: str) -> Policy:
    """The policy in a TOML text. name: of its file, for messages. Raises `PolicyError` naming each mistake."""
    return parse_policy(_tables(text, name), name)


def _tables(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError([f"{name}: is not TOML: {error}"]) from None
    except RecursionError:
        raise PolicyError([f"{name}: is not a policy: its values are nested too deeply; make it flat"]) from None


class Shelf(Protocol):
    """Where the last good text of a policy is kept between processes."""

    def last_good(self) -> str | None:
        """The text kept last, None where there is none."""

    def keep(self, text: str) -> None:
        """Keep a text that is a policy."""


class StoreShelf:
    """A `Shelf` in the store. A store that is away is no trouble of the policy's: nothing is kept then."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def last_good(self) -> str | None:
        """See `Shelf.last_good`."""
        try:
            found = self._store.get(WATCHDOG, [SHELF_ID]).get(SHELF_ID)
        except StoreError:
            return None
        text = Fields(found.fields).text("text", "", LARGEST) if found else ""
        return text or None

    def keep(self, text: str) -> None:
        """See `Shelf.keep`."""
        try:
            found = self._store.get(WATCHDOG, [SHELF_ID]).get(SHELF_ID)
            if found is None:
                self._store.commit([Create(WATCHDOG, SHELF_ID, {"text": text})])
            elif found.fields.get("text") != text:
                self._store.commit([Replace(WATCHDOG, SHELF_ID, {"text": text}, found.version)])
        except StoreError:
            return


class PolicyFile:
    """A policy file that is read anew at each look.

    path: the file; None for none, which is the empty policy. shelf: keeps the last good text for the next process.
    sleep: waits so many seconds, for a file that was changed a moment ago and may not be whole yet. clock: seconds, as
    the file system counts them.
    """

    def __init__(
        self,
        path: Path | None,
        shelf: Shelf | None = None,
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - what files bear is this machine's time
    ) -> None:
        self._path = path
        self._shelf = shelf
        self._sleep = sleep
        self._clock = clock
        self._read: str | None = None
        self._problems: list[str] = []
        self._good: Policy | None = None

    @property
    def found(self) -> bool:
        """Whether any good policy was found so far."""
        return self._good is not None

    def current(self) -> tuple[Policy, list[str]]:
        """The policy in force, and a line for each mistake of the newest reading, none where that is the one in force.

        Without any good one, now or on the shelf, the empty policy is in force. Raises nothing.
        """
        if self._path is None:
            return Policy(), []
        try:
            self._look(self._path)
        except PolicyError as error:
            self._read, self._problems = None, error.problems
        if self._good is None:
            self._good = self._from_shelf(self._path)
        return self._good or Policy(), list(self._problems)

    def _look(self, path: Path) -> None:
        text = policy_text(path)
        if text == self._read:
            return
        text = self._settled(path, text)
        self._read, self._problems = text, []
        try:
            self._good = policy_from(text, path.name)
        except PolicyError as error:
            self._problems = error.problems
            return
        if self._shelf is not None:
            self._shelf.keep(text)

    def _settled(self, path: Path, text: str) -> str:
        """The text when it stays the same for a moment; at once where nobody has touched the file of late."""
        if not self._fresh(path):
            return text
        for _ in range(SETTLED_WITHIN):
            self._sleep(SETTLING)
            before, text = text, policy_text(path)
            if text == before:
                break
        return text

    def _fresh(self, path: Path) -> bool:
        try:
            found = path.stat()
        except OSError:
            return True
        # A copy may bear its original's instant, but not that of the last change to itself. A future one tells nothing.
        return self._clock() - max(found.st_mtime, found.st_ctime) < STILL_FRESH

    def _from_shelf(self, path: Path) -> Policy | None:
        text = self._shelf.last_good() if self._shelf is not None else None
        try:
            return None if text is None else policy_from(text, path.name)
        except PolicyError:
            return None  # an older version of this program kept what this one refuses


class PolicySource:
    """A policy file for those who want the policy alone: what is wrong with it is logged, each mistake once.

    The first reading must be good, or from the shelf; else `PolicyError` is raised.
    """

    def __init__(self, path: Path | None, shelf: Shelf | None = None) -> None:
        self._file = PolicyFile(path, shelf)
        self._logged: list[str] = []
        _, problems = self._file.current()
        if problems and not self._file.found:
            raise PolicyError(problems)

    def current(self) -> Policy:
        """The policy in force."""
        policy, problems = self._file.current()
        for problem in problems:
            if problem not in self._logged:
                log.error("the policy before stays in force: %s", problem)
        self._logged = problems
        return policy
