resource "google_artifact_registry_repository" "this" {
  count = var.create_repository ? 1 : 0

  project       = var.project
  location      = var.region
  repository_id = var.name
  format        = "DOCKER"
  description   = "Images of the watchdog"
  labels        = var.labels

  # Without its images there is nothing to roll back to.
  deletion_policy = var.deletion_protection ? "PREVENT" : "DELETE"

  # Ten are enough; storage is paid for by the month.
  cleanup_policies {
    id     = "keep-the-last-ten"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "delete-older-ones"
    action = "DELETE"
    condition {
      older_than = "7776000s"
      tag_state  = "ANY"
    }
  }

  depends_on = [google_project_service.needed]
}
