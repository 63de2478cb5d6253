"""What `import heartbeat_client` costs a program that imports nothing else: time, memory, and which modules it is for.

Whole processes in turns, against one that imports nothing: on the clock, and in CPU time, which other programs touch
less. What a single module takes is told by `-X importtime`, which itself takes time: it says which are dear, not how
dear the whole is.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .alternation import Turns, in_turns
from .intervals import Middle
from .results import Result, Table, Target

__all__ = ["measure"]

_MOST = 0.030
_ROOT = Path(__file__).parents[1]

# An installed program is compiled once; where that is forbidden each import would compile all of us anew.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

OURS = "from heartbeat_client import Heartbeat"
ALONE = "import heartbeat_client"  # what it offers is loaded at its first use
WAYS = {
    "nothing": "pass",
    OURS: OURS,
    ALONE: ALONE,
    "import logging, dataclasses": "import logging, dataclasses",
    "import tqdm": "import tqdm",
    "import sentry_sdk": "import sentry_sdk",
}

# Not `ru_maxrss`: that of a child begins with its parent's, which is far above what a small program takes.
_MEMORY = """
{import_it}
import json, sys
loaded = sorted(sys.modules)
try:
    told = open("/proc/self/status").read()
except OSError:
    told = ""
print(json.dumps([[1024 * int(line.split()[1]) for line in told.splitlines() if line.startswith("VmHWM")], loaded]))
"""


class Dear(NamedTuple):
    """A module, and the seconds that it takes by itself: the least of several imports."""

    name: str
    seconds: float


def measure(quick: bool) -> Result:
    """Some 40 s; quick: 5 s."""
    rounds, times = (6, 2) if quick else (40, 10)
    memory = {name: _held(code, times) for name, code in WAYS.items()}  # which also compiles what is not yet
    print("importing: whole processes", file=sys.stderr)
    cpu: dict[str, list[float]] = {name: [] for name in WAYS}
    clock = in_turns({name: _process(code, cpu[name]) for name, code in WAYS.items()}, rounds)
    worked = Turns(cpu)
    print("importing: single modules", file=sys.stderr)
    modules = _modules(times)
    alone, added = clock.added(ALONE, "nothing"), clock.added(OURS, "nothing")
    aim = f"< {1000 * _MOST:.0f} ms"
    outside = _outside(memory)
    targets = [
        Target("importing the client, before its first use", aim, _ms(alone), alone.median < _MOST),
        Target("importing it with all that it offers", aim, _ms(added), added.median < _MOST, _limit(added)),
        Target("modules of others", "none", ", ".join(outside) or "none", not outside),
    ]
    figures = {
        "seconds": clock.taken,
        "cpu": cpu,
        "bytes": memory,
        "modules": {one.name: one.seconds for one in modules},
    }
    return Result("importing", [_of_processes(clock, worked, memory), _of_modules(modules)], targets, figures)


def _process(code: str, cpu: list[float]) -> Callable[[], float]:
    """Runs Python once, from its start to its end: seconds on the clock; its CPU seconds go to the list."""

    def once() -> float:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=_ROOT, env=_ENVIRONMENT, check=True)
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return took

    return once


def _held(code: str, times: int) -> dict[str, Any]:
    """The most memory that the process ever held, in bytes, 0 where that is not told, and its modules in the end."""
    most, modules = [], []
    for _ in range(times):
        command = [sys.executable, "-c", _MEMORY.format(import_it=code)]
        told = subprocess.run(
            command, cwd=_ROOT, env=_ENVIRONMENT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        held, modules = json.loads(told)
        most += held
    return {"bytes": statistics.median(most) if most else 0, "modules": modules}


def _modules(times: int) -> list[Dear]:
    """What is imported with us and not without, dearest first."""
    bare, ours = ([_import_times(code) for _ in range(times)] for code in (WAYS["nothing"], OURS))
    there = {name for one in bare for name in one}
    least = {name: min(one[name] for one in ours if name in one) for name in ours[0] if name not in there}
    return sorted((Dear(name, seconds) for name, seconds in least.items()), key=lambda one: -one.seconds)


def _import_times(code: str) -> dict[str, float]:
    """Seconds of each module by itself."""
    command = [sys.executable, "-X", "importtime", "-c", code]
    told = subprocess.run(command, cwd=_ROOT, env=_ENVIRONMENT, check=True, stderr=subprocess.PIPE, text=True).stderr
    parts = [line.removeprefix("import time:").split("|") for line in told.splitlines() if "[us]" not in line]
    return {name.strip(): int(alone) / 1e6 for alone, _, name in parts}


def _outside(memory: dict[str, dict[str, Any]]) -> list[str]:
    """What is neither ours nor Python's own, and is there with us alone."""
    loaded = {_top(name) for name in memory[OURS]["modules"]} - {_top(name) for name in memory["nothing"]["modules"]}
    return sorted(loaded - sys.stdlib_module_names - {"heartbeat_client"})


def _top(module: str) -> str:
    return module.partition(".")[0]


def _of_processes(clock: Turns, cpu: Turns, memory: dict[str, dict[str, Any]]) -> Table:
    columns = ("a process that does", "takes", "more than nothing", "CPU more", "memory more", "modules")
    rows = [
        (
            f"`{name}`" if name != "nothing" else name,
            f"{1000 * clock.median(name):.0f} ms",
            "" if name == "nothing" else _ms(clock.added(name, "nothing")),
            "" if name == "nothing" else _ms(cpu.added(name, "nothing")),
            f"{(memory[name]['bytes'] - memory['nothing']['bytes']) / 1e6:.1f} MB" if name != "nothing" else "",
            str(len(memory[name]["modules"])),
        )
        for name in WAYS
    ]
    return Table("Importing alone", columns, tuple(rows), "Medians, and where they lie with 95 %.")


def _of_modules(modules: Sequence[Dear]) -> Table:
    own = [one for one in modules if _top(one.name) == "heartbeat_client"]
    theirs = [one for one in modules if one not in own]
    groups = [(f"{len(own)} modules of ours", own), (f"{len(theirs)} modules of Python's own", theirs)]
    rows = [(name, _of(group), _dearest(group)) for name, group in groups]
    return Table("What of it takes long", ("modules", "together", "the dearest"), tuple(rows))


def _of(group: Sequence[Dear]) -> str:
    return f"{1000 * sum(one.seconds for one in group):.1f} ms"


def _dearest(group: Sequence[Dear]) -> str:
    return ", ".join(f"`{one.name.removeprefix('heartbeat_client.')}` {1000 * one.seconds:.1f}" for one in group[:8])


def _ms(middle: Middle) -> str:
    return f"{1000 * middle.median:.1f} ms ({1000 * middle.low:.1f} to {1000 * middle.high:.1f})"


def _limit(added: Middle) -> str:
    if added.median < _MOST:
        return ""
    return (
        "`logging` and `dataclasses` of Python's own, which a coordinator has mostly loaded anyway, and the making of "
        "our frozen dataclasses, some forty, for each of which Python compiles six methods"
    )
