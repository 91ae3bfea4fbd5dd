#!/bin/sh
# Calls each extension of the running composition, and fails unless both relays measured a latency and every port is free again.
#
#   docker compose up --wait && compose/smoke.sh
#
# Arguments go to docker compose: compose/smoke.sh -f compose/compose.yaml -f compose/host.yaml
# SMOKE_SECONDS: how long each measured call lasts.
set -eu
cd "$(dirname "$0")/.."
seconds=${SMOKE_SECONDS:-5}
arguments=$*

compose() {
  # Split into words as they came.
  # shellcheck disable=SC2086
  docker compose $arguments "$@"
}

asterisk() {
  compose exec -T asterisk asterisk -rx "$1"
}

fail() {
  echo "smoke: $1" >&2
  hang_up || true
  exit 1
}

# ask SERVICE PORT EXPRESSION: of its metrics m and its health h.
ask() {
  compose exec -T "$1" node -e "
    const get = async (path) => (await fetch('http://127.0.0.1:$2' + path, { headers: { accept: 'application/json' } })).json();
    const [m, h] = await Promise.all([get('/metrics'), get('/health')]);
    console.log($3);
  "
}

# wait_for WHAT COMMAND…: until it prints true, for half a minute.
wait_for() {
  what=$1 tries=0
  shift
  until [ "$("$@")" = true ]; do
    tries=$((tries + 1))
    [ $tries -lt 60 ] || fail "$what: not within half a minute"
    sleep 0.5
  done
}

# call EXTENSION: Asterisk calls itself over SIP, with a tone for a voice, so that everything on the way is real.
call() {
  asterisk "channel originate PJSIP/$1@self application Milliwatt" >/dev/null
}

hang_up() {
  asterisk 'channel request hangup all' >/dev/null
}

# runs EXTENSION APPLICATION: whether a call of the extension is in that application of the dialplan.
runs() {
  if asterisk 'core show channels concise' | grep -q "!$1!.*!Up!$2!"; then echo true; fi
}

# measured EXTENSION SERVICE PORT: one call by way of the relay of the service, and its numbers.
measured() {
  before=$(ask "$2" "$3" 'm.total_latencies')
  call "$1"
  wait_for "the call of $1 up" ask "$2" "$3" 'm.active_channels > 0'
  sleep "$seconds"
  hang_up
  wait_for "no call up at $2" ask "$2" "$3" 'm.active_channels === 0'
  wait_for "every port of $2 free" ask "$2" "$3" '[h.ports, h.relay_ports ?? h.ports].every(({ free, total }) => free === total)'
  [ "$(ask "$2" "$3" "m.total_latencies > $before && m.p50_latency > 0")" = true ] || fail "$2 measured nothing"
  ask "$2" "$3" "'$1 by way of $2: ' + (m.total_latencies - $before) + ' packets measured, p50 ' + m.p50_latency + ' ms, p99 ' + m.p99_latency + \
    ' ms since its start, lost ' + m.counters.lost + '; ' + h.ports.free + ' of ' + h.ports.total + ' ports free'"
}

# answered EXTENSION APPLICATION: one call that Asterisk serves by itself.
answered() {
  call "$1"
  wait_for "$1 in $2" runs "$1" "$2"
  hang_up
  echo "$1: $2"
}

measured 600 ari-serve 9090
answered 601 Echo
answered 602 Wait
measured 603 sip-serve 8080
echo 'smoke: ok'
