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

// awaitRunning returns a pod once it runs.
func awaitRunning(t *testing.T, ns *chaosengine.Namespace, name string) *corev1.Pod {
	t.Helper()
	pod, err := ns.AwaitRunning(within(t), name)
	require.NoError(t, err)
	return pod
}

// inChaos returns the writer of a run once its chaos has begun: what the writer said
// is heard by then.
func inChaos(t *testing.T, ns *chaosengine.Namespace) *corev1.Pod {
	t.Helper()
	require.NoError(t, ns.AwaitEvent(within(t), "engine", "ChaosInject"))
	return awaitRunning(t, ns, "write-pod")
}

// beforeReader calls tamper with the journal's path when the reader's pod is
// about to be created: the writer is gone then, and the reader is not there yet.
func beforeReader(t *testing.T, ns *chaosengine.Namespace, tamper func(file string) error) {
	t.Helper()
	reader := func(pod string) bool { return pod == options.Defaults().ReaderPod }
	beforePod(t, ns, reader, func() error { return tamper(volumeFile(t, ns)) })
}

// beforePod calls tamper, once, when the pod that is looked for is about to be
// created. Each pod that is created is asked about, one after the other.
func beforePod(t *testing.T, ns *chaosengine.Namespace, is func(pod string) bool, tamper func() error) {
	t.Helper()
	requireTestCluster(t) // its API server reaches the hook on this machine
	var mu sync.Mutex
	called := false
	remove, err := ns.OnAdmission(within(t), "pods", func(operation admissionv1.Operation, pod string) {
		mu.Lock()
		defer mu.Unlock()
		if operation == admissionv1.Create && !called && is(pod) {
			called = true
			assert.NoError(t, tamper())
		}
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, remove(within(t)))
		assert.True(t, called, "the journal was tampered with")
	})
}
