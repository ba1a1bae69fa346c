#!/bin/sh
# Prints the detection table. It starts the test cluster, and stops it unless it was running before.
set -eu
make --no-print-directory cluster-tool faultfs-tool
. tests/cluster/temporary.sh
make --no-print-directory cluster-images
CGO_ENABLED=0 go build -o build/local ./experiments/volume-durability/local
(cd tests/detection && go build -o ../../build/detection .)
status=0
echo "Running all faults, several at the same time: this takes minutes" >&2
build/detection -kubeconfig /var/lib/volume-durability-cluster/kubeconfig -volumes /var/lib/volume-durability-cluster/volumes/faulty \
    -image volume-durability.test/volume-durability:test -busybox-image volume-durability.test/busybox:test "$@" || status=$?
stop_cluster || status=1
exit $status
