"""All that is measured, or some of it: tables on the screen, JSON beside them, and the docs made anew where asked to.

python -m bench [NAME ...] [--quick] [--out build/bench] [--docs]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from .catalogue import BENCHES, measure
from .pages import renew
from .results import as_json, as_markdown, machine

OUT = Path("build/bench")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benches; 1 where one of them failed, 2 for a name that there is not."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="measure what Hangwatch costs, how soon and how truly it tells, beside others and beside limits",
        epilog="benches: " + ", ".join(f"{one.name} ({one.about})" for one in BENCHES.values()),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all where none is named")
    parser.add_argument("--quick", action="store_true", help="a short look: the figures are rough")
    parser.add_argument("--out", type=Path, default=OUT, help="where JSON and Markdown go; %(default)s")
    parser.add_argument("--docs", action="store_true", help="put what was found into the pages of docs/")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in BENCHES]:
        parser.error(f"no bench is named {unknown[0]!r}; there are {', '.join(BENCHES)}")
    if options.quick and options.docs:
        parser.error("--docs keeps what a whole run found, got --quick too; leave one of them out")
    options.out.mkdir(parents=True, exist_ok=True)
    if options.here:
        return _measure(options.names[0], options.quick, options.out)
    failed = _run_all(options.names or list(BENCHES), options)
    if options.docs:
        renew(options.out)
    for name in failed:
        print(f"bench {name}: failed, see above", file=sys.stderr)
    return 1 if failed else 0


def _run_all(names: Sequence[str], options: argparse.Namespace) -> list[str]:
    """Those that failed. What only waits begins first and is heard last, beside all others."""
    beside = {name: _begin(name, options) for name in names if BENCHES[name].waits}
    failed = []
    for name in [name for name in names if name not in beside]:
        failed += [] if _end(name, _begin(name, options)) else [name]
    return failed + [name for name, running in beside.items() if not _end(name, running)]


def _begin(name: str, options: argparse.Namespace) -> tuple[float, subprocess.Popen[str]]:
    """One bench in a process of its own: what it imports and leaves behind is nothing to the next."""
    print(f"=== {name}: {BENCHES[name].about}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "bench", name, "--here", "--out", str(options.out)]
    command += ["--quick"] if options.quick else []
    return time.monotonic(), subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _end(name: str, running: tuple[float, subprocess.Popen[str]]) -> bool:
    """Wait for it, and print its tables; whether all went well."""
    began, process = running
    told, _ = process.communicate()
    print(told, end="", flush=True)
    print(f"=== {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return process.returncode == 0


def _measure(name: str, quick: bool, out: Path) -> int:
    where = machine()
    result = measure(name, quick)
    text = as_markdown(result, where)
    (out / f"{name}.json").write_text(as_json(result, where), encoding="utf-8")
    print(f"\n## {name}\n\n{text}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
