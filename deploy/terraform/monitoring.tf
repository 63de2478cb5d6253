# Alerts that do not depend on the watchdog being alive, or on Slack.

locals {
  # Each fires when the greatest value of a period stays above `above` for `seconds`, 60 at least: a shorter one may not
  # say what missing data means. Figures of live runs come every five minutes only, so their period is ten.
  thresholds = merge({
    slow = {
      title    = "sweeps take too long"
      severity = "WARNING"
      metric   = "sweep/seconds"
      above    = 40
      seconds  = 600
      period   = 60
      by       = []
      text     = "A sweep uses up the 45 s that it has, and Cloud Scheduler cuts it at 55 s. Look at sweep/read and sweep/due on the dashboard: either very many runs are due, or Firestore answers slowly. Run `python -m watchdog doctor`."
    }
    unjudged = {
      title    = "records that can't be judged"
      severity = "WARNING"
      metric   = "sweep/unjudged"
      above    = 0
      seconds  = 900
      period   = 60
      by       = []
      text     = "Somebody writes records of runs that the watchdog can't read: a client that is newer than the watchdog, or a stranger in its collections. `python -m watchdog status --all` names the records."
    }
    undelivered = {
      title    = "notices are not delivered"
      severity = "CRITICAL"
      metric   = "sweep/undelivered"
      above    = 0
      seconds  = 300
      period   = 60
      by       = []
      text     = "Operations are in trouble, and the notices about it do not get through. The service's log says why; `python -m watchdog doctor` tries the channel for real. Until then: `python -m watchdog status`."
    }
    doubtful = {
      title    = "beats are not arriving"
      severity = "ERROR"
      metric   = "sweep/doubtful"
      above    = 0
      seconds  = 120
      period   = 60
      by       = []
      text     = "Most runs went silent at once, so the watchdog doubts itself and holds its verdicts. The store, the network or the watchdog is at fault, and not the runs: see Firestore's status and the coordinator's log."
    }
    client_failures = {
      title    = "beats were lost"
      severity = "WARNING"
      metric   = "clients/failed_writes"
      above    = 0
      seconds  = 60
      period   = 600
      by       = []
      text     = "Runs that go on report beats that they could not write before. Their service's log has a line `heartbeat_client: beats can't be written` that says why and what helps."
    }
    }, var.alert_on_operations ? {
    stuck = {
      title    = "an operation is in trouble"
      severity = "ERROR"
      metric   = "operation/open_incidents"
      above    = 0
      seconds  = 120
      period   = 60
      by       = ["metric.label.operation", "metric.label.verdict"]
      text     = "The operation $${metric.label.operation} is $${metric.label.verdict}. `python -m watchdog status` or the watchdog's page says which run, where it stands and why."
    }
  } : {})

  channels = concat(var.notification_channels, [for one in google_monitoring_notification_channel.email : one.name])

  # Cloud Monitoring's least. What was lost with the last zero is closed by it.
  auto_close = "1800s"
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  project      = var.project
  type         = "email"
  display_name = "Hangwatch: ${each.key}"
  labels = {
    email_address = each.key
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "absent" {
  project               = var.project
  display_name          = "Hangwatch: the watchdog is absent"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = "no complete sweep for ${var.absent_after} s"
    condition_absent {
      filter   = local.filters["sweep/completed"]
      duration = "${var.absent_after}s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Hangwatch is absent: nobody would hear of a stuck operation"
    content   = "No sweep has come to its end for ${var.absent_after} s. Look at the job ${var.name}-sweep in Cloud Scheduler (paused? what does its last attempt say?), then at the log of the service ${var.name}. This alert arms itself with the first sweep after the policy was made or changed."
  }

  alert_strategy {
    auto_close = "86400s"
  }

  depends_on = [google_monitoring_metric_descriptor.figures]
}

resource "google_monitoring_alert_policy" "failing" {
  project               = var.project
  display_name          = "Hangwatch: the watchdog is failing"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = "3 of the requests in 5 minutes failed"
    condition_threshold {
      filter          = "metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\" AND resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${var.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 2
      duration        = "60s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
      evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Hangwatch fails"
    content   = "Sweeps are asked for and fail. The log of the service ${var.name} says why; `python -m watchdog doctor` looks at each part. After a deployment, go back: deploy/terraform.md, \"Roll back\"."
  }

  alert_strategy {
    auto_close = local.auto_close
  }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "figures" {
  for_each = local.thresholds

  project               = var.project
  display_name          = "Hangwatch: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = "${each.value.metric} above ${each.value.above}"
    condition_threshold {
      filter          = local.filters[each.value.metric]
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.above
      duration        = "${each.value.seconds}s"
      aggregations {
        alignment_period     = "${each.value.period}s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = length(each.value.by) == 0 ? "REDUCE_NONE" : "REDUCE_MAX"
        group_by_fields      = each.value.by
      }
      evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Hangwatch: ${each.value.title}"
    content   = each.value.text
  }

  alert_strategy {
    auto_close = local.auto_close
  }

  depends_on = [google_monitoring_metric_descriptor.figures]
}

# On the lines themselves rather than on the metric of them: a policy on a log-based metric that was made a moment ago is
# refused with 404 until Cloud Monitoring knows it, and a first line would alert only some minutes later.
resource "google_monitoring_alert_policy" "client_writes" {
  project               = var.project
  display_name          = "Hangwatch: a client can't write its beats"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = local.channels
  user_labels           = var.labels

  conditions {
    display_name = "a client says that beats can't be written"
    condition_matched_log {
      filter = local.client_trouble
      label_extractors = {
        service = "EXTRACT(resource.labels.service_name)"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "Hangwatch: a client can't write its beats"
    content   = "A service's operations run unwatched. The line itself says what helps; most often its service account lacks roles/datastore.user on the database `${var.database}`: name it in `coordinators`."
  }

  alert_strategy {
    auto_close           = local.auto_close
    notification_prompts = ["OPENED"]
    notification_rate_limit {
      period = "3600s"
    }
  }

  depends_on = [google_project_service.needed]
}

check "somebody_is_told" {
  assert {
    condition     = length(var.notification_channels) + length(var.alert_emails) > 0
    error_message = "alerts go nowhere but to the console: set alert_emails or notification_channels, or nobody hears when the watchdog itself is dead."
  }
}

check "notices_go_somewhere" {
  assert {
    condition     = length(setintersection(keys(var.secrets), ["slack_webhook_url", "slack_token"])) > 0
    error_message = "notices go to the service's log only: name slack_webhook_url or slack_token in secrets."
  }
}
