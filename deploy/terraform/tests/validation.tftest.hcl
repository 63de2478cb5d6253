# What each variable refuses and takes. A run has one value for each variable, and passes only if every one is refused.
# Run: terraform init && terraform test

mock_provider "google" {}

variables {
  project      = "acme-prod"
  alert_emails = ["ops@example.com"]
  secrets      = { slack_webhook_url = null }
}

run "values_just_outside_the_bounds_are_refused" {
  command = plan

  variables {
    project       = "acmee"                 # 5 characters
    name          = "hangwatch-production-" # 21 of them
    database      = "abc"
    image         = "us-docker.pkg.dev/acme-prod/watchdog@sha256:0123"
    max_instances = 3
    absent_after  = 179
  }

  expect_failures = [var.project, var.name, var.database, var.image, var.max_instances, var.absent_after]
}

run "values_below_the_bounds_are_refused" {
  command = plan

  variables {
    project       = "a234567890123456789012345678901" # 31 characters
    name          = "hw"
    database      = "a234567890123456789012345678901234567890123456789012345678901234" # 64 of them
    max_instances = 0
    absent_after  = 84660
  }

  expect_failures = [var.project, var.name, var.database, var.max_instances, var.absent_after]
}

run "values_on_the_bounds_are_taken" {
  command = plan

  variables {
    project       = "acme-1"
    name          = "hwd"
    database      = "abcd"
    max_instances = 1
    absent_after  = 180
  }
}

run "values_on_the_other_bounds_are_taken" {
  command = plan

  variables {
    project       = "a23456789012345678901234567890"
    name          = "hangwatch-production"
    database      = "a23456789012345678901234567890123456789012345678901234567890123"
    image         = "us-docker.pkg.dev/acme-prod/watchdog@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    max_instances = 2
    absent_after  = 84600
  }
}

run "what_is_often_mistaken_for_it_is_refused" {
  command = plan

  variables {
    project               = "123456789012"                                  # the project's number
    region                = "us-central1-a"                                 # a zone
    scheduler_region      = "nam5"                                          # a multi-region
    name                  = "Hangwatch"                                     # capitals
    database              = "0f8fad5b-d9cb-469f-a165-70867728950e"          # a UUID
    image                 = "us-docker.pkg.dev/acme-prod/watchdog/watchdog" # no tag
    time_zone             = "EST"
    slack_channel         = "alerts"
    coordinators          = ["coordinator@acme-prod.iam.gserviceaccount.com"]
    viewers               = ["allUsers"]
    alert_emails          = ["ops"]
    notification_channels = ["email"]
    absent_after          = 200
  }

  expect_failures = [
    var.project, var.region, var.scheduler_region, var.name, var.database, var.image, var.time_zone, var.slack_channel,
    var.coordinators, var.viewers, var.alert_emails, var.notification_channels, var.absent_after,
  ]
}

run "what_has_nearly_the_form_is_refused" {
  command = plan

  variables {
    project               = "acme-prod-"
    region                = "nam5"
    name                  = "-hangwatch"
    database              = "hang_watch"
    image                 = "hangwatch"
    time_zone             = "America/New York"
    slack_channel         = "##alerts"
    coordinators          = ["user:ada@example.com"]
    viewers               = ["user:"]
    alert_emails          = ["ops@example"]
    notification_channels = ["projects/acme-prod/notificationChannels/x"]
    max_instances         = 1.5
  }

  expect_failures = [
    var.project, var.region, var.name, var.database, var.image, var.time_zone, var.slack_channel, var.coordinators,
    var.viewers, var.alert_emails, var.notification_channels, var.max_instances,
  ]
}

run "what_has_the_form_is_taken" {
  command = plan

  variables {
    region                = "northamerica-northeast1"
    scheduler_region      = "us-east1"
    database              = "(default)"
    image                 = "gcr.io/acme-prod/watchdog:1"
    time_zone             = "America/Argentina/Buenos_Aires"
    slack_channel         = "C0123456789"
    coordinators          = ["serviceAccount:coordinator@acme-prod.iam.gserviceaccount.com"]
    viewers               = ["user:ada@example.com", "group:ops@example.com", "domain:example.com"]
    notification_channels = ["projects/acme-prod/notificationChannels/12"]
  }
}

run "a_policy_of_64_kib_is_taken" {
  command = plan

  variables {
    policy = join("", [for index in range(1024) : "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"])
  }
}

run "a_longer_policy_is_refused" {
  command = plan

  variables {
    policy = join("", [for index in range(1024) : index == 0 ? "#${"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}" : "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"])
  }

  expect_failures = [var.policy]
}

run "viewers_of_a_page_have_the_form_of_members" {
  command = plan

  variables {
    page_viewers = ["user:ada@example.com", "group:ops@example.com", "serviceAccount:robot@acme-prod.iam.gserviceaccount.com", "domain:example.com"]
  }
}

run "a_page_has_one_kind_of_viewers" {
  command = plan

  variables {
    viewers      = ["group:ops@example.com"]
    page_viewers = ["group:ops@example.com"]
  }

  expect_failures = [var.page_viewers]
}

run "everybody_is_no_viewer_of_a_page" {
  command = plan

  variables {
    page_viewers = ["allUsers"]
  }

  expect_failures = [var.page_viewers]
}

run "a_viewer_of_a_page_has_an_address" {
  command = plan

  variables {
    page_viewers = ["user:ada"]
  }

  expect_failures = [var.page_viewers]
}
