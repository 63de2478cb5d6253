"""A sweep's figures in Cloud Monitoring: a point for each series, 200 series a call at most, in the time given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..metrics import METRICS
from ..ports import Reading
from .cloud_monitoring_answers import Refusal
from .cloud_monitoring_descriptors import Descriptors
from .cloud_monitoring_link import Link

if TYPE_CHECKING:
    from google.cloud.monitoring_v3 import MetricServiceClient, TimeSeries

__all__ = ["CALL_LIMIT", "CloudMonitoring"]

# create_time_series refuses more (google-cloud-monitoring 2.32, CreateTimeSeriesRequest).
CALL_LIMIT = 200

# cloud_run_revision and cloud_run_job can't be written to. The task's id is constant, for one that names the execution
# would begin a new set of series each minute, and the alert on a series that ended could never close.
RESOURCE = "generic_task"
JOB = "watchdog"
TASK = "sweep"

LARGEST = 2**63 - 1


class CloudMonitoring:
    """A `Meter` over google-cloud-monitoring, which is imported at the first write.

    project: id of the project that the metrics go to. location, namespace: labels of the resource that they are written
    for; a second watchdog in one project needs a namespace of its own. endpoint: `host:port` instead of Google's own;
    a loopback one is talked to without TLS and credentials. clock: monotonic seconds. Raises ValueError for a project
    or an endpoint that can't be one.
    """

    name = "cloud_monitoring"

    def __init__(
        self,
        project: str,
        *,
        location: str = "global",
        namespace: str = "hangwatch",
        endpoint: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._link = Link(project, endpoint, clock)
        where = {"project_id": project, "location": location, "namespace": namespace}
        self._resource = {"type": RESOURCE, "labels": where | {"job": JOB, "task_id": TASK}}

    def write(self, readings: Sequence[Reading], at: datetime, *, seconds: float) -> None:
        """See `Meter.write`. at: not more than 25 hours ago, and not more than 5 minutes ahead.

        A series for which another sweep has just written a point is left at that. Where some series are refused for
        another reason, all others are written all the same.
        """
        ends = self._link.ends_in(seconds)
        refusals = [refusal for batch in _batches(readings) if (refusal := self._refused(batch, at, ends))]
        if refusals:
            raise refusals[0]

    def descriptors(self) -> Descriptors:
        """What the project says of our metrics, to compare and to create."""
        return Descriptors(self._link)

    def close(self) -> None:
        """Let go of the connection; never raises. A later write opens another."""
        self._link.close()

    def _refused(self, batch: Sequence[Reading], at: datetime, ends: float) -> Refusal | None:
        try:
            self._link.call(lambda client, left: self._create(client, batch, at, left), ends)
        except Refusal as refusal:
            return None if refusal.only_overlap else refusal
        return None

    def _create(self, client: MetricServiceClient, batch: Sequence[Reading], at: datetime, left: float) -> None:
        series = [self._series(reading, at) for reading in batch]
        client.create_time_series(name=self._link.project_name, time_series=series, timeout=left, retry=None)

    def _series(self, reading: Reading, at: datetime) -> TimeSeries:
        from google.cloud import monitoring_v3 as monitoring

        metric = METRICS[reading.metric]
        value = (
            {"int64_value": max(-LARGEST, min(round(reading.value), LARGEST))}
            if metric.value_type == "INT64"
            else {"double_value": reading.value}
        )
        return monitoring.TimeSeries(
            metric={"type": metric.type, "labels": dict(reading.labels)},
            resource=self._resource,
            metric_kind=metric.kind,
            value_type=metric.value_type,
            points=[{"interval": {"end_time": at}, "value": value}],
        )


def _batches(readings: Sequence[Reading]) -> Iterator[Sequence[Reading]]:
    return (readings[begin : begin + CALL_LIMIT] for begin in range(0, len(readings), CALL_LIMIT))
