package e2e

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/tests/engine"
)

// awaitRunning returns a pod once it runs.
func awaitRunning(t *testing.T, ns *engine.Namespace, name string) *corev1.Pod {
	t.Helper()
	pod, err := ns.AwaitRunning(within(t), name)
	require.NoError(t, err)
	return pod
}

// beforeReader calls tamper with the journal's path when the reader's pod is
// about to be created: the writer is gone then, and the reader is not there yet.
func beforeReader(t *testing.T, ns *engine.Namespace, tamper func(file string) error) {
	t.Helper()
	var once sync.Once
	called := false
	remove, err := ns.BeforePods(within(t), func(operation admissionv1.Operation, pod string) {
		if operation == admissionv1.Create && pod == inputs.Defaults().ReaderPod {
			once.Do(func() {
				called = true
				assert.NoError(t, tamper(volumeFile(t, ns)))
			})
		}
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, remove(within(t)))
		assert.True(t, called, "the journal was tampered with")
	})
}
