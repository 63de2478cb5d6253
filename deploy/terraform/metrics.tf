# What the watchdog measures, described before it is written: an alert policy on a metric that Cloud Monitoring does not
# know is refused. metrics.json says the same as watchdog/metrics.py (python -m tests.deploy.metrics_file remakes it).

locals {
  metrics = { for metric in jsondecode(file("${path.module}/metrics.json")) : metric.name => metric }

  metric_types = { for name in keys(local.metrics) : name => "custom.googleapis.com/hangwatch/${name}" }

  # What a sweep writes for; Cloud Monitoring takes no custom metrics for Cloud Run's own resources.
  sweeps = "resource.type = \"generic_task\" AND resource.labels.namespace = \"hangwatch\""

  filters = {
    for name, type in local.metric_types : name => "metric.type = \"${type}\" AND ${local.sweeps}"
  }
}

# Abandoned rather than deleted, since deleting a descriptor deletes all that was ever measured.
resource "google_monitoring_metric_descriptor" "figures" {
  for_each = local.metrics

  project         = var.project
  type            = local.metric_types[each.key]
  metric_kind     = each.value.kind
  value_type      = each.value.value_type
  unit            = each.value.unit
  display_name    = "Hangwatch: ${each.value.title}"
  description     = each.value.description
  deletion_policy = "ABANDON"

  dynamic "labels" {
    for_each = each.value.labels
    content {
      key         = labels.key
      value_type  = "STRING"
      description = labels.value
    }
  }

  depends_on = [google_project_service.needed]
}

# A client that can't write its beats can't say so in a beat: all there is are lines in its own log.
resource "google_logging_metric" "client_write_failures" {
  project     = var.project
  name        = "${var.name}/client_write_failures"
  description = "Lines in which a client says that beats can't be written"
  filter      = local.client_trouble

  metric_descriptor {
    metric_kind  = "DELTA"
    value_type   = "INT64"
    unit         = "1"
    display_name = "Hangwatch: client write failures"
  }

  depends_on = [google_project_service.needed]
}

locals {
  client_write_failures = "logging.googleapis.com/user/${google_logging_metric.client_write_failures.name}"

  # Text where the client's lines are plain, jsonPayload where the service logs by structure. Severity says nothing: a
  # plain line on stderr has none.
  client_trouble_line = "heartbeat_client: (beats can't be written|the ends of [0-9]+ runs are given up|run .* the store refuses)"
  client_trouble = join(" AND ", [
    "resource.type = (\"cloud_run_revision\" OR \"cloud_run_job\")",
    "(textPayload =~ \"${local.client_trouble_line}\" OR jsonPayload.message =~ \"${local.client_trouble_line}\")",
  ])
}
