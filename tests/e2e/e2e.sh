#!/bin/sh
# The end-to-end tests, on the test cluster. It is left up if it was up before. They
# wait more than they work: more run at once than there are processors.
set -eu
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: the end-to-end runs need Linux and root, for the test cluster's containers, mounts and network bridge"
    exit 0
fi
make --no-print-directory cluster-tool
was_up=no
build/cluster status >/dev/null 2>&1 && was_up=yes
make --no-print-directory cluster-images faults-image
status=0
go test -count=1 -timeout 40m -parallel 6 "$@" ./tests/e2e -cluster "$PWD/build/cluster" || status=$?
if [ $was_up = no ]; then
    build/cluster down
fi
exit $status
