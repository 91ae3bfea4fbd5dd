#!/bin/sh
# Every file that a program writes and the repository carries: compared with what the program would write now, or, with
# --write, written anew.
set -eu
cd "$(dirname "$0")/.."
flag=--check
if [ "${1:-}" = --write ]; then flag=; fi
status=0
for script in run-schema gate-schema baseline-schema cli-reference man-pages vendor-ari-client; do
  node "scripts/$script.ts" $flag || status=1
done
exit $status
