"""The whole crash matrix, printed as a table.

    python -m tests.crashes [--markdown FILE] [--store SQLite|Firestore] [SCENE ...]

Firestore's emulator is started for it, and ended with it. Exit status 1 if anything was missed or told wrongly.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.crashes.matrix import FIRESTORE, SQLITE, WAYS, Row, staged, two_sweepers
from tests.crashes.scenes import SCENES
from tests.support.emulators import FirestoreEmulator

HEADINGS = ("scene", "store", "the sweep is", "steps", "played", "killed", "messages", "twice", "missed", "wrong")
BEGIN, END = "<!-- the matrix -->\n", "<!-- end of the matrix -->\n"


def cells(row: Row) -> tuple[str, ...]:
    """A row of the matrix as a row of the table."""
    kills = sum(fate.killed for fate in row.fates)
    told = sum(fate.told for fate in row.fates)
    counts = (row.steps, len(row.fates), kills, told, row.duplicates, len(row.missed), len(row.extra))
    return (row.scene, row.store, row.way, *map(str, counts))


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """The table in Markdown."""
    lines = [HEADINGS, ("---",) * 3 + ("--:",) * 7, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def played(names: Sequence[str], stores: Sequence[str], folder: Path) -> Iterator[Row]:
    """Each row as soon as it is played."""
    for store in stores:
        with two_sweepers(store) as sweepers:
            for name in names:
                with staged(name, store, folder / store / name.replace(" ", "_"), sweepers) as stage:
                    yield from (stage.row(way) for way in WAYS)


def keep(file: Path, said: str) -> None:
    """Put the table between the two marks of a file."""
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(f"{before}{BEGIN}\n{said}\n{END}{after}", encoding="utf-8")


def main() -> int:
    """Play the matrix, print it, and say whether it holds."""
    parser = argparse.ArgumentParser(prog="tests.crashes", description="kill sweeps, and see what people are told")
    parser.add_argument("scenes", nargs="*", choices=[[], *SCENES], metavar="SCENE", help="all by default")
    parser.add_argument("--store", choices=(SQLITE, FIRESTORE), help="both by default")
    parser.add_argument("--markdown", type=Path, help="a file with the two marks, which gets the table")
    given = parser.parse_args()
    logging.getLogger("watchdog").addHandler(logging.NullHandler())
    stores = (given.store,) if given.store else (SQLITE, FIRESTORE)
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="crashes-")))
        if FIRESTORE in stores:
            emulator = FirestoreEmulator(folder / "emulator")
            emulator.start()
            parts.callback(emulator.stop)
            os.environ["FIRESTORE_EMULATOR_HOST"] = emulator.host
        rows = []
        for row in played(given.scenes or list(SCENES), stores, folder):
            rows.append(row)
            print(*cells(row), *row.missed, *row.extra, sep=" | ", flush=True)
    if given.markdown:
        keep(given.markdown, table([cells(row) for row in rows]))
    return 1 if any(row.missed or row.extra for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
