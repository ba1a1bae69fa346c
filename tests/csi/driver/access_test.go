package driver

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

func TestCreateVolume_RejectsWhatTheBackendCannotDo(t *testing.T) {
	volumes, err := store.New(t.TempDir())
	require.NoError(t, err)
	c := &Controller{Store: volumes}
	mount := &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}}
	block := &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}
	access := func(mode csi.VolumeCapability_AccessMode_Mode) *csi.VolumeCapability {
		return &csi.VolumeCapability{
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode}, AccessType: mount,
		}
	}
	one := csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER
	many := csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER
	readers := csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
	blockAccess := access(one)
	blockAccess.AccessType = block
	for _, refused := range []struct {
		parameters map[string]string
		capability *csi.VolumeCapability
		reason     string
	}{
		{map[string]string{"backend": "ext4"}, access(many), "access mode MULTI_NODE_MULTI_WRITER: backend ext4"},
		{map[string]string{"backend": "shared"}, access(readers), "MULTI_NODE_READER_ONLY: no backend"},
		{map[string]string{"backend": "tmpfs"}, blockAccess, "volume mode Block: backend tmpfs"},
		{map[string]string{"backend": "block"}, access(one), "volume mode Filesystem: backend block"},
		{map[string]string{"backend": "zfs"}, access(one), `backend "zfs": want one of ext4, xfs`},
		{map[string]string{"backend": "ext4", "fault": "lose-file"}, access(one), `parameter "fault": backend ext4`},
		{map[string]string{"backend": "faulty", "fault": "forget"}, access(one), "forget"},
	} {
		_, err := c.CreateVolume(t.Context(), &csi.CreateVolumeRequest{
			Name: "a", Parameters: refused.parameters, VolumeCapabilities: []*csi.VolumeCapability{refused.capability},
		})
		assert.Equal(t, codes.InvalidArgument, status.Code(err), refused.reason)
		assert.ErrorContains(t, err, refused.reason)
	}
}

func ext4(t *testing.T) backend.Kind {
	t.Helper()
	kind, err := backend.Find("ext4")
	require.NoError(t, err)
	return kind
}

func TestSize_RoundsToSectorsWithinTheRequestedRange(t *testing.T) {
	const sector = 4096
	for _, c := range []struct{ required, limit, want int64 }{
		{0, 0, defaultBytes}, {1, 0, 16 << 20}, {16<<20 + 1, 0, 16<<20 + sector}, {0, 16<<20 + 1, 16 << 20},
	} {
		got, err := size(ext4(t), &csi.CapacityRange{RequiredBytes: c.required, LimitBytes: c.limit})
		require.NoError(t, err)
		assert.Equal(t, c.want, got, "%d to %d", c.required, c.limit)
	}
	_, err := size(ext4(t), &csi.CapacityRange{LimitBytes: sector})
	assert.Equal(t, codes.OutOfRange, status.Code(err))
}
