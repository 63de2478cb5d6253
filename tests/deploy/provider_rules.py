"""What the provider or its API refuses and the schema can't tell: enums, forms, ranges, one of several.

Each rule names where it stands. DOCS is the provider's own documentation, whose enums its code checks too; API is the
reference of the service behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.deploy.rule_forms import Rule, at_most, between, exactly_one, like, one_of, rules, seconds

__all__ = ["REPLACES", "RULES", "TYPES_WITHOUT_RULES", "broken"]

DOCS = "https://github.com/hashicorp/terraform-provider-google/blob/main/website/docs/r"
CLOUD = "https://docs.cloud.google.com"
ALERTS = f"{CLOUD}/monitoring/api/ref_v3/rest/v3/projects.alertPolicies"
RUN = f"{CLOUD}/run/docs/reference/rest/v2/projects.locations.services"

# Arguments that can't be changed in place (ForceNew in the provider's code).
REPLACES: Mapping[str, tuple[str, ...]] = {
    "google_artifact_registry_repository": ("format", "location", "project", "repository_id"),
    "google_cloud_run_v2_service": ("location", "name", "project"),
    "google_cloud_scheduler_job": ("name", "project", "region"),
    "google_firestore_database": ("database_edition", "location_id", "name", "project"),
    "google_firestore_field": ("collection", "database", "field", "project"),
    "google_monitoring_metric_descriptor": ("metric_kind", "project", "type", "value_type"),
    "google_secret_manager_secret": ("project", "secret_id"),
    "google_secret_manager_secret_version": ("secret", "secret_data", "secret_data_wo_version"),
    "google_service_account": ("account_id", "project"),
}


ALIGNERS = one_of(
    *(
        f"ALIGN_{kind}"
        for kind in ("NONE", "DELTA", "RATE", "INTERPOLATE", "NEXT_OLDER", "MIN", "MAX", "MEAN", "COUNT")
    ),
    *(f"ALIGN_{kind}" for kind in ("SUM", "STDDEV", "COUNT_TRUE", "COUNT_FALSE", "FRACTION_TRUE")),
)
REDUCERS = one_of(
    *(
        f"REDUCE_{kind}"
        for kind in ("NONE", "MEAN", "MIN", "MAX", "SUM", "STDDEV", "COUNT", "COUNT_TRUE", "COUNT_FALSE")
    ),
    *(
        f"REDUCE_{kind}"
        for kind in ("FRACTION_TRUE", "PERCENTILE_99", "PERCENTILE_95", "PERCENTILE_50", "PERCENTILE_05")
    ),
)
MEMBER = like(r"allUsers|(user|group|serviceAccount):[^@\s]+@[^@\s]+|domain:[^@\s]+")
DELETION = one_of("DELETE", "ABANDON", "PREVENT")
LABEL_VALUE = (
    "keys and values of at most 63 of a-z, 0-9, _ and -, keys beginning with a letter",
    lambda labels: all(
        re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key) and re.fullmatch(r"[a-z0-9_-]{0,63}", value)
        for key, value in labels.items()
    ),
)


def _project() -> Iterator[Rule]:
    yield from rules(
        "google_project_service",
        f"{DOCS}/google_project_service.html.markdown",
        ("service", like(r"[a-z]+(\.[a-z]+)*\.googleapis\.com")),
        ("disable_on_destroy", ("false: others may need it", lambda value: value is False)),
    )
    yield from rules(
        "google_service_account",
        f"{DOCS}/google_service_account.html.markdown",
        ("account_id", like(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])")),
        ("display_name", at_most(100)),
    )
    for name in ("google_project_iam_member", "google_cloud_run_v2_service_iam_member"):
        yield from rules(
            name,
            f"{CLOUD}/iam/docs/reference/rest/v1/Policy",
            ("member", MEMBER),
            ("role", like(r"roles/[a-z]+\.[A-Za-z]+")),
            ("condition[].title", at_most(100)),
            ("condition[].expression", at_most(2048)),
        )
    yield from rules(
        "google_artifact_registry_repository",
        f"{DOCS}/artifact_registry_repository.html.markdown",
        ("repository_id", like(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")),
        ("format", one_of("DOCKER")),
        ("cleanup_policies[].action", one_of("KEEP", "DELETE")),
        ("cleanup_policies[]", exactly_one("condition", "most_recent_versions")),
        ("cleanup_policies[].condition[].tag_state", one_of("TAGGED", "UNTAGGED", "ANY")),
        ("cleanup_policies[].condition[].older_than", seconds(1, 315_576_000_000)),
    )


def _proxy() -> Iterator[Rule]:
    yield from rules(
        "google_iap_web_cloud_run_service_iam_member",
        f"{DOCS}/iap_web_cloud_run_service_iam.html.markdown",
        ("member", MEMBER),
        ("role", one_of("roles/iap.httpsResourceAccessor")),
        ("cloud_run_service_name", like(r"[a-z]([-a-z0-9]{0,47}[a-z0-9])?")),
    )


def _firestore() -> Iterator[Rule]:
    yield from rules(
        "google_firestore_database",
        f"{DOCS}/firestore_database.html.markdown",
        ("name", like(r"\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9]")),
        ("type", one_of("FIRESTORE_NATIVE")),
        ("database_edition", one_of("STANDARD", "ENTERPRISE")),
        ("concurrency_mode", one_of("OPTIMISTIC", "PESSIMISTIC", "OPTIMISTIC_WITH_ENTITY_GROUPS")),
        ("delete_protection_state", one_of("DELETE_PROTECTION_ENABLED", "DELETE_PROTECTION_DISABLED")),
        (
            "point_in_time_recovery_enablement",
            one_of("POINT_IN_TIME_RECOVERY_ENABLED", "POINT_IN_TIME_RECOVERY_DISABLED"),
        ),
        ("deletion_policy", DELETION),
        ("location_id", like(r"nam5|nam7|eur3|[a-z]+-[a-z]+\d+")),
    )
    yield from rules(
        "google_firestore_field",
        f"{DOCS}/firestore_field.html.markdown",
        ("collection", like(r"(?!__.*__$)[^/]+")),
        ("index_config[].indexes[]", exactly_one("order", "array_config")),
        ("index_config[].indexes[].order", one_of("ASCENDING", "DESCENDING")),
        ("index_config[].indexes[].query_scope", one_of("COLLECTION", "COLLECTION_GROUP")),
        ("deletion_policy", DELETION),
    )


def _secrets() -> Iterator[Rule]:
    yield from rules(
        "google_secret_manager_secret",
        f"{DOCS}/secret_manager_secret.html.markdown",
        ("secret_id", like(r"[A-Za-z0-9_-]{1,255}")),
        ("labels", LABEL_VALUE),
    )
    yield from rules(
        "google_secret_manager_secret_version",
        f"{DOCS}/secret_manager_secret_version.html.markdown",
        ("", exactly_one("secret_data", "secret_data_wo_version")),
        ("secret_data", at_most(65_536)),
        ("deletion_policy", one_of("DELETE", "DISABLE", "ABANDON", "PREVENT")),
    )
    yield from rules(
        "google_secret_manager_secret_iam_member",
        f"{DOCS}/secret_manager_secret_iam.html.markdown",
        ("secret_id", like(r"[A-Za-z0-9_-]{1,255}")),
        ("role", like(r"roles/[a-z]+\.[A-Za-z]+")),
    )


def _memory_fits(container: Any) -> bool:
    """Up to 4 GiB for one CPU; less than one brings conditions of its own, so it is refused here."""
    limits = container["resources"][0]["limits"]
    megabytes = int(limits["memory"].removesuffix("Mi"))
    return limits["cpu"] == "1" and 128 <= megabytes <= 4096


def _probe_fits(probe: Any) -> bool:
    return bool(probe["timeout_seconds"] <= probe["period_seconds"] <= 240)


def _cloud_run() -> Iterator[Rule]:
    env = "template[].containers[].env[]"
    yield from rules(
        "google_cloud_run_v2_service",
        RUN,
        ("name", like(r"[a-z]([-a-z0-9]{0,47}[a-z0-9])?")),
        ("ingress", like(r"INGRESS_TRAFFIC_(ALL|INTERNAL_ONLY|INTERNAL_LOAD_BALANCER)")),
        ("labels", LABEL_VALUE),
        ("traffic[].type", like(r"TRAFFIC_TARGET_ALLOCATION_TYPE_(LATEST|REVISION)")),
        ("traffic[].percent", between(0, 100)),
        ("template[].timeout", seconds(1, 3600)),
        ("template[].execution_environment", one_of("EXECUTION_ENVIRONMENT_GEN1", "EXECUTION_ENVIRONMENT_GEN2")),
        ("template[].max_instance_request_concurrency", between(1, 1000)),
        ("template[].scaling[].min_instance_count", between(0, 0)),
        ("template[].scaling[].max_instance_count", between(1, 2)),
        ("template[].containers[]", ("memory that fits its CPU", _memory_fits)),
        ("template[].containers[].ports[].container_port", between(1, 65_535)),
        ("template[].containers[].startup_probe[]", ("a timeout within the period, of 240 s", _probe_fits)),
        ("template[].containers[].startup_probe[]", exactly_one("http_get", "tcp_socket", "grpc")),
        (f"{env}", exactly_one("value", "value_source")),
        # https://docs.cloud.google.com/run/docs/container-contract: what Cloud Run sets by itself.
        (f"{env}.name", like(r"(?!PORT$|K_|CLOUD_RUN_|GOOGLE_)[A-Z][A-Z0-9_]*")),
        (f"{env}.value", at_most(32_768)),
        (f"{env}.value_source[].secret_key_ref[].version", like(r"latest|\d+")),
        ("template[].volumes[]", exactly_one("secret", "cloud_sql_instance", "empty_dir", "gcs", "nfs")),
        ("template[].containers[].volume_mounts[].mount_path", like(r"/(?!dev|proc|sys|app|cloudsql).+")),
    )


def _scheduler() -> Iterator[Rule]:
    yield from rules(
        "google_cloud_scheduler_job",
        f"{DOCS}/cloud_scheduler_job.html.markdown",
        ("name", like(r"[A-Za-z0-9_-]{1,500}")),
        ("description", at_most(500)),
        ("schedule", like(r"\S+( \S+){4}")),
        ("attempt_deadline", seconds(15, 1800)),
        ("retry_config[].retry_count", between(0, 5)),
        ("", exactly_one("http_target", "pubsub_target", "app_engine_http_target")),
        ("http_target[]", exactly_one("oidc_token", "oauth_token")),
        ("http_target[].http_method", one_of("POST")),
        ("http_target[].uri", like(r"https://\S+")),
    )


CONDITIONS = ("condition_absent", "condition_threshold", "condition_matched_log", "condition_sql")


def _on_log(policy: Any) -> bool:
    return any(condition.get("condition_matched_log") for condition in policy["conditions"])


def _prompts_fit(policy: Any) -> bool:
    strategy = policy["alert_strategy"][0]
    limited = bool(strategy.get("notification_rate_limit"))
    return limited == _on_log(policy) and (not limited or strategy["notification_prompts"] == ["OPENED"])


def _missing_data_fits(condition: Any) -> bool:
    return not condition.get("evaluation_missing_data") or float(condition["duration"].rstrip("s")) >= 60


def _alerts() -> Iterator[Rule]:
    threshold = "conditions[].condition_threshold[]"
    absent = "conditions[].condition_absent[]"
    metric = like(r".*metric\.type = \"[^\"]+\".*resource\.type = \"[a-z_]+\".*")
    yield from rules(
        "google_monitoring_alert_policy",
        ALERTS,
        ("combiner", one_of("AND", "OR", "AND_WITH_MATCHING_RESOURCE")),
        ("severity", one_of("CRITICAL", "ERROR", "WARNING")),
        ("display_name", at_most(512)),
        ("user_labels", LABEL_VALUE),
        ("conditions[]", exactly_one(*CONDITIONS)),
        (f"{absent}.duration", seconds(120, 84_600, 60)),
        (f"{threshold}.duration", seconds(0, 84_600, 60)),
        (f"{threshold}.comparison", one_of("COMPARISON_GT", "COMPARISON_LT")),
        (
            f"{threshold}.evaluation_missing_data",
            like(r"EVALUATION_MISSING_DATA_(INACTIVE|ACTIVE|NO_OP)"),
        ),
        (threshold, ("a duration of 60 s where missing data has a meaning", _missing_data_fits)),
        # Refused without: https://github.com/hashicorp/terraform-provider-google/issues/7179
        (f"{absent}.filter", metric),
        (f"{threshold}.filter", metric),
        *((f"{kind}.aggregations[].alignment_period", seconds(60, 90_000, 60)) for kind in (absent, threshold)),
        *((f"{kind}.aggregations[].per_series_aligner", ALIGNERS) for kind in (absent, threshold)),
        *((f"{kind}.aggregations[].cross_series_reducer", REDUCERS) for kind in (absent, threshold)),
        ("documentation[].content", at_most(8192)),
        ("documentation[].subject", at_most(255)),
        ("documentation[].mime_type", one_of("text/markdown")),
        ("alert_strategy[].auto_close", seconds(1800, 604_800)),
        ("", ("a rate limit and no prompt but OPENED on logs, and nowhere else", _prompts_fit)),
    )


def _monitoring() -> Iterator[Rule]:
    yield from rules(
        "google_monitoring_notification_channel",
        f"{DOCS}/monitoring_notification_channel.html.markdown",
        ("type", one_of("email")),
        ("labels", ("an address alone", lambda labels: list(labels) == ["email_address"])),
        ("display_name", at_most(512)),
    )
    yield from rules(
        "google_monitoring_metric_descriptor",
        f"{DOCS}/monitoring_metric_descriptor.html.markdown",
        ("type", like(r"custom\.googleapis\.com/[a-z_]+(/[a-z_]+)*")),
        ("metric_kind", one_of("GAUGE", "CUMULATIVE")),  # an agent can't write DELTA
        ("value_type", one_of("BOOL", "INT64", "DOUBLE", "STRING", "DISTRIBUTION")),
        ("labels[].value_type", one_of("STRING", "BOOL", "INT64")),
        ("labels[].key", like(r"[a-z][a-zA-Z0-9_]{0,99}")),
        ("deletion_policy", DELETION),
    )
    yield from rules(
        "google_logging_metric",
        f"{DOCS}/logging_metric.html.markdown",
        ("name", like(r"[A-Za-z0-9_.,+!*',()%-][A-Za-z0-9_.,+!*',()%/-]{0,99}")),
        ("description", at_most(8000)),
        ("filter", at_most(20_000)),
        ("metric_descriptor[].metric_kind", one_of("DELTA")),
        ("metric_descriptor[].value_type", one_of("INT64", "DISTRIBUTION")),
    )


RULES: Sequence[Rule] = (
    *_project(),
    *_proxy(),
    *_firestore(),
    *_secrets(),
    *_cloud_run(),
    *_scheduler(),
    *_alerts(),
    *_monitoring(),
)

# A dashboard is one JSON text, with tests of its own.
TYPES_WITHOUT_RULES = {"google_monitoring_dashboard"}


def broken(type_name: str, values: Mapping[str, Any]) -> list[str]:
    """The rules that the values of a resource break, one sentence each."""
    found = []
    for rule in RULES:
        if rule.type == type_name:
            wrong = [value for value in rule.values(values) if not rule.holds(value)]
            found += [
                f"{rule.at or 'the block'}: expected {rule.says}, got {value!r} ({rule.source})" for value in wrong
            ]
    return found
