"""The examples in docstrings do what they say."""

from __future__ import annotations

import pytest

from tests.client.world import Process

WITH_EXAMPLES = (
    "heartbeat_client",
    *(f"heartbeat_client.{name}" for name in ("heartbeat", "heartbeat_logger", "settings", "decorator", "tracking")),
    "heartbeat_client.requests_watch",
)


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_an_example_runs_as_shown(process: Process, module: str) -> None:
    """What a docstring shows is what happens."""
    done = process.run(
        f"""
        import doctest, importlib
        print(doctest.testmod(importlib.import_module("{module}")))
        """,
        env={"HANGWATCH_STORE": "off"},
    )

    assert "TestResults(failed=0, attempted=" in done.stdout, done.stdout
    assert "attempted=0" not in done.stdout
