#!/bin/sh
# Runs the end-to-end tests whose names match T, and builds only what they need.
#
#   T           regular expression of test names, as for go test -run
#   KUBECONFIG  a cluster with Litmus; empty for the test cluster, which stays up afterwards
#   IMAGE       with KUBECONFIG: the experiment's image, where that cluster can pull it
set -eu
if [ -z "${T:-}" ]; then
    echo "usage: make e2e-one T=TestName [KUBECONFIG=FILE IMAGE=IMAGE]" >&2
    exit 2
fi
selected=$(go test -list "${T%%/*}" ./tests/e2e | grep '^Test' || true)
if [ -z "$selected" ]; then
    echo "e2e-one: no test of tests/e2e matches $T" >&2
    exit 2
fi
# needs FILE succeeds if one of the selected tests is in this file of tests/e2e.
needs() {
    for name in $selected; do
        grep -q "^func $name(" "tests/e2e/$1" && return 0
    done
    return 1
}
program=$PWD/build/out/volume-durability
for file in $(grep -l newTerminal tests/e2e/*_test.go); do
    if needs "$(basename "$file")"; then
        CGO_ENABLED=0 go build -o "$program" ./experiments/volume-durability
        break
    fi
done
run() { exec go test -count=1 -v -timeout 40m -run "$T" ./tests/e2e -program "$program" "$@"; }

if [ -n "${KUBECONFIG:-}" ] && [ "$KUBECONFIG" != /var/lib/volume-durability-cluster/kubeconfig ]; then
    if [ -z "${IMAGE:-}" ]; then
        echo "e2e-one: set IMAGE to the experiment's image, where the cluster can pull it" >&2
        exit 2
    fi
    run -kubeconfig "$(realpath "$KUBECONFIG")" -image "$IMAGE"
fi
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "e2e-one: the test cluster needs Linux and root; set KUBECONFIG to use another cluster" >&2
    exit 1
fi
make --no-print-directory cluster-images
if needs faults_test.go; then
    make --no-print-directory faults-image
fi
echo "The test cluster stays up: make cluster-down removes it." >&2
run -cluster "$PWD/build/cluster"
