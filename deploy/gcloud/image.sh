# shellcheck shell=bash disable=SC2154  # settings.sh has the settings
# The watchdog's image: where it lies, and building it when its code is new.

the_repository() {
  [ -z "$image" ] || return 0
  step "repository $name" roles/artifactregistry.admin
  ask artifacts repositories list --location="$region" --format='value(name.basename())'
  repository=$name
  has "$name" && return
  repository=''
  change "repository $name" artifacts repositories create "$name" --location="$region" --repository-format=docker \
    --description='Images of the watchdog'
  change 'of its images the last ten are kept' artifacts repositories set-cleanup-policies "$name" \
    --location="$region" --policy="$here/cleanup.json" --no-dry-run
}

# Its tag is made of what goes into it, so that the same code is built once, and old code can be gone back to.
the_image() {
  [ -z "$image" ] || return 0
  step 'image' roles/cloudbuild.builds.editor
  local tag
  tag=$(code_tag)
  image=$region-docker.pkg.dev/$project/$name/watchdog:$tag
  if [ -n "$repository" ]; then
    ask artifacts docker images list "${image%/watchdog:*}" --include-tags --format='value(tags)'
    answer=$(printf '%s\n' "$answer" | tr -d ' ' | tr ',' '\n')
    has "$tag" && return
  fi
  change "$image is built, which takes some minutes" builds submit "$root" --region="$region" \
    --config="$root/deploy/cloudbuild.yaml" --ignore-file="$root/.gcloudignore" --suppress-logs \
    --substitutions="_REPOSITORY=$name,_TAG=$tag"
}

code_tag() {
  (
    cd "$root" || exit
    find LICENSE deploy/Dockerfile heartbeat_client locks/watchdog.txt watchdog -type f ! -name '*.pyc' |
      LC_ALL=C sort | while read -r file; do printf '%s\n' "$file" && cat "$file"; done | digest
  )
}

# The first 12 hexadecimal digits; macOS has no sha256sum.
digest() {
  { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; } | cut -c1-12
}
