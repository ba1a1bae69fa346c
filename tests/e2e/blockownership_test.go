package e2e

import (
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
)

// diskGroup is the group of the raw block devices on the nodes of the test cluster.
const diskGroup = "6"

// onDevice returns the options of a run on raw block devices whose reader is on n2. That node
// has containerd's default: a device does not belong to the user of the container.
func onDevice(env map[string]string) map[string]string {
	all := short(map[string]string{"STORAGE_CLASS": "csi-block", "VOLUME_MODE": "Block", "READER_NODE": "n2"})
	for name, value := range env {
		all[name] = value
	}
	return all
}

// A device that the pods may not open is an Error, also after an acknowledgement: the storage
// did not reject it.
func TestBlockOwnership_IsAnErrorThatNamesTheSetting(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	o := run(t, ns, onDevice(nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict(), o.result.Reason)
	for _, want := range []string{"permission denied", "device_ownership_from_security_context", "CRI-O"} {
		assert.Contains(t, o.result.Reason, want)
	}
	assert.Empty(t, o.result.Cells[0].Findings)
	requireNothingLeft(t, ns)

	code, out, _ := newTerminal(t, ns).exec("doctor", "--storage-class", "csi-block", "--volume-mode", "Block")
	assert.Equal(t, 0, code)
	assert.Contains(t, out, "device_ownership_from_security_context")
}

// A run can use what stock containerd allows: the group that owns the device.
func TestBlockOwnership_AGroupOfTheDeviceIsEnough(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	o := run(t, ns, onDevice(map[string]string{"SUPPLEMENTAL_GROUPS": diskGroup}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	assert.Equal(t, "n2", o.result.Cells[0].Reader.Pod.Node)
	requireNothingLeft(t, ns)
}
