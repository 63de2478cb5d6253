# What a service under watch needs on Cloud Run, beside the library in its image. Take over into its own configuration
# what stands between the comments; the rest is here so that this is a whole file.

variable "project" {
  type = string
}

variable "database" {
  type    = string
  default = "hangwatch"
}

variable "image" {
  type = string
}

locals {
  # In one place, for the service and its watchdog must mean the same instant.
  request_timeout = "1800s"
}

resource "google_service_account" "coordinator" {
  project    = var.project
  account_id = "coordinator"
}

# Or name the account in `coordinators` of deploy/terraform, which makes this binding.
resource "google_project_iam_member" "beats" {
  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.coordinator.member

  # Only this database: a role on the project would reach all of them.
  condition {
    title      = "hangwatch-database"
    expression = "resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/${var.project}/databases/${var.database}\""
  }
}

resource "google_cloud_run_v2_service" "coordinator" {
  project  = var.project
  location = "us-central1"
  name     = "coordinator"

  template {
    service_account = google_service_account.coordinator.email
    timeout         = local.request_timeout

    containers {
      image = var.image

      resources {
        # With billing by request the process is frozen between requests: an operation that goes on after the response,
        # or after the timeout cut it, beats no more, and is told as silent. A service that answers only when its work
        # is done can leave this out.
        cpu_idle = false
      }

      env {
        name  = "HANGWATCH_STORE"
        value = "firestore://${var.project}/${var.database}"
      }

      env {
        name  = "HANGWATCH_DEADLINE"
        value = local.request_timeout
      }
    }
  }

  depends_on = [google_project_iam_member.beats]
}
