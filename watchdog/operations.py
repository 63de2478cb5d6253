"""The limits in force, left where clients read them at a run's start: so a changed policy reaches their `due_at`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from heartbeat_client.run import OPERATIONS, Run, document_key

from .policy import LIMITS, Policy, Settings
from .ports import Create, Replace, Store

__all__ = ["publish_limits"]

log = logging.getLogger("watchdog")

PUBLISHED = (*LIMITS, "deadline")


def publish_limits(store: Store, policy: Policy, runs: Sequence[Run]) -> int:
    """Bring `hangwatch_operations` up to the policy for the operations of these runs; how many records changed.

    `force` holds what a rule demands, `thresholds` what `[defaults]` say, which a run's own settings overrule.
    """
    wanted = {document_key(run.operation): (run.operation, _limits(policy, run.operation)) for run in runs}
    stored = store.get(OPERATIONS, sorted(wanted)) if wanted else {}
    changed = 0
    for key, (operation, limits) in wanted.items():
        document = stored.get(key)
        if document is None and any(limits.values()):
            changed += store.commit([Create(OPERATIONS, key, {"operation": operation, **limits})])
        elif document is not None and any((document.fields.get(name) or {}) != limits[name] for name in limits):
            changed += store.commit([Replace(OPERATIONS, key, limits, document.version)])
    return changed


def _limits(policy: Policy, operation: str) -> dict[str, dict[str, Any]]:
    rule = policy.rule_for(operation)
    return {"force": _said(rule.settings if rule else Settings()), "thresholds": _said(policy.defaults)}


def _said(settings: Settings) -> dict[str, Any]:
    pairs = {f.name: getattr(settings, f.name) for f in fields(settings) if f.name in PUBLISHED}
    return {name: value for name, value in pairs.items() if value is not None}
