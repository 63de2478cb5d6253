"""The figures as Markdown: what a terminal shows and what `docs/truth.md` holds are the same tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .figures import KINDS
from .judging import HANGWATCH
from .others import RULES

__all__ = ["cell", "tables"]

MINUTE = 60.0


def tables(figures: Mapping[str, Any]) -> str:
    """All tables, one below the other."""
    parts = (_head, _targets, _rules, _trouble, _hangs, _false, _look)
    return "\n\n".join(part(figures) for part in parts) + "\n"


def _head(figures: Mapping[str, Any]) -> str:
    counted = ", ".join(f"{number} {kind}" for kind, number in figures["kinds"].items())
    return (
        f"Seed {figures['seed']}: {figures['runs']:,} runs ({figures['with nested ones']:,} with those inside them), "
        f"{figures['sweeps']:,} sweeps, {figures['messages']:,} messages, {figures['messages about its own sight']} of "
        f"them about the watchdog's own sight; {figures['refused by the channel']} times the channel took none.\n"
        f"Of the runs: {counted}."
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _targets(figures: Mapping[str, Any]) -> str:
    rows = []
    for one in figures["targets"]:
        share = f" ({cell(one['share'])} of them have that)" if "share" in one else ""
        rows.append([one["what"], one["aim"], f"{one['came']:.1f}{share}", "yes" if one["met"] else "**no**"])
    return _table(["target", "aim", "came", "met"], rows)


def cell(rate: Mapping[str, Any]) -> str:
    """`97.1 % (96.8 to 97.4)`."""
    return f"{100 * rate['share']:.1f} % ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"


def _each_10k(rate: Mapping[str, Any]) -> str:
    return f"{1e4 * rate['share']:.1f} ({1e4 * rate['low']:.1f} to {1e4 * rate['high']:.1f})"


def _minutes(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds / MINUTE:.1f}"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.0f}"


def _rules(figures: Mapping[str, Any]) -> str:
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
    return _table(heads, rows)


def _trouble(figures: Mapping[str, Any]) -> str:
    rows = []
    for kind in KINDS:
        one = figures["trouble"][kind]
        latency, calm, left, messages = (one[name] for name in ("latency", "latency undisturbed", "left", "messages"))
        rows.append(
            [
                kind,
                f"{one['runs']}",
                f"{one['must']}",
                f"{one['heard']}",
                f"{one['missed']}",
                ", ".join(_seconds(latency[name]) for name in ("median", "p99", "most")),
                ", ".join(_seconds(calm[name]) for name in ("median", "p99", "most")),
                ", ".join(_minutes(left[name]) for name in ("median", "p1")),
                ", ".join(_seconds(messages[name]) for name in ("median", "most")),
            ]
        )
    heads = ["trouble", "runs", "had to be told", "told", "missed", "seconds to the notice: median, p99, longest"]
    heads += ["the same, undisturbed", "minutes left: median, p1", "messages: median, most"]
    return _table(heads, rows)


def _hangs(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, one in figures["hangs"].items():
        latency, left = one["latency"], one["left"]
        lengths = [f"{_minutes(latency['median'])}, {_minutes(latency['p99'])}", f"{_minutes(left['median'])}"]
        rows.append([name, f"{one['runs']}", *lengths, cell(one["10 min left"]), cell(one["20 min left"])])
    heads = ["hung in a call in the first 5 min; limit learned from", "runs", "minutes to the notice: median, p99"]
    return _table([*heads, "minutes left: median", "10 min left or more", "20 min left or more"], rows)


def _false(figures: Mapping[str, Any]) -> str:
    rows = []
    for kind, found in figures["false"].items():
        if kind == "in trouble":
            continue
        rows.append([kind, "**any**", f"{found['any']['hits']} of {found['any']['of']}", _each_10k(found["any"])])
        for cause, rate in found["by cause"].items():
            rows.append(["", cause, f"{rate['hits']}", _each_10k(rate)])
    for cause, number in figures["false"]["in trouble"].items():
        rows.append(["in trouble, but not then or not of that", cause, f"{number}", ""])
    return _table(["runs without trouble", "cause of a false notice", "runs", "of 10,000"], rows)


def _look(figures: Mapping[str, Any]) -> str:
    rows = [[what, ", ".join(names)] for what, names in figures["to look at"].items()]
    return _table(["mistake", "some of the runs"], rows)
