#!/bin/sh
# Sets the clock of this machine an hour forward, back, an hour back and forward again, three seconds in all, while calls are measured,
# and checks that no latency, duration, series, timer, registration or log shows it. For machines that nobody else works on; as
# root, and only with RTPLAT_TEST_CLOCK_STEP=1. No part of npm test.
#
# However it ends, the clock is put right to within the microseconds that it takes to read it: it is moved by exact differences, and what is
# left of one is taken back at the end.
set -eu
cd "$(dirname "$0")/.."
if [ "${RTPLAT_TEST_CLOCK_STEP:-}" != 1 ] || [ "$(id -u)" != 0 ]; then
  echo 'test-clock-step: this sets the clock of the machine; run it as root, with RTPLAT_TEST_CLOCK_STEP=1' >&2
  exit 2
fi
PATH=$PWD/node_modules/.bin:$PATH
before=$(mktemp)
trap 'node scripts/test-clock-step.ts restore "$before"; rm -f "$before"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
node scripts/test-clock-step.ts note "$before"
timeout -k 5 120 scripts/in-netns.sh node scripts/test-clock-step.ts run
