# shellcheck shell=bash disable=SC2034,SC2154  # files share their settings
# What everything else stands on: the project, its APIs, two accounts and their rights.

the_project() {
  step "project $project" roles/browser
  ask projects describe "$project" --format='value(projectNumber)'
  number=$answer
  address=https://$name-$number.$region.run.app
}

the_apis() {
  step 'APIs' roles/serviceusage.serviceUsageAdmin
  local api missing=()
  ask services list --enabled --format='value(config.name)'
  for api in artifactregistry cloudbuild cloudresourcemanager cloudscheduler firestore iam logging monitoring run \
    secretmanager; do
    has "$api.googleapis.com" || missing+=("$api.googleapis.com")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  change "${#missing[@]} APIs are enabled" services enable "${missing[@]}"
  [ -z "$dry_run" ] || look_at_nothing
}

# Where an API is off, and stays so in a dry run, everything is still to be made, and nothing can be asked.
look_at_nothing() { blind=yes; }

the_accounts() {
  step 'service accounts' roles/iam.serviceAccountAdmin
  ask iam service-accounts list --format='value(email)'
  has "$watchdog" || change "account $watchdog" iam service-accounts create "$name-watchdog" \
    --display-name='Hangwatch: reads beats, sends notices'
  has "$scheduler" || change "account $scheduler" iam service-accounts create "$name-scheduler" \
    --display-name='Hangwatch: asks for a sweep each minute'
}

# A role on a project would reach all of its databases.
only_this_database() {
  printf 'resource.type == "firestore.googleapis.com/Database" && resource.name == "projects/%s/databases/%s"' \
    "$project" "$database"
}

the_rights() {
  step "rights on $project" roles/resourcemanager.projectIamAdmin
  local who
  ask projects get-iam-policy "$project" --flatten='bindings[].members' \
    --format='csv[no-heading,separator=" "](bindings.role,bindings.members,bindings.condition.title)'
  for who in "serviceAccount:$watchdog" ${coordinators[@]+"${coordinators[@]}"}; do
    has "roles/datastore.user $who $name-database" || change "$who may use the database $database" \
      projects add-iam-policy-binding "$project" --member="$who" --role=roles/datastore.user \
      --condition="^;^title=$name-database;expression=$(only_this_database)"
  done
  has "roles/monitoring.metricWriter serviceAccount:$watchdog " || change "$watchdog may write metrics" \
    projects add-iam-policy-binding "$project" --member="serviceAccount:$watchdog" \
    --role=roles/monitoring.metricWriter --condition=None
}
