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
	// images is a folder on a disk that only this node has. It holds the images of volumes that have a device, and the
	// folders of each overlayfs. If it is empty, they are in the folder of the volume.
	images string
	// mu protects faulty: the faulty filesystems that this process serves, by their
	// mount points.
	mu     sync.Mutex
	faulty map[string]*served
}

// NewHost returns a node without volumes. Images is a folder on a disk that only this node has, for the images of
// volumes that have a device, and for the folders of each overlayfs. Without it, they are in the folders of the
// volumes.
func NewHost(log logrus.FieldLogger, g Gluster, images string) *Host {
	return &Host{log: log, gluster: g, images: images, faulty: map[string]*served{}}
}

// detachPatience is how long containers that are ending may still use a device after it
// was unmounted.
const detachPatience = 5 * time.Second

// The parts of a volume's folder: a marker that a node has created the contents of nodeFolder, a marker that the device
// has a filesystem, and the data of a volume that needs neither a device nor nodeFolder.
func created(v store.Volume) string   { return filepath.Join(v.Folder, "created") }
func formatted(v store.Volume) string { return filepath.Join(v.Folder, "formatted") }
func data(v store.Volume) string      { return filepath.Join(v.Folder, "data") }

// clientLog is the log of the FUSE client of a volume.
func clientLog(v store.Volume) string { return filepath.Join(v.Folder, "client.log") }

// nodeFolder is the folder with what only one node may create: the image of a volume, or the folders of an overlayfs.
func (h *Host) nodeFolder(v store.Volume) string {
	if h.images == "" {
		return v.Folder
	}
	return filepath.Join(h.images, v.ID)
}

// image is the file that is the device of a volume.
func (h *Host) image(v store.Volume) string { return filepath.Join(h.nodeFolder(v), "image") }

// Stage makes a volume usable on this node: it mounts the volume or attaches its block device.
func (h *Host) Stage(ctx context.Context, v store.Volume, path string, access Access) error {
	kind, err := Find(v.Backend)
	if err != nil {
		return err
	}
	if kind.Device {
		return h.stageDevice(ctx, v, kind, path, access)
	}
	if kind.Name == faulty {
		return h.stageFaulty(v, path)
	}
	if kind.Name == Glustered {
		return h.gluster.stage(ctx, v, path)
	}
	if kind.Name == FUSE {
		return stageFUSE(ctx, v, path)
	}
	mounted, err := mounts.At(path)
	if err != nil || mounted {
		return err
	}
	if kind.Name == tmpfs {
		options := append([]string{"size=" + strconv.FormatInt(v.Bytes, 10), "mode=0755"}, access.Options...)
		return mounts.Filesystem(ctx, tmpfs, v.ID, path, options)
	}
	if kind.Name == overlay {
		return h.stageOverlay(ctx, v, path, access.Options)
	}
	if kind.Name == NFS {
		return stageNFS(ctx, v, path, access.Options)
	}
	if err := os.MkdirAll(data(v), 0o755); err != nil {
		return err
	}
	return mounts.Bind(data(v), path, false)
}

func (h *Host) stageDevice(ctx context.Context, v store.Volume, kind Kind, path string, access Access) error {
	mounted, err := mounts.At(path)
	if err != nil || mounted {
		return err
	}
	mount := func(device string) error { return mountDevice(ctx, v, kind, device, path, access) }
	switch v.Backend {
	case ISCSI:
		return withTarget(ctx, v.Parameters[serverParameter], mount)
	case DRBD:
		return withPrimary(ctx, v.Parameters[resourceParameter], mount)
	}
	device, err := h.attach(v)
	if err != nil || access.Block {
		return err
	}
	return mount(device)
}

// mountDevice mounts the filesystem on a device, and makes it before if it has not been made.
func mountDevice(ctx context.Context, v store.Volume, kind Kind, device, path string, access Access) error {
	if err := format(ctx, v, kind, device); err != nil {
		return err
	}
	return mounts.Filesystem(ctx, kind.FSType(), device, path, access.Options)
}

