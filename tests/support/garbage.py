"""Documents that nobody of ours would write: good ones with some fields awry, some of no shape at all; by a seed."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from heartbeat_client.run import Failure, Progress, Waiting, due_at, expires_at
from tests.support.world import START, a_run
from watchdog.incident import Incident
from watchdog.message import Button, Message
from watchdog.notice import Notice
from watchdog.verdict import Verdict

__all__ = ["Garbage"]

WORDS = (
    "",
    " ",
    "x",
    "x" * 5000,
    "load-games",
    "running",
    "succeeded",
    "stalled",
    "true",
    "2026-01-14T10:00:00Z",
    "2026-13-45",
    "9999-12-31T23:59:59.999999Z",
    "<!channel> & <@U1> *b* `c` ```",
    "\x00\x1b[2J\u202e\u2028\x7f",
    "🔥" * 400,
    "http://a b|c>",
    "\ud7ff\ue000\uffff",
    "../../etc",
    "$(reboot)",
)
NUMBERS = (0, -1, 1, 41, 3600, 2**63 - 1, -(2**63), 10**30, 0.5, -0.0, 1e308, 5e-324, 1e9)
ACTIVITY = {
    "kind": "blocked",
    "at": {"file": "app/load.py", "line": 412, "function": "load"},
    "frames": [{"file": "app/load.py", "line": 412, "function": "load"}],
    "since": START,
    "waits_for": "peer 10.0.0.5:443",
}
TRAIL = {
    "step": 30.0,
    "until": 95.0,
    "kinds": "pb-b",
    "at": "ab-a",
    "places": [{"file": "app/load.py", "line": 412, "function": "load"}, {"file": "x.py", "line": 1, "function": "f"}],
    "done": [10, 41, None, 41],
    "gaps": [None, 65, 65, 65],
}


class Garbage:
    """A source of such documents. now: an instant around which some of the times in them lie."""

    def __init__(self, seed: int, now: datetime) -> None:
        self._random = random.Random(seed)
        self._now = now

    def document(self, kind: str) -> dict[str, Any]:
        """One of a kind: `run`, `incident`, `notice`, `sweep`, `snoozes` or `operation`."""
        if self._random.random() < 0.15:
            return {self._word() or "field": self._value() for _ in range(self._random.randint(0, 4))}
        good: Mapping[str, Callable[[], dict[str, Any]]] = {
            "run": self._run,
            "incident": self._incident,
            "notice": self._notice,
            "sweep": self._state,
            "snoozes": self._snoozes,
            "operation": self._operation,
        }
        return self._awry(good[kind](), self._random.randint(0, 4))

    def _awry(self, document: dict[str, Any], times: int) -> dict[str, Any]:
        for _ in range(times):
            inside = self._some_map(document)
            if inside:
                name = self._random.choice(sorted(inside))
                if self._random.random() < 0.2:
                    del inside[name]
                else:
                    inside[name] = self._value()
        return document

    def _some_map(self, document: dict[str, Any]) -> dict[str, Any]:
        """The document, or a map within it."""
        maps = [value for value in document.values() if isinstance(value, dict)]
        lists = [value for value in document.values() if isinstance(value, list)]
        maps += [one for listed in lists for one in listed if isinstance(one, dict)]
        return self._random.choice(maps) if maps and self._random.random() < 0.4 else document

    def _value(self, deep: int = 2) -> Any:
        draw = self._random.randint(0, 8 if deep else 4)
        if draw <= 1:
            return self._word()
        if draw == 2:
            return self._random.choice(NUMBERS)
        if draw == 3:
            return self._random.choice((None, True, False))
        if draw == 4:
            return self._instant()
        if draw <= 6:
            return [self._value(deep - 1) for _ in range(self._random.randint(0, 4))]
        return {self._word()[:50] or "name": self._value(deep - 1) for _ in range(self._random.randint(0, 4))}

    def _word(self) -> str:
        return self._random.choice(WORDS)

    def _instant(self) -> datetime:
        ends = (datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc))
        near = self._now + timedelta(seconds=self._random.uniform(-7200, 7200))
        return self._random.choice((near, near, near, near, self._random.choice(ends)))

    def _run(self) -> dict[str, Any]:
        pick = self._random.random
        run = a_run(
            "garbage",
            operation=self._random.choice(("load", "count", "<b>&", "x" * 200, "op 🔥")),
            detail=self._word()[:900],
            host=self._random.choice(("", "h1", "h2")),
            service=self._random.choice(("", "s1")),
            started_at=self._now - timedelta(seconds=pick() * 7200),
            beat_at=self._now - timedelta(seconds=pick() * 600),
            deadline=self._now + timedelta(seconds=(pick() - 0.5) * 7200),
            progress=Progress(41, 450, at=self._now, note=self._word()) if pick() < 0.5 else None,
            waiting=Waiting(self._word(), self._now, self._instant()) if pick() < 0.1 else None,
            activity=dict(ACTIVITY) if pick() < 0.5 else None,
            trail=copy.deepcopy(TRAIL) if pick() < 0.5 else None,
            failure=Failure(self._word() or "E") if pick() < 0.2 else None,
            state=self._random.choice(("running", "running", "running", "failed", "succeeded")),
            ended_at=self._now if pick() < 0.3 else None,
            labels={self._word()[:100]: self._word()[:100]},
        )
        return replace(run, due_at=due_at(run), expires_at=expires_at(run)).to_document()

    def _verdict(self) -> Verdict:
        state = self._random.choice(("stalled", "silent", "unjudged", "overdue", "missed", "mood"))
        return Verdict(state, self._word()[:3000], self._instant(), self._random.random() < 0.5)

    def _incident(self) -> dict[str, Any]:
        about = self._random.choice(("run", "run", "expected", "watchdog", "weather"))
        incident = Incident(
            "id", f"nobody{self._random.randint(0, 9)}", 1, self._word()[:400], self._verdict(), self._now
        )
        state = self._random.choice(("open", "acknowledged", "resolved"))
        notices = (f"garbage{self._random.randint(0, 9)}",)
        return replace(incident, state=state, about=about, notices=notices, first_notices=notices).to_document()

    def _notice(self) -> dict[str, Any]:
        kind = self._random.choice(("opened", "worsened", "reminded", "resolved", "failed", "edited", "sung"))
        text = self._word
        message = Message(
            kind,
            self._random.choice(("bad", "worse", "good", "plain", "blue")),
            text()[:4000],
            text()[:4000],
            facts=tuple((text(), text()) for _ in range(self._random.randint(0, 14))),
            links=tuple((text(), text()) for _ in range(self._random.randint(0, 7))),
            frames=tuple(text() for _ in range(self._random.randint(0, 70))),
            also=tuple(text() for _ in range(self._random.randint(0, 70))),
            buttons=tuple(Button(text(), text(), text()) for _ in range(self._random.randint(0, 30))),
            footer=text()[:4000],
            to=self._random.choice(("", "#none", text()[:100])),
        )
        incidents = tuple(f"garbage{self._random.randint(0, 9)}" for _ in range(self._random.randint(0, 3)))
        channel = self._random.choice(("slack", "slack", "pigeon"))
        return Notice("id", kind, channel, incidents, message, self._now).to_document()

    def _state(self) -> dict[str, Any]:
        names = ("last_sweep_at", "last_audit_at", "last_full_audit_at", "last_live_at")
        doubt = {"kind": self._word(), "since": self._instant(), "until": self._instant(), "said": self._word()}
        return {name: self._instant() for name in names} | {"doubt": doubt, "report": {"read": self._value()}}

    def _snoozes(self) -> dict[str, Any]:
        one = {"operation": "load-*", "until": self._instant(), "made_at": self._instant(), "by": self._word()}
        return {"snoozes": [self._awry(dict(one), 1) for _ in range(self._random.randint(0, 5))]}

    def _operation(self) -> dict[str, Any]:
        history = [{"run": self._word(), "seconds": self._random.choice(NUMBERS)} for _ in range(3)]
        return {"operation": "load", "force": {}, "thresholds": {"opaque_after": 60.0}, "history": history}
