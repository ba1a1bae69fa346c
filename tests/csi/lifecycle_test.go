package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/volume-durability/volume-durability/tests/csi/backend"
	"github.com/volume-durability/volume-durability/tests/csi/driver"
	"github.com/volume-durability/volume-durability/tests/csi/loop"
	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

func requireProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed: make cluster-up installs it", name)
	}
}

// cluster is a controller and two nodes.
type cluster struct {
	t          *testing.T
	dir        string
	controller *driver.Controller
	nodes      map[string]*driver.Node
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	requireMounts(t)
	dir := folder(t)
	return clusterOn(t, dir, startGluster(t, dir))
}

// clusterOn makes a cluster with an existing GlusterFS volume.
func clusterOn(t *testing.T, dir string, storage backend.Gluster) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: dir, nodes: map[string]*driver.Node{}}
	volumes, err := store.New(filepath.Join(c.dir, "volumes"))
	require.NoError(t, err)
	c.controller = &driver.Controller{Store: volumes, Nodes: []string{"n1", "n2"}, Gluster: storage}
	for _, name := range c.controller.Nodes {
		// A node is a process of its own, which shares nothing but the folder.
		own, err := store.New(filepath.Join(c.dir, "volumes"))
		require.NoError(t, err)
		c.nodes[name] = &driver.Node{Store: own, Host: backend.NewHost(logrus.New(), storage, ""), Name: name}
	}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			require.NoError(t, n.Host.Close())
		}
	})
	return c
}

func access(mode csi.VolumeCapability_AccessMode_Mode, block bool) *csi.VolumeCapability {
	c := &csi.VolumeCapability{AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode}}
	if block {
		c.AccessType = &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}}
	} else {
		c.AccessType = &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}}
	}
	return c
}

var once = access(csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER, false)

func (c *cluster) create(p map[string]string, how *csi.VolumeCapability) *csi.Volume {
	c.t.Helper()
	r, err := c.controller.CreateVolume(c.t.Context(), &csi.CreateVolumeRequest{
		Name: "volume-" + p[backend.BackendParameter], Parameters: p, VolumeCapabilities: []*csi.VolumeCapability{how},
		CapacityRange: &csi.CapacityRange{RequiredBytes: 320 << 20},
	})
	require.NoError(c.t, err)
	return r.Volume
}

func (c *cluster) attach(v *csi.Volume, node string, how *csi.VolumeCapability) error {
	_, err := c.controller.ControllerPublishVolume(c.t.Context(), &csi.ControllerPublishVolumeRequest{
		VolumeId: v.VolumeId, NodeId: node, VolumeCapability: how,
	})
	return err
}

// tryStage stages a volume on a node, for one node at a time.
func (c *cluster) tryStage(v *csi.Volume, node, staging string) error {
	_, err := c.nodes[node].NodeStageVolume(c.t.Context(), &csi.NodeStageVolumeRequest{
		VolumeId: v.VolumeId, StagingTargetPath: staging, VolumeCapability: once,
	})
	return err
}

func (c *cluster) stage(v *csi.Volume, node, staging string) {
	c.t.Helper()
	require.NoError(c.t, c.tryStage(v, node, staging))
}

func (c *cluster) unstage(v *csi.Volume, node, staging string) {
	c.t.Helper()
	_, err := c.nodes[node].NodeUnstageVolume(c.t.Context(), &csi.NodeUnstageVolumeRequest{
		VolumeId: v.VolumeId, StagingTargetPath: staging,
	})
	require.NoError(c.t, err)
}

func (c *cluster) detach(ctx context.Context, v *csi.Volume, node string) {
	c.t.Helper()
	_, err := c.controller.ControllerUnpublishVolume(ctx, &csi.ControllerUnpublishVolumeRequest{
		VolumeId: v.VolumeId, NodeId: node,
	})
	require.NoError(c.t, err)
}

