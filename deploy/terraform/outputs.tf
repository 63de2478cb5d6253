output "address" {
  description = "Address of the watchdog: what Slack's interactivity address begins with, and its page where there are no page_viewers."
  value       = local.address
}

output "page" {
  description = "Address of the page behind Identity-Aware Proxy; null where there are no page_viewers."
  value       = local.page ? local.page_address : null
}

output "store" {
  description = "HANGWATCH_STORE for the services under watch, and for the commands of the watchdog."
  value       = "firestore://${var.project}/${var.database}"
}

output "repository" {
  description = "Where the image is pushed to; null where the repository is somebody else's."
  value       = var.create_repository ? "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.this[0].repository_id}" : null
}

output "watchdog_account" {
  description = "Account that the watchdog runs as."
  value       = google_service_account.watchdog.email
}

output "scheduler_account" {
  description = "Account that Cloud Scheduler asks for sweeps as."
  value       = google_service_account.scheduler.email
}

output "secrets" {
  description = "Ids of the secrets, by name."
  value       = { for name in keys(var.secrets) : name => google_secret_manager_secret.this[name].secret_id }
}

output "dashboard" {
  description = "Id of the dashboard in Cloud Monitoring."
  value       = google_monitoring_dashboard.this.id
}

output "coordinator_settings" {
  description = "What to set in the service under watch; HANGWATCH_DEADLINE is its own request timeout."
  value = {
    HANGWATCH_STORE    = "firestore://${var.project}/${var.database}"
    HANGWATCH_DEADLINE = "the request timeout of that service, such as 30m"
  }
}

output "next_steps" {
  description = "What comes next, in order."
  value       = join("\n", local.deployed ? local.once_deployed : local.before_the_image)
}

locals {
  by_hand = [for name, edition in var.secrets : name if edition == null]

  before_the_image = concat(
    [
      "The service is not there yet. Build its image, from the root of the checkout:",
      "  gcloud builds submit --project=${var.project} --region=${var.region} --config=deploy/cloudbuild.yaml --substitutions=_REPOSITORY=${var.name}",
    ],
    [
      for name in local.by_hand :
      "Put in a value: gcloud secrets versions add ${google_secret_manager_secret.this[name].secret_id} --project=${var.project} --data-file=-"
    ],
    ["Then set image, and run terraform apply again."],
  )

  once_deployed = concat(local.for_all, local.page ? [
    "5. So that Identity-Aware Proxy may ask the page, once for each project: gcloud beta services identity create --service=iap.googleapis.com --project=${var.project}",
    "   Then open ${local.page_address}; a new right may take some minutes.",
  ] : [])

  for_all = [
    "1. Run the first sweep, which arms the alert on the watchdog's absence:",
    "   gcloud scheduler jobs run ${var.name}-sweep --project=${var.project} --location=${coalesce(var.scheduler_region, var.region)}",
    "2. Send a test notice: HANGWATCH_STORE=firestore://${var.project}/${var.database} python -m watchdog test-notice, with the Slack settings of the service.",
    "3. In the service under watch set HANGWATCH_STORE=firestore://${var.project}/${var.database} and HANGWATCH_DEADLINE to its request timeout, and name its account in coordinators.",
    "4. There, run python -m watchdog doctor --client; here, python -m watchdog doctor.",
  ]
}
