package machines

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/cluster/controlplane"
	"github.com/volume-durability/volume-durability/tests/cluster/guest"
	"github.com/volume-durability/volume-durability/tests/cluster/layout"
)

func described(t *testing.T, o Options) guest.Description {
	t.Helper()
	n, err := layout.Machine("m1")
	require.NoError(t, err)
	return describe(n, o, Software{}, controlplane.MachineCredentials{})
}

func TestDescribe_ANodeRunsWhatTheOtherNodesRun(t *testing.T) {
	d := described(t, Options{Memory: "1G"})
	var names []string
	for _, p := range d.Programs {
		names = append(names, p.Name)
	}
	assert.Equal(t, []string{"containerd-m1", "csi-m1", "kubelet-m1"}, names)
	assert.NotEmpty(t, d.Programs[0].Socket, "the kubelet ends if its container runtime does not answer")
	assert.NotEmpty(t, d.Cgroup)
	assert.Contains(t, d.Shared, layout.Volumes)
	assert.Empty(t, d.Files)
}

func TestDescribe_AStorageServerRunsNoPods(t *testing.T) {
	d := described(t, Options{Memory: "256M", NFS: "rw,sync"})
	assert.Empty(t, d.Programs)
	assert.Empty(t, d.Cgroup)
	assert.Equal(t, "/export *(fsid=0,no_subtree_check,rw,sync)\n", d.Files["/etc/exports"])
	d.SetExport("rw,async")
	assert.Equal(t, "/export *(fsid=0,no_subtree_check,rw,async)\n", d.Files["/etc/exports"])
	for _, path := range []string{"/export", "/var/lib/nfs"} {
		assert.Contains(t, d.Binds[path], d.Disk, "it must survive a power cut")
	}
}
