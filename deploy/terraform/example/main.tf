# A whole deployment. Copy this folder, or apply it as it is: docs are in deploy/terraform.md.

terraform {
  required_version = ">= 1.11, < 2.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 8.0, < 9.0"
    }
  }

  # Keep the state where your team keeps its own: in a bucket, with versions.
  # backend "gcs" {
  #   bucket = "acme-terraform"
  #   prefix = "hangwatch"
  # }
}

provider "google" {
  project = var.project
  region  = var.region
}

module "hangwatch" {
  source = "../"

  project = var.project
  region  = var.region
  image   = var.image

  database            = var.database
  create_database     = var.create_database
  deletion_protection = var.deletion_protection

  coordinators = var.coordinators
  viewers      = var.viewers
  page_viewers = var.page_viewers
  public       = var.public
  policy       = var.policy_file == "" ? "" : file(var.policy_file)

  slack_channel = var.slack_channel
  secrets       = var.secrets
  secret_values = var.secret_values
  alert_emails  = var.alert_emails
}

output "next_steps" {
  value = module.hangwatch.next_steps
}

output "address" {
  value = module.hangwatch.address
}

output "page" {
  value = module.hangwatch.page
}

output "repository" {
  value = module.hangwatch.repository
}
