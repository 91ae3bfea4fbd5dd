#!/bin/sh
# compose/ with a real Docker engine, from a clone of the present commit: up --wait, the smoke test, on a network of its own and on
# that of the host, the size of the image, and that nothing is left. Five minutes the first time. Prints one line a check.
#
# No part of CI: an engine of its own would change the forwarding and the packet filter of the machine it runs on. Without Docker it
# says so and ends with status 77, which is neither success nor failure.
set -eu
cd "$(dirname "$0")/.."
project=rtplat-test-$$
passed=0

if ! docker compose version >/dev/null 2>&1 || ! docker info >/dev/null 2>&1; then
  echo 'test-compose: SKIPPED, nothing was tested: no Docker engine with Compose answers here' >&2
  exit 77
fi

tree=$(mktemp -d "${TMPDIR:-/tmp}/rtplat-compose.XXXXXX")
export COMPOSE_PROJECT_NAME="$project"
host='-f compose/compose.yaml -f compose/host.yaml'

clean() {
  cd "$tree"
  docker compose down --volumes --timeout 20 >/dev/null 2>&1 || true
  cd /
  rm -rf "$tree"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ok() {
  passed=$((passed + 1))
  echo "ok: $1"
}
fail() {
  echo "FAILED: $1" >&2
  exit 1
}

# nothing_left WHAT: no container, network or volume of the project.
nothing_left() {
  label="label=com.docker.compose.project=$project"
  left="$(docker ps --all --quiet --filter "$label")$(docker network ls --quiet --filter "$label")$(docker volume ls --quiet --filter "$label")"
  [ -z "$left" ] || fail "$1: left $left"
  ok "$1: no container, network or volume is left"
}

# What is tracked and what is new, as it would be committed.
git ls-files --cached --others --exclude-standard -z | tar --create --null --files-from=- --ignore-failed-read | tar --extract --directory "$tree"
cd "$tree"

docker compose up --wait --quiet-pull >"$tree.log" 2>&1 || { cat "$tree.log" >&2; rm -f "$tree.log"; fail 'docker compose up --wait'; }
rm -f "$tree.log"
ok 'docker compose up --wait'
compose/smoke.sh
ok 'compose/smoke.sh'

bytes=$(docker image inspect --format '{{.Size}}' rtplat:local)
[ "$bytes" -le 250000000 ] || fail "the image has $bytes bytes, more than 250 MB"
ok "the image has $((bytes / 1000000)) MB of the 250 allowed"

docker compose down --timeout 20 >/dev/null 2>&1
[ -n "$(docker volume ls --quiet --filter name="${project}_ari")" ] || fail 'docker compose down took the password of ARI'
docker compose up --wait >/dev/null 2>&1 || fail 'docker compose up --wait, again'
ok 'down and up again, with the password that was kept'
docker compose down --volumes --timeout 20 >/dev/null 2>&1
nothing_left 'docker compose down --volumes'

# shellcheck disable=SC2086
ARI_PASS=chosen.by.hand docker compose $host up --wait >/dev/null 2>&1 || fail 'up --wait on the network of the host'
ok 'up --wait on the network of the host, with a password of ARI_PASS'
# shellcheck disable=SC2086
compose/smoke.sh $host
ok 'compose/smoke.sh on the network of the host'
# shellcheck disable=SC2086
docker compose $host down --volumes --timeout 20 >/dev/null 2>&1
nothing_left 'down --volumes on the network of the host'

# shellcheck disable=SC2086
docker compose $host --profile watch config --quiet || fail 'config of the profile watch'
ok 'the profile watch is valid'
echo "$passed passed, 0 failed"
