"""Reads from the source who imports whom, without importing anything."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("heartbeat_client", "watchdog")
STDLIB = sys.stdlib_module_names | {"tomllib"}  # new in 3.11: what 3.10 lists lacks it


def dotted(path: Path) -> str:
    """The module's dotted name: `watchdog/adapters/slack.py` is `watchdog.adapters.slack`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {dotted(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


@dataclass(frozen=True)
class Import:
    """One imported name as an absolute dotted name, and whether it was written as a relative one."""

    name: str
    line: int
    relative: bool

    @property
    def root(self) -> str:
        return self.name.split(".", 1)[0]

    @property
    def target(self) -> str | None:
        """The module of ours that the name belongs to; None for anybody else's."""
        name = self.name
        while self.root in PACKAGES and name not in FILES and "." in name:
            name = name.rpartition(".")[0]
        return name if self.root in PACKAGES else None


def imports_of(module: str) -> list[Import]:
    """All imports in a module, those inside functions and those for type checkers too."""
    found = []
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, False) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            found += [Import(f"{base}.{alias.name}", node.lineno, node.level > 0) for alias in node.names]
    return found


def _base(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    up = node.level - (FILES[module].name == "__init__.py")
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])
