# shellcheck shell=bash disable=SC2154  # settings.sh has the settings
# The Cloud Run service, who may ask it, and Cloud Scheduler, which asks it each minute. See deploy/terraform/service.tf
# for why it is a service and no job.

the_service() {
  step "service $name" roles/run.admin
  local env settings arguments
  env=HANGWATCH_STORE=firestore://$project/$database
  env=$env,HANGWATCH_MONITORING_PROJECT=$project,HANGWATCH_LINK_BASE=$address
  env=$env,HANGWATCH_SWEEP_AUDIENCE=$address,HANGWATCH_SWEEP_ACCOUNT=$scheduler
  [ -z "$slack_channel" ] || env=$env,HANGWATCH_SLACK_CHANNEL=$slack_channel
  # Whom IAM lets in may look at the page; a service that everybody reaches, for Slack's clicks, has none.
  [ -n "$public" ] || env=$env,HANGWATCH_PAGE=guarded
  case $mounts in */etc/hangwatch/*) env=$env,HANGWATCH_POLICY=/etc/hangwatch/policy.toml ;; esac
  arguments=(
    --image="$image" --region="$region" --service-account="$watchdog" --execution-environment=gen1
    --timeout=60 --concurrency=20 --min-instances=0 --max-instances=1 --cpu=1 --memory=512Mi --port=8080
    --cpu-throttling --cpu-boost --ingress=all --set-custom-audiences="$address"
    --startup-probe="httpGet.path=/healthz,httpGet.port=8080,periodSeconds=2,timeoutSeconds=2,failureThreshold=30"
    --set-env-vars="$env"
  )
  if [ -n "$mounts" ]; then arguments+=(--set-secrets="$mounts"); else arguments+=(--clear-secrets); fi
  if [ -n "$public" ]; then arguments+=(--allow-unauthenticated); else arguments+=(--no-allow-unauthenticated); fi
  # gcloud makes a new revision whatever it is told, so the service remembers what it was last told.
  settings=$(printf '%s\n' "${arguments[@]}" | digest)
  ask run services list --region="$region" --format='csv[no-heading,separator=" "](metadata.name,metadata.labels.hangwatch-settings)'
  serves=$(printf '%s\n' "$answer" | sed -n "s/^$name .*/yes/p;s/^$name$/yes/p")
  deployed=''
  has "$name $settings" && return
  change "service $name with $image" run deploy "$name" "${arguments[@]}" --labels=hangwatch-settings="$settings"
  deployed=yes
}

the_invokers() {
  step "who may ask $name" roles/run.admin
  local who
  answer=''
  [ -n "$dry_run" ] && [ -z "$serves" ] || ask run services get-iam-policy "$name" --region="$region" \
    --flatten='bindings[].members' --format='csv[no-heading,separator=" "](bindings.role,bindings.members)'
  for who in "serviceAccount:$scheduler" ${viewers[@]+"${viewers[@]}"}; do
    has "roles/run.invoker $who" || change "$who may ask $name" run services add-iam-policy-binding "$name" \
      --region="$region" --member="$who" --role=roles/run.invoker
  done
}

# No retries: the next sweep comes within the minute anyway.
the_schedule() {
  step "schedule $name-sweep" roles/cloudscheduler.admin
  local wanted arguments verb
  arguments=(
    --location="$scheduler_region" --schedule='* * * * *' --time-zone=Etc/UTC --attempt-deadline=55s
    --max-retry-attempts=0 --uri="$address/sweep" --http-method=POST
    --oidc-service-account-email="$scheduler" --oidc-token-audience="$address"
  )
  wanted="$name-sweep * * * * *|Etc/UTC|55s|$address/sweep|$scheduler|$address"
  ask scheduler jobs list --location="$scheduler_region" \
    --format='csv[no-heading,separator="|"](name.basename(),schedule,timeZone,attemptDeadline,httpTarget.uri,httpTarget.oidcToken.serviceAccountEmail,httpTarget.oidcToken.audience)'
  has "${wanted/ /|}" && return
  verb=create
  case $'\n'$answer in *$'\n'"$name-sweep|"*) verb=update ;; esac
  change "a sweep each minute" scheduler jobs "$verb" http "$name-sweep" "${arguments[@]}"
}

# So that a fault shows while somebody looks, and so that Cloud Monitoring knows the metrics that the alerts are about.
the_first_sweep() {
  [ -n "$deployed" ] || return 0
  step 'first sweep' roles/cloudscheduler.admin
  local before tries=0
  [ -n "$dry_run" ] || last_attempt
  before=$answer
  change 'a sweep is asked for' scheduler jobs run "$name-sweep" --location="$scheduler_region"
  [ -z "$dry_run" ] || return 0
  while last_attempt && [ "$answer" = "$before" ]; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] || wrong "first sweep: expected an answer within a minute, got none; see gcloud scheduler jobs describe $name-sweep and the log of the service $name"
    sleep "${HANGWATCH_DEPLOY_PAUSE:-2}"
  done
  case $answer in
    *' '[1-9]*) wrong "first sweep: expected 200, got an error (code ${answer##* }); see the log of the service $name, mend it, and run this again" ;;
  esac
  printf '  it came to its end\n'
}

last_attempt() {
  ask scheduler jobs describe "$name-sweep" --location="$scheduler_region" \
    --format='csv[no-heading,separator=" "](lastAttemptTime,status.code)'
}

what_comes_next() {
  if [ -n "$dry_run" ]; then
    printf '\n%d changes would be made; nothing was changed\n' "$changes"
    return
  fi
  printf '\n%s\n' "$([ "$changes" -gt 0 ] && printf '%d changes were made' "$changes" || printf 'nothing had to be changed')"
  cat <<TEXT
The watchdog sweeps each minute: $address
What comes next:
1. Send a test notice: HANGWATCH_STORE=firestore://$project/$database python -m watchdog test-notice, with the Slack
   settings of the service.
2. In the service under watch set HANGWATCH_STORE=firestore://$project/$database and HANGWATCH_DEADLINE to its request
   timeout, and name its account: --coordinator EMAIL. deploy/coordinator/ has the lines.
3. There, run python -m watchdog doctor --client; here, python -m watchdog doctor.
TEXT
}
