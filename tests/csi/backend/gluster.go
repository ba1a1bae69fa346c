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
	return g.withRoot(g.log(), func(root string) error { return os.MkdirAll(filepath.Join(root, v.ID), 0o755) })
}

// Remove removes the folder of a volume, with its data.
func (g Gluster) Remove(v store.Volume) error {
	return g.withRoot(g.log(), func(root string) error { return os.RemoveAll(filepath.Join(root, v.ID)) })
}

// log is that of a client that looks at all volumes.
func (g Gluster) log() string { return filepath.Join(filepath.Dir(g.ClientFile), "root.log") }

// stage mounts a volume, also where the client has ended that had mounted it. It is
// seen by a client of its own, which outlives this process and ends when all of it
// is unmounted. The client knows of no folder: one that is told to mount but a folder
// ends when a server comes back that does not have that folder yet.
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
	return g.withRoot(filepath.Join(v.Folder, "client.log"), func(root string) error { return mounts.Bind(filepath.Join(root, v.ID), path, false) })
}

// withRoot does something where all of the volumes are to be seen.
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

// mount has a client show the GlusterFS volume.
func (g Gluster) mount(point, log string) error {
	output, err := exec.Command(gluster.Client, gluster.MountArgs(g.ClientFile, point, log)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mounting GlusterFS on %s, see %s: %w: %s", point, log, err, strings.TrimSpace(string(output)))
	}
	// Where no server answers, a client mounts all the same.
	if _, err := os.Stat(point); err != nil {
		return errors.Join(fmt.Errorf("looking into GlusterFS, see %s: %w", log, err), mounts.Unmount(point))
	}
	return nil
}
