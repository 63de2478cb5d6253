"""Remakes metrics.json, from which Terraform describes metrics: `python -m tests.deploy.metrics_file`."""

from __future__ import annotations

import json

from tests.deploy.terraform import MODULE
from watchdog.metrics import METRICS

__all__ = ["FILE", "text"]

FILE = MODULE / "metrics.json"


def text() -> str:
    """What the file has to say."""
    described = [
        {
            "name": metric.name,
            "title": metric.title,
            "kind": metric.kind,
            "value_type": metric.value_type,
            "unit": metric.unit,
            "description": metric.description,
            "labels": dict(metric.labels),
        }
        for metric in METRICS.values()
    ]
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
