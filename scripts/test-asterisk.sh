#!/bin/sh
# The suite against real Asterisks, in network namespaces of its own. Fetches Asterisk, SIPp and tshark the first time.
set -eu
cd "$(dirname "$0")/.."
scripts/peers.sh
exec scripts/in-netns.sh node_modules/.bin/vitest run --project asterisk "$@"
