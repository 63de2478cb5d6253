"""How soon a beat is there again after the store was away: refused, frozen, or cut off without a word.

All lengths of outage and all kinds run side by side, over wires of their own to one emulator, so that the whole takes
little longer than the longest. Nearly all of that is waiting: it may run beside other benches.
"""

from __future__ import annotations

import math
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from inspect import signature
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from heartbeat_client.outage import Outage
from heartbeat_client.stores.firestore import FirestoreBackend

from .dead_wire import DeadWire
from .outage_clients import OURS, PLAIN, Client, begin
from .own_emulator import Emulated, emulated
from .results import Result, Table, Target

__all__ = ["measure"]

REFUSED, FROZEN, CUT = "refused", "frozen", "cut off"
KINDS: dict[str, tuple[Callable[[DeadWire], None], Callable[[DeadWire], None]]] = {
    REFUSED: (DeadWire.refuse, DeadWire.forward),
    FROZEN: (DeadWire.freeze, DeadWire.forward),
    CUT: (DeadWire.cut, DeadWire.mend),
}

# Seconds after the longest outage: so long who is not back is waited for; so much longer, if need be, one of ours.
PATIENCE, QUICK_PATIENCE = 20.0, 3.0
LONG_PATIENCE = 60.0
WARM = 3.0  # seconds of beats before any
PROMISED = 15.0  # seconds: heartbeat_client.outage, and what the watchdog's doubt is built on (policy.Pace.settle)
CALL = float(signature(FirestoreBackend).parameters["timeout"].default)
BUSY = 1.0  # seconds that a crowded machine may add


@dataclass
class Scene:
    """One outage and those who meet it. back: monotonic time of its end. found: seconds until the first beat after."""

    kind: str
    length: float
    clients: list[Client]
    wire: DeadWire | None = None
    back: float | None = None
    found: dict[Client, float] = field(default_factory=dict)

    def go_away(self) -> None:
        """The outage begins."""
        assert self.wire is not None, "a scene without a wire"  # noqa: S101  an order of steps
        KINDS[self.kind][0](self.wire)

    def come_back(self) -> None:
        """The outage is over."""
        assert self.wire is not None, "a scene without a wire"  # noqa: S101  an order of steps
        self.back = time.monotonic()
        KINDS[self.kind][1](self.wire)

    def of(self, way: str) -> list[float | None]:
        """The seconds of each client of a way, None where there was no beat."""
        return [self.found.get(client) for client in self.clients if client.way == way]

    def heard(self, client: Client, at: float) -> None:
        """A beat was confirmed at a monotonic time; who beats again after the outage is done."""
        if self.back is not None and at >= self.back:
            self.found[client] = at - self.back
            client.end()


def measure(quick: bool) -> Result:
    """Outages of 10, 60 and 300 s; quick: of 3 s, and fewer clients."""
    lengths, ours, plain = ((3.0,), 1, 1) if quick else ((10.0, 60.0, 300.0), 3, 2)
    patience = QUICK_PATIENCE if quick else PATIENCE
    began, spent = time.monotonic(), _cpu()
    ways = [OURS] * ours + [PLAIN] * plain
    scenes = [Scene(kind, length, begin(ways)) for length in lengths for kind in KINDS]
    with _wired(scenes) as emulator:
        share = _play(scenes, patience, emulator)
    figures = {
        "scenes": [_figures(scene) for scene in scenes],
        "watched after the longest s": patience,
        "took s": time.monotonic() - began,
        "cpu s": _cpu() - spent,
        "share of a core": share,
    }
    return Result("outages", [_table(scenes, patience), _costs(figures)], _targets(scenes), figures)


@contextmanager
def _wired(scenes: Sequence[Scene]) -> Iterator[Emulated]:
    """An emulator, and a wire to it for each scene, whose clients beat; all of it ends with the block."""
    with ExitStack() as stack:
        for client in (client for scene in scenes for client in scene.clients):
            stack.callback(client.end)
        emulator = stack.enter_context(emulated("demo-outages"))
        for number, scene in enumerate(scenes):
            scene.wire = wire = DeadWire(emulator.host)
            stack.callback(wire.close)
            for client in scene.clients:
                client.go(wire.host, f"demo-outage-{os.getpid()}-{number}")
        _hear_each(scenes)
        yield emulator


def _hear_each(scenes: Sequence[Scene]) -> None:
    """Wait until each client has beaten, and then a little. Raises TimeoutError when one doesn't."""
    silent = {client.beats: client for scene in scenes for client in scene.clients}
    until = time.monotonic() + 60
    while silent:
        if time.monotonic() > until:
            raise TimeoutError(f"outages: expected a beat of each client within 60 s, got none of {len(silent)}")
        for beats in wait(list(silent), 1):
            silent.pop(beats).beats.recv()  # type: ignore[call-overload]  # wait() gives back what it was given
    time.sleep(WARM)


