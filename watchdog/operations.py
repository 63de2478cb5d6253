"""What is kept of each operation: its history, and the limits in force, which clients read at a run's start.

So a changed policy, and what was learned, are in the `due_at` of the next run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from heartbeat_client.run import OPERATIONS, Run, document_key

from .history import History
from .policy import LIMITS, Policy, Settings
from .ports import Create, Document, Replace, Store

__all__ = ["histories", "keep_operations"]

PUBLISHED = (*LIMITS, "deadline")


def keep_operations(store: Store, policy: Policy, running: Iterable[Run], ended: Sequence[Run]) -> int:
    """Bring `hangwatch_operations` up to the policy and to the runs that have ended; how many records changed.

    `force` holds what a rule demands. `thresholds` hold what `[defaults]` say and what was learned; its own settings
    overrule both. Raises `StoreError`.
    """
    names = {document_key(run.operation): run.operation for run in (*running, *ended)}
    stored = store.get(OPERATIONS, sorted(names)) if names else {}
    changed = 0
    for key, operation in names.items():
        mine = [run for run in ended if run.operation == operation]
        changed += _keep(store, key, stored.get(key), _record(operation, policy, stored.get(key), mine))
    return changed


def histories(store: Store, operations: Iterable[str]) -> dict[str, History]:
    """What is kept of the runs of these operations, by their names; an empty history for one that never ended.

    Raises `StoreError`.
    """
    keys = {name: document_key(name) for name in dict.fromkeys(operations)}
    stored = store.get(OPERATIONS, sorted(keys.values())) if keys else {}
    found = {name: stored[key].fields.get("history") if key in stored else None for name, key in keys.items()}
    return {name: History.from_document(listed) for name, listed in found.items()}


def _keep(store: Store, key: str, document: Document | None, record: Mapping[str, Any]) -> bool:
    if document is None:
        says_something = any(record[name] for name in ("force", "thresholds", "history"))
        return says_something and store.commit([Create(OPERATIONS, key, record)])
    changes = {name: value for name, value in record.items() if (document.fields.get(name) or None) != (value or None)}
    return bool(changes) and store.commit([Replace(OPERATIONS, key, changes, document.version)])


def _record(operation: str, policy: Policy, document: Document | None, ended: Sequence[Run]) -> dict[str, Any]:
    before = History.from_document(document.fields.get("history") if document else None)
    history = before.with_runs(sorted(ended, key=lambda run: run.ended_at or run.started_at))
    rule = policy.rule_for(operation)
    return {
        "operation": operation,
        "force": _said(rule.settings if rule else Settings()),
        "thresholds": _learned(history) | _said(policy.defaults),
        "learned": _learned_from(history),
        "durations": history.summary,
        "history": history.to_document(),
    }


def _learned(history: History) -> dict[str, Any]:
    return {} if history.opaque_after is None else {"opaque_after": history.opaque_after}


def _learned_from(history: History) -> dict[str, Any]:
    if history.opaque_after is None:
        return {}
    stood = {} if history.stood is None else {"stood": history.stood}
    return {"runs": len(history.healthy), "longest": history.longest, **stood}


def _said(settings: Settings) -> dict[str, Any]:
    pairs = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name in PUBLISHED}
    return {name: value for name, value in pairs.items() if value is not None}