// use attaches, stages and publishes a volume, does something at the path, and
// undoes it all.
func (c *cluster) use(v *csi.Volume, node string, how *csi.VolumeCapability, do func(path string)) {
	c.t.Helper()
	require.NoError(c.t, c.attach(v, node, how))
	n, staging := c.nodes[node], filepath.Join(c.dir, node, "staging", v.VolumeId)
	target := filepath.Join(c.dir, node, "target", v.VolumeId)
	require.NoError(c.t, os.MkdirAll(staging, 0o755))
	require.NoError(c.t, os.MkdirAll(filepath.Dir(target), 0o755))
	ctx := context.WithoutCancel(c.t.Context())
	_, err := n.NodeStageVolume(ctx, &csi.NodeStageVolumeRequest{
		VolumeId: v.VolumeId, StagingTargetPath: staging, VolumeCapability: how,
	})
	require.NoError(c.t, err)
	_, err = n.NodePublishVolume(ctx, &csi.NodePublishVolumeRequest{
		VolumeId: v.VolumeId, StagingTargetPath: staging, TargetPath: target, VolumeCapability: how,
	})
	require.NoError(c.t, err)
	do(target)
	_, err = n.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{VolumeId: v.VolumeId, TargetPath: target})
	require.NoError(c.t, err)
	_, err = n.NodeUnstageVolume(ctx, &csi.NodeUnstageVolumeRequest{VolumeId: v.VolumeId, StagingTargetPath: staging})
	require.NoError(c.t, err)
	c.detach(ctx, v, node)
	requireNothingLeft(c.t, c.dir)
}

func kind(t *testing.T, name string) backend.Kind {
	t.Helper()
	k, err := backend.Find(name)
	require.NoError(t, err)
	return k
}

// writeSynced writes a file and makes it durable.
func writeSynced(t *testing.T, path, content string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(t, err)
	_, err = file.WriteString(content)
	require.NoError(t, err)
	require.NoError(t, file.Sync())
	require.NoError(t, file.Close())
}

func TestVolume_ShowsItsDataOnTheOtherNode(t *testing.T) {
	for name, want := range map[string]string{
		"ext4": "kept", "xfs": "kept", "btrfs": "kept", "overlay": "kept", "shared": "kept", "gluster": "kept",
		"tmpfs": "", "faulty": "kep",
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			v := c.create(parameters(kind(t, name)), once)
			c.use(v, "n1", once, func(path string) { writeSynced(t, filepath.Join(path, "logs.log"), "kept") })
			c.use(v, "n2", once, func(path string) {
				content, err := os.ReadFile(filepath.Join(path, "logs.log"))
				if want == "" {
					require.ErrorIs(t, err, os.ErrNotExist)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, want, string(content))
			})
			_, err := c.controller.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: v.VolumeId})
			require.NoError(t, err)
			left, err := os.ReadDir(filepath.Join(c.dir, "volumes"))
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

// A node with a disk of its own has the data there. Another node must not take a new image or folder for the volume.
func TestVolume_OnTheDiskOfANodeIsRefusedByOtherNodes(t *testing.T) {
	for _, test := range [][2]string{{"ext4", "n1"}, {"ext4", "n2"}, {"overlay", "n1"}, {"overlay", "n2"}} {
		name, first := test[0], test[1]
		t.Run(name+" first on "+first, func(t *testing.T) {
			c := newCluster(t)
			c.nodes["n1"].Host = backend.NewHost(logrus.New(), backend.Gluster{}, filepath.Join(c.dir, "disk"))
			v := c.create(parameters(kind(t, name)), once)
			c.use(v, first, once, func(path string) { writeSynced(t, filepath.Join(path, "logs.log"), "kept") })
			second := map[string]string{"n1": "n2", "n2": "n1"}[first]
			require.NoError(t, c.attach(v, second, once))
			require.ErrorContains(t, c.tryStage(v, second, t.TempDir()), backend.ErrNotOnNode.Error())
			c.detach(t.Context(), v, second)
			c.use(v, first, once, func(path string) { assert.FileExists(t, filepath.Join(path, "logs.log")) })
		})
	}
}

// The kernel marks a folder that was mounted with this option, and refuses to mount it again.
func TestVolume_OfOverlayfsIsMountedAgainWithVolatile(t *testing.T) {
	c := newCluster(t)
	how := access(csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER, false)
	how.GetMount().MountFlags = []string{"volatile"}
	v := c.create(parameters(kind(t, "overlay")), how)
	c.use(v, "n1", how, func(path string) {
		writeSynced(t, filepath.Join(path, "logs.log"), "kept")
		assert.DirExists(t, filepath.Join(c.dir, "volumes", v.VolumeId, "work", "work", "incompat", "volatile"))
	})
	c.use(v, "n2", how, func(path string) { assert.FileExists(t, filepath.Join(path, "logs.log")) })
}

