# Where it lives

variable "project" {
  description = "Id of the project that the watchdog runs in. It may hold other things: nothing of them is touched."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project: expected the id of a project, 6 to 30 of a-z, 0-9 and -, such as acme-prod; got \"${var.project}\"; a project's number or name won't do."
  }
}

variable "region" {
  description = "Region of the watchdog's service, its image and, unless said otherwise, its database."
  type        = string
  default     = "us-central1"

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region: expected a region such as us-central1, got \"${var.region}\"; a zone (us-central1-a) or a multi-region (nam5) won't do."
  }
}

variable "scheduler_region" {
  description = "Region of the Cloud Scheduler job, for regions that have no Cloud Scheduler. Null: region."
  type        = string
  default     = null

  validation {
    condition     = var.scheduler_region == null || can(regex("^[a-z]+-[a-z]+[0-9]+$", var.scheduler_region))
    error_message = "scheduler_region: expected a region such as us-central1, or null for the watchdog's own."
  }
}

variable "name" {
  description = "Name of the service; accounts, secrets and the repository begin with it or have it."
  type        = string
  default     = "hangwatch"

  validation {
    # A service account's id has at most 30 characters, and "-scheduler" is added.
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name: expected 3 to 20 of a-z, 0-9 and -, beginning with a letter; got \"${var.name}\"."
  }
}

variable "labels" {
  description = "Labels for everything that takes labels."
  type        = map(string)
  default     = {}
}

variable "enable_apis" {
  description = "Enable the APIs that are needed. None is ever disabled again. False: somebody else does it."
  type        = bool
  default     = true
}

variable "deletion_protection" {
  description = "Nothing that holds data is destroyed: the database and its settings stay, the service can't be removed. To remove it all, apply false first."
  type        = bool
  default     = true
}

# The store

variable "database" {
  description = "Firestore database that clients and watchdog share. A database of its own keeps rights and quotas apart from yours."
  type        = string
  default     = "hangwatch"

  validation {
    condition     = var.database == "(default)" || can(regex("^[a-z][a-z0-9-]{2,61}[a-z0-9]$", var.database))
    error_message = "database: expected (default) or 4 to 63 of a-z, 0-9 and -, beginning with a letter; got \"${var.database}\"."
  }

  validation {
    condition     = !can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.database))
    error_message = "database: expected a name, got something like a UUID, which Firestore refuses."
  }
}

variable "create_database" {
  description = "Create the database. False: it exists, in Native mode; only settings of collections named hangwatch_* are made."
  type        = bool
  default     = true
}

variable "database_location" {
  description = "Where a new database lies, such as nam5 or eur3; it can't be changed. Null: region."
  type        = string
  default     = null
}

# The service

variable "image" {
  description = "The watchdog's image, made by deploy/cloudbuild.yaml. Null: everything but the service and its schedule, so that there is a repository to push to."
  type        = string
  default     = null

  validation {
    condition     = var.image == null || can(regex("^[a-z0-9.-]+(/[A-Za-z0-9._-]+)+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$", var.image))
    error_message = "image: expected HOST/PATH:TAG or HOST/PATH@sha256:DIGEST; without one of them nobody knows what runs. Got \"${coalesce(var.image, "null")}\"."
  }
}

variable "create_repository" {
  description = "Create an Artifact Registry repository for the image."
  type        = bool
  default     = true
}

variable "policy" {
  description = "Text of the policy file (docs/policy.md), such as file(\"policy.toml\"). Empty: the defaults hold."
  type        = string
  default     = ""

  validation {
    condition     = length(var.policy) <= 65536
    error_message = "policy: expected at most 64 KiB, got ${length(var.policy)} characters."
  }
}

variable "max_instances" {
  description = "Instances of the service at most. One is enough; overlapping sweeps are harmless with two."
  type        = number
  default     = 1

  validation {
    condition     = contains([1, 2], var.max_instances)
    error_message = "max_instances: expected 1 or 2, got ${var.max_instances}; a sweep a minute needs no more."
  }
}

variable "viewers" {
  description = "Who may open the watchdog's page with gcloud's proxy, such as \"group:ops@example.com\". For a browser alone there is page_viewers."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for who in var.viewers : can(regex("^(user|group|serviceAccount|domain):[^@ ]+(@[^@ ]+)?$", who))])
    error_message = "viewers: expected members such as user:ada@example.com or group:ops@example.com; for everybody there is public."
  }
}

variable "page_viewers" {
  description = "Who may open the page in a browser, signed in by Identity-Aware Proxy, such as \"group:ops@example.com\". With any there is a second service for the page, NAME-page. Empty: there is none."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for who in var.page_viewers : can(regex("^((user|group|serviceAccount):[^@ ]+@[^@ ]+|domain:[^@ ]+)$", who))])
    error_message = "page_viewers: expected members such as user:ada@example.com, group:ops@example.com or domain:example.com; everybody is nobody that a proxy could sign in."
  }

  validation {
    condition     = length(var.page_viewers) == 0 || length(var.viewers) == 0
    error_message = "page_viewers: expected no viewers beside it, got both; with Identity-Aware Proxy the page is on the service NAME-page alone, so name everybody in page_viewers."
  }
}

