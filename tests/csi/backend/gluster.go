package backend

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

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
func (g Gluster) Make(v store.Volume) error {
	return g.withRoot(g.log(), func(root string) error { return os.MkdirAll(filepath.Join(root, v.ID), 0o755) })
}

// Remove removes the folder of a volume, with its data.
func (g Gluster) Remove(v store.Volume) error {
	return g.withRoot(g.log(), func(root string) error { return os.RemoveAll(filepath.Join(root, v.ID)) })
}

// log is the log of the client that mounts the whole volume.
func (g Gluster) log() string { return filepath.Join(filepath.Dir(g.ClientFile), "root.log") }

// stage mounts a volume, also if the client that had mounted it has ended. Each volume has
// a client of its own, which outlives this process and ends when its mounts are unmounted.
// The client mounts the whole GlusterFS volume. A client that mounts a folder ends when a
// server comes back that does not have the folder yet.
func (g Gluster) stage(v store.Volume, path string) error {
	if _, err := os.Stat(path); errors.Is(err, unix.ENOTCONN) {
		if err := mounts.Unmount(path); err != nil {
			return err
		}
	}
	mounted, err := mounts.At(path)
	if err != nil || mounted {
		return err
	}
	return g.withRoot(filepath.Join(v.Folder, "client.log"), func(root string) error {
		return mounts.Bind(filepath.Join(root, v.ID), path, false)
	})
}

// withRoot calls do with a folder in which the whole GlusterFS volume is mounted.
func (g Gluster) withRoot(log string, do func(root string) error) error {
	if g.ClientFile == "" {
		return errNoGluster
	}
	root, err := os.MkdirTemp(filepath.Dir(g.ClientFile), "root-")
	if err != nil {
		return err
	}
	if err := g.mount(root, log); err != nil {
		return errors.Join(err, os.Remove(root))
	}
	return errors.Join(do(root), mounts.Remove(root))
}

// mount starts a client that mounts the GlusterFS volume.
func (g Gluster) mount(point, log string) error {
	output, err := exec.Command(gluster.Client, gluster.MountArgs(g.ClientFile, point, log)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mounting GlusterFS on %s, see %s: %w: %s", point, log, err, strings.TrimSpace(string(output)))
	}
	// The client mounts even if no server answers.
	if _, err := os.Stat(point); err != nil {
		return errors.Join(fmt.Errorf("looking into GlusterFS, see %s: %w", log, err), mounts.Unmount(point))
	}
	return nil
}