func TestBlockVolume_KeepsItsDataOnTheOtherNode(t *testing.T) {
	c := newCluster(t)
	block := access(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, true)
	v := c.create(parameters(kind(t, "block")), block)
	c.use(v, "n1", block, func(path string) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.NotZero(t, info.Mode()&os.ModeDevice)
		writeSynced(t, path, "kept")
	})
	c.use(v, "n2", block, func(path string) {
		device, err := os.Open(path)
		require.NoError(t, err)
		content := make([]byte, 4)
		_, err = device.Read(content)
		require.NoError(t, err)
		require.NoError(t, device.Close())
		assert.Equal(t, "kept", string(content))
	})
}

func TestVolume_IsAttachedToOneNodeAtATime(t *testing.T) {
	c := newCluster(t)
	v := c.create(parameters(kind(t, "ext4")), once)
	c.use(v, "n1", once, func(string) {
		err := c.attach(v, "n2", once)
		assert.Equal(t, codes.FailedPrecondition, status.Code(err))
		assert.ErrorContains(t, err, "n1")
		_, err = c.controller.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: v.VolumeId})
		assert.Equal(t, codes.FailedPrecondition, status.Code(err))
		err = c.tryStage(v, "n2", t.TempDir())
		assert.Equal(t, codes.FailedPrecondition, status.Code(err))
	})
	require.NoError(t, c.attach(v, "n2", once))
}

func TestNodeStageVolume_ServesAFaultyVolumeAgainAfterItsProcessEnded(t *testing.T) {
	c := newCluster(t)
	v := c.create(parameters(kind(t, "faulty")), once)
	c.use(v, "n1", once, func(path string) {
		writeSynced(t, filepath.Join(path, "logs.log"), "kept")
		require.NoError(t, c.nodes["n1"].Host.Close())
		c.nodes["n1"].Host = backend.NewHost(logrus.New(), backend.Gluster{}, "")
		staging := filepath.Join(c.dir, "n1", "staging", v.VolumeId)
		c.stage(v, "n1", staging)
		content, err := os.ReadFile(filepath.Join(staging, "logs.log"))
		require.NoError(t, err)
		assert.Equal(t, "kept", string(content))
	})
	events, err := os.ReadFile(filepath.Join(c.dir, "volumes", v.VolumeId, "events.jsonl"))
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(events), `"mounted"`), string(events))
}

func TestNodeUnstageVolume_UnmountsAVolumeThatWasDetachedAndDeleted(t *testing.T) {
	c := newCluster(t)
	v := c.create(parameters(kind(t, "shared")), once)
	require.NoError(t, c.attach(v, "n1", once))
	staging := filepath.Join(c.dir, "staging")
	require.NoError(t, os.Mkdir(staging, 0o755))
	c.stage(v, "n1", staging)
	c.detach(t.Context(), v, "n1")
	_, err := c.controller.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: v.VolumeId})
	require.NoError(t, err)
	c.unstage(v, "n1", staging)
	requireNothingLeft(t, c.dir)
}

func TestNodeUnstageVolume_KeepsADeviceThatIsStillUsed(t *testing.T) {
	c := newCluster(t)
	v := c.create(parameters(kind(t, "ext4")), once)
	other := filepath.Join(c.dir, "other")
	require.NoError(t, os.Mkdir(other, 0o755))
	require.NoError(t, c.attach(v, "n1", once))
	staging := filepath.Join(c.dir, "staging")
	require.NoError(t, os.Mkdir(staging, 0o755))
	c.stage(v, "n1", staging)
	image := filepath.Join(c.dir, "volumes", v.VolumeId, "image")
	device, err := loop.Find(image)
	require.NoError(t, err)
	require.NoError(t, mounts.Filesystem(t.Context(), "ext4", device, other, nil))
	c.unstage(v, "n1", staging)
	still, err := loop.Find(image)
	require.NoError(t, err)
	assert.Equal(t, device, still)
	require.NoError(t, mounts.Unmount(other))
	c.unstage(v, "n1", staging)
	requireNothingLeft(t, c.dir)
}
