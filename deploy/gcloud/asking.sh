# shellcheck shell=bash disable=SC2154  # settings.sh has the settings
# How gcloud is asked: to read, to change, and what is said when it refuses.

answer='' about='' role='' changes=0 blind=''

# step WHAT ROLE: what the next calls are about, and a role that allows them.
step() {
  about=$1 role=$2
  printf '%s\n' "$about"
}

# A call that changes nothing; what it prints goes into $answer. No subshell calls it, so that it can end the script.
ask() {
  answer=''
  [ -z "$blind" ] || return 0
  answer=$(gcloud "$@" --project="$project" --quiet 2>"$noise") || stop
}

# change WHAT CALL...: a call that changes something. Standard input goes to gcloud.
change() {
  local what=$1
  shift
  changes=$((changes + 1))
  if [ -n "$dry_run" ]; then
    printf '  would change %s: gcloud %s\n' "$what" "$*"
    return
  fi
  printf '  %s\n' "$what"
  gcloud "$@" --project="$project" --quiet >/dev/null 2>"$noise" || stop
}

# Whether $answer has this line.
has() {
  case $'\n'$answer$'\n' in
    *$'\n'"$1"$'\n'*) ;;
    *) return 1 ;;
  esac
}

stop() {
  local said short
  said=$(sed -n '/ERROR/,$p' "$noise" | tr -s '[:space:]' ' ')
  [ -n "$said" ] || said=$(tr -s '[:space:]' ' ' <"$noise")
  # Some commands show the whole answer; the sentence for people is in its message.
  short=$(printf '%s' "$said" | sed -n 's/.*content <.*"message": "\([^"]*\)".*/\1/p' | cut -c1-300)
  [ -n "$short" ] || short=$(printf '%s' "${said% }" | cut -c1-300)
  printf 'deploy.sh: %s: gcloud says: %s; %s\n' "$about" "$short" "$(remedy "$said")" >&2
  exit 1
}

# Every step looks first, so that running the whole again is always right.
remedy() {
  case $1 in
    *SERVICE_DISABLED* | *'has not been used'* | *'is disabled'*)
      printf 'an API that was enabled just now needs a minute: run this again' ;;
    *PERMISSION_DENIED* | *' 403'* | *'does not have permission'* | *orbidden*)
      printf 'you need %s on %s: have it granted, and run this again' "$role" "$project" ;;
    *UNAUTHENTICATED* | *' 401'* | *'auth login'*)
      printf 'run gcloud auth login, and this again' ;;
    *ALREADY_EXISTS* | *' 409'* | *onflict* | *'already exists'* | *ABORTED*)
      printf 'somebody else changed it meanwhile: run this again, and it takes what is there' ;;
    *NOT_FOUND* | *' 404'* | *'not found'* | *'does not exist'*)
      printf 'something that this step needs is not there, or not yet: run this again, which makes what is missing' ;;
    *) printf 'mend that, and run this again: what is done stays done' ;;
  esac
}
