# shellcheck shell=bash disable=SC2034  # read by the other files
# What may be said on the command line. Names and defaults are those of deploy/terraform/variables.tf.

usage() {
  cat <<'TEXT'
Put Hangwatch into a Google Cloud project, or bring it up to date.

  deploy/gcloud/deploy.sh PROJECT [OPTION...]

  --region REGION           of service, image and database (us-central1)
  --scheduler-region REGION of the Cloud Scheduler job, where REGION has none
  --name NAME               of the service; accounts, secrets and the repository begin with it (hangwatch)
  --database NAME           Firestore database that clients and watchdog share; made if it is not there (hangwatch)
  --database-location PLACE where a new database lies, such as nam5 or eur3 (REGION)
  --image IMAGE             the watchdog's image; without it, it is built from this checkout when its code is new
  --secret NAME=FILE        slack_webhook_url, slack_token, slack_signing_secret or ping_url; FILE - is standard input
  --slack-channel CHANNEL   the usual channel of the Slack bot, such as '#alerts'
  --policy FILE             a policy file
  --coordinator EMAIL       service account that your operations run as; may be said several times
  --viewer MEMBER           who may open the watchdog's page, such as group:ops@example.com; several times
  --public                  let requests from anywhere reach the service, which Slack's buttons need
  --alert-email ADDRESS     whom a dead watchdog must wake
  --dry-run                 only say what would be changed
  --remove                  take it all away again; asks first, and asks apart for the records
TEXT
}

wrong() {
  printf 'deploy.sh: %s\n' "$1" >&2
  exit 2
}

project='' region=us-central1 scheduler_region='' name=hangwatch database=hangwatch database_location='' image=''
slack_channel='' policy='' public='' alert_email='' dry_run='' remove=''
coordinators=() viewers=() secret_names=() secret_values=()

read_arguments() {
  local option
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h) usage && exit ;;
      --public) public=yes && shift ;;
      --dry-run) dry_run=yes && shift ;;
      --remove) remove=yes && shift ;;
      --*=*) option=$1 && shift && set -- "${option%%=*}" "${option#*=}" "$@" ;;
      --*) read_option "$1" "${2:-}" && shift 2 ;;
      *) [ -z "$project" ] || wrong "expected one project, got $project and $1; see --help"
        project=$1 && shift ;;
    esac
  done
  check_settings
}

read_option() {
  [ -n "$2" ] || wrong "$1: expected a value after it, got none; see --help"
  case $1 in
    --region) region=$2 ;;
    --scheduler-region) scheduler_region=$2 ;;
    --name) name=$2 ;;
    --database) database=$2 ;;
    --database-location) database_location=$2 ;;
    --image) image=$2 ;;
    --slack-channel) slack_channel=$2 ;;
    --policy) policy=$2 ;;
    --alert-email) alert_email=$2 ;;
    --coordinator) coordinators+=("serviceAccount:${2#serviceAccount:}") ;;
    --viewer) viewers+=("$2") ;;
    --secret) read_secret "$2" ;;
    *) wrong "expected an option that --help lists, got $1; see --help" ;;
  esac
}

# A value never gets onto a command line, where every user of the machine could read it.
read_secret() {
  local which=${1%%=*} file=${1#*=} value
  case $which in
    slack_webhook_url | slack_token | slack_signing_secret | ping_url) ;;
    *) wrong '--secret: expected slack_webhook_url, slack_token, slack_signing_secret or ping_url, got something else; see --help' ;;
  esac
  [ "$which" != "$1" ] || wrong "--secret $which: expected =FILE after it, got none; put the value into a file, or say =- and pipe it in"
  if [ "$file" = - ]; then
    value=$(cat)
  else
    [ -r "$file" ] || wrong "--secret $which: expected a file that can be read, got something else; the value itself does not belong there"
    value=$(cat "$file")
  fi
  [ -n "$value" ] || wrong "--secret $which: expected a value in the file, got none"
  secret_names+=("$which") secret_values+=("$value")
}

check_settings() {
  fits "$project" '^[a-z][a-z0-9-]{4,28}[a-z0-9]$' || wrong "PROJECT: expected the id of a project, such as acme-prod, got '$project'; see --help"
  fits "$region" '^[a-z]+-[a-z]+[0-9]+$' || wrong "--region: expected a region such as us-central1, got '$region'"
  fits "$name" '^[a-z][a-z0-9-]{1,18}[a-z0-9]$' || wrong "--name: expected 3 to 20 of a-z, 0-9 and -, got '$name'"
  fits "$database" '^(\(default\)|[a-z][a-z0-9-]{2,61}[a-z0-9])$' || wrong "--database: expected (default) or 4 to 63 of a-z, 0-9 and -, got '$database'"
  [ -z "$image" ] || fits "$image" '^[^ ]+(:[A-Za-z0-9._-]+|@sha256:[0-9a-f]{64})$' || wrong "--image: expected HOST/PATH:TAG, got '$image'"
  [ -z "$policy" ] || [ -r "$policy" ] || wrong "--policy: expected a file that can be read, got '$policy'"
  [ -z "$slack_channel" ] || fits "$slack_channel" '^(#[^ #]+|[CG][A-Z0-9]{8,})$' || wrong "--slack-channel: expected a channel such as '#alerts', got '$slack_channel'"
  scheduler_region=${scheduler_region:-$region}
  database_location=${database_location:-$region}
  watchdog=$name-watchdog@$project.iam.gserviceaccount.com
  scheduler=$name-scheduler@$project.iam.gserviceaccount.com
}

fits() { [[ $1 =~ $2 ]]; }
