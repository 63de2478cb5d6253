"""What a project says of our metrics: descriptors with units and descriptions, compared with ours and created.

A metric that is written before its descriptor was created gets one without a unit and a description; creating ours
later mends that. Labels are only ever added, and neither kind nor value type changes: such a descriptor has to be
deleted by a person, since all that was written under it goes with it (google.api.MetricDescriptor, create's reference).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..metrics import METRICS, PREFIX, Metric
from .cloud_monitoring_answers import Refusal
from .cloud_monitoring_link import Link

if TYPE_CHECKING:
    from google.api.metric_pb2 import MetricDescriptor  # type: ignore[import-untyped]  # it ships no types
    from google.cloud.monitoring_v3 import MetricServiceClient

__all__ = ["Descriptors"]


class Descriptors:
    """The descriptors of one project's metrics. Every method raises `DeliveryError`, and spends at most `seconds`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def missing(self, *, seconds: float = 10.0) -> list[str]:
        """Names of metrics whose descriptor isn't there, or lacks something that `create` would give it."""
        existing = self._existing(self._link.ends_in(seconds))
        return [name for name, metric in METRICS.items() if _is_wanting(existing.get(metric.type), metric)]

    def conflicts(self, *, seconds: float = 10.0) -> list[str]:
        """A sentence for each descriptor that differs in what can't be changed, so that writes are refused."""
        existing = self._existing(self._link.ends_in(seconds))
        pairs = ((metric, existing.get(metric.type)) for metric in METRICS.values())
        return [said for metric, found in pairs if found is not None and (said := _conflict(found, metric))]

    def create(self, names: Iterable[str], *, seconds: float = 10.0) -> list[str]:
        """Create or mend the descriptors of these metrics; doing it again changes nothing.

        Returns sentences about what still is not as ours: labels that somebody else added, which do no harm, and
        descriptors of another kind, which do.
        """
        ends = self._link.ends_in(seconds)
        remarks = (self._create(METRICS[name], ends) for name in names)
        return [remark for remark in remarks if remark]

    def _create(self, metric: Metric, ends: float) -> str:
        def rpc(client: MetricServiceClient, left: float) -> MetricDescriptor:
            return client.create_metric_descriptor(
                name=self._link.project_name, metric_descriptor=_wanted(metric), timeout=left, retry=None
            )

        try:
            found = self._link.call(rpc, ends)
        except Refusal:
            found_now = self._existing(ends).get(metric.type)
            said = _conflict(found_now, metric) if found_now is not None else ""
            if not said:
                raise
            return said
        return _conflict(found, metric) or _strange_labels(found, metric)

    def _existing(self, ends: float) -> Mapping[str, MetricDescriptor]:
        return {found.type: found for found in self._link.call(self._listed, ends)}

    def _listed(self, client: MetricServiceClient, left: float) -> list[MetricDescriptor]:
        request: Any = {
            "name": self._link.project_name,
            "filter": f'metric.type = starts_with("{PREFIX}")',
        }
        return list(client.list_metric_descriptors(request, timeout=left, retry=None))


def _wanted(metric: Metric) -> MetricDescriptor:
    from google.api import label_pb2, metric_pb2  # type: ignore[import-untyped]  # it ships no types

    return metric_pb2.MetricDescriptor(
        type=metric.type,
        metric_kind=metric.kind,
        value_type=metric.value_type,
        unit=metric.unit,
        description=metric.description,
        display_name=f"Hangwatch: {metric.title}",
        labels=[label_pb2.LabelDescriptor(key=key, description=text) for key, text in metric.labels.items()],
    )


def _is_wanting(found: MetricDescriptor | None, metric: Metric) -> bool:
    if found is None:
        return True
    wanted = _wanted(metric)
    texts = ("unit", "description", "display_name")
    differs = any(getattr(found, name) != getattr(wanted, name) for name in texts)
    return not _conflict(found, metric) and (differs or bool(metric.labels.keys() - _labels(found)))


def _conflict(found: MetricDescriptor, metric: Metric) -> str:
    """What makes the service refuse our points, empty where nothing does."""
    wanted = _wanted(metric)
    if (found.metric_kind, found.value_type) == (wanted.metric_kind, wanted.value_type):
        return ""
    kind, value = found.MetricKind.Name(found.metric_kind), found.ValueType.Name(found.value_type)
    return (
        f"{metric.type}: expected {metric.kind} {metric.value_type}, got {kind} {value}; delete that descriptor, with "
        "all that was written under it, and create ours"
    )


def _strange_labels(found: MetricDescriptor, metric: Metric) -> str:
    strange = sorted(_labels(found) - metric.labels.keys())
    if not strange:
        return ""
    return (
        f"{metric.type}: has labels that are not ours ({', '.join(strange)}); they stay empty and do no harm, and only "
        "deleting the metric takes them away"
    )


def _labels(found: MetricDescriptor) -> set[str]:
    return {label.key for label in found.labels}
