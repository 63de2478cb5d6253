# What each one means and may be is said in ../variables.tf, which checks them.

variable "project" {
  type = string
}

variable "region" {
  type    = string
  default = "us-central1"
}

variable "image" {
  type    = string
  default = null
}

variable "database" {
  type    = string
  default = "hangwatch"
}

variable "create_database" {
  type    = bool
  default = true
}

variable "deletion_protection" {
  type    = bool
  default = true
}

variable "coordinators" {
  type    = set(string)
  default = []
}

variable "viewers" {
  type    = set(string)
  default = []
}

variable "page_viewers" {
  type    = set(string)
  default = []
}

variable "public" {
  type    = bool
  default = false
}

variable "policy_file" {
  type    = string
  default = ""
}

variable "slack_channel" {
  type    = string
  default = ""
}

variable "secrets" {
  type    = map(string)
  default = {}
}

variable "secret_values" {
  type      = map(string)
  default   = {}
  ephemeral = true
  sensitive = true
}

variable "alert_emails" {
  type    = set(string)
  default = []
}
