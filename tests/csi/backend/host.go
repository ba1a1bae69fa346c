package backend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/volume-durability/volume-durability/tests/csi/loop"
	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

// Access describes how a volume is used on a node.
type Access struct {
	// Block asks for the device as it is.
	Block bool
	// Options are those of the mount.
	Options []string
}

// ErrNotStaged reports that a volume is not staged.
var ErrNotStaged = errors.New("it is not staged")

// Host is the node on which volumes become usable.
type Host struct {
	log     logrus.FieldLogger
	gluster Gluster
	// mu protects faulty: the faulty filesystems that this process serves, by their
	// mount points.
	mu     sync.Mutex
	faulty map[string]*served
}

// NewHost returns a node without volumes.
func NewHost(log logrus.FieldLogger, g Gluster) *Host {
	return &Host{log: log, gluster: g, faulty: map[string]*served{}}
}

// detachPatience is how long containers that are ending may still use a device after it
// was unmounted.
const detachPatience = 5 * time.Second

// The parts of a volume's folder: the image of a device, a mark that there is a
// filesystem on it, and the data of a volume that has no device.
func image(v store.Volume) string     { return filepath.Join(v.Folder, "image") }
func formatted(v store.Volume) string { return filepath.Join(v.Folder, "formatted") }
func data(v store.Volume) string      { return filepath.Join(v.Folder, "data") }

// Stage makes a volume usable on this node: it mounts the volume or attaches its block device.
func (h *Host) Stage(v store.Volume, path string, access Access) error {
	kind, err := Find(v.Backend)
	if err != nil {
		return err
	}
	if kind.Device {
		return stageDevice(v, kind, path, access)
	}
	if kind.Name == faulty {
		return h.stageFaulty(v, path)
	}
	if kind.Name == Glustered {
		return h.gluster.stage(v, path)
	}
	mounted, err := mounts.At(path)
	if err != nil || mounted {
		return err
	}
	if kind.Name == tmpfs {
		options := append([]string{"size=" + strconv.FormatInt(v.Bytes, 10), "mode=0755"}, access.Options...)
		return mounts.Filesystem(tmpfs, v.ID, path, options)
	}
	if kind.Name == NFS {
		return stageNFS(v, path, access.Options)
	}
	if err := os.MkdirAll(data(v), 0o755); err != nil {
		return err
	}
	return mounts.Bind(data(v), path, false)
}

func stageDevice(v store.Volume, kind Kind, path string, access Access) error {
	mounted, err := mounts.At(path)
	if err != nil || mounted {
		return err
	}
	if err := makeImage(v); err != nil {
		return fmt.Errorf("making the image of volume %s: %w", v.ID, err)
	}
	device, err := loop.Attach(image(v))
	if err != nil || access.Block {
		return err
	}
	if err := format(v, kind, device); err != nil {
		return err
	}
	return mounts.Filesystem(kind.Name, device, path, access.Options)
}

// makeImage makes a file of the volume's size, all of it a hole.
func makeImage(v store.Volume) error {
	file, err := os.OpenFile(image(v), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && info.Size() != v.Bytes {
		err = file.Truncate(v.Bytes)
	}
	return errors.Join(err, file.Close())
}

// format makes the filesystem, once. It does not look for a filesystem on the device: a
// damaged one must not be taken for a new volume.
func format(v store.Volume, kind Kind, device string) error {
	if _, err := os.Stat(formatted(v)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if kind.Mkfs == nil {
		return fmt.Errorf("backend %s has no filesystem", kind.Name)
	}
	args := append(kind.Mkfs[1:len(kind.Mkfs):len(kind.Mkfs)], device)
	if output, err := exec.Command(kind.Mkfs[0], args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", kind.Mkfs[0], strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return os.WriteFile(formatted(v), nil, 0o600)
}

// Unstage undoes Stage. It detaches the volume's device if nothing else uses it.
func (h *Host) Unstage(ctx context.Context, v store.Volume, path string) error {
	if err := h.unstageFaulty(path); err != nil {
		return err
	}
	if err := mounts.Unmount(path); err != nil {
		return err
	}
	if _, err := os.Stat(image(v)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	device, err := loop.Find(image(v))
	if err != nil || device == "" {
		return err
	}
	used, err := mounts.IsUsed(device)
	if err != nil || used {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, detachPatience)
	defer cancel()
	return loop.Detach(ctx, image(v))
}

// Publish makes a staged volume visible at a path: as a folder, or as a device.
func (h *Host) Publish(v store.Volume, staged, path string, access Access, readOnly bool) error {
	mounted, err := mounts.At(path)
	if err != nil || mounted {
		return err
	}
	source, err := h.source(v, staged, access)
	if err != nil {
		return err
	}
	if err := makePoint(path, access.Block); err != nil {
		return err
	}
	return mounts.Bind(source, path, readOnly)
}

// source returns the path of a staged volume: its mount point or its device.
func (h *Host) source(v store.Volume, staged string, access Access) (string, error) {
	if access.Block {
		device, err := loop.Find(image(v))
		if err == nil && device == "" || errors.Is(err, fs.ErrNotExist) {
			err = ErrNotStaged
		}
		return device, err
	}
	mounted, err := mounts.At(staged)
	if err == nil && !mounted {
		err = ErrNotStaged
	}
	return staged, err
}

func makePoint(path string, file bool) error {
	if !file {
		return os.MkdirAll(path, 0o750)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	made, err := os.OpenFile(path, os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return made.Close()
}

// Forget unmounts a path whose volume no longer exists.
func (h *Host) Forget(path string) error {
	return errors.Join(h.unstageFaulty(path), mounts.Unmount(path))
}

// Unpublish undoes Publish.
func (h *Host) Unpublish(path string) error { return mounts.Remove(path) }
