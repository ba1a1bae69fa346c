package e2e

import (
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
)

// With root_squash, the server treats the kubelet as its anonymous user. This user cannot give the folder of the volume
// to the group of the pods. The pods start, but cannot write. Pods that run as this user can write to it.
func testRootSquash(t *testing.T) {
	cluster(t, "machine", "export", serverMachine, "rw,root_squash,sync")
	t.Cleanup(func() { cluster(t, "machine", "export", serverMachine, syncExport) })
	ns := newNamespace(t)
	o := run(t, ns, overNFS(t, ns, map[string]string{"REQUIRED_EVIDENCE": "none"}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict(), o.result.Reason)
	for _, want := range []string{"permission denied", "set RUN_AS_USER to the user that owns the root of the volume"} {
		assert.Contains(t, o.result.Reason, want)
	}
	requireNothingLeft(t, ns)

	anonymous := newNamespace(t)
	o = run(t, anonymous, overNFS(t, anonymous, map[string]string{
		"REQUIRED_EVIDENCE": "none", "FS_GROUP": "none", "RUN_AS_USER": "65534", "RUN_AS_GROUP": "65534",
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	requireNothingLeft(t, anonymous)
}
