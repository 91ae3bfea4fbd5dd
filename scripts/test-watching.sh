#!/bin/sh
# Rules, dashboard and histograms against a real Prometheus that scrapes real services with real calls; part of npm test. Fetches
# the peers the first time.
set -eu
cd "$(dirname "$0")/.."
scripts/peers.sh
exec scripts/in-netns.sh node_modules/.bin/vitest run --project asterisk test/asterisk/watching "$@"
