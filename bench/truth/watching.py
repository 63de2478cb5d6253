"""A fleet's day under the real sweep: each tick reads, judges, saves and tells, as `python -m watchdog sweep` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from watchdog.incident import INCIDENTS
from watchdog.message import Message
from watchdog.notice import NOTICES, Notice
from watchdog.policy import Policy
from watchdog.ports import DeliveryError, Receipt, Store
from watchdog.report import SweepReport
from watchdog.sweep import Sweep

from .clients import DAY
from .fleet import Fleet
from .runs_store import RunsStore
from .trace import Window

__all__ = ["People", "Told", "Watched", "watch"]

REFUSED = 0.02  # of messages are not taken at first

# From the instant that a sweep sends to its message being there: reads, saving, the channel.
SENT_WITHIN = (0.5, 3.0)


@dataclass(frozen=True)
class Told:
    """One message about one run. notice: which message, for one may tell of several runs. state: the verdict's."""

    at: float
    kind: str
    notice: str
    run_id: str
    state: str


@dataclass
class Watched:
    """What came of watching. known: of each run told of, from how many earlier ones its limits were learned.

    refused: when the channel took no message.
    """

    told: list[Told] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)
    sweeps: int = 0
    held: int = 0
    refused: list[float] = field(default_factory=list)


class People:
    """A `Channel` that now and then takes nothing. dumb: when it surely does not."""

    name = "people"

    def __init__(self, dumb: Iterable[Window], chance: Random) -> None:
        self._dumb = tuple(dumb)
        self._chance = chance
        self.now = 0.0
        self.refused: list[float] = []

    def send(self, message: Message, *, seconds: float) -> Receipt:
        """Take the message, or fail as a service does that is overloaded."""
        if any(begin <= self.now < end for begin, end in self._dumb) or self._chance.random() < REFUSED:
            self.refused.append(self.now)
            raise DeliveryError("people: expected that they listen, got 503; it is tried again", permanent=False)
        return Receipt()


def watch(
    fleet: Fleet,
    policy: Policy | None = None,
    over: Callable[[RunsStore], Store] = lambda store: store,
    on_sweep: Callable[[SweepReport], object] = lambda report: None,
) -> Watched:
    """Sweep through the fleet's day. over: gives the store that sweeps work on, for the one of the fleet."""
    chance = Random(f"watched {fleet.number}")
    runs = RunsStore(fleet.traces)
    store, people, watched = over(runs), People(fleet.around.dumb, chance), Watched()

    def wait(seconds: float) -> None:
        people.now += seconds
        runs.bring(people.now)
        store.now()

    for tick in fleet.around.ticks:
        runs.bring(tick)
        people.now = tick
        report = Sweep(store, [people], policy or Policy(), clock=lambda: people.now, wait=wait).run()
        on_sweep(report)
        watched.sweeps += 1
        watched.held += len(report.held)
        watched.told += _told(report, store, chance.uniform(*SENT_WITHIN))
    watched.refused = people.refused
    for run_id in {told.run_id for told in watched.told}:
        if (client := runs.client(run_id)) is not None:
            watched.known[run_id] = client.thresholds.learned_runs
    return watched


def _told(report: SweepReport, store: Store, on_its_way: float) -> Iterable[Told]:
    for one in report.told:
        name = str(one["notice"])
        sent_at = Notice.from_document(name, store.get(NOTICES, [name])[name].fields).sent_at
        at = ((sent_at or report.now) - DAY).total_seconds() + on_its_way
        ids = [str(name) for name in one["incidents"]] if isinstance(one["incidents"], list) else []
        incidents = store.get(INCIDENTS, ids)
        for name in ids:
            fields = incidents[name].fields
            yield Told(at, str(one["kind"]), str(one["notice"]), fields["run_id"], fields["verdict"]["state"])
