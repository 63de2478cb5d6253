"""Reads the lock files, and what pyproject.toml asks of them."""

from __future__ import annotations

import re
import sys

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.imports import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOCKS = ("demo", "dev", "docs", "watchdog")


def lock_text(lock: str) -> str:
    return (ROOT / f"locks/{lock}.txt").read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, set[str]]:
    """The versions of each package in a lock: several where one does not fit all Pythons."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"(?m)^([\w.-]+)==([^\s;\\]+)", lock_text(lock)):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def asked_for(group: str) -> list[Requirement]:
    """What a dependency group asks for, the groups that it includes too."""
    asked: list[Requirement] = []
    for entry in tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"][group]:
        asked += [Requirement(entry)] if isinstance(entry, str) else asked_for(entry["include-group"])
    return asked


def holds(lock: str, asked: Requirement) -> bool:
    """Whether a lock holds a package, and only in versions within the bounds."""
    versions = pins(lock).get(canonicalize_name(asked.name), set())
    return bool(versions) and all(asked.specifier.contains(version) for version in versions)
