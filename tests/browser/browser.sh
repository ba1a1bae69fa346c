#!/bin/sh
# Tests the report page in Chromium. With the path of a page, measures how long Chromium takes to open it instead, and
# adds the times to the file in RATIOS, if that is set. Installs Chromium if it is missing and apt-get is available.
set -eu
page=${1:+$(realpath "$1")}
ratios=${RATIOS:+$(realpath -m "$RATIOS")}
cd "$(dirname "$0")/../.."
command -v npm >/dev/null || { echo "page: needs Node.js 20 or later, with npm" >&2; exit 1; }
if ! command -v chromium >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "page: needs Chromium: apt-get install chromium" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi
# npm ci reinstalls everything, so run it only if the lock file has changed.
installed=tests/browser/node_modules/.installed
if ! cmp -s tests/browser/package-lock.json $installed; then
    (cd tests/browser && npm ci --ignore-scripts --silent)
    cp tests/browser/package-lock.json $installed
fi
[ -z "$page" ] || exec node tests/browser/open.mjs "$page" ${ratios:+"$ratios"}
go run ./tests/browser/write -folder build/page
PAGES="$PWD/build/page" exec node --test --test-reporter=spec tests/browser/browser.test.mjs
