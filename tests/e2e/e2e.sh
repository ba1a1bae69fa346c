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
was_up=no
build/cluster status >/dev/null 2>&1 && was_up=yes
make --no-print-directory cluster-images faults-image
status=0
go test -count=1 -timeout 40m -parallel 6 ./tests/e2e -cluster "$PWD/build/cluster" "$@" || status=$?
if [ $was_up = no ]; then
    build/cluster down
fi
exit $status
