"""What others say of the hangs of the zoo, beside Hangwatch: whether they tell, and whether they name the place.

`measure(quick)` plays every scenario of tests/zoo; quick: five hangs and a healthy one. healthchecks is run from a
checkout of it that HANGWATCH_HEALTHCHECKS names (see healthchecks.HOW_TO); without one its column says so.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.results import Result
from tests.zoo.expectations import HANGS, HEALTHY
from tests.zoo.records import TOGETHER

from .ears import Ears, listening
from .hangwatch import Record, of_hangwatch
from .healthchecks import serving, source
from .playing import Played, play
from .tables import result
from .watchers import CheckedIn, Dumped, Frozen, Logged, Pinged, Watcher

__all__ = ["QUICK", "measure", "sides"]

QUICK = ("recv_silent_peer", "pool_deadlock", "infinite_loop", "async_forever", "thread_ended", "healthy_long_poll")

# How many are played at once: hangs, and healthy ones, of which many compute. Those under peers mostly wait, once they
# have begun; Hangwatch judges by CPU too, and its hangs are played as many at once as the zoo plays them.
HANGWATCH_AT_ONCE = (TOGETHER, len(HEALTHY))
PEERS_AT_ONCE = (36, len(HEALTHY))


def measure(quick: bool) -> Result:
    """Play the zoo under Hangwatch, then under the others."""
    names: Sequence[str] = QUICK if quick else (*HANGS, *HEALTHY)
    folder = source()
    played = Played()
    records: dict[str, Record] = {}
    for chunk in _chunks(names, HANGWATCH_AT_ONCE, "Hangwatch"):
        findings, recorded = of_hangwatch(chunk)
        played.findings += findings
        records |= recorded
    played.add(_of_peers(names, folder))
    return result(played, records, folder)


def _of_peers(names: Sequence[str], folder: Path | None) -> Played:
    played = Played()
    with tempfile.TemporaryDirectory(prefix="peers-") as scratch, _watching(names, folder, Path(scratch)) as watchers:
        for number, chunk in enumerate(_chunks(names, PEERS_AT_ONCE, "the others")):
            played.add(play(chunk, watchers, Path(scratch) / str(number)))
    return played


@contextmanager
def _watching(names: Sequence[str], folder: Path | None, scratch: Path) -> Iterator[list[list[Watcher]]]:
    with ExitStack() as servers:
        ears = servers.enter_context(listening())
        url = servers.enter_context(serving(folder, scratch, names, ears.webhook)) if folder else None
        yield sides(ears, url)
        if ears.troubles:
            raise RuntimeError(f"peers: {len(ears.troubles)} requests could not be taken, first: {ears.troubles[0]}")


def sides(ears: Ears, url: str | None) -> list[list[Watcher]]:
    """Who shares a process; url: of healthchecks' pings, None where it is not run."""
    pinged: list[Watcher] = [Pinged(ears, url)] if url else []
    return [[*pinged, CheckedIn(ears), Logged()], [Frozen(), Dumped()]]


def _chunks(names: Sequence[str], at_once: tuple[int, int], who: str) -> Iterator[list[str]]:
    """Hangs, then healthy ones, never both at once; neighbours are alike, so they are dealt out like cards."""
    kinds: tuple[Collection[str], ...] = (HANGS, HEALTHY)
    for kind, most in zip(kinds, at_once, strict=True):
        there = [name for name in names if name in kind]
        parts = -(-len(there) // most)
        for part in range(parts):
            chunk = there[part::parts]
            print(f"peers: {who}, {len(chunk)} of {len(there)}: {chunk[0]}…", file=sys.stderr, flush=True)
            yield chunk
