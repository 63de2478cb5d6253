"""What the status page costs: server time, size and reads with many live runs.

    python -m bench.page [--runs 10 100 1000] [--viewers 20] [--json FILE]

Over a SQLite store, through the application itself, in this process. The first look reads the store; a look at what
was read already is what every viewer but one gets.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from heartbeat_client.run import Progress
from tests.page.scene import Scene
from tests.support.world import START, a_run

TIMES = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line for each number of runs."""
    parser = argparse.ArgumentParser(description="measure the status page")
    parser.add_argument("--runs", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--viewers", type=int, default=20, help="who look at the first page, for 10 s")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    found = [_measured(count, options.viewers) for count in options.runs]
    for one in found:
        print(", ".join(f"{name} {value}" for name, value in one.items()))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    return 0


def _measured(count: int, viewers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        scene, eager = Scene(Path(folder)), Scene(Path(folder), interval=0.0, reads_per_minute=1e12)
        _fill(scene, count)
        eager.now = scene.now
        client, always = scene.app.test_client(), eager.app.test_client()
        packed = client.get("/?part=live", headers={"Accept-Encoding": "gzip"})
        return {
            "runs": count,
            "read and drawn ms": _ms(lambda: always.get("/")),
            "all listed ms": _ms(lambda: always.get("/?all=1")),
            "shared ms": _ms(lambda: client.get("/?part=live")),
            "kB": round(len(client.get("/?part=live").data) / 1000, 1),
            "kB sent": round(len(packed.data) / 1000, 1),
            "renewed each s": round(int(packed.headers["Hangwatch-Every"]) / 1000, 1),
            f"reads in 10 s by {viewers} viewers": _reads(scene, viewers),
        }


def _reads(scene: Scene, viewers: int) -> int:
    """Documents that are read while so many viewers ask as often as the page does."""
    client, until, looks = scene.app.test_client(), time.monotonic() + 10, {}
    while time.monotonic() < until:
        for _ in range(viewers):
            look = scene.reader.look("all", lambda surveyor: surveyor.panorama())
            looks[id(look.value)] = look
            client.get("/?part=live")
        time.sleep(0.5)
    return sum(look.reads for look in looks.values())


def _fill(scene: Scene, count: int) -> None:
    scene.at(9)
    for number in range(count):
        began = START + timedelta(seconds=number % 500)
        progress = Progress(number % 450, 450, at=scene.now, since=began, rate=0.5)
        run = a_run(f"run{number}", operation=f"operation-{number % 25}", started_at=began, beat_at=scene.now)
        scene.put(replace(run, progress=progress, moved_at=scene.now))
    scene.sweep()


def _ms(act: Callable[[], object]) -> float:
    act()
    lengths = []
    for _ in range(TIMES):
        began = time.perf_counter()
        act()
        lengths.append(time.perf_counter() - began)
    return round(1000 * statistics.median(lengths), 1)


if __name__ == "__main__":
    raise SystemExit(main())
