"""What a bench found: tables, targets beside what came, the machine it ran on; printed as Markdown, kept as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["Result", "Table", "Target", "as_json", "as_markdown", "machine", "read_result"]

_PACKAGES = ("google-cloud-firestore", "grpcio", "requests", "tqdm", "sentry-sdk", "hanging-threads")


@dataclass(frozen=True)
class Table:
    """columns: their heads. rows: cells as people read them, as many as columns. note: a paragraph below, or empty."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{self.title}: a row needs {len(self.columns)} cells, got {len(row)}: {row}")


@dataclass(frozen=True)
class Target:
    """what: is measured. aim, came: as people read them. limit: what keeps it from being met, or empty."""

    what: str
    aim: str
    came: str
    met: bool
    limit: str = ""


@dataclass(frozen=True)
class Result:
    """name: of the bench. figures: all that was measured, for JSON; the tables are made of it."""

    name: str
    tables: Sequence[Table]
    targets: Sequence[Target] = ()
    figures: dict[str, Any] = field(default_factory=dict)


def machine() -> dict[str, Any]:
    """Where a bench ran: Python, cores, load average of the last minute, versions of the packages it may meet."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "versions": versions,
    }


def as_json(result: Result, where: dict[str, Any]) -> str:
    """The whole result; where: the machine, as it was before the bench began."""
    return json.dumps({**asdict(result), "machine": where}, indent=2, ensure_ascii=False) + "\n"


def read_result(file: Path) -> tuple[Result, dict[str, Any]]:
    """A result and its machine from JSON; ValueError and KeyError where the file is not of as_json."""
    read = json.loads(file.read_text(encoding="utf-8"))
    tables = [
        Table(one["title"], tuple(one["columns"]), tuple(map(tuple, one["rows"])), one["note"])
        for one in read["tables"]
    ]
    targets = [Target(**one) for one in read["targets"]]
    return Result(read["name"], tables, targets, read["figures"]), read["machine"]


def _table_of(read: dict[str, Any]) -> Table:
    return Table(read["title"], tuple(read["columns"]), tuple(map(tuple, read["rows"])), read["note"])


def as_markdown(result: Result, where: dict[str, Any]) -> str:
    """Tables, the targets beside what came, and a line on the machine."""
    parts = [_table(one) for one in result.tables]
    if result.targets:
        parts.append(_table(_of_targets(result.targets)))
        parts += [f"- **{one.what}**: {one.limit}" for one in result.targets if one.limit]
    packages = "".join(f", {name} {version}" for name, version in where["versions"].items())
    parts.append(f"Python {where['python']}, {where['cores']} cores, load {where['load']} before it{packages}.")
    return "\n\n".join(parts) + "\n"


def _of_targets(targets: Sequence[Target]) -> Table:
    rows = tuple((one.what, one.aim, one.came, "yes" if one.met else "**no**") for one in targets)
    return Table("Targets", ("target", "aim", "came", "met"), rows)


def _table(table: Table) -> str:
    lines = [f"### {table.title}", "", _row(table.columns), _row("---" for _ in table.columns)]
    lines += [_row(row) for row in table.rows]
    return "\n".join([*lines, *(["", table.note] if table.note else [])])


def _row(cells: Any) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
