#!/bin/sh
# The report page in a real browser. Chromium is installed where it is missing and apt-get is there.
set -eu
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
# npm ci begins anew each time: it is needed where the lock is another one.
installed=tests/browser/node_modules/.installed
if ! cmp -s tests/browser/package-lock.json $installed; then
    (cd tests/browser && npm ci --ignore-scripts --silent)
    cp tests/browser/package-lock.json $installed
fi
go run ./tests/browser/write -folder build/page
PAGES="$PWD/build/page" exec node --test --test-reporter=spec tests/browser/browser.test.mjs
