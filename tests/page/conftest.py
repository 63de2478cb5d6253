"""A browser for the tests of pages, and a scene for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page.chromium import Chromium, ChromiumError
from tests.page.scene import Scene, Served, morning


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser; a laptop may lack one. While it is open its event loop runs in this thread, and no other can."""
    try:
        with Chromium() as browser:
            yield browser
    except ChromiumError as error:
        pytest.skip(str(error))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """An empty store with a page over it."""
    return Scene(tmp_path)


@pytest.fixture
def busy(scene: Scene) -> Scene:
    """A store in which much goes on."""
    morning(scene)
    return scene


@pytest.fixture
def site(scene: Scene) -> Iterator[Served]:
    """The page of `scene`, served; of `busy` too, which is the same."""
    served = scene.serve()
    try:
        yield served
    finally:
        served.close()


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures go: PAGE_PICTURES, which CI keeps, else a folder that is thrown away."""
    named = os.environ.get("PAGE_PICTURES", "")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
