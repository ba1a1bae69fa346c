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

// Gluster is a GlusterFS volume, of which each of our volumes is a folder. It is
// reached by its clients only, as on servers that are elsewhere.
type Gluster struct {
	// ClientFile is what a client is told of it. Without one there is none.
	ClientFile string
}

// errNoGluster says that nobody has started one.
var errNoGluster = errors.New("there is no GlusterFS volume here")

// Make makes the folder of a volume.
func (g Gluster) Make(v store.Volume) error {
	return g.withRoot(func(root string) error { return os.MkdirAll(filepath.Join(root, v.ID), 0o755) })
}

// Remove removes the folder of a volume, with its data.
func (g Gluster) Remove(v store.Volume) error {
	return g.withRoot(func(root string) error { return os.RemoveAll(filepath.Join(root, v.ID)) })
}

// withRoot does something where all of the volumes are to be seen.
func (g Gluster) withRoot(do func(root string) error) error {
	if g.ClientFile == "" {
		return errNoGluster
	}
	folder := filepath.Dir(g.ClientFile)
	root, err := os.MkdirTemp(folder, "root-")
	if err != nil {
		return err
	}
	if err := g.mount("/", root, filepath.Join(folder, "root.log")); err != nil {
		return errors.Join(err, os.Remove(root))
	}
	return errors.Join(do(root), mounts.Remove(root))
}

// mount has a client of its own show a folder of the GlusterFS volume. The client
// outlives this process, and ends when that is unmounted.
func (g Gluster) mount(folder, point, log string) error {
	if g.ClientFile == "" {
		return errNoGluster
	}
	output, err := exec.Command(gluster.Client, gluster.MountArgs(g.ClientFile, folder, point, log)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mounting %s of GlusterFS on %s, see %s: %w: %s", folder, point, log, err, strings.TrimSpace(string(output)))
	}
	// Where no server answers, a client mounts all the same.
	if _, err := os.Stat(point); err != nil {
		return errors.Join(fmt.Errorf("looking into %s of GlusterFS, see %s: %w", folder, log, err), mounts.Unmount(point))
	}
	return nil
}

// stage mounts a volume, also where the client has ended that had mounted it.
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
	return g.mount("/"+v.ID, path, filepath.Join(v.Folder, "client.log"))
}
