#!/bin/sh
# Runs benchmarks, each in a network namespace of its own: `bench.sh NAME… [--short] [--write]`, or all of them but `soak`, which
# takes an hour, without a name. A full run needs the peers of scripts/bench-peers.sh and some 90 quiet minutes; the short form needs a C compiler.
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/node_modules/.bin:$PATH"
names='' flags=''
for word in "$@"; do
  case $word in
    -*) flags="$flags $word" ;;
    *) names="$names $word" ;;
  esac
done
failed=0
for name in ${names:-echo echo-latency relay truth pacing sip calls load capture merge verdict match match-netem}; do
  # shellcheck disable=SC2086
  sh scripts/in-netns.sh node "bench/$name.ts" $flags || failed=$?
done
exit "$failed"
