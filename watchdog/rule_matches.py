"""Which operations match which rule of a policy, and which rules match none, with the reason where there is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .policy import Policy
from .schedule import Expected
from .wording import one_line

__all__ = ["RuleMatch", "RuleMatches", "rule_matches"]

SHOWN = 20


@dataclass(frozen=True)
class RuleMatch:
    """One `[[operation]]` rule. number: its place in the file, from 1. shadowed_by: rules before it that take all."""

    number: int
    match: str
    operations: tuple[str, ...]
    shadowed_by: tuple[int, ...] = ()

    @property
    def line(self) -> str:
        """The rule as a line for people."""
        who = f"[[operation]] {self.number} {one_line(self.match)!r}"
        if self.operations:
            return f"{who}: {_listed(self.operations)}"
        if self.shadowed_by:
            numbers = " and ".join(str(number) for number in self.shadowed_by)
            return f"{who}: matches nothing that [[operation]] {numbers} before it leaves; move it up"
        return f"{who}: matches no operation on record"


@dataclass(frozen=True)
class RuleMatches:
    """All rules with their operations, the operations without a rule, and expectations of what never ran."""

    rules: tuple[RuleMatch, ...]
    unmatched: tuple[str, ...]
    unseen: tuple[Expected, ...]

    def lines(self) -> list[str]:
        """What people read."""
        lines = [rule.line for rule in self.rules]
        if self.unmatched:
            lines.append(f"no rule, so [defaults]: {_listed(self.unmatched)}")
        return lines + [f"[[expected]] {one_line(one.operation)!r}: no run of it is on record" for one in self.unseen]

    def as_json(self) -> dict[str, Any]:
        """The stable form for scripts."""
        rules = [
            {
                "number": rule.number,
                "match": rule.match,
                "operations": list(rule.operations),
                "shadowed_by": list(rule.shadowed_by),
            }
            for rule in self.rules
        ]
        unseen = [{"operation": one.operation, "rule": one.rule} for one in self.unseen]
        return {"rules": rules, "unmatched": list(self.unmatched), "unseen": unseen}


def rule_matches(policy: Policy, operations: Iterable[str]) -> RuleMatches:
    """Sort operations to the rules that hold for them."""
    names = sorted(set(operations))
    holder = {name: policy.rule_for(name) for name in names}
    rules = []
    for number, rule in enumerate(policy.rules, 1):
        mine = tuple(name for name in names if holder[name] is rule)
        rules.append(RuleMatch(number, rule.match, mine, () if mine else _shadows(policy, number, names)))
    unmatched = tuple(name for name in names if holder[name] is None)
    unseen = tuple(one for one in policy.expected if one.operation not in names)
    return RuleMatches(tuple(rules), unmatched, unseen)


def _shadows(policy: Policy, number: int, names: list[str]) -> tuple[int, ...]:
    """The rules that take what the pattern of a rule further down would match."""
    wanted = [name for name in names if fnmatchcase(name, policy.rules[number - 1].match)]
    before = enumerate(policy.rules[: number - 1], 1)
    return tuple(n for n, rule in before if any(policy.rule_for(name) is rule for name in wanted))


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(one_line(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