variable "public" {
  description = "Let requests from anywhere reach the service, which Slack's buttons need. Sweeps and buttons check for themselves who asks."
  type        = bool
  default     = false
}

variable "time_zone" {
  description = "Time zone that the schedule is shown in; a sweep a minute is the same in all."
  type        = string
  default     = "Etc/UTC"

  validation {
    condition     = can(regex("^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z0-9_+-]+)+$", var.time_zone))
    error_message = "time_zone: expected a name of the tz database, such as America/New_York; got \"${var.time_zone}\"."
  }
}

variable "paused" {
  description = "Pause the sweeps. Nobody is told of anything meanwhile, and the absence alert fires."
  type        = bool
  default     = false
}

# Who uses it

variable "coordinators" {
  description = "Service accounts that your operations run as, such as \"serviceAccount:coordinator@acme-prod.iam.gserviceaccount.com\"; each may use the database, and no other."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for who in var.coordinators : can(regex("^serviceAccount:[^@ ]+@[^@ ]+$", who))])
    error_message = "coordinators: expected members such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com."
  }
}

# Who is told

variable "slack_channel" {
  description = "The usual channel of the Slack bot, such as #alerts; needed with the secret slack_token."
  type        = string
  default     = ""

  validation {
    condition     = var.slack_channel == "" || can(regex("^(#[^ #]+|[CG][A-Z0-9]{8,})$", var.slack_channel))
    error_message = "slack_channel: expected a channel such as #alerts, or its id; got \"${var.slack_channel}\"."
  }

  validation {
    condition     = !contains(keys(var.secrets), "slack_token") || var.slack_channel != ""
    error_message = "slack_channel: expected the channel that notices go to, got none; set it beside the secret slack_token."
  }
}

variable "secrets" {
  description = <<-EOT
    The secrets in use, of slack_webhook_url, slack_token, slack_signing_secret and ping_url, each with the edition of
    its value: Terraform writes secret_values when an edition changes. Null instead of an edition: the value is put
    into Secret Manager by hand, before the service is made.
  EOT
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.secrets), ["slack_webhook_url", "slack_token", "slack_signing_secret", "ping_url"])) == 0
    error_message = "secrets: expected some of slack_webhook_url, slack_token, slack_signing_secret and ping_url; got ${join(", ", keys(var.secrets))}."
  }

  validation {
    condition     = !alltrue([for name in ["slack_webhook_url", "slack_token"] : contains(keys(var.secrets), name)])
    error_message = "secrets: expected slack_webhook_url or slack_token, got both; the token does all that a webhook does."
  }

  validation {
    condition     = !contains(keys(var.secrets), "slack_signing_secret") || (var.public && contains(keys(var.secrets), "slack_token"))
    error_message = "secrets: slack_signing_secret is for buttons, which need slack_token too, and public = true so that Slack reaches the service."
  }
}

variable "secret_values" {
  description = "Values of the secrets that have an edition. Neither plan nor state holds them; give them in the environment, as TF_VAR_secret_values."
  type        = map(string)
  default     = {}
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = length(setsubtract([for name, edition in var.secrets : name if edition != null], keys(var.secret_values))) == 0
    error_message = "secret_values: expected a value for each of secrets that has an edition, each time Terraform runs; set TF_VAR_secret_values, or give null as the edition and put the value in by hand."
  }
}

variable "notification_channels" {
  description = "Cloud Monitoring's notification channels that exist, for all alerts: projects/PROJECT/notificationChannels/ID."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.notification_channels : can(regex("^projects/[^/]+/notificationChannels/[0-9]+$", one))])
    error_message = "notification_channels: expected names such as projects/acme-prod/notificationChannels/1234567890."
  }
}

variable "alert_emails" {
  description = "Addresses that get all alerts by mail. Choose people that a dead watchdog must wake: Slack is told by the watchdog itself."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.alert_emails : can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", one))])
    error_message = "alert_emails: expected addresses such as ops@example.com."
  }
}

variable "alert_on_operations" {
  description = "Alert on open incidents of operations through Cloud Monitoring too, beside the notices that the watchdog sends."
  type        = bool
  default     = true
}

variable "absent_after" {
  description = "Seconds without a complete sweep until the watchdog counts as absent."
  type        = number
  default     = 300

  validation {
    # Cloud Monitoring takes whole minutes up to 23.5 h; below three minutes one slow sweep would wake somebody.
    condition     = var.absent_after >= 180 && var.absent_after <= 84600 && var.absent_after % 60 == 0
    error_message = "absent_after: expected whole minutes of 180 to 84600 seconds, got ${var.absent_after}."
  }
}