def _play(scenes: Sequence[Scene], patience: float, emulator: Emulated) -> dict[str, float]:
    """All outages begin at once; until every client beats again, or patience ends. The share of a core meanwhile."""
    began, spent, java = time.monotonic(), _cpu(), _cpu_of_group(emulator.group)
    for scene in scenes:
        scene.go_away()
    until = began + max(scene.length for scene in scenes) + patience
    while not _over(scenes, until):
        for scene in scenes:
            if scene.back is None and time.monotonic() >= began + scene.length:
                scene.come_back()
                _progress(f"outages: {scene.length:g} s {scene.kind}: over")
        _listen(scenes, _next(scenes, began, until))
    for client in (client for scene in scenes for client in scene.clients):
        client.end()
    took = time.monotonic() - began
    share = {"bench and clients": (_cpu() - spent) / took}
    return share | ({"emulator": (_cpu_of_group(emulator.group) - java) / took} if emulator.group else {})


def _over(scenes: Sequence[Scene], until: float) -> bool:
    """Whether nobody is waited for any more."""
    missing = [client.way for scene in scenes for client in scene.clients if client not in scene.found]
    late = time.monotonic() - until
    return not missing or (late >= 0 and OURS not in missing) or late >= LONG_PATIENCE


def _next(scenes: Sequence[Scene], began: float, until: float) -> float:
    ends = [began + scene.length for scene in scenes if scene.back is None]
    return min(ends, default=max(until, time.monotonic() + 1.0))


def _listen(scenes: Sequence[Scene], until: float) -> None:
    """Hear beats until a monotonic time, or until there were some."""
    who = {client.beats: (scene, client) for scene in scenes for client in scene.clients if client not in scene.found}
    for beats in wait(list(who), max(0.0, until - time.monotonic())):
        scene, client = who[beats]  # type: ignore[index]  # wait() gives back what it was given
        try:
            scene.heard(client, client.beats.recv())
        except EOFError:
            raise RuntimeError(f"outages: a client ({client.way}) ended in an outage, {scene.kind}") from None


def _cpu() -> float:
    """CPU seconds of this process and of those of its children that it has waited for."""
    mine, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + others.ru_utime + others.ru_stime


def _cpu_of_group(group: int) -> float:
    """CPU seconds of a group's processes that live; 0 for no group, and off Linux."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if group and int(after_name[2]) == group:
            ticks += int(after_name[11]) + int(after_name[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def retry_within(length: float) -> float:
    """The longest pause between two tries that can be under way when an outage of so many seconds ends."""
    outage, now, pause = Outage(lambda: 1.0), 0.0, 0.0
    while now <= length:
        outage.failed(now, 1, refused=False)
        pause, now = outage.retry_at - now, outage.retry_at
    return pause


def limit_of(kind: str, length: float) -> float:
    """What the client's own rules give, in seconds: a pause, and where nobody answers the call before it."""
    return retry_within(length) + (0.0 if kind == REFUSED else CALL)


def _limit(scene: Scene) -> float:
    return limit_of(scene.kind, scene.length)


def _figures(scene: Scene) -> dict[str, Any]:
    return {
        "kind": scene.kind,
        "length s": scene.length,
        "limit s": _limit(scene),
        "first beat after s": {way: scene.of(way) for way in (OURS, PLAIN)},
    }


def _table(scenes: Sequence[Scene], patience: float) -> Table:
    rows = tuple(
        (
            f"{scene.length:g} s",
            scene.kind,
            f"{_limit(scene):.1f} s",
            *(_cell(scene.of(way)) for way in (OURS, PLAIN)),
        )
        for scene in scenes
    )
    columns = ("outage", "the store", "limit: our retry interval", f"first beat after: {OURS}", f"a plain {PLAIN}")
    note = (
        f"Median and longest of the clients, each in a process of its own, from the instant that the store was back. "
        f"Refused: connections are refused. Frozen: bytes are kept, and passed on at the end. Cut off: what is sent is "
        f"lost, and connections from before the end stay dead without a word. The limit is the longest pause between "
        f"two tries, plus, where nobody answers, the {CALL:g} s that a call may take. All outages begin at "
        f"once; who was not back when the longest was over for {patience:g} s, is named."
    )
    return Table("The first beat after an outage", columns, rows, note)


def _cell(found: Sequence[float | None]) -> str:
    back = sorted(one for one in found if one is not None)
    text = f"{statistics.median(back):.1f} s, {back[-1]:.1f} s" if back else ""
    missing = len(found) - len(back)
    return "; ".join(filter(None, (text, f"{missing} of {len(found)} not back" if missing else "")))


def _costs(figures: dict[str, Any]) -> Table:
    share = figures["share of a core"]
    rows = tuple((name, f"{100 * value:.1f} %") for name, value in share.items())
    return Table("What this bench itself takes, of one core", ("who", "share"), rows)


def _targets(scenes: Sequence[Scene]) -> list[Target]:
    return [_target(kind, [scene for scene in scenes if scene.kind == kind]) for kind in KINDS]


def _target(kind: str, scenes: Sequence[Scene]) -> Target:
    late = [max(math.inf if one is None else one for one in scene.of(OURS)) for scene in scenes]
    limit = min(PROMISED, max(map(_limit, scenes)) + BUSY)
    met = max(late) <= limit
    why = "" if met else "the client's own pauses do not explain it: look at the load of the machine first"
    came = f"{max(late):.1f} s" if max(late) < math.inf else "not back"
    return Target(f"first beat after the store is back, {kind}", f"≤ {limit:.0f} s", came, met, why)


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
