"""The figures as tables: what a terminal shows and what `docs/truth.md` holds are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.results import Table

from .figures import KINDS
from .judging import HANGWATCH
from .others import RULES

__all__ = ["came", "cell", "tables"]

MINUTE = 60.0


def tables(figures: Mapping[str, Any]) -> tuple[Table, ...]:
    """All tables but that of the targets."""
    return tuple(part(figures) for part in (_watched, _rules, _trouble, _hangs, _false, _look))


def came(target: Mapping[str, Any]) -> str:
    """What came of a target, as people read it."""
    if "each 10k" in target:
        return _each_10k(target["each 10k"])
    share = f" ({cell(target['share'])} of them have that)" if "share" in target else ""
    return f"{target['came']:.1f}{share}"


def cell(rate: Mapping[str, Any]) -> str:
    """`97.1 % (96.8 to 97.4)`."""
    return f"{100 * rate['share']:.1f} % ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"


def _each_10k(rate: Mapping[str, Any]) -> str:
    return f"{1e4 * rate['share']:.1f} ({1e4 * rate['low']:.1f} to {1e4 * rate['high']:.1f})"


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / MINUTE:.1f}"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.0f}"


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> Table:
    return Table(title, tuple(heads), tuple(map(tuple, rows)), note)


def _watched(figures: Mapping[str, Any]) -> Table:
    note = (
        f"Seed {figures['seed']}: {figures['runs']:,} runs ({figures['with nested ones']:,} with those inside them), "
        f"{figures['sweeps']:,} sweeps, {figures['messages']:,} messages, {figures['messages about its own sight']} of "
        f"them about the watchdog's own sight; {figures['refused by the channel']} times the channel took none. "
        f"There were {figures['messages a problem'] or 0:.1f} messages a problem that was heard of."
    )
    rows = [(kind, f"{number:,}") for kind, number in figures["kinds"].items()]
    return _table("What was watched", ("what became of it", "runs"), rows, note)


def _rules(figures: Mapping[str, Any]) -> Table:
    rows = []
    for name in (HANGWATCH, *(rule.name for rule in RULES)):
        one = figures["rules"][name]
        latency, left = one["latency"], one["left"]
        rows.append(
            [
                name,
                cell(one["heard"]),
                cell(one["in time"]),
                cell(one["stuck"]),
                _each_10k(one["false"]),
                f"{_minutes(latency['median'])}, {_minutes(latency['p99'])}",
                f"{_minutes(left['median'])}, {_minutes(left['p1'])}",
            ]
        )
    heads = ["rule", "told of what had to be told", "with 5 min left", "of what was stuck, with 5 min left"]
    heads += ["false, of 10,000 healthy runs", "minutes from fault to notice: median, p99", "minutes left: median, p1"]
    note = (
        '"What was stuck" leaves out what is dead or late: it is the hangs and stalls of processes that live. Rules of '
        "silence tell of those only once somebody has ended the process. Minutes below zero lie after the deadline."
    )
    return _table("Beside other rules", heads, rows, note)


def _trouble(figures: Mapping[str, Any]) -> Table:
    rows = []
    for kind in KINDS:
        one = figures["trouble"][kind]
        latency, calm, left, messages = (one[name] for name in ("latency", "latency undisturbed", "left", "messages"))
        rows.append(
            [
                kind,
                *(f"{one[name]}" for name in ("runs", "must", "heard", "missed")),
                ", ".join(_seconds(latency[name]) for name in ("median", "p99", "most")),
                ", ".join(_seconds(calm[name]) for name in ("median", "p99", "most")),
                ", ".join(_minutes(left[name]) for name in ("median", "p1")),
                ", ".join(_seconds(messages[name]) for name in ("median", "most")),
            ]
        )
    heads = ["trouble", "runs", "had to be told", "told", "missed", "seconds to the notice: median, p99, longest"]
    heads += ["the same, undisturbed", "minutes left: median, p1", "messages: median, most"]
    note = (
        'A message may tell of several runs; it counts for each. "Undisturbed": no sweep was missing, and neither '
        "channel nor store failed, between the trouble and the notice."
    )
    return _table("By kind of trouble", heads, rows, note)


def _hangs(figures: Mapping[str, Any]) -> Table:
    rows = []
    for name, one in figures["hangs"].items():
        latency, left = one["latency"], one["left"]
        lengths = [f"{_minutes(latency['median'])}, {_minutes(latency['p99'])}", f"{_minutes(left['median'])}"]
        enough = [
            f"{cell(one[f'{minutes} min left'])}; at best {100 * one[f'{minutes} min left at best']['share']:.1f} %"
            for minutes in (10, 20)
        ]
        rows.append([name, f"{one['runs']}", *lengths, *enough])
    heads = ["limit learned from", "runs", "minutes to the notice: median, p99", "minutes left: median"]
    heads += ["10 min left or more", "20 min left or more"]
    note = (
        '"At best": by a rule that goes by lengths, knows how those of each operation are spread, is wrong about one '
        "healthy run in 10,000 of each, and looks at every instant."
    )
    return _table("Hung in a call in the first 5 min", heads, rows, note)


def _false(figures: Mapping[str, Any]) -> Table:
    rows = []
    for kind, found in figures["false"].items():
        if kind == "in trouble":
            continue
        for name, which in (("any", "**any**"), ("never cut off", "**any, in runs never cut off from the store**")):
            rows.append([kind, which, f"{found[name]['hits']} of {found[name]['of']}", _each_10k(found[name])])
        for cause, rate in found["by cause"].items():
            rows.append(["", cause, f"{rate['hits']}", _each_10k(rate)])
    for cause, number in figures["false"]["in trouble"].items():
        rows.append(["in trouble, but not then or not of that", cause, f"{number}", ""])
    return _table("False notices", ["runs without trouble", "cause of a false notice", "runs", "of 10,000"], rows)


def _look(figures: Mapping[str, Any]) -> Table:
    rows = [[what, ", ".join(names)] for what, names in figures["to look at"].items()]
    note = "`f34r47` is run 47 of fleet 34 of the seed."
    return _table("Some of the runs behind each mistake", ["mistake", "runs"], rows, note)
