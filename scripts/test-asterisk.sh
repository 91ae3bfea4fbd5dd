#!/bin/sh
# The suite against real Asterisks, in network namespaces of its own. Fetches Asterisk, SIPp and tshark the first time.
#
# All of it runs in two halves at once, since tests wait for most of their time: each in a namespace of its own, where it has all ports.
# With arguments, or where there can be no namespaces, in one.
set -eu
cd "$(dirname "$0")/.."
scripts/peers.sh
suite='node_modules/.bin/vitest run --project asterisk'
if [ $# -gt 0 ] || [ "${RTPLAT_NETNS:-}" = 1 ] || ! { unshare -n true || unshare -rn true; } 2>/dev/null; then
  # shellcheck disable=SC2086
  exec scripts/in-netns.sh $suite "$@"
fi
log=$(mktemp "${TMPDIR:-/tmp}/rtplat-half.XXXXXX")
# shellcheck disable=SC2086
setpriv --pdeathsig TERM scripts/in-netns.sh $suite --shard=2/2 >"$log" 2>&1 &
second=$!
trap 'rm -f "$log"' EXIT
trap 'kill "$second" 2>/dev/null; exit 130' INT TERM
status=0
# shellcheck disable=SC2086
scripts/in-netns.sh $suite --shard=1/2 || status=$?
wait "$second" || status=$?
cat "$log"
exit "$status"
