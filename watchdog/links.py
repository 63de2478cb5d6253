"""Addresses that take a reader from a notice to the evidence: logs of the very minutes, the service, the run's page."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from heartbeat_client.run import Run

__all__ = ["links"]

CONSOLE = "https://console.cloud.google.com"

# Log entries arrive some seconds late, and what led to a start often stands just before it.
BEFORE = timedelta(minutes=1)
AFTER = timedelta(minutes=5)


def links(run: Run, now: datetime, base: str = "", runbook: str | None = None) -> tuple[tuple[str, str], ...]:
    """(label, address) pairs for what is known of the run. base: address of this watchdog's page, if any."""
    found = []
    if base:
        found.append(("Run", f"{base.rstrip('/')}/runs/{quote(run.id, safe='')}"))
    if run.project and run.service and run.platform in ("cloud_run_service", "cloud_run_job"):
        found.append(("Logs", _logs(run, now)))
    if page := _cloud_run(run):
        found.append(("Cloud Run", page))
    if runbook:
        found.append(("Runbook", runbook))
    return tuple(found)


def _logs(run: Run, now: datetime) -> str:
    # The time range stands in the filter itself: the console drops it from the address when the page is opened anew.
    lines = [
        *_resource(run),
        f'timestamp>="{_stamp(run.started_at - BEFORE)}"',
        f'timestamp<="{_stamp(_end(run, now) + AFTER)}"',
    ]
    return f"{CONSOLE}/logs/query;query={quote(chr(10).join(lines), safe='')}?project={quote(run.project, safe='')}"


def _resource(run: Run) -> list[str]:
    if run.platform == "cloud_run_job":
        lines = ['resource.type="cloud_run_job"', f'resource.labels.job_name="{_text(run.service)}"']
        execution = f'labels."run.googleapis.com/execution_name"="{_text(run.revision)}"'
        return [*lines, execution] if run.revision else lines
    lines = ['resource.type="cloud_run_revision"', f'resource.labels.service_name="{_text(run.service)}"']
    return [*lines, f'resource.labels.revision_name="{_text(run.revision)}"'] if run.revision else lines


def _cloud_run(run: Run) -> str:
    region, service, revision = (quote(part, safe="") for part in (run.region, run.service, run.revision))
    project = f"project={quote(run.project, safe='')}"
    if not run.project or not run.region:
        return ""
    if run.platform == "cloud_run_job" and run.revision:
        return f"{CONSOLE}/run/jobs/executions/details/{region}/{revision}/tasks?{project}"
    if run.platform == "cloud_run_service" and run.service:
        return f"{CONSOLE}/run/detail/{region}/{service}/metrics?{project}"
    return ""


def _end(run: Run, now: datetime) -> datetime:
    return run.ended_at or now


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
