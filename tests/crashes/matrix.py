"""The matrix: each scene, killed at every instant between two steps, alone and with a second sweep; then what was told.

After the kill further sweeps come, a minute and more apart, and do what a dead one left undone.
"""

from __future__ import annotations

import copy
import re
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tests.crashes.scenes import SCENES, Scene
from tests.crashes.steps import SENDING
from tests.crashes.sweep_once import Done, Job, channel_to
from tests.crashes.sweeper import Sweeper
from tests.support.slack_api import ApiRoom
from tests.support.slack_server import SlackServer
from tests.support.slack_workspace import Channel, Workspace
from tests.support.world import World
from watchdog.adapters.firestore import FirestoreStore
from watchdog.ledger import Ledger
from watchdog.policy_text.file import parse_policy
from watchdog.ports import Create, Document, Store

__all__ = [
    "ALONE",
    "BESIDE",
    "FIRESTORE",
    "MEANWHILE",
    "OVERTAKEN",
    "SQLITE",
    "WAYS",
    "Row",
    "Stage",
    "copied",
    "staged",
]

SQLITE = "SQLite"
FIRESTORE = "Firestore"

# Killed alone. Killed at an instant at which it stands while a second sweep runs from beginning to end. Killed while a
# second, begun with it, runs freely. And not killed at all: it stands while a second runs, and goes on then.
ALONE = "killed alone"
MEANWHILE = "killed, a second ran meanwhile"
BESIDE = "killed beside a second"
OVERTAKEN = "overtaken by a second"
WAYS = (ALONE, MEANWHILE, BESIDE, OVERTAKEN)

COLLECTIONS = (
    "hangwatch_runs",
    "hangwatch_incidents",
    "hangwatch_notices",
    "hangwatch_operations",
    "hangwatch_watchdog",
)

# A claim holds for a minute; two more sweeps tell what only shows after that.
LATER = (1.1, 2.3, 3.5, 4.7)
AT_ONCE = 400
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


@dataclass(frozen=True)
class Fate:
    """One kill, and what came of it. between: the steps before and after it. extra: what should not have been."""

    after: int
    between: str
    killed: bool
    told: int
    duplicates: int
    missed: list[str]
    extra: list[str]
    sent_last: bool


@dataclass
class Row:
    """One row of the matrix: a scene on a store in one of the `WAYS`."""

    scene: str
    store: str
    way: str
    steps: int = 0
    fates: list[Fate] = field(default_factory=list)

    @property
    def duplicates(self) -> int:
        """How many messages came twice."""
        return sum(fate.duplicates for fate in self.fates)

    @property
    def missed(self) -> list[str]:
        """What never came, or was not brought to its end."""
        return [f"{self.way}, {fate.between}: {what}" for fate in self.fates for what in fate.missed]

    @property
    def extra(self) -> list[str]:
        """What should not have come."""
        return [f"{self.way}, {fate.between}: {what}" for fate in self.fates for what in fate.extra]


