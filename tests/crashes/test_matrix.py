"""The crash matrix: a sweep that is killed at any of its steps loses nothing, and repeats itself at one step only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crashes.matrix import (
    ALONE,
    BESIDE,
    FIRESTORE,
    MEANWHILE,
    OVERTAKEN,
    SQLITE,
    Row,
    Stage,
    staged,
    two_sweepers,
)
from tests.crashes.scenes import SCENES
from tests.crashes.sweeper import Sweeper

# On the emulator a kill takes a second: the whole is played by `python -m tests.crashes`.
ON_FIRESTORE = ("opened", "lost")


SCENE = [
    pytest.param(name, id=name.replace(", ", "_").replace(" ", "_"), marks=pytest.mark.xdist_group(f"crashes {name}"))
    for name in SCENES
]


@pytest.fixture(scope="session")
def sweepers() -> Iterator[tuple[Sweeper, Sweeper]]:
    with two_sweepers(SQLITE) as both:
        yield both


@pytest.fixture(scope="module", params=SCENE)
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sweepers: tuple[Sweeper, Sweeper]
) -> Iterator[Stage]:
    with staged(request.param, SQLITE, tmp_path_factory.mktemp("stage"), sweepers) as made:
        yield made


def held(row: Row) -> None:
    """Nothing was missed, nothing said that should not be, and what came twice was sent and not marked."""
    assert row.missed == []
    assert row.extra == []
    assert [fate.between for fate in row.fates if fate.duplicates and not (fate.killed and fate.sent_last)] == []
    assert all(fate.duplicates <= 1 for fate in row.fates)


@pytest.mark.parametrize("way", [ALONE, MEANWHILE])
def test_a_killed_sweep_loses_nothing(stage: Stage, way: str) -> None:
    """At whichever step a sweep dies, people are told, and twice only if it died between sending and marking."""
    row = stage.row(way)

    held(row)
    assert row.steps >= 7
    assert all(fate.killed for fate in row.fates)
    assert row.duplicates <= 1


def test_a_sweep_killed_beside_another_loses_nothing(stage: Stage) -> None:
    """Two sweeps run freely, and one of them dies: which of them sends is up to them, and all is told."""
    held(stage.row(BESIDE, range(0, 30, 3)))


def test_a_sweep_overtaken_by_another_says_nothing_twice(stage: Stage) -> None:
    """At whichever step a sweep is held up while another does all the work, nothing is told twice or wrongly."""
    row = stage.row(OVERTAKEN)

    held(row)
    assert row.duplicates == 0


@pytest.mark.emulator
@pytest.mark.parametrize(("name", "way"), [(ON_FIRESTORE[0], ALONE), (ON_FIRESTORE[1], MEANWHILE)])
def test_a_killed_sweep_loses_nothing_on_firestore(name: str, way: str, tmp_path: Path, firestore_project: str) -> None:
    """The same where the store is Firestore."""
    with two_sweepers(FIRESTORE) as both, staged(name, FIRESTORE, tmp_path, both) as stage:
        row = stage.row(way)

    held(row)
    assert all(fate.killed for fate in row.fates)
    assert row.duplicates <= 1


def test_a_duplicate_comes_of_one_instant_only(tmp_path: Path, sweepers: tuple[Sweeper, Sweeper]) -> None:
    """Killed right before sending: told once. Between sending and marking: twice. Once it is marked: once."""
    with staged("opened", SQLITE, tmp_path, sweepers) as stage:
        row = stage.row(ALONE, range(9, 12))

    assert [fate.between.partition("after ")[2] for fate in row.fates] == [
        "get hangwatch_runs",
        "send",
        "commit hangwatch_notices",
    ]
    assert [(fate.told, fate.duplicates) for fate in row.fates] == [(1, 0), (2, 1), (1, 0)]
