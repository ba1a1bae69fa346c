package backend

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse_NFSAndISCSINeedAServer(t *testing.T) {
	kind, err := Parse(map[string]string{BackendParameter: NFS, serverParameter: "10.0.0.1", exportParameter: "/export"})
	require.NoError(t, err)
	assert.True(t, kind.Shared)
	_, err = Parse(map[string]string{BackendParameter: NFS, "fault": "lose-synced"})
	require.ErrorContains(t, err, "needs the address of a server")
	assert.ErrorContains(t, err, `"fault"`, "a parameter of another kind")
	kind, err = Parse(map[string]string{BackendParameter: ISCSI, serverParameter: "10.0.0.1"})
	require.NoError(t, err)
	assert.False(t, kind.Shared)
	_, err = Parse(map[string]string{BackendParameter: ISCSI})
	require.ErrorContains(t, err, "backend iscsi needs the address of a server")
	_, err = Parse(map[string]string{BackendParameter: "ext4", serverParameter: "10.0.0.1"})
	assert.ErrorContains(t, err, `"server"`)
}

func TestParse_DRBDNeedsAResource(t *testing.T) {
	kind, err := Parse(map[string]string{BackendParameter: DRBD, resourceParameter: "r0"})
	require.NoError(t, err)
	assert.True(t, kind.NeedsMachines())
	_, err = Parse(map[string]string{BackendParameter: DRBD, serverParameter: "10.0.0.1"})
	require.ErrorContains(t, err, `parameter "resource": backend drbd needs the name of a resource`)
	assert.ErrorContains(t, err, `"server"`, "a parameter of another kind")
}

func TestParse_FUSENeedsAProgram(t *testing.T) {
	kind, err := Parse(map[string]string{BackendParameter: FUSE, ProgramParameter: "bindfs", RemountParameter: "false"})
	require.NoError(t, err)
	assert.Equal(t, FUSE, kind.Name)
	_, err = Parse(map[string]string{BackendParameter: FUSE, RemountParameter: "perhaps", "fault": "lose-synced"})
	require.ErrorContains(t, err, `parameter "program"="": want one of bindfs, fuse-zip, gocryptfs`)
	require.ErrorContains(t, err, `parameter "remount"="perhaps": want true or false`)
	assert.ErrorContains(t, err, `"fault"`, "a parameter of another kind")
	_, err = Parse(map[string]string{BackendParameter: "ext4", ProgramParameter: "bindfs"})
	assert.ErrorContains(t, err, `"program"`)
}
