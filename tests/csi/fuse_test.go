package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/mounts"
)

// Some of the daemons write only when they end, so the volume must not be staged before that.
func TestFUSEVolume_ShowsItsDataOnTheOtherNode(t *testing.T) {
	for _, program := range backend.FUSEPrograms() {
		t.Run(program, func(t *testing.T) {
			c := newCluster(t)
			v := c.create(map[string]string{backend.BackendParameter: backend.FUSE, backend.ProgramParameter: program}, once)
			kept := strings.Repeat("kept", 8<<20)
			var daemon string
			c.use(v, "n1", once, func(path string) {
				writeSynced(t, filepath.Join(path, "file"), kept)
				daemon = c.daemon(v)
			})
			command, err := os.ReadFile(filepath.Join("/proc", daemon, "cmdline"))
			assert.True(t, errors.Is(err, fs.ErrNotExist) || len(command) == 0, "still running: %q", command)
			c.use(v, "n2", once, func(path string) {
				content, err := os.ReadFile(filepath.Join(path, "file"))
				require.NoError(t, err)
				assert.True(t, string(content) == kept)
			})
		})
	}
}

// The first pod has no filesystem any more after the daemon was killed, whatever the driver does for a second pod.
func TestNodePublishVolume_MountsAgainAfterTheDaemonWasKilledUnlessRemountIsFalse(t *testing.T) {
	for remount, mountedAgain := range map[string]bool{"": true, "true": true, "false": false} {
		t.Run(remount, func(t *testing.T) {
			c := newCluster(t)
			parameters := map[string]string{
				backend.BackendParameter: backend.FUSE, backend.ProgramParameter: "bindfs", backend.RemountParameter: remount,
			}
			v := c.create(parameters, once)
			c.use(v, "n1", once, func(first string) {
				writeSynced(t, filepath.Join(first, "file"), "kept")
				kill(t, c.daemon(v))
				requireDisconnected(t, first)
				c.alsoPublished(v, "n1", func(second string) {
					content, err := os.ReadFile(filepath.Join(second, "file"))
					if !mountedAgain {
						require.ErrorIs(t, err, unix.ENOTCONN)
						return
					}
					require.NoError(t, err)
					assert.Equal(t, "kept", string(content))
				})
				requireDisconnected(t, first)
			})
		})
	}
}

func TestNodeStageVolume_MountsAgainAfterTheDaemonWasKilled(t *testing.T) {
	c := newCluster(t)
	v := c.create(parameters(kind(t, backend.FUSE)), once)
	c.use(v, "n1", once, func(path string) {
		writeSynced(t, filepath.Join(path, "file"), "kept")
		kill(t, c.daemon(v))
		staging := filepath.Join(c.dir, "n1", "staging", v.VolumeId)
		requireDisconnected(t, staging)
		c.stage(v, "n1", staging)
		content, err := os.ReadFile(filepath.Join(staging, "file"))
		require.NoError(t, err)
		assert.Equal(t, "kept", string(content))
	})
}

// A volume that was detached by force may still be served on the first node.
func TestNodeStageVolume_IgnoresTheDaemonOfTheOtherNode(t *testing.T) {
	for _, program := range backend.FUSEPrograms() {
		t.Run(program, func(t *testing.T) {
			c := newCluster(t)
			v := c.create(map[string]string{backend.BackendParameter: backend.FUSE, backend.ProgramParameter: program}, once)
			var daemons []string
			for _, node := range []string{"n1", "n2"} {
				require.NoError(t, c.attach(v, node, once))
				c.stage(v, node, c.staging(v, node))
				daemons = append(daemons, c.daemon(v))
				c.detach(t.Context(), v, node)
			}
			assert.NotEqual(t, daemons[0], daemons[1])
			c.unstage(v, "n2", c.staging(v, "n2"))
			c.unstage(v, "n1", c.staging(v, "n1"))
		})
	}
}

