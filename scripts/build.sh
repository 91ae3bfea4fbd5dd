#!/bin/sh
# Builds dist/ from the sources: JavaScript and types by tsc, the ARI client by esbuild. Installs what is missing first.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
PATH="$PWD/node_modules/.bin:$PATH"
# Not in place of a running program's files, but without those whose source is gone: --clean, for what is to be packed.
if [ "${1:-}" = --clean ]; then rm -rf dist; fi
tsc -p tsconfig.build.json
node scripts/vendor-ari-client.ts
