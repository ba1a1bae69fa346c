#!/bin/sh
# Runs the end-to-end tests on the test cluster. It stops the cluster afterwards, unless the
# cluster was running before. The tests mostly wait, so more of them run in parallel than
# there are processors.
set -eu
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: the end-to-end tests need Linux and root, for the containers, mounts and bridge of the test cluster"
    exit 0
fi
make --no-print-directory cluster-tool
. tests/cluster/temporary.sh
make --no-print-directory cluster-images faults-image
mkdir -p build
log=build/e2e.log
rm -f "$log.status"
{
    status=0
    go test -count=1 -timeout 40m -parallel 6 ./tests/e2e -cluster "$PWD/build/cluster" "$@" || status=$?
    echo $status >"$log.status"
} 2>&1 | tee "$log" || true
status=$(cat "$log.status" || echo 1)
rm -f "$log.status"
stop_cluster || status=1
# CI may keep only the last lines of the log.
if [ "$status" != 0 ]; then
    echo "failed tests and the first line of each error, from $log:"
    awk '/^ *--- FAIL:/ || /^panic:/ || /\tError:/ || /\tMessages:/ || wanted { print } { wanted = /\tError:/ }' "$log" |
        sed 's/^[ \t]*//' | tail -n 20
fi
exit "$status"
