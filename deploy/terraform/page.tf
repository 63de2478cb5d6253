# The page for people whom Identity-Aware Proxy signs in. It is a service of its own: the proxy stands before every
# request, and would turn away Cloud Scheduler's sweeps and Slack's clicks. While nobody looks it costs nothing.

locals {
  page         = local.deployed && length(var.page_viewers) > 0
  page_name    = "${var.name}-page"
  page_address = "https://${local.page_name}-${data.google_project.this.number}.${var.region}.run.app"

  # Google's own account in this project that brings what the proxy lets through. It is there once
  # `gcloud beta services identity create` has made it, for which this provider has no resource.
  proxy = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-iap.iam.gserviceaccount.com"

  page_settings = {
    for name, value in {
      HANGWATCH_STORE         = "firestore://${var.project}/${var.database}"
      HANGWATCH_LINK_BASE     = local.page_address
      HANGWATCH_POLICY        = var.policy == "" ? "" : "${local.policy_folder}/policy.toml"
      HANGWATCH_SLACK_CHANNEL = var.slack_channel
      HANGWATCH_IAP_AUDIENCE  = "/projects/${data.google_project.this.number}/locations/${var.region}/services/${local.page_name}"
    } : name => value if value != ""
  }

  # An answer on the page is shown in Slack at once; nothing else of the watchdog's secrets is needed here.
  page_secrets = {
    for name, value in local.secret_settings : name => value
    if contains(["HANGWATCH_SLACK_WEBHOOK_URL", "HANGWATCH_SLACK_TOKEN"], name)
  }
}

resource "google_cloud_run_v2_service" "page" {
  count = local.page ? 1 : 0

  project             = var.project
  location            = var.region
  name                = local.page_name
  description         = "Hangwatch: the page, behind Identity-Aware Proxy"
  labels              = var.labels
  ingress             = "INGRESS_TRAFFIC_ALL"
  iap_enabled         = true
  deletion_protection = false # it holds nothing

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  template {
    service_account                  = google_service_account.watchdog.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN1"
    timeout                          = "60s"
    max_instance_request_concurrency = 80

    # One instance: all who look share its one reader of the store.
    scaling {
      min_instance_count = 0
      max_instance_count = 1
    }

    containers {
      image = var.image

      resources {
        limits = {
          cpu    = "1"
          memory = "512Mi"
        }
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
        for_each = local.page_settings
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.page_secrets
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

  depends_on = [
    google_firestore_database.this,
    google_project_iam_member.store,
    google_project_service.proxy,
    google_secret_manager_secret_iam_member.watchdog,
    google_secret_manager_secret_version.written,
  ]
}

resource "google_project_service" "proxy" {
  count = local.page && var.enable_apis ? 1 : 0

  project            = var.project
  service            = "iap.googleapis.com"
  disable_on_destroy = false
}

# The proxy asks in its own name, so nobody else may reach the service itself.
resource "google_cloud_run_v2_service_iam_member" "proxy" {
  count = local.page ? 1 : 0

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.page[0].name
  role     = "roles/run.invoker"
  member   = local.proxy
}

resource "google_iap_web_cloud_run_service_iam_member" "page_viewers" {
  for_each = local.page ? var.page_viewers : toset([])

  project                = var.project
  location               = var.region
  cloud_run_service_name = google_cloud_run_v2_service.page[0].name
  role                   = "roles/iap.httpsResourceAccessor"
  member                 = each.value
}
