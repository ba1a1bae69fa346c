package backend

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse_NFSNeedsAServer(t *testing.T) {
	kind, err := Parse(map[string]string{BackendParameter: NFS, serverParameter: "10.0.0.1", exportParameter: "/export"})
	require.NoError(t, err)
	assert.True(t, kind.Shared)
	_, err = Parse(map[string]string{BackendParameter: NFS, "fault": "lose-synced"})
	require.ErrorContains(t, err, "needs the address of a server")
	assert.ErrorContains(t, err, `"fault"`, "a parameter of another kind")
	_, err = Parse(map[string]string{BackendParameter: "ext4", serverParameter: "10.0.0.1"})
	assert.ErrorContains(t, err, `"server"`)
}