func TestNodeStageVolume_LeavesNothingMountedIfTheDaemonCannotBeRecorded(t *testing.T) {
	c := newCluster(t)
	v := c.create(parameters(kind(t, backend.FUSE)), once)
	require.NoError(t, c.attach(v, "n1", once))
	staging, obstacle := c.staging(v, "n1"), c.pidFile(v)
	require.NoError(t, os.Mkdir(obstacle, 0o755))
	require.ErrorContains(t, c.tryStage(v, "n1", staging), "is a directory")
	mounted, err := mounts.At(staging)
	require.NoError(t, err)
	assert.False(t, mounted)
	require.NoError(t, os.Remove(obstacle))
	c.stage(v, "n1", staging)
	assert.NotEmpty(t, c.daemon(v))
	c.unstage(v, "n1", staging)
}

// The driver may end while gocryptfs prepares the folder of a volume, which it refuses to do twice.
func TestNodeStageVolume_PreparesTheFolderAfterAnInterruption(t *testing.T) {
	c := newCluster(t)
	p := map[string]string{backend.BackendParameter: backend.FUSE, backend.ProgramParameter: "gocryptfs"}
	v := c.create(p, once)
	require.NoError(t, c.attach(v, "n1", once))
	unfinished := filepath.Join(c.dir, "volumes", v.VolumeId, "data.new")
	require.NoError(t, os.Mkdir(unfinished, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(unfinished, "gocryptfs.conf"), []byte("{"), 0o600))
	staging := c.staging(v, "n1")
	c.stage(v, "n1", staging)
	writeSynced(t, filepath.Join(staging, "file"), "kept")
	c.unstage(v, "n1", staging)
}

func TestNodeStageVolume_EndsWithTheRequest(t *testing.T) {
	c := newCluster(t)
	p := map[string]string{backend.BackendParameter: backend.FUSE, backend.ProgramParameter: "gocryptfs"}
	v := c.create(p, once)
	require.NoError(t, c.attach(v, "n1", once))
	staging := c.staging(v, "n1")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.nodes["n1"].NodeStageVolume(ended, &csi.NodeStageVolumeRequest{
		VolumeId: v.VolumeId, StagingTargetPath: staging, VolumeCapability: once,
	})
	require.ErrorContains(t, err, context.Canceled.Error())
	c.stage(v, "n1", staging)
	c.unstage(v, "n1", staging)
}

// staging returns the folder at which a volume is staged on a node, and makes it.
func (c *cluster) staging(v *csi.Volume, node string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, node, "staging", v.VolumeId)
	require.NoError(c.t, os.MkdirAll(path, 0o755))
	return path
}

func (c *cluster) pidFile(v *csi.Volume) string {
	return filepath.Join(c.dir, "volumes", v.VolumeId, "daemon.pid")
}

// daemon returns the process ID of a volume's daemon.
func (c *cluster) daemon(v *csi.Volume) string {
	c.t.Helper()
	pid, err := os.ReadFile(c.pidFile(v))
	require.NoError(c.t, err)
	return string(pid)
}

// alsoPublished publishes a staged volume at another path of a node, does something there, and undoes it.
func (c *cluster) alsoPublished(v *csi.Volume, node string, do func(path string)) {
	c.t.Helper()
	target := filepath.Join(c.dir, node, "target", "other")
	_, err := c.nodes[node].NodePublishVolume(c.t.Context(), &csi.NodePublishVolumeRequest{
		VolumeId: v.VolumeId, StagingTargetPath: filepath.Join(c.dir, node, "staging", v.VolumeId), TargetPath: target,
		VolumeCapability: once,
	})
	require.NoError(c.t, err)
	do(target)
	_, err = c.nodes[node].NodeUnpublishVolume(c.t.Context(), &csi.NodeUnpublishVolumeRequest{
		VolumeId: v.VolumeId, TargetPath: target,
	})
	require.NoError(c.t, err)
}
