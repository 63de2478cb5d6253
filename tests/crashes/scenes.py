"""What is going on when a sweep dies: small stories, each up to the minute of that sweep, and how each goes on.

Beside the troubled runs of a story there is always a healthy one, of which nobody may ever hear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from heartbeat_client.run import Failure
from tests.support.world import START, World, a_run, counted

__all__ = ["SCENES", "Scene"]


@dataclass(frozen=True)
class Scene:
    """One story. prepare: all that was before, its sweeps too. minute: that of the sweep that dies, after START.

    go_on: what the runs do by the world's clock from then on. told: how the titles begin that people must read after
    all, once each; followed_by: titles that may come, and which must then follow each. open: ids of the runs that have
    an open incident when all is over. bot: whether Slack is reached by token, with threads. acknowledge: the incident
    that is acknowledged in place of a sweep. kept: names what the store or Slack should hold and does not.
    """

    prepare: Callable[[World], None]
    minute: float
    told: tuple[str, ...]
    go_on: Callable[[World], None]
    open: frozenset[str] = frozenset()
    followed_by: Mapping[str, str] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    bot: bool = False
    acknowledge: str = ""
    kept: Callable[[World], list[str]] = lambda world: []


def at(minutes: float) -> datetime:
    """So many minutes after START."""
    return START + timedelta(minutes=minutes)


LONG = at(600)


def healthy(world: World) -> None:
    """A run that is well: it beats and moves."""
    world.beat(a_run("well", operation="well", host="elsewhere", deadline=LONG), **counted(9, at=world.now))


def stuck(world: World, **changes: Any) -> None:
    """A run that beats, and whose progress has stood since the START."""
    world.beat(a_run("load", operation="load", deadline=LONG), **{**counted(41), **changes})
    healthy(world)


def moving(world: World) -> None:
    """The same run, which has moved a moment ago."""
    stuck(world, **counted(42, at=world.now))


def swept(world: World, *minutes: float, alive: Callable[[World], None] = stuck) -> None:
    """Sweeps that come to their end, at these minutes."""
    for minute in minutes:
        world.at(minute)
        alive(world)
        world.sweep()


def sweeps_to(end: int, alive: Callable[[World], None]) -> Callable[[World], None]:
    """A sweep each second minute from the START to this one, and each minute for the last ten."""
    return lambda world: swept(world, *range(0, max(end - 10, 0), 2), *range(max(end - 10, 0), end + 1), alive=alive)


def _opened(world: World) -> None:
    swept(world, 0, 3, 4.5)
    world.at(6)
    stuck(world)


def _told_then(now: Callable[[World], None]) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        swept(world, 0, 3, 6)
        world.at(7)
        now(world)

    return prepare


def _worsened(world: World) -> None:
    swept(world, 0, 3, 6)
    swept(world, 7, alive=healthy)
    world.at(8)
    healthy(world)


def _reminded(world: World) -> None:
    sweeps_to(35, stuck)(world)
    world.at(36)
    stuck(world)


def _group(world: World) -> None:
    healthy(world)
    for number in range(3):
        world.put(a_run(f"run{number}", pid=number, deadline=LONG))
    swept(world, 0, 1, alive=healthy)
    world.at(2)
    healthy(world)


def _silent_to(end: int) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.put(a_run("load", operation="load", deadline=at(12)))
        sweeps_to(end, healthy)(world)
        world.at(end + 1)
        healthy(world)

    return prepare


def _back(world: World) -> None:
    run = a_run("load", operation="load", deadline=at(12), revived_at=at(14))
    world.beat(run, deadline=LONG)
    healthy(world)


def _revived(world: World) -> None:
    _silent_to(12)(world)
    world.sweep()
    world.at(14)
    _back(world)


def _failed(world: World) -> None:
    swept(world, 0, 3, alive=healthy)
    world.put(a_run("load", operation="load"), state="failed", ended_at=at(3.5), failure=Failure("ValueError"))
    world.at(4)
    healthy(world)


def _audit(world: World) -> None:
    for number in range(2):
        world.put(a_run(f"ended{number}", operation="load"), state="succeeded", ended_at=at(2 + number))
    swept(world, *range(0, 14, 2), 14, alive=healthy)
    world.at(15)
    stuck(world)


def _learned_once(world: World) -> list[str]:
    found = world.store.get("hangwatch_operations", ["load"]).get("load")
    history = [entry["run"] for entry in found.fields["history"]] if found else []
    return [] if history == ["ended0", "ended1"] else [f"history of load is {history}"]


def _acknowledged_is_shown(world: World) -> list[str]:
    held = world.ledger.episodes("load")[-1].value
    edits = [notice for notice in world.store.find("hangwatch_notices") if notice.fields["kind"] == "edited"]
    unsent = [notice.id for notice in edits if notice.fields["state"] != "sent"]
    if held.acknowledged == bool(edits) and not unsent:
        return []
    return [f"acknowledged: {held.acknowledged}, edits: {len(edits)}, unsent: {unsent}"]


def _crowd(world: World, *, beats: bool = False) -> None:
    for number in range(4):
        run = a_run(f"run{number}", operation=f"op{number}", instance=f"i{number}", deadline=LONG)
        if beats:
            world.beat(run)


def _doubt(world: World) -> None:
    world.at(0)
    _crowd(world, beats=True)
    world.sweep(0)
    world.sweep(1)
    world.at(1.6)


OPENED, OVER = "load is stalled", "load: recovered"

SCENES = {
    "opened": Scene(_opened, 6, (OPENED,), stuck, frozenset({"load"})),
    "opened, then well": Scene(_opened, 6, (), moving, followed_by={OPENED: OVER}),
    "worsened": Scene(_worsened, 8, ("load is silent now",), healthy, frozenset({"load"}), bot=True),
    "reminded": Scene(_reminded, 36, ("load is stalled, still",), stuck, frozenset({"load"}), bot=True),
    "resolved": Scene(_told_then(moving), 7, (OVER,), moving, bot=True),
    "group": Scene(
        _group, 2, ("load-historical-games is silent, and 2 more",), healthy, frozenset({"run0", "run1", "run2"})
    ),
    "lost": Scene(_silent_to(11), 12, ("load: lost",), healthy),
    "revived": Scene(_revived, 14, (OVER,), _back),
    "failed": Scene(_failed, 4, ("load failed",), healthy, policy={"defaults": {"on_failure": True}}),
    "audit": Scene(
        _audit,
        15,
        (OPENED,),
        stuck,
        frozenset({"load"}),
        policy={"operation": [{"match": "load", "max_runtime": "9h"}]},
        kept=_learned_once,
    ),
    "acknowledged": Scene(
        _told_then(stuck),
        7,
        (),
        stuck,
        frozenset({"load"}),
        bot=True,
        acknowledge="load.1",
        kept=_acknowledged_is_shown,
    ),
    "doubt": Scene(
        _doubt,
        1.6,
        ("Hangwatch: beats are not arriving", "Hangwatch: beats arrive again"),
        lambda world: _crowd(world, beats=True) if world.now >= at(3.9) else None,
    ),
}
