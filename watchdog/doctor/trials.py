"""Parts tried one after another, each within its time; one that fails or does not end stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..ports import DeliveryError, StoreError
from ..within import TimeUp, within
from .findings import FAIL, Finding, failed, noted, refused

__all__ = ["Trial", "Trials"]

Trial = Callable[[], Iterable[Finding]]


class Trials:
    """Trials that use one thing, such as a store, one at a time.

    seconds: how long each may take. trying: told the name of each part before it is tried. needed: parts without which
    the others make no sense, so that they are not tried after one of these failed.
    """

    def __init__(self, seconds: float, trying: Callable[[str], None], needed: tuple[str, ...] = ()) -> None:
        self._seconds = seconds
        self._trying = trying
        self._needed = needed
        self._stopped_by = ""

    def run(self, trials: Iterable[tuple[str, Trial]]) -> Iterator[Finding]:
        """Try each part; yields what came of it, and at the end which were not tried."""
        left_out = []
        for part, trial in trials:
            if self._stopped_by:
                left_out.append(part)
                continue
            findings = self._tried(part, trial)
            if part in self._needed and any(finding.kind == FAIL for finding in findings):
                self._stopped_by = part
            yield from findings
        if left_out:
            yield noted(left_out[0], f"not tried because of {self._stopped_by}: {', '.join(left_out)}")

    def _tried(self, part: str, trial: Trial) -> list[Finding]:
        self._trying(part)
        try:
            return within(self._seconds, lambda: list(trial()))
        except (StoreError, DeliveryError) as error:
            return [refused(part, error)]
        except TimeUp:
            # What it uses may still be in use by it, and is not safe for two.
            self._stopped_by = part
            return [failed(part, f"no end within {self._seconds:g} s", "is the network open to it?")]
        except Exception as error:  # noqa: BLE001 - a defect in one part stops no other
            # Its text may hold an address, which may be a secret.
            return [failed(part, f"ended with {type(error).__name__}", "this is a defect of the watchdog: report it")]
