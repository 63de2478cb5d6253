# shellcheck shell=bash disable=SC2154  # settings.sh has the settings
# Secrets, and the policy file, which is none but can be mounted from here. Values go through pipes alone.

the_secrets() {
  step 'secrets' roles/secretmanager.admin
  local all which index=0 ids=()
  [ -z "$policy" ] || secret_names+=(policy) secret_values+=("$(cat "$policy")")
  ask secrets list --format='value(name.basename())'
  all=$answer
  for which in ${secret_names[@]+"${secret_names[@]}"}; do
    keep_secret "$which" "${secret_values[$index]}" "$all"
    index=$((index + 1))
  done
  mounts=''
  for which in slack_webhook_url slack_token slack_signing_secret ping_url policy; do
    answer=$all
    if has "$(secret_id "$which")" || is_given "$which"; then
      ids+=("$which")
    fi
  done
  for which in ${ids[@]+"${ids[@]}"}; do
    let_in "$which" "$all"
  done
}

secret_id() { printf '%s-%s' "$name" "${1//_/-}"; }

is_given() {
  local one
  for one in ${secret_names[@]+"${secret_names[@]}"}; do
    [ "$one" != "$1" ] || return 0
  done
  return 1
}

# keep_secret WHICH VALUE ALL: there is such a secret, and its newest version has this value.
keep_secret() {
  local id newest
  id=$(secret_id "$1")
  answer=$3
  if ! has "$id"; then
    change "secret $id" secrets create "$id" --replication-policy=automatic
  else
    newest_version "$id"
    newest=$answer
    if [ -n "$newest" ]; then
      ask secrets versions access "$newest" --secret="$id"
      [ "$answer" != "$2" ] || return 0
    fi
  fi
  change "a value of secret $id" secrets versions add "$id" --data-file=- < <(printf '%s' "$2")
}

newest_version() {
  ask secrets versions list "$1" --filter=state=ENABLED --sort-by=~createTime --limit=1 --format='value(name.basename())'
}

# let_in WHICH ALL: the watchdog may read it, and the service gets it, by its version's number: a new value makes a new
# revision, and the revision before keeps the old one.
let_in() {
  local id version where
  id=$(secret_id "$1") version=1
  answer=$2
  if has "$id" || [ -z "$dry_run" ]; then
    newest_version "$id"
    version=${answer:-1}
    ask secrets get-iam-policy "$id" --flatten='bindings[].members' \
      --format='csv[no-heading,separator=" "](bindings.role,bindings.members)'
  fi
  has "roles/secretmanager.secretAccessor serviceAccount:$watchdog" || change "$watchdog may read $id" \
    secrets add-iam-policy-binding "$id" --member="serviceAccount:$watchdog" --role=roles/secretmanager.secretAccessor
  where=HANGWATCH_$(printf '%s' "$1" | tr '[:lower:]' '[:upper:]')
  [ "$1" != policy ] || where=/etc/hangwatch/policy.toml
  mounts=$mounts${mounts:+,}$where=$id:$version
}
