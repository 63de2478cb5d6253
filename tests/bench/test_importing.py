"""The bench of importing: it measures the import that it says, and that loads nothing needless."""

from __future__ import annotations

import pytest

from bench.results import Result
from tests.bench.measuring import measured

# Each takes a millisecond or many to load, and none is needed before something is written, if ever.
NEEDLESS = {
    "asyncio", "concurrent", "difflib", "email", "google", "grpc", "hashlib", "hmac", "http", "json", "multiprocessing",
    "platform", "random",
    "requests", "secrets", "select", "selectors", "socket", "sqlite3", "ssl", "subprocess", "tempfile", "unittest",
}  # fmt: skip


pytestmark = pytest.mark.xdist_group("bench importing")  # measured once


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return measured("importing", tmp_path_factory.mktemp("importing"))


def loaded(result: Result, way: str) -> set[str]:
    return {name.partition(".")[0] for name in result.figures["bytes"][way]["modules"]}


def test_the_import_loads_nothing_needless(result: Result) -> None:
    """Importing the client brings no outside library, and none of Python's own that only some runs need."""
    ours = loaded(result, "from heartbeat_client import Heartbeat") - loaded(result, "nothing")

    assert "heartbeat_client" in ours
    assert ours & NEEDLESS == set()


def test_each_way_imports_what_it_says(result: Result) -> None:
    """The processes that are compared differ by what they import."""
    assert "tqdm" in loaded(result, "import tqdm")
    assert "sentry_sdk" in loaded(result, "import sentry_sdk")
    assert "logging" not in loaded(result, "nothing")
    assert {"logging", "dataclasses"} <= loaded(result, "import logging, dataclasses")


def test_our_modules_are_told_apart_from_pythons(result: Result) -> None:
    """The second table is of what comes with us: all modules of ours, none that is there anyway."""
    modules = result.figures["modules"]
    own = {name for name in modules if name.partition(".")[0] == "heartbeat_client"}

    assert own == {
        name
        for name in result.figures["bytes"]["from heartbeat_client import Heartbeat"]["modules"]
        if name.partition(".")[0] == "heartbeat_client"
    }
    assert "site" not in modules
    assert result.tables[1].rows[0][0] == f"{len(own)} modules of ours"
