#!/bin/sh
# Runs the demo on the test cluster, or on another one if KUBECONFIG is set.
set -eu
if [ -n "${KUBECONFIG:-}" ]; then
    exec go run ./tests/demo -kubeconfig "$KUBECONFIG" -storage-class "${STORAGE_CLASS:-}" -image "${IMAGE:-}"
fi
make --no-print-directory cluster-images
exec go run ./tests/demo -kubeconfig /var/lib/volume-durability-cluster/kubeconfig -storage-class csi-ext4 \
    -grant-optional -image volume-durability.test/volume-durability:test
