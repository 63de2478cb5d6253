"""Runs and documents at random, for properties that hold of all of them."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from heartbeat_client.run import STATES, Failure, Place, Progress, Run, Thresholds, Waiting
from heartbeat_client.run_parts import plain

__all__ = ["activities", "documents", "instants", "json_like", "limits", "runs", "words"]

instants = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(timezone.utc))
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = words.filter(lambda word: word.strip() != "")
whole = st.integers(-(2**63), 2**63 - 1)
lengths = st.floats(0, 1e9)

json_like = st.recursive(
    st.none() | st.booleans() | whole | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)

limits = st.builds(
    Thresholds,
    beat_every=lengths,
    silent_after=lengths,
    stalled_after=lengths,
    opaque_after=st.none() | lengths,
    max_runtime=st.none() | lengths,
    warn_at=st.floats(0, 1),
    learned_runs=st.integers(0, 99),
    learned_longest=st.none() | lengths,
    learned_stood=st.none() | lengths,
    explicit=st.lists(words, max_size=3).map(tuple),
)
places = st.builds(Place, file=words, line=whole, function=words)
kinds = st.sampled_from(["blocked", "loop_blocked", "frozen", "working", "waiting", "a newer one's"])
activities = st.fixed_dictionaries(
    {"kind": kinds},
    optional={
        "since": instants,
        "at": st.builds(Place, file=names, line=whole, function=names).map(plain),
        "waits_for": names,
        "unknown": names,
        "x": json_like.filter(bool),
    },
)
trails = st.fixed_dictionaries(
    {"step": st.sampled_from([15.0, 30.0]), "until": st.floats(0.1, 900)},
    optional={
        "kinds": st.text("wpb-?", max_size=60),
        "at": st.text("ab-", max_size=60),
        "places": st.lists(places.map(plain), min_size=1, max_size=3),
        "done": st.lists(st.none() | whole, min_size=1, max_size=60),
        "gaps": st.lists(st.none() | lengths, min_size=1, max_size=60),
        "x": json_like.filter(bool),
    },
)
known = {field.name for field in fields(Run)} | {"parent", "by_operation"}


def runs(**given: Any) -> st.SearchStrategy[Run]:
    """Runs of all kinds; given: strategies for some of their fields."""
    return st.builds(Run, **{**_PARTS, **given})


# A field that is added to the record is drawn too, by its type.
_BY_TYPE = {"str": words, "int": whole, "datetime | None": st.none() | instants}
_PARTS: dict[str, st.SearchStrategy[Any]] = {
    **{field.name: _BY_TYPE[str(field.type)] for field in fields(Run) if field.type in _BY_TYPE},
    "id": names,
    "operation": names,
    "started_at": instants,
    "state": st.sampled_from(sorted(STATES)),
    "labels": st.dictionaries(words, words, max_size=3),
    "ancestors": st.lists(words, max_size=3).map(tuple),
    "child": st.none() | names,
    "thresholds": limits,
    "progress": st.none()
    | st.builds(
        Progress,
        done=whole,
        total=st.none() | whole,
        at=st.none() | instants,
        since=st.none() | instants,
        rate=st.none() | st.floats(0, 1e12),
        note=words,
    ),
    "waiting": st.none() | st.builds(Waiting, reason=words, since=instants, until=instants),
    "activity": st.none() | activities,
    "trail": st.none() | trails,
    "stood": st.none() | lengths,
    "failure": st.none() | st.builds(Failure, type=names, place=st.none() | places, text=st.none() | names),
    "extra": st.dictionaries(words.filter(lambda name: name not in known), json_like, max_size=3),
}

_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**63, 5e-324, 1e300, 1e9, 1e12])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["running", "succeeded", "2026-01-14T10:00:00Z", "x" * 2000, "\ud800", "<!channel>", "9999-12-31"]
    )
    | st.datetimes()
    | st.datetimes(timezones=st.just(timezone(timedelta(hours=9))))
    | st.sampled_from([datetime.min.replace(tzinfo=timezone.utc), datetime.max.replace(tzinfo=timezone.utc)])
    | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_INSIDE = {
    "activity": ["kind", "at", "since", "frames", "waits_for", "cpu", "unknown"],
    "trail": ["step", "until", "kinds", "at", "places", "done", "gaps"],
    "thresholds": [field.name for field in fields(Thresholds)],
    "progress": [field.name for field in fields(Progress)],
    "waiting": [field.name for field in fields(Waiting)],
    "failure": [field.name for field in fields(Failure)],
}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Documents as a stranger may write them: of no shape at all, or like a run's with some fields awry."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.dictionaries(st.text(max_size=8), _anything, max_size=5))
    document = draw(runs()).to_document()
    for name in draw(st.lists(st.sampled_from(sorted(known)), max_size=3)):
        document[name] = draw(_anything)
    for name in draw(st.lists(st.sampled_from(sorted(_INSIDE)), max_size=2)):
        inside = document.get(name)
        field = draw(st.sampled_from(_INSIDE[name]))
        document[name] = {**(inside if isinstance(inside, dict) else {}), field: draw(_anything)}
    return document
