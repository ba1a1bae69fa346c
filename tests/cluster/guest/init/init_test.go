package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

func TestFilesOf_LoadsWhatAModuleDependsOnFirst(t *testing.T) {
	const table = `kernel/net/sunrpc/sunrpc.ko:
kernel/fs/nfs/nfs.ko: kernel/fs/lockd/lockd.ko kernel/net/sunrpc/sunrpc.ko
kernel/fs/nfsd/nfsd.ko: kernel/fs/lockd/lockd.ko
`
	files, err := filesOf(table, "nfs")
	require.NoError(t, err)
	assert.Equal(t, []string{"kernel/net/sunrpc/sunrpc.ko", "kernel/fs/lockd/lockd.ko", "kernel/fs/nfs/nfs.ko"}, files)
	_, err = filesOf(table, "fs")
	assert.ErrorContains(t, err, "no module fs")
}

func TestWithClockSpeed_AddsOneToEachProcessor(t *testing.T) {
	const described = "processor\t: 0\nhost\t: a\n\nprocessor\t: 1\nhost\t: a\n\n"
	const want = "processor\t: 0\nhost\t: a\ncpu MHz\t\t: 2000.000\n\nprocessor\t: 1\nhost\t: a\ncpu MHz\t\t: 2000.000\n\n"
	assert.Equal(t, want, withClockSpeed(described))
}

func TestNetworkCommands_PutTheDeviceInABridgeBeforeTheRoutes(t *testing.T) {
	commands := networkCommands(guest.Network{
		Bridge: "br0", Address: "10.0.0.2/24", Hardware: "02:00:00:00:00:02",
		Gateway: "10.0.0.1", Routes: []string{"10.1.0.0/16"},
	})
	assert.Contains(t, commands, "link set vec0 master br0 up")
	assert.Contains(t, commands, "address add 10.0.0.2/24 dev br0")
	assert.Equal(t, "route add 10.1.0.0/16 via 10.0.0.1", commands[len(commands)-1])
}
