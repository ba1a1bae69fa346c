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
	assert.Contains(t, d.Commands, []string{"iscsid"})
	assert.Equal(t, map[string]string{"/etc/iscsi/initiatorname.iscsi": "InitiatorName=iqn.2026-11.test:m1\n"}, d.Files)
}

func TestDescribe_AnISCSIServerHasItsDeviceOnItsDisk(t *testing.T) {
	o := Options{Memory: "256M", ISCSI: "fd_buffered_io=1,emulate_write_cache=0"}
	assert.False(t, o.IsNode())
	d := described(t, o)
	assert.Empty(t, d.Programs)
	require.Len(t, d.Commands, 1)
	script := d.Commands[0][2]
	assert.Contains(t, script, "IMAGE="+d.Disk+"/image SIZE=1073741824 "+
		"CONTROL=,fd_buffered_io=1 ATTRIBUTES='emulate_write_cache=0'\n")
	assert.NotContains(t, d.Modules, "nfsd")
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
