package e2e

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// awaitRunning returns a pod once it is running.
func awaitRunning(t *testing.T, ns *chaosengine.Namespace, name string) *corev1.Pod {
	t.Helper()
	pod, err := ns.AwaitRunning(within(t), name)
	require.NoError(t, err)
	return pod
}

// awaitChaos returns the writer of a run once the chaos has begun. The first acknowledgement
// has been read from its log by then.
func awaitChaos(t *testing.T, ns *chaosengine.Namespace) *corev1.Pod {
	t.Helper()
	require.NoError(t, ns.AwaitEvent(within(t), "engine", "ChaosInject"))
	return awaitRunning(t, ns, "write-pod")
}

// beforeReader calls tamper with the path of the journal before the reader's pod is created.
// The writer is gone by then.
func beforeReader(t *testing.T, ns *chaosengine.Namespace, tamper func(file string) error) {
	t.Helper()
	reader := func(pod string) bool { return pod == options.Defaults().ReaderPod }
	beforePod(t, ns, reader, func() error { return tamper(volumeFile(t, ns)) })
}

// beforePod calls tamper, once, before a pod is created whose name matches. It calls matches
// with the name of each pod that is created, one at a time.
func beforePod(t *testing.T, ns *chaosengine.Namespace, matches func(pod string) bool, tamper func() error) {
	t.Helper()
	var mu sync.Mutex
	called := false
	t.Cleanup(func() { assert.True(t, called, "no such pod was created, so nothing was changed") })
	onAdmission(t, ns, "pods", func(operation admissionv1.Operation, pod string) {
		mu.Lock()
		defer mu.Unlock()
		if operation == admissionv1.Create && !called && matches(pod) {
			called = true
			assert.NoError(t, tamper())
		}
	})
}

// onAdmission calls a function before objects of a resource are created or deleted, until the test ends.
func onAdmission(
	t *testing.T, ns *chaosengine.Namespace, resource string, do func(operation admissionv1.Operation, name string),
) {
	t.Helper()
	requireTestCluster(t) // its API server can reach the hook on this machine
	remove, err := ns.OnAdmission(within(t), resource, do)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove(within(t))) })
}
