# shellcheck shell=bash disable=SC2154  # settings.sh has the settings
# The Firestore database, and which of its fields are indexed: only those that are asked for. See
# deploy/terraform/firestore.tf, which says why.

the_database() {
  step "database $database" roles/datastore.owner
  ask firestore databases list --format='csv[no-heading,separator=" "](name.basename(),type)'
  if has "$database DATASTORE_MODE"; then
    wrong "database $database: expected one in Native mode, got one in Datastore mode; name another with --database"
  fi
  has "$database FIRESTORE_NATIVE" && return
  change "database $database in $database_location" firestore databases create --database="$database" \
    --location="$database_location" --type=firestore-native --delete-protection
}

# Collection, field, its indexes, and ttl where documents expire by it. * is every field that is not named.
fields() {
  cat <<'TABLE'
hangwatch_incidents expires_at ASCENDING ttl
hangwatch_incidents open ASCENDING -
hangwatch_incidents run_id ASCENDING -
hangwatch_notices expires_at ASCENDING ttl
hangwatch_notices open ASCENDING -
hangwatch_parts expires_at ASCENDING ttl
hangwatch_parts run ASCENDING -
hangwatch_runs beat_at ASCENDING -
hangwatch_runs by_operation ASCENDING,DESCENDING -
hangwatch_runs due_at ASCENDING -
hangwatch_runs ended_at ASCENDING -
hangwatch_runs expires_at ASCENDING ttl
hangwatch_runs state ASCENDING -
hangwatch_incidents * - -
hangwatch_notices * - -
hangwatch_operations * - -
hangwatch_parts * - -
hangwatch_runs * - -
hangwatch_watchdog * - -
TABLE
}

# All indexes come before the first TTL policy: a field takes one change after the other.
the_fields() {
  step "fields of database $database" roles/datastore.indexAdmin
  local collection field orders ttl
  ask firestore indexes fields list --database="$database" \
    --format='csv[no-heading,separator="|"](name.segment(5),name.segment(7),indexConfig.indexes[].fields.order.list(),ttlConfig.state)'
  answer=$(printf '%s\n' "$answer" | tr -d "[]'\` ")
  while read -r collection field orders ttl <&3; do
    is_indexed "$collection|$field|${orders#-}|" || index "$collection" "$field" "${orders#-}"
  done 3< <(fields)
  while read -r collection field orders ttl <&3; do
    [ "$ttl" = - ] || expires "$collection|$field|" || change "$collection expire by $field" \
      firestore fields ttls update "$field" --collection-group="$collection" --database="$database" --enable-ttl --async
  done 3< <(fields)
}

# Whether $answer has a line that begins so.
is_indexed() {
  case $'\n'$answer in
    *$'\n'"$1"*) ;;
    *) return 1 ;;
  esac
}

expires() { printf '%s\n' "$answer" | grep -F "$1" | grep -qE '[|](ACTIVE|CREATING)$'; }

index() {
  local order orders=(--disable-indexes)
  [ -z "$3" ] || orders=()
  for order in ${3//,/ }; do
    orders+=("--index=order=$order")
  done
  change "$1: $2 has ${3:-no} index" firestore indexes fields update "$2" --collection-group="$1" \
    --database="$database" "${orders[@]}" --async
}
