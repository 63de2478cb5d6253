# Two accounts: who watches, and who says when. Neither can do what the other does.

locals {
  database_name = "projects/${var.project}/databases/${var.database}"

  # A role on a project would reach all of its databases.
  only_this_database = "resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"${local.database_name}\""
}

resource "google_service_account" "watchdog" {
  project      = var.project
  account_id   = "${var.name}-watchdog"
  display_name = "Hangwatch: reads beats, sends notices"
  depends_on   = [google_project_service.needed]
}

resource "google_service_account" "scheduler" {
  project      = var.project
  account_id   = "${var.name}-scheduler"
  display_name = "Hangwatch: asks for a sweep each minute"
  depends_on   = [google_project_service.needed]
}

resource "google_project_iam_member" "store" {
  for_each = merge(
    { watchdog = google_service_account.watchdog.member },
    { for who in var.coordinators : who => who },
  )

  project = var.project
  role    = "roles/datastore.user"
  member  = each.value

  condition {
    title      = "${var.name}-database"
    expression = local.only_this_database
  }
}

resource "google_project_iam_member" "metrics" {
  project = var.project
  role    = "roles/monitoring.metricWriter"
  member  = google_service_account.watchdog.member
}

resource "google_cloud_run_v2_service_iam_member" "invokers" {
  for_each = local.deployed ? merge(
    { scheduler = google_service_account.scheduler.member },
    { for who in var.viewers : who => who },
    var.public ? { everybody = "allUsers" } : {},
  ) : {}

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.watchdog[0].name
  role     = "roles/run.invoker"
  member   = each.value
}
