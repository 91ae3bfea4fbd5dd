#!/bin/sh
# Installs what the lockfile names when it is not there yet or older than the lockfile; otherwise costs a few milliseconds.
# Every npm script that needs node_modules starts here. It runs before any of it exists, so it is plain sh and asks nothing of
# the machine but npm and some Node; what it installs has its own Node (node_modules/.bin/node), on which everything else runs.
set -eu
cd "$(dirname "$0")/.."

lock=package-lock.json
installed=node_modules/.package-lock.json
# Complete: a Node of its own, and the native parts that an `npm ci` by hand on an old Node leaves out (see below).
complete() {
  [ -x node_modules/.bin/node ] && ls node_modules/@rolldown/binding-* >/dev/null 2>&1
}
# -nt is not in POSIX; find says the same everywhere.
if [ -f "$installed" ] && [ -z "$(find "$lock" -newer "$installed")" ] && complete; then
  exit 0
fi

echo "rtplat: installing the packages of $lock (once, about a minute)" >&2
if node -e 'var v = process.versions.node.split("."); process.exit(v[0] < 22 || (v[0] == 22 && v[1] < 18) ? 0 : 1)'; then
  NODE_OPTIONS="${NODE_OPTIONS:-} --require \"$PWD/scripts/npm-on-old-node.cjs\""
  export NODE_OPTIONS
fi
# --ignore-scripts=false: the packages `node` and `esbuild` fetch their binaries when they are installed.
# --loglevel=error: an older npm warns that some packages want a newer Node; they get it.
if ! npm ci --no-audit --no-fund --no-progress --ignore-scripts=false --loglevel=error >&2; then
  echo "rtplat: npm ci failed; its reason stands above (a registry must be reachable the first time)" >&2
  exit 1
fi
if ! complete; then
  echo "rtplat: npm ci left something out (node_modules/.bin/node or the native packages): does this npm refuse install scripts?" >&2
  exit 1
fi
touch "$installed"
