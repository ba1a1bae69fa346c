package node

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/tests/cluster/layout"
)

// A cluster on which every node gives devices to the user of the container hides what stock
// containerd does.
func TestContainerdTOML_OneNodeKeepsTheDefaultOwnerOfDevices(t *testing.T) {
	var owned, kept int
	for _, n := range layout.Nodes() {
		config := string(containerdTOML(n, Runtime{}, ""))
		switch {
		case n.DeviceOwnership:
			owned++
			assert.Contains(t, config, "device_ownership_from_security_context = true\n")
		default:
			kept++
			assert.Contains(t, config, "device_ownership_from_security_context = false\n")
		}
	}
	assert.Positive(t, owned)
	assert.Positive(t, kept)
}
