#!/usr/bin/env bash
# What a service under watch needs on Cloud Run, beside the library in its image: where its beats go, until when a
# request of it may take, the right to write, and a CPU that goes on after the response.
#
#   deploy/coordinator/watch.sh PROJECT SERVICE [REGION [DATABASE [NAME]]]
#
# Run it again after a change of the service's timeout. REGION is us-central1, DATABASE and NAME hangwatch by default.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 5 ]; then
  printf 'watch.sh: expected PROJECT SERVICE [REGION [DATABASE [NAME]]], got %d words\n' $# >&2
  exit 2
fi
project=$1 service=$2 region=${3:-us-central1} database=${4:-hangwatch} name=${5:-hangwatch}

read -r timeout account < <(gcloud run services describe "$service" --project="$project" --region="$region" --quiet \
  --format='csv[no-heading,separator=" "](spec.template.spec.timeoutSeconds,spec.template.spec.serviceAccountName)') ||
  exit 1
if [ -z "$account" ]; then
  printf 'watch.sh: %s: expected a service account of its own, got the default one; deploy it with --service-account\n' \
    "$service" >&2
  exit 1
fi

# Only this database: a role on the project would reach all of them.
gcloud projects add-iam-policy-binding "$project" --quiet --member="serviceAccount:$account" \
  --role=roles/datastore.user \
  --condition="^;^title=$name-database;expression=resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/$project/databases/$database\"" \
  >/dev/null

# --no-cpu-throttling: with billing by request the process is frozen between requests. An operation that goes on after
# the response, or after the timeout cut it, then beats no more, and is told as silent. A service that answers only
# when its work is done can do without.
gcloud run services update "$service" --project="$project" --region="$region" --quiet --no-cpu-throttling \
  --update-env-vars="HANGWATCH_STORE=firestore://$project/$database,HANGWATCH_DEADLINE=${timeout}s"

printf '%s writes to firestore://%s/%s, with a deadline of %s s. Check it there: python -m watchdog doctor --client\n' \
  "$service" "$project" "$database" "$timeout"
