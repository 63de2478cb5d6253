# What becomes of secrets. Run: terraform init && terraform test

mock_provider "google" {
  mock_resource "google_secret_manager_secret_version" {
    defaults = {
      version = "7"
    }
  }
}

variables {
  project       = "acme-prod"
  image         = "us-central1-docker.pkg.dev/acme-prod/hangwatch/watchdog:0.1.0"
  alert_emails  = ["ops@example.com"]
  secrets       = { slack_webhook_url = "1", ping_url = null }
  secret_values = { slack_webhook_url = "https://hooks.slack.com/services/made/up" }
}

run "a_value_is_write_only" {
  assert {
    condition     = google_secret_manager_secret_version.written["slack_webhook_url"].secret_data_wo == null && google_secret_manager_secret_version.written["slack_webhook_url"].secret_data == null
    error_message = "the state holds the value of a secret"
  }

  assert {
    condition     = google_secret_manager_secret_version.written["slack_webhook_url"].secret_data_wo_version == "1"
    error_message = "the edition does not decide when a value is written"
  }
}

run "a_value_that_is_put_in_by_hand_is_not_terraforms" {
  assert {
    condition     = keys(google_secret_manager_secret_version.written) == ["slack_webhook_url"] && contains(keys(google_secret_manager_secret.this), "ping_url")
    error_message = "Terraform writes what is put in by hand, or makes no place for it"
  }
}

run "the_service_reads_a_version_by_number_where_terraform_wrote_it" {
  assert {
    condition = {
      for env in google_cloud_run_v2_service.watchdog[0].template[0].containers[0].env : env.name => env.value_source[0].secret_key_ref[0].version
      if length(env.value_source) > 0
    } == { HANGWATCH_SLACK_WEBHOOK_URL = "7", HANGWATCH_PING_URL = "latest" }
    error_message = "a new value would make no new revision, or what was put in by hand is not found"
  }
}

run "each_secret_has_its_own_right" {
  assert {
    condition     = keys(google_secret_manager_secret_iam_member.watchdog) == ["ping_url", "slack_webhook_url"]
    error_message = "a secret can't be read, or more than those in use can"
  }
}

run "a_policy_is_a_file_of_the_service" {
  variables {
    policy = "[defaults]\ndeadline = \"30m\"\n"
  }

  assert {
    condition     = google_cloud_run_v2_service.watchdog[0].template[0].volumes[0].secret[0].secret == "hangwatch-policy"
    error_message = "the policy is not mounted"
  }

  assert {
    condition = contains([
      for env in google_cloud_run_v2_service.watchdog[0].template[0].containers[0].env : env.value if env.name == "HANGWATCH_POLICY"
    ], "/etc/hangwatch/policy.toml")
    error_message = "the service is not told where its policy is"
  }
}

run "an_edition_needs_a_value" {
  command = plan

  variables {
    secret_values = {}
  }

  expect_failures = [var.secret_values]
}

run "an_unknown_secret_is_refused" {
  command = plan

  variables {
    secrets = { slack_web_hook = null }
  }

  expect_failures = [var.secrets]
}

run "a_webhook_beside_a_bot_is_refused" {
  command = plan

  variables {
    slack_channel = "#alerts"
    secrets       = { slack_webhook_url = null, slack_token = null }
  }

  expect_failures = [var.secrets]
}

run "a_bot_needs_a_channel" {
  command = plan

  variables {
    secrets = { slack_token = null }
  }

  expect_failures = [var.slack_channel]
}

run "buttons_need_a_public_service" {
  command = plan

  variables {
    slack_channel = "#alerts"
    secrets       = { slack_token = null, slack_signing_secret = null }
  }

  expect_failures = [var.secrets]
}

run "buttons_need_a_bot" {
  command = plan

  variables {
    public  = true
    secrets = { slack_webhook_url = null, slack_signing_secret = null }
  }

  expect_failures = [var.secrets]
}
