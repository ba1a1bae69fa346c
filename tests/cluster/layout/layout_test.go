package layout

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The kernel limits the names of network devices to 15 bytes, and two machines must share nothing.
func TestMachine_HasAddressesOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, n := range Nodes() {
		seen[n.IP.String()] = n.Name
	}
	pods := netip.MustParsePrefix(PodSubnet)
	for _, name := range MachineNames() {
		n, err := Machine(name)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(n.Tap()), 15)
		for _, value := range []string{n.IP.String(), n.Hardware(), n.PodsFrom, n.CNI(), n.IPAM()} {
			assert.Empty(t, seen[value], "%s of %s", value, name)
			seen[value] = name
		}
		from, to := netip.MustParseAddr(n.PodsFrom), netip.MustParseAddr(n.PodsTo)
		assert.True(t, pods.Contains(from) && pods.Contains(to) && from.Less(to))
		assert.True(t, netip.MustParseAddr(PodsTo).Less(from), "the range of the other nodes ends before")
	}
	for _, name := range []string{"m0", "m10", "n1", "../m1"} {
		_, err := Machine(name)
		assert.ErrorContains(t, err, name)
	}
}
