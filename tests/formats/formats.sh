#!/bin/sh
# Reads the reports in a bundle with the parsers of the tools that import them. The parsers are pinned npm packages.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if ! command -v npm >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "formats: npm is needed (Debian: apt-get install nodejs npm)" >&2
        exit 1
    fi
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm >/dev/null
fi
# npm ci reinstalls everything, so run it only if the lock file has changed.
installed=$here/node_modules/.installed
if ! cmp -s "$here/package-lock.json" "$installed"; then
    (cd "$here" && npm ci --silent)
    cp "$here/package-lock.json" "$installed"
fi
go run ./tests/formats -folder build/formats
cd "$here" && exec npm test --silent
