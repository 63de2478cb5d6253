# A container for each secret in use. Values either come as write-only arguments, which neither plan nor state keeps,
# or are put in by hand. The policy file is no secret; it is here because a service can mount it from here as a file.

locals {
  written    = { for name, edition in var.secrets : name => edition if edition != null }
  containers = setunion(keys(var.secrets), var.policy == "" ? [] : ["policy"])
}

resource "google_secret_manager_secret" "this" {
  for_each = local.containers

  project   = var.project
  secret_id = "${var.name}-${replace(each.key, "_", "-")}"
  labels    = var.labels

  replication {
    auto {}
  }

  depends_on = [google_project_service.needed]
}

# The old value is disabled only after the new one is there, and can be enabled again to roll back.
resource "google_secret_manager_secret_version" "written" {
  for_each = local.written

  secret                 = google_secret_manager_secret.this[each.key].id
  secret_data_wo         = var.secret_values[each.key]
  secret_data_wo_version = each.value
  deletion_policy        = "DISABLE"

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_version" "policy" {
  count = var.policy == "" ? 0 : 1

  secret          = google_secret_manager_secret.this["policy"].id
  secret_data     = var.policy
  deletion_policy = "DISABLE"

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "watchdog" {
  for_each = local.containers

  project   = var.project
  secret_id = google_secret_manager_secret.this[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.watchdog.member
}
