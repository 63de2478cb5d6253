# A service and not a job: an execution of a job is billed for a minute at least, so a job each minute costs a CPU round
# the clock, and executions may overlap. Requests that last two seconds stay within the free tier.

locals {
  deployed = var.image != null

  # Known before the service is there, so that it can be told its own address.
  address = "https://${var.name}-${data.google_project.this.number}.${var.region}.run.app"

  policy_folder = "/etc/hangwatch"

  settings = {
    for name, value in {
      HANGWATCH_STORE              = "firestore://${var.project}/${var.database}"
      HANGWATCH_MONITORING_PROJECT = var.project
      HANGWATCH_LINK_BASE          = local.page ? local.page_address : local.address
      HANGWATCH_POLICY             = var.policy == "" ? "" : "${local.policy_folder}/policy.toml"
      HANGWATCH_SLACK_CHANNEL      = var.slack_channel
      HANGWATCH_PAGE               = var.public || local.page ? "" : "guarded" # whom IAM lets in may look; Slack's clicks need everybody
      HANGWATCH_SWEEP_AUDIENCE     = local.address
      HANGWATCH_SWEEP_ACCOUNT      = google_service_account.scheduler.email
    } : name => value if value != ""
  }

  # A version by number makes a new revision of each new value; what was put in by hand is read as an instance starts.
  secret_settings = {
    for name, edition in var.secrets : "HANGWATCH_${upper(name)}" => {
      secret  = google_secret_manager_secret.this[name].secret_id
      version = edition == null ? "latest" : google_secret_manager_secret_version.written[name].version
    }
  }
}

resource "google_cloud_run_v2_service" "watchdog" {
  count = local.deployed ? 1 : 0

  project             = var.project
  location            = var.region
  name                = var.name
  description         = "Hangwatch: tells which long operation is stuck"
  labels              = var.labels
  ingress             = "INGRESS_TRAFFIC_ALL"
  custom_audiences    = [local.address]
  deletion_protection = var.deletion_protection

  # Left out, whatever somebody set by hand to roll back would hold for ever.
  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  template {
    service_account                  = google_service_account.watchdog.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN1"
    timeout                          = "60s"
    max_instance_request_concurrency = 20

    scaling {
      min_instance_count = 0
      max_instance_count = var.max_instances
    }

    containers {
      image = var.image

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
        # A setting of `resources` that leaves this out would turn billing by request off.
        cpu_idle          = true
        startup_cpu_boost = true
      }

      ports {
        container_port = 8080
      }

      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30
        http_get {
          path = "/healthz"
        }
      }

      dynamic "env" {
        for_each = local.settings
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secret_settings
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value.secret
              version = env.value.version
            }
          }
        }
      }

      dynamic "volume_mounts" {
        for_each = google_secret_manager_secret_version.policy
        content {
          name       = "policy"
          mount_path = local.policy_folder
        }
      }
    }

    dynamic "volumes" {
      for_each = google_secret_manager_secret_version.policy
      content {
        name = "policy"
        secret {
          secret = google_secret_manager_secret.this["policy"].secret_id
          items {
            path    = "policy.toml"
            version = volumes.value.version
          }
        }
      }
    }
  }

  # A revision whose account may not read its secrets or its store yet would never start.
  depends_on = [
    google_firestore_database.this,
    google_project_iam_member.store,
    google_secret_manager_secret_iam_member.watchdog,
    google_secret_manager_secret_version.written,
  ]
}
