# The ways to deploy that differ from the usual one. Run: terraform init && terraform test

mock_provider "google" {
  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }

  mock_resource "google_service_account" {
    defaults = {
      member = "serviceAccount:made-up@acme-prod.iam.gserviceaccount.com"
      email  = "made-up@acme-prod.iam.gserviceaccount.com"
    }
  }
}

variables {
  project      = "acme-prod"
  image        = "us-central1-docker.pkg.dev/acme-prod/hangwatch/watchdog:0.1.0"
  alert_emails = ["ops@example.com"]
  secrets      = { slack_webhook_url = null }
}

run "an_existing_database_is_used_and_not_owned" {
  command = plan

  variables {
    database        = "(default)"
    create_database = false
  }

  assert {
    condition     = length(google_firestore_database.this) == 0
    error_message = "a database is created though it exists"
  }

  assert {
    condition     = alltrue([for field in google_firestore_field.queried : field.database == "(default)" && startswith(field.collection, "hangwatch_")])
    error_message = "fields are set elsewhere than in hangwatch_* of the database that exists"
  }

  assert {
    condition     = alltrue([for field in google_firestore_field.all_others : field.deletion_policy == "ABANDON"])
    error_message = "settings of a database that is not ours are taken away with the watchdog"
  }

  assert {
    condition     = alltrue([for member in google_project_iam_member.store : strcontains(member.condition[0].expression, "\"projects/acme-prod/databases/(default)\"")])
    error_message = "the role reaches further than the database"
  }

  assert {
    condition     = output.store == "firestore://acme-prod/(default)"
    error_message = "the store's address names another database"
  }
}

run "a_database_is_protected_by_default" {
  command = plan

  assert {
    condition     = google_firestore_database.this[0].delete_protection_state == "DELETE_PROTECTION_ENABLED" && google_firestore_database.this[0].deletion_policy == "ABANDON"
    error_message = "the database can be deleted by accident"
  }

  assert {
    condition     = google_cloud_run_v2_service.watchdog[0].deletion_protection
    error_message = "the service can be deleted by accident"
  }
}

run "a_database_lies_in_the_region_unless_said_otherwise" {
  command = plan

  variables {
    region = "europe-west1"
  }

  assert {
    condition     = google_firestore_database.this[0].location_id == "europe-west1"
    error_message = "the database lies elsewhere than the service"
  }
}

run "a_database_lies_where_it_was_asked_for" {
  command = plan

  variables {
    database_location = "nam5"
  }

  assert {
    condition     = google_firestore_database.this[0].location_id == "nam5"
    error_message = "the database lies elsewhere than asked for"
  }
}

run "without_an_image_there_is_all_but_the_service" {
  command = plan

  variables {
    image = null
  }

  assert {
    condition     = length(google_cloud_run_v2_service.watchdog) == 0 && length(google_cloud_scheduler_job.sweep) == 0 && length(google_cloud_run_v2_service_iam_member.invokers) == 0
    error_message = "a service or its schedule is made without an image"
  }

  assert {
    condition     = length(google_artifact_registry_repository.this) == 1 && length(google_firestore_database.this) == 1
    error_message = "there is nothing to push an image to"
  }

  assert {
    condition     = strcontains(output.next_steps, "gcloud builds submit") && strcontains(output.next_steps, "gcloud secrets versions add hangwatch-slack-webhook-url")
    error_message = "next_steps does not say how to go on"
  }
}

run "without_slack_it_says_where_notices_go" {
  command = plan

  variables {
    secrets = {}
  }

  expect_failures = [check.notices_go_somewhere]
}

run "without_a_channel_it_says_that_nobody_hears_of_a_dead_watchdog" {
  command = plan

  variables {
    alert_emails = []
  }

  expect_failures = [check.somebody_is_told]
}

run "nobody_but_the_scheduler_may_ask_for_a_sweep_by_default" {
  command = plan

  assert {
    condition     = keys(google_cloud_run_v2_service_iam_member.invokers) == ["scheduler"]
    error_message = "others may reach the service"
  }
}

run "a_public_service_can_be_reached_by_slack" {
  command = plan

  variables {
    public        = true
    slack_channel = "#alerts"
    secrets       = { slack_token = null, slack_signing_secret = null }
  }

  assert {
    condition     = google_cloud_run_v2_service_iam_member.invokers["everybody"].member == "allUsers"
    error_message = "Slack can't reach the service"
  }
}

run "apis_that_somebody_else_enables_are_left_alone" {
  command = plan

  variables {
    enable_apis       = false
    create_repository = false
  }

  assert {
    condition     = length(google_project_service.needed) == 0 && length(google_artifact_registry_repository.this) == 0
    error_message = "an API or a repository is made though it is somebody else's"
  }
}

run "operations_need_not_alert_twice" {
  command = plan

  variables {
    alert_on_operations = false
  }

  assert {
    condition     = !contains(keys(google_monitoring_alert_policy.figures), "stuck") && contains(keys(google_monitoring_alert_policy.figures), "undelivered")
    error_message = "alerts of operations can't be switched off by themselves"
  }
}

run "a_paused_schedule_is_paused" {
  command = plan

  variables {
    paused           = true
    scheduler_region = "us-east1"
    time_zone        = "America/New_York"
  }

  assert {
    condition     = google_cloud_scheduler_job.sweep[0].paused && google_cloud_scheduler_job.sweep[0].region == "us-east1" && google_cloud_scheduler_job.sweep[0].time_zone == "America/New_York"
    error_message = "the schedule is not as asked for"
  }
}

run "without_page_viewers_there_is_no_page_of_its_own" {
  command = plan

  assert {
    condition     = length(google_cloud_run_v2_service.page) == 0 && length(google_cloud_run_v2_service_iam_member.proxy) == 0 && length(google_iap_web_cloud_run_service_iam_member.page_viewers) == 0 && length(google_project_service.proxy) == 0
    error_message = "something of Identity-Aware Proxy is made though nobody asked for it"
  }

  assert {
    condition     = output.page == null
    error_message = "an address is told of a page that is not there"
  }
}

run "page_viewers_are_signed_in_by_the_proxy" {
  command = plan

  variables {
    page_viewers = ["group:ops@example.com", "user:ada@example.com"]
  }

  assert {
    condition     = google_cloud_run_v2_service.page[0].iap_enabled && google_cloud_run_v2_service.watchdog[0].iap_enabled != true
    error_message = "the proxy does not stand before the page alone, and would turn away sweeps"
  }

  assert {
    condition     = { for who, one in google_iap_web_cloud_run_service_iam_member.page_viewers : one.member => "${one.cloud_run_service_name} ${one.role}" } == { for who in ["group:ops@example.com", "user:ada@example.com"] : who => "hangwatch-page roles/iap.httpsResourceAccessor" }
    error_message = "others than those named may look"
  }

  # Its member has the project's number, which a plan does not know.
  assert {
    condition     = google_cloud_run_v2_service_iam_member.proxy[0].name == "hangwatch-page" && google_cloud_run_v2_service_iam_member.proxy[0].role == "roles/run.invoker"
    error_message = "the proxy may not ask the page"
  }
}

run "a_page_waits_for_its_image" {
  command = plan

  variables {
    image        = null
    page_viewers = ["group:ops@example.com"]
  }

  assert {
    condition     = length(google_cloud_run_v2_service.page) == 0 && output.page == null
    error_message = "a service is made without an image"
  }
}
