# shellcheck shell=bash disable=SC2154  # settings.sh has the settings
# What does not depend on the watchdog being alive: an alert on its absence, and one on its failing. Only Terraform makes
# the others, the dashboard and the log-based metric.

the_alerts() {
  step 'alerts' roles/monitoring.editor
  local channel=() all one
  ask_policies displayName || return 0
  all=$answer
  [ -z "$alert_email" ] || the_channel
  for one in absent failing; do
    keep_policy "$one" "$all"
  done
  [ -n "$alert_email" ] ||
    printf '  note: alerts go nowhere but to the console; say --alert-email, or nobody hears when the watchdog is dead\n'
}

# ask_policies FIELDS: the alert policies, one a line. Their commands are in gcloud's alpha part alone, as of gcloud 528,
# which may not be installed: then it says what to do instead, and returns 1.
ask_policies() {
  answer=''
  [ -z "$blind" ] || return 0
  if answer=$(gcloud alpha monitoring policies list --project="$project" --quiet \
    --format="csv[no-heading,separator='|']($1)" 2>"$noise"); then
    return 0
  fi
  grep -qE 'Invalid choice|component|not currently have this command' "$noise" || stop
  printf '  note: this gcloud can make no alert policies: run gcloud components install alpha, and this again; or make\n'
  printf '  one by hand, for the absence of custom.googleapis.com/hangwatch/sweep/completed for 5 minutes\n'
  return 1
}

the_channel() {
  known_channel
  if [ -z "$answer" ]; then
    change "mail to $alert_email" beta monitoring channels create --type=email \
      --display-name="Hangwatch: $alert_email" --channel-labels="email_address=$alert_email"
    [ -n "$dry_run" ] || known_channel
  fi
  channel=(--notification-channels="$answer")
}

# The name of a channel that mails to the address goes into $answer.
known_channel() {
  ask beta monitoring channels list --format='csv[no-heading,separator=" "](labels.email_address,name)'
  answer=$(printf '%s\n' "$answer" | awk -v address="$alert_email" '$1 == address { print $2; exit }')
}

# keep_policy FILE ALL: there is an alert policy with the display name in the file.
keep_policy() {
  local title
  title=$(policy_text "$1" | sed -n '1,/displayName/s/.*"displayName": "\(.*\)",/\1/p')
  answer=$2
  has "$title" && return
  change "alert \"$title\"" alpha monitoring policies create --policy="$(policy_text "$1")" ${channel[@]+"${channel[@]}"}
}

policy_text() { sed "s/@NAME@/$name/g" "$here/alert_$1.json"; }
