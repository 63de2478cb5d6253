"""Reads a plan or a state as JSON: what resources there are, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["of_type", "only", "resources", "settings"]


def resources(shown: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Address, type and values of each resource, those of modules too; data sources are left out."""
    waiting = [(shown.get("planned_values") or shown["values"])["root_module"]]
    while waiting:
        module = waiting.pop()
        waiting += module.get("child_modules", [])
        for one in module.get("resources", []):
            if one["mode"] == "managed":
                yield one["address"], one["type"], one["values"]


def of_type(shown: Mapping[str, Any], type_name: str) -> dict[str, Mapping[str, Any]]:
    """The resources of a type, by address."""
    return {address: values for address, kind, values in resources(shown) if kind == type_name}


def only(shown: Mapping[str, Any], type_name: str) -> Mapping[str, Any]:
    """The one resource of a type."""
    (found,) = of_type(shown, type_name).values()
    return found


def settings(shown: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The environment of the service, by name."""
    (template,) = only(shown, "google_cloud_run_v2_service")["template"]
    return {one["name"]: one for one in template["containers"][0]["env"]}
