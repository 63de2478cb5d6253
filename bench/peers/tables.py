"""What was found, as tables: by family of hangs, by scenario, and what Hangwatch must come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.results import Result, Table, Target
from tests.zoo.expectations import HANGS, HEALTHY

from .book import Book
from .families import FAMILIES, HEALTHY_FAMILY
from .findings import Finding
from .hangwatch import HANGWATCH, Record
from .healthchecks import CLONE, HOW_TO, version
from .limits import DEADLINE, ENDS_AFTER, FROZEN_AFTER, MINUTE, SEED_EVERY
from .playing import Played
from .watchers import FAULTHANDLER, HANGING_THREADS, HEALTHCHECKS, SEED, SENTRY

__all__ = ["WHO", "result"]

WHO: Final = (HANGWATCH, HEALTHCHECKS, SENTRY, SEED, HANGING_THREADS, FAULTHANDLER)
NAMES_A_PLACE: Final = (HANGWATCH, HANGING_THREADS, FAULTHANDLER)
NOT_RUN: Final = "not run"


def result(played: Played, records: Mapping[str, Record], folder: Path | None) -> Result:
    """The tables, targets and figures.

    records: Hangwatch's, of the hangs. folder: of healthchecks' source, None where it was not run.
    """
    book = Book(played.findings)
    figures = {
        "limits": {"minute": MINUTE, "deadline": DEADLINE, "frozen_after": FROZEN_AFTER, "healthy_end": ENDS_AFTER},
        "healthchecks": version(folder) if folder else f"{NOT_RUN}: {HOW_TO}",
        "findings": [asdict(one) for one in played.findings],
        "still_running_lines": played.still_running,
        "checkins": played.checkins,
        "hangwatchs_records": {name: record._asdict() for name, record in records.items()},
    }
    return Result("peers", (_families(book), _how(played, folder), _scenarios(book)), _targets(book, records), figures)


def _families(book: Book) -> Table:
    rows = [
        (family, str(len(there)), *(_told_and_right(book, who, there) for who in WHO))
        for family, names in FAMILIES.items()
        if family != HEALTHY_FAMILY and (there := book.played(names))
    ]
    hangs, healthy = book.played(HANGS), book.played(HEALTHY)
    lined = [name for name in hangs if HANGS[name].blame]
    for what, names, counted in (
        ("**all hangs: told**", hangs, _told),
        ("**a place named, and right**", lined, _right),
        ("**a place named, and wrong**", lined, _wrong),
        ("**healthy: told all the same**", healthy, _told),
    ):
        rows.append((what, str(len(names)), *(_count(book, who, names, counted) for who in WHO)))
    note = (
        "A cell is how many were told, and of how many of them the right place was named; – where no place is ever "
        "named. Two hangs have no line to blame. A tool that writes stacks is right where any frame of any thread "
        "that it names is the line that is marked in the scenario; Hangwatch must name that line first."
    )
    return Table("What was told, by what hangs", ("what hangs", "of", *WHO), tuple(rows), note)


def _told(one: Finding) -> bool:
    return one.told


def _right(one: Finding) -> bool:
    return one.place == "right"


def _wrong(one: Finding) -> bool:
    return one.place == "wrong"


def _count(book: Book, who: str, names: Sequence[str], counted: Callable[[Finding], bool]) -> str:
    if who not in book.there:
        return NOT_RUN
    if counted is not _told and who not in NAMES_A_PLACE:
        return "–"
    return str(sum(counted(one) for one in book.of(who, names)))


def _told_and_right(book: Book, who: str, names: Sequence[str]) -> str:
    told = _count(book, who, names, _told)
    return told if told == NOT_RUN else f"{told}, {_count(book, who, names, _right)}"


def _how(played: Played, folder: Path | None) -> Table:
    """How each was run: with what limit, and what counts as told."""
    deadline, minute = f"{DEADLINE:.1f} s (30 min)", f"{MINUTE:.2f} s"
    healthchecks = f"{version(folder)}, its own server on SQLite, its own sendalerts" if folder else _not_run()
    still = sum(count > 1 for name, count in played.still_running.items() if name in HANGS)
    rows = (
        (HANGWATCH, "as make zoo runs it", "hangs 4 s without progress, healthy 8 s opaque", "a notice at Slack"),
        (HEALTHCHECKS, healthchecks, f"grace {deadline}, looked for each 2 s", "its webhook said down"),
        (
            SENTRY,
            "sentry_sdk.monitor; the server is not Sentry's, its published rule is applied to the check-ins",
            f"max_runtime {deadline}, a tick each {minute}",
            "the check-in timed out or failed",
        ),
        (
            SEED,
            "written anew after its plan",
            f"a line each {SEED_EVERY:.1f} s (5 min)",
            f"a line other than begun, still running, ended well; “still running” went on in {still} of the hangs",
        ),
        (HANGING_THREADS, "in the process", f"{FROZEN_AFTER:.1f} s (18 min)", "a stack on stderr"),
        (FAULTHANDLER, "dump_traceback_later, cancelled by the end", deadline, "a dump of all stacks"),
    )
    note = (
        f"A minute lasts {minute} for all: the zoo's opaque_after of 8 s stands for the usual 18 min. A healthy "
        f"operation ends after {ENDS_AFTER:.0f} s under the others, so that one that only measures a run's length is "
        "right to be quiet; Hangwatch watches it for 14 s. Only Hangwatch is given that a hang has items to count."
    )
    return Table("How each was run", ("who", "how", "limit (in life)", "told means"), rows, note)


def _not_run() -> str:
    return f"{NOT_RUN}; get it with `{CLONE}`, and name its folder as docs/benchmarks.md says"


def _scenarios(book: Book) -> Table:
    rows = tuple(
        (scenario, *(_cell(book, who, scenario) for who in WHO))
        for names in FAMILIES.values()
        for scenario in names
        if scenario in book.scenarios
    )
    note = "Lines are those of the scenario's own file; in brackets, of how many threads the tool wrote the stack."
    return Table("Each scenario", ("scenario", *WHO), rows, note)


def _cell(book: Book, who: str, scenario: str) -> str:
    if who not in book.there:
        return NOT_RUN
    one = book.of(who, [scenario])[0]
    if one.said is None:
        return "quiet" if scenario in HEALTHY else "nothing"
    if not one.said.threads:
        return "told"
    lines = ", ".join(map(str, one.said.lines)) or "another file's"
    where = f"line {lines} ({one.said.threads})" if who != HANGWATCH else f"line {lines}"
    return f"told, {where}" + (f", {one.place}" if one.place in ("right", "wrong") else "")


def _targets(book: Book, records: Mapping[str, Record]) -> tuple[Target, ...]:
    hangs, healthy = book.played(HANGS), book.played(HEALTHY)
    lined = [name for name in hangs if HANGS[name].blame]
    told = {one.scenario for one in book.of(HANGWATCH, hangs) if one.told}
    placed = {one.scenario for one in book.of(HANGWATCH, lined) if one.place == "right"}
    recorded = {name for name in lined if "line" not in records[name].wrong}
    quiet = {one.scenario for one in book.of(HANGWATCH, healthy) if not one.told}
    known = f"; the record names the right one in {len(recorded - placed)} of them, after the notice was sent"
    return (
        _target("hangs that Hangwatch tells", hangs, told),
        _target("hangs whose notice names the right place", lined, placed, known),
        _target("hangs whose record names the right place", lined, recorded),
        _target("healthy operations that Hangwatch leaves alone", healthy, quiet),
    )


def _target(what: str, aim: Sequence[str], came: set[str], more: str = "") -> Target:
    missing = [name for name in aim if name not in came]
    limit = f"not {', '.join(missing)}{more}" if missing else ""
    return Target(what, f"{len(aim)} of {len(aim)}", f"{len(came)} of {len(aim)}", not missing, limit)
