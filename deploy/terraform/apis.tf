# Never disabled again: others in the project may have come to need them.

locals {
  apis = var.enable_apis ? toset([
    "artifactregistry.googleapis.com",
    "cloudbuild.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "cloudscheduler.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
  ]) : toset([])
}

resource "google_project_service" "needed" {
  for_each = local.apis

  project            = var.project
  service            = each.key
  disable_on_destroy = false
}

data "google_project" "this" {
  project_id = var.project
  depends_on = [google_project_service.needed]
}
