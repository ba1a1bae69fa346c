package backend

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/csi/store"
	"github.com/volume-durability/volume-durability/tests/gluster"
)

// Gluster is a GlusterFS volume. Each volume of the driver is a folder of it. Only
// GlusterFS clients access it, as if its servers were on other machines.
type Gluster struct {
	// ClientFile is the configuration file of a client. Without one there is no volume.
	ClientFile string
}

// errNoGluster reports that the driver was started without a GlusterFS volume.
var errNoGluster = errors.New("there is no GlusterFS volume here")

// Make makes the folder of a volume.
func (g Gluster) Make(ctx context.Context, v store.Volume) error {
	return g.withRoot(ctx, g.log(), func(root string) error { return os.MkdirAll(filepath.Join(root, v.ID), 0o755) })
}

// Remove removes the folder of a volume, with its data.
func (g Gluster) Remove(ctx context.Context, v store.Volume) error {
	return g.withRoot(ctx, g.log(), func(root string) error { return os.RemoveAll(filepath.Join(root, v.ID)) })
}

// log is the log of the client that mounts the whole volume.
func (g Gluster) log() string { return filepath.Join(filepath.Dir(g.ClientFile), "root.log") }

// stage mounts a volume, also if the client that had mounted it has ended. Each volume has
// a client of its own, which outlives this process and ends when its mounts are unmounted.
// The client mounts the whole GlusterFS volume. A client that mounts a folder ends when a
// server comes back that does not have the folder yet.
func (g Gluster) stage(ctx context.Context, v store.Volume, path string) error {
	if err := mounts.UnmountDisconnected(path); err != nil {
		return err
	}
	mounted, err := mounts.At(path)
	if err != nil || mounted {
		return err
	}
	return g.withRoot(ctx, clientLog(v), func(root string) error {
		return mounts.Bind(filepath.Join(root, v.ID), path, false)
	})
}

// withRoot calls do with a folder in which the whole GlusterFS volume is mounted.
func (g Gluster) withRoot(ctx context.Context, log string, do func(root string) error) error {
	if g.ClientFile == "" {
		return errNoGluster
	}
	root, err := os.MkdirTemp(filepath.Dir(g.ClientFile), "root-")
	if err != nil {
		return err
	}
	client := append([]string{gluster.Client}, gluster.MountArgs(g.ClientFile, root, log)...)
	if err := mountInBackground(ctx, client, root, log); err != nil {
		return errors.Join(err, os.Remove(root))
	}
	return errors.Join(do(root), mounts.Remove(root))
}
