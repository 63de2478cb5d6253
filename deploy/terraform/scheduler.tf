# No retries: the next sweep comes within the minute anyway. Cloud Scheduler never has two requests of one job under way,
# so a sweep that takes long delays the next instead of meeting it.

resource "google_cloud_scheduler_job" "sweep" {
  count = local.deployed ? 1 : 0

  project          = var.project
  region           = coalesce(var.scheduler_region, var.region)
  name             = "${var.name}-sweep"
  description      = "Hangwatch: a sweep each minute"
  schedule         = "* * * * *"
  time_zone        = var.time_zone
  attempt_deadline = "55s"
  paused           = var.paused

  retry_config {
    retry_count = 0
  }

  http_target {
    uri         = "${local.address}/sweep"
    http_method = "POST"

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = local.address
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_member.invokers]
}