class _Clocked:
    """A store whose server's clock shows what a world's does."""

    def __init__(self, store: Store, world: World) -> None:
        self._store = store
        self._world = world

    def now(self) -> datetime:
        return self._world.now

    def get_now(self, collection: str, ids: Sequence[str]) -> tuple[datetime, dict[str, Document]]:
        return self._world.now, self._store.get(collection, ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Stage:
    """A scene prepared on a Slack of its own, to be played again and again from the same point.

    sweepers: two processes to sweep in.
    """

    def __init__(
        self,
        name: str,
        store: str,
        folder: Path,
        *,
        slack: SlackServer,
        room: ApiRoom,
        sweepers: tuple[Sweeper, Sweeper],
    ) -> None:
        self.name = name
        self.store = store
        self._scene: Scene = SCENES[name]
        self._folder = folder
        self._slack = slack
        self._room = room
        self._sweepers = sweepers
        self._token = room.token if self._scene.bot else ""
        self._address = f"{slack.address}/api" if self._scene.bot else slack.webhook_url
        world = self._world(folder / "template")
        self._scene.prepare(world)
        world.store.close()
        self._template = folder / "template" / "beats.sqlite3"
        self._workspace = copy.deepcopy(room.workspace)

    def row(self, way: str, instants: Sequence[int] | None = None) -> Row:
        """Kill at all instants, or at these."""
        whole, _ = self._play(None, ALONE)
        row = Row(self.name, self.store, way, len(whole.steps))
        for after in range(len(whole.steps) + 1) if instants is None else instants:
            row.fates.append(self._fate(after, way, whole.steps))
        return row

    def _fate(self, after: int, way: str, whole: Sequence[str]) -> Fate:
        done, found = self._play(after, way)
        came = Counter({title: sum(one.startswith(title) for one in found.titles) for title in self._expected})
        missed = [title for title in self._scene.told if not came[title]]
        missed += [end for title, end in self._scene.followed_by.items() if came[title] and not came[end]]
        extra = [one for one in found.titles if not one.startswith(self._expected)]
        between = f"{after}, after {done.steps[-1] if done.steps else 'nothing'}"
        twice = sum(max(0, count - 1) for count in came.values())
        sent = bool(done.steps) and done.steps[-1] in SENDING
        killed = done.ended == "killed"
        return Fate(after, between, killed, sum(came.values()), twice, missed + found.wrong, extra, sent)

    @property
    def _expected(self) -> tuple[str, ...]:
        pairs = self._scene.followed_by
        return (*self._scene.told, *pairs, *pairs.values())

    def _play(self, stop_after: int | None, way: str) -> tuple[Done, _Found]:
        begun = len(self._slack.messages)
        self._room.workspace = copy.deepcopy(self._workspace)
        with self._place() as (address, world):
            done = self._stopped(self._job(address, stop_after, way), way)
            for later in LATER:
                world.at(self._scene.minute + later)
                self._scene.go_on(world)
                world.sweep()
            titles = [one.text.split("\n")[0].partition(" ")[2] for one in self._slack.messages[begun:]]
            return done, _Found(titles, self._wrong(world))

    def _job(self, address: str, stop_after: int | None, way: str) -> Job:
        at = World.at(_NOBODY, self._scene.minute).isoformat()
        stop: Literal["stand", "kill"] = "stand" if way in (MEANWHILE, OVERTAKEN) else "kill"
        return Job(
            address,
            self._address,
            at,
            self._token,
            self._scene.policy,
            self._scene.acknowledge,
            stop_after,
            stop,
        )

    def _stopped(self, job: Job, way: str) -> Done:
        """The sweep, stopped as the job says, and the second one where there is one; its steps up to the stop."""
        first, second = self._sweepers
        another = Job(job.store, job.slack, job.at, job.token, job.policy)
        if way == BESIDE:
            second.start(another)
        done = first.do(job)
        if way == BESIDE:
            second.done()
        if done.ended != "standing":
            return done
        second.do(another)
        return Done(done.steps, first.standing("go on" if way == OVERTAKEN else "kill").ended)

    def _wrong(self, world: World) -> list[str]:
        notices = [held.value for held in world.ledger.open_notices()]
        opened = [held.value.run_id for held in world.ledger.open_incidents()]
        wrong = [f"notice {notice.id} is {notice.state}" for notice in notices]
        if sorted(opened) != sorted(self._scene.open):
            wrong.append(f"open incidents: {sorted(opened)}")
        return wrong + self._scene.kept(world)

    def _world(self, folder: Path) -> World:
        folder.mkdir(parents=True, exist_ok=True)
        world = World(folder, parse_policy(dict(self._scene.policy)))
        world.channels = [channel_to(self._address, self._token)]
        return world

    @contextmanager
    def _place(self) -> Iterator[tuple[str, World]]:
        """The template's documents in a new store: its address, and a world over it."""
        folder = self._folder / uuid.uuid4().hex
        folder.mkdir()
        shutil.copy(self._template, folder)
        world = self._world(folder)
        if self.store == SQLITE:
            yield f"sqlite:///{folder / 'beats.sqlite3'}", world
        else:
            project = f"demo-{uuid.uuid4().hex[:12]}"
            with closing(FirestoreStore(project)) as store:
                copied(world.store, store)
                world.store = _Clocked(store, world)  # type: ignore[assignment]  # a Store all the same
                world.ledger = Ledger(store)
                yield f"firestore://{project}", world
        world.store.close()
        shutil.rmtree(folder)


@dataclass(frozen=True)
class _Found:
    """What was read in Slack, and what is wrong in the store."""

    titles: list[str]
    wrong: list[str]


_NOBODY: Any = type("Nobody", (), {})()


def copied(source: Store, target: Store) -> None:
    """Put all that a store without types of its own holds into another, which knows instants from texts."""
    writes = [Create(name, one.id, _typed(one.fields)) for name in COLLECTIONS for one in source.find(name)]
    for begin in range(0, len(writes), AT_ONCE):
        assert target.commit(writes[begin : begin + AT_ONCE])


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _typed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if isinstance(value, str) and re.fullmatch(INSTANT, value):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


@contextmanager
def two_sweepers(store: str) -> Iterator[tuple[Sweeper, Sweeper]]:
    """Two processes to sweep in, for any number of stages; on Firestore, of the emulator that the environment names."""
    firestore = store == FIRESTORE
    with Sweeper(firestore=firestore) as first, Sweeper(firestore=firestore) as second:
        yield first, second


@contextmanager
def staged(name: str, store: str, folder: Path, sweepers: tuple[Sweeper, Sweeper]) -> Iterator[Stage]:
    """A scene, ready to be played."""
    room = ApiRoom(Workspace(Channel("C0ALERTS", "alerts")), burst=1_000_000)
    with SlackServer(rooms=[room]) as slack:
        yield Stage(name, store, folder, slack=slack, room=room, sweepers=sweepers)
