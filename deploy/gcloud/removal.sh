# shellcheck shell=bash disable=SC2154  # settings.sh has the settings
# Taking it all away again. APIs stay enabled, for others may have come to need them; alert policies' history goes.

remove_all() {
  local said=''
  printf 'This removes the service, schedule, accounts, rights, secrets, images and alerts of %s from %s.\n' "$name" "$project"
  printf 'Type the id of the project to go on: '
  [ -n "$dry_run" ] || read -r said || true
  [ -n "$dry_run" ] || [ "$said" = "$project" ] || wrong 'nothing is removed: expected the id of the project, got something else'
  remove_service
  remove_alerts
  remove_ground
  remove_records
  printf '\n%d things %s\n' "$changes" "$([ -n "$dry_run" ] && printf 'would be removed' || printf 'were removed')"
}

remove_service() {
  step 'schedule and service' 'roles/cloudscheduler.admin and roles/run.admin'
  ask scheduler jobs list --location="$scheduler_region" --format='value(name.basename())'
  ! has "$name-sweep" || change "job $name-sweep" scheduler jobs delete "$name-sweep" --location="$scheduler_region"
  ask run services list --region="$region" --format='value(metadata.name)'
  ! has "$name" || change "service $name" run services delete "$name" --region="$region"
  ask artifacts repositories list --location="$region" --format='value(name.basename())'
  ! has "$name" || change "repository $name" artifacts repositories delete "$name" --location="$region"
}

remove_alerts() {
  step 'alerts' roles/monitoring.editor
  local policy
  ask_policies name,displayName || return 0
  while read -r policy <&3; do
    change "alert ${policy#*|}" alpha monitoring policies delete "${policy%%|*}"
  done 3< <(printf '%s\n' "$answer" | grep -E '[|]Hangwatch: the watchdog is (absent|failing)$')
}

remove_ground() {
  step 'secrets' roles/secretmanager.admin
  local which line
  ask secrets list --format='value(name.basename())'
  for which in slack_webhook_url slack_token slack_signing_secret ping_url policy; do
    ! has "$(secret_id "$which")" || change "secret $(secret_id "$which")" secrets delete "$(secret_id "$which")"
  done
  step "rights on $project" roles/resourcemanager.projectIamAdmin
  ask projects get-iam-policy "$project" --flatten='bindings[].members' \
    --format='csv[no-heading,separator=" "](bindings.role,bindings.members,bindings.condition.title)'
  while read -r line <&3; do
    remove_right "${line%% *}" "$(printf '%s' "$line" | cut -d' ' -f2)"
  done 3< <(printf '%s\n' "$answer" | grep -E " $name-database\$|^roles/monitoring.metricWriter serviceAccount:$watchdog ")
  step 'service accounts' roles/iam.serviceAccountAdmin
  ask iam service-accounts list --format='value(email)'
  ! has "$watchdog" || change "account $watchdog" iam service-accounts delete "$watchdog"
  ! has "$scheduler" || change "account $scheduler" iam service-accounts delete "$scheduler"
}

remove_right() {
  local condition=None
  [ "$1" != roles/datastore.user ] || condition="^;^title=$name-database;expression=$(only_this_database)"
  change "$1 of $2" projects remove-iam-policy-binding "$project" --member="$2" --role="$1" --condition="$condition"
}

# The records of runs are the one thing that can't be made again.
remove_records() {
  step "database $database" roles/datastore.owner
  local said=''
  ask firestore databases list --format='value(name.basename())'
  has "$database" || return 0
  printf 'The database %s holds all records of runs. Type its name to delete it too; anything else keeps it: ' "$database"
  [ -n "$dry_run" ] || read -r said || true
  if [ "$said" != "$database" ]; then
    printf '\n  it is kept\n'
    return
  fi
  change "$database is no longer protected" firestore databases update --database="$database" --no-delete-protection
  change "database $database" firestore databases delete --database="$database"
}
