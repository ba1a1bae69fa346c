#!/bin/sh
# Runs the demo on the test cluster, or on another one if KUBECONFIG is set.
set -eu
if [ -n "${KUBECONFIG:-}" ]; then
    make --no-print-directory demo-program
    exec build/demo-program -kubeconfig "$KUBECONFIG" -storage-class "${STORAGE_CLASS:-}" -image "${IMAGE:-}"
fi
make --no-print-directory cluster-images demo-program
exec build/demo-program -kubeconfig /var/lib/volume-durability-cluster/kubeconfig -storage-class csi-ext4 \
    -grant-optional -image volume-durability.test/volume-durability:test
