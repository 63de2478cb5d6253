#!/usr/bin/env bash
# Puts Hangwatch into a Google Cloud project with nothing but gcloud: what deploy/terraform does, for those without
# Terraform. Run it again at any time: it looks first, and changes only what is not as it should be.
#
# Written for bash 3.2, which is what macOS has: no mapfile, no associative arrays, and care with empty ones.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

# shellcheck source=deploy/gcloud/settings.sh
. "$here/settings.sh"
# shellcheck source=deploy/gcloud/asking.sh
. "$here/asking.sh"
# shellcheck source=deploy/gcloud/ground.sh
. "$here/ground.sh"
# shellcheck source=deploy/gcloud/store.sh
. "$here/store.sh"
# shellcheck source=deploy/gcloud/image.sh
. "$here/image.sh"
# shellcheck source=deploy/gcloud/secrets.sh
. "$here/secrets.sh"
# shellcheck source=deploy/gcloud/service.sh
. "$here/service.sh"
# shellcheck source=deploy/gcloud/alerts.sh
. "$here/alerts.sh"
# shellcheck source=deploy/gcloud/removal.sh
. "$here/removal.sh"

read_arguments "$@"
command -v gcloud >/dev/null || wrong 'expected gcloud on PATH, got none; install the Google Cloud CLI'
noise=$(mktemp)
trap 'rm -f "$noise"' EXIT

the_project
if [ -n "$remove" ]; then
  remove_all
  exit
fi
the_apis
the_accounts
the_database
the_fields
the_rights
the_repository
the_image
the_secrets
the_service
the_invokers
the_schedule
the_first_sweep
the_alerts
what_comes_next