// attach returns the loop device of a volume, and attaches it if it is not there.
func (h *Host) attach(v store.Volume) (string, error) {
	image := h.image(v)
	if err := createOnce(v, image, func() error { return makeHole(image, v.Bytes) }); err != nil {
		return "", fmt.Errorf("creating the image of volume %s: %w", v.ID, err)
	}
	return loop.Attach(image)
}

// ErrNotOnNode reports that the contents of a volume's nodeFolder are on the disk of another node, or were lost.
var ErrNotOnNode = errors.New("its data is not on this node")

// createOnce calls create unless the path exists. It returns ErrNotOnNode if another node has created it.
func createOnce(v store.Volume, path string, create func() error) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(created(v)); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(ErrNotOnNode, err)
	}
	if err := create(); err != nil {
		return err
	}
	return os.WriteFile(created(v), nil, 0o600)
}

// makeHole makes a file that is one hole, whole or not at all. The file survives a power cut.
func makeHole(path string, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	unfinished := path + ".new"
	file, err := os.Create(unfinished)
	if err != nil {
		return err
	}
	if err := errors.Join(file.Truncate(size), file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(unfinished, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// format makes the filesystem, once. It does not look for a filesystem on the device: a
// damaged one must not be taken for a new volume.
func format(ctx context.Context, v store.Volume, kind Kind, device string) error {
	if _, err := os.Stat(formatted(v)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if kind.Mkfs == nil {
		return fmt.Errorf("backend %s has no filesystem", kind.Name)
	}
	args := append(kind.Mkfs[1:len(kind.Mkfs):len(kind.Mkfs)], device)
	output, err := exec.CommandContext(ctx, kind.Mkfs[0], args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", kind.Mkfs[0], strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return os.WriteFile(formatted(v), nil, 0o600)
}

// Unstage undoes Stage. It detaches the volume's device if nothing else uses it.
func (h *Host) Unstage(ctx context.Context, v store.Volume, path string) error {
	if err := h.unstageFaulty(path); err != nil {
		return err
	}
	if v.Backend == FUSE {
		return unmountFUSE(ctx, v, path)
	}
	if err := mounts.Unmount(path); err != nil {
		return err
	}
	switch v.Backend {
	case ISCSI:
		return logout(ctx, v.Parameters[serverParameter])
	case DRBD:
		return demote(ctx, v.Parameters[resourceParameter])
	}
	image := h.image(v)
	if _, err := os.Stat(image); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	device, err := loop.Find(image)
	if err != nil || device == "" {
		return err
	}
	used, err := mounts.IsUsed(device)
	if err != nil || used {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, detachPatience)
	defer cancel()
	return loop.Detach(ctx, image)
}

// Publish makes a staged volume visible at a path: as a folder, or as a device.
func (h *Host) Publish(
	ctx context.Context, v store.Volume, staged, path string, access Access, readOnly bool,
) error {
	mounted, err := mounts.At(path)
	if err != nil || mounted {
		return err
	}
	if v.Backend == FUSE {
		if err := restoreFUSE(ctx, v, staged); err != nil {
			return err
		}
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
		device, err := loop.Find(h.image(v))
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

// mountInBackground runs a program that mounts a FUSE filesystem and stays in the background, and returns once the
// filesystem answers. The log has the output of the program.
func mountInBackground(ctx context.Context, command []string, point, log string) error {
	output, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	program := exec.CommandContext(ctx, command[0], command[1:]...)
	program.Stdout, program.Stderr = output, output
	if err := errors.Join(program.Run(), output.Close()); err != nil {
		err = fmt.Errorf("%s, mounting on %s, see %s: %w", command[0], point, log, err)
		// If the program was ended, its daemon may have mounted already.
		return errors.Join(err, mounts.Unmount(point))
	}
	// A client of GlusterFS mounts even if no server answers.
	if _, err := os.Stat(point); err != nil {
		return errors.Join(fmt.Errorf("looking into %s, see %s: %w", point, log, err), mounts.Unmount(point))
	}
	return nil
}

// Forget unmounts a path whose volume no longer exists.
func (h *Host) Forget(path string) error {
	return errors.Join(h.unstageFaulty(path), mounts.Unmount(path))
}

// Unpublish undoes Publish.
func (h *Host) Unpublish(path string) error { return mounts.Remove(path) }
