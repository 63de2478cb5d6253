"""What every test shares: an environment of its own, and no silent skips where nobody would read them."""

from __future__ import annotations

import logging
import os
import signal
from typing import TYPE_CHECKING, TypeVar

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ["tests.support.emulators"]

# A laptop may lack an emulator and says so; CI may not: a skip there is a test nobody runs.
STRICT = os.environ.get("CI", "").lower() in {"1", "true"}

# How the reason of a skip begins that holds on a complete machine too, for one Python of several.
FITTING_SKIP = "needs python"

# Set on the machine of whoever runs the tests, these would lead them to a real store or channel.
SETTINGS = ("HANGWATCH_", "K_SERVICE", "K_REVISION", "K_CONFIGURATION", "CLOUD_RUN_")

# Started in the background or under nohup, a test run ignores these, and so would every process that it starts.
for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler)

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# Two busy cores make a 200 ms example of nothing: hypothesis's own limit would be a timed assert.
hypothesis.settings.register_profile("hangwatch", deadline=None)
hypothesis.settings.load_profile("hangwatch")


@pytest.fixture(scope="session", autouse=True)
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Generator[None, None, None]:
    """No test sees the settings or the store of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(SETTINGS)]:
            patch.delenv(name)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def own_log_level() -> Generator[None, None, None]:
    """No test hears less of the watchdog's log because another, or a fixture that many share, had it quiet."""
    logger = logging.getLogger("watchdog")
    logger.setLevel(logging.NOTSET)
    yield
    logger.setLevel(logging.NOTSET)


def failed_if_skipped(report: Report) -> Report:
    """Under CI, the report of a skip as that of a failure; any other report as it is."""
    if STRICT and report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        path, line, reason = report.longrepr
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith(FITTING_SKIP):
            report.outcome = "failed"
            report.longrepr = f"{path}:{line}: skipped under CI, where nothing may be lacking: {reason}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a test that skips itself fails."""
    return failed_if_skipped((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Under CI a module that skips itself fails."""
    return failed_if_skipped((yield))
