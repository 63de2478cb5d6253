# The database, and which of its fields are indexed: only those that are asked for. Each other index would cost every
# beat latency and storage, and one on a time that only grows limits a collection to 500 writes a second.

locals {
  collections = toset([
    "hangwatch_incidents",
    "hangwatch_notices",
    "hangwatch_operations",
    "hangwatch_parts",
    "hangwatch_runs",
    "hangwatch_watchdog",
  ])

  # watchdog/adapters/store_rules.py, QUERIED, as collection = { field = orders }.
  queried = {
    hangwatch_incidents = {
      expires_at = ["ASCENDING"]
      open       = ["ASCENDING"]
      run_id     = ["ASCENDING"]
    }
    hangwatch_notices = {
      expires_at = ["ASCENDING"]
      open       = ["ASCENDING"]
    }
    hangwatch_parts = {
      expires_at = ["ASCENDING"]
      run        = ["ASCENDING"]
    }
    hangwatch_runs = {
      beat_at      = ["ASCENDING"]
      by_operation = ["ASCENDING", "DESCENDING"]
      due_at       = ["ASCENDING"]
      ended_at     = ["ASCENDING"]
      expires_at   = ["ASCENDING"]
      state        = ["ASCENDING"]
    }
  }

  fields = merge([
    for collection, fields in local.queried : {
      for field, orders in fields : "${collection}/${field}" => { collection = collection, field = field, orders = orders }
    }
  ]...)

  database = var.create_database ? google_firestore_database.this[0].name : var.database

  # What stays in a database that is kept goes on to expire.
  settings_policy = var.deletion_protection || !var.create_database ? "ABANDON" : "DELETE"
}

# No prevent_destroy: it takes no variable, so nobody could ever remove this without editing the module. Google's own
# delete protection also holds against other tools than Terraform.
resource "google_firestore_database" "this" {
  count = var.create_database ? 1 : 0

  project                           = var.project
  name                              = var.database
  location_id                       = coalesce(var.database_location, var.region)
  type                              = "FIRESTORE_NATIVE"
  database_edition                  = "STANDARD"
  concurrency_mode                  = "OPTIMISTIC"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.needed]
}

resource "google_firestore_field" "queried" {
  for_each = local.fields

  project         = var.project
  database        = local.database
  collection      = each.value.collection
  field           = each.value.field
  deletion_policy = local.settings_policy

  index_config {
    dynamic "indexes" {
      for_each = each.value.orders
      content {
        order       = indexes.value
        query_scope = "COLLECTION"
      }
    }
  }

  dynamic "ttl_config" {
    for_each = each.value.field == "expires_at" ? ["on"] : []
    content {}
  }

  depends_on = [google_project_service.needed]
}

# After the fields above have their own indexes: the other way round, a database that is in use would lose them for a while.
resource "google_firestore_field" "all_others" {
  for_each = local.collections

  project         = var.project
  database        = local.database
  collection      = each.key
  field           = "*"
  deletion_policy = local.settings_policy

  index_config {}

  depends_on = [google_firestore_field.queried]
}
