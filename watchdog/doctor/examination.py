"""`doctor`: each part tried for real, one finding each, with what to do about it. Owns which parts, in which order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from heartbeat_client.store_address import FIRESTORE

from ..environment import SETTINGS, Settings, SettingsError, settings
from ..policy import Policy, PolicyError
from ..ports import StoreError
from ..wiring import read_policy
from .channels import channel_trials, monitoring_trials, ping_trials
from .client import client_trials
from .fields import field_trials, not_applicable
from .findings import Finding, exit_status, failed, noted, refused, well
from .life import life_trials
from .means import Means, hidden
from .store import store_trials
from .trials import Trials

__all__ = ["Finding", "examination", "examine", "exit_status"]


# The other side's setting, which may stand in a shared environment.
KNOWN = (*SETTINGS, "HANGWATCH_DEADLINE")


def _silently(part: str) -> None:
    """Tell nobody what is being tried."""


@dataclass(frozen=True)
class _Request:
    """What is to be tried, with what, and who is told."""

    environment: Mapping[str, str]
    store: str | None
    means: Means
    fix: bool
    trying: Callable[[str], None]

    def trials(self, *needed: str) -> Trials:
        """Trials of one thing."""
        return Trials(self.means.seconds, self.trying, needed)


def examine(
    environment: Mapping[str, str] = os.environ,
    store: str | None = None,
    fix: bool = False,
    *,
    client: bool = False,
    means: Means | None = None,
) -> list[Finding]:
    """All of `examination` at once."""
    return list(examination(environment, store, fix, client=client, means=means))


def examination(
    environment: Mapping[str, str] = os.environ,
    store: str | None = None,
    fix: bool = False,
    *,
    client: bool = False,
    means: Means | None = None,
    trying: Callable[[str], None] = _silently,
) -> Iterator[Finding]:
    """Try each part; yields what came of it as soon as it is known. Never raises for what it finds.

    store: an address that overrules HANGWATCH_STORE. fix: mend TTL policies, indexes and metric descriptors that are
    missing. client: look at a coordinator's side instead. trying: told the name of each part before it is tried.
    """
    asked = _Request(environment, store, means or Means(), fix, trying)
    for finding in _clients_side(asked) if client else _watchdogs_side(asked):
        said, todo = hidden(finding.said, environment), hidden(finding.todo, environment)
        yield replace(finding, said=said, todo=todo)


def _clients_side(asked: _Request) -> Iterator[Finding]:
    return asked.trials("settings", "library").run(client_trials(asked.environment, asked.store, asked.means))


def _watchdogs_side(asked: _Request) -> Iterator[Finding]:
    try:
        known = settings(asked.environment, asked.store)
    except SettingsError as error:
        yield refused("settings", error)
        return
    yield well("settings", f"the store is {known.store}")
    yield from _strange_settings(asked.environment)
    policy, findings = _policy(known)
    yield from findings
    yield from _store(asked, known, policy)
    yield from _fields(asked, known)
    yield from _outside(asked, known)


def _strange_settings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Names that look like a setting of ours which is not set: most likely misspelt."""
    for name in sorted(environment):
        near = get_close_matches(name, KNOWN, 1, 0.85) if name.startswith("HANGWATCH") and name not in KNOWN else []
        if near and not environment.get(near[0]):
            yield noted("settings", f"{name[:80]} is no setting", f"did you mean {near[0]}?")


def _policy(known: Settings) -> tuple[Policy | None, list[Finding]]:
    try:
        policy = read_policy(known.policy)
    except PolicyError as error:
        return None, [failed("policy", problem, "mend the file") for problem in error.problems]
    where = str(known.policy) if known.policy else "none set, the defaults hold"
    return policy, [well("policy", where + (f"; {len(policy.rules)} rules" if policy.rules else ""))]


def _store(asked: _Request, known: Settings, policy: Policy | None) -> Iterator[Finding]:
    try:
        store = asked.means.store(known.store)
    except StoreError as error:
        yield refused("store", error)
        return
    try:
        of_store = store_trials(store, str(known.store), asked.means.clock)
        yield from asked.trials("store").run((*of_store, *life_trials(store, policy)))
    finally:
        store.close()


def _fields(asked: _Request, known: Settings) -> Iterator[Finding]:
    if known.store.kind != FIRESTORE:
        yield from not_applicable("SQLite has its own")
    elif asked.environment.get("FIRESTORE_EMULATOR_HOST"):
        yield from not_applicable("the emulator answers every query, and deletes nothing by itself")
    else:
        yield from asked.trials("fields").run(field_trials(asked.means.admin(known.store), asked.fix))


def _outside(asked: _Request, known: Settings) -> Iterator[Finding]:
    # Others rely on a watchdog that reads Firestore; one on SQLite is on somebody's desk.
    lasting = known.store.kind == FIRESTORE
    yield from asked.trials().run(channel_trials(known, asked.means))
    yield from asked.trials().run(monitoring_trials(known, asked.means, asked.fix))
    yield from asked.trials().run(ping_trials(known, asked.means, lasting))
