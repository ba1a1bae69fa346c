package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/volume-durability/volume-durability/tests/csi/mounts"
	"github.com/volume-durability/volume-durability/tests/csi/store"
)

// layers are the folders of an overlayfs.
type layers struct{ lower, upper, work string }

// layers returns the folders of a volume.
func (h *Host) layers(v store.Volume) layers {
	in := func(name string) string { return filepath.Join(h.nodeFolder(v), name) }
	return layers{lower: in("lower"), upper: in("upper"), work: in("work")}
}

// stageOverlay mounts an overlayfs on folders of this node.
func (h *Host) stageOverlay(ctx context.Context, v store.Volume, point string, options []string) error {
	l := h.layers(v)
	if err := createOnce(v, l.upper, l.make); err != nil {
		return fmt.Errorf("making the folders of volume %s: %w", v.ID, err)
	}
	if err := l.allowMount(); err != nil {
		return fmt.Errorf("preparing the folders of volume %s: %w", v.ID, err)
	}
	all := append([]string{"lowerdir=" + l.lower, "upperdir=" + l.upper, "workdir=" + l.work}, options...)
	return mounts.Filesystem(ctx, overlay, v.ID, point, all)
}

// make makes the folders. They survive a power cut.
func (l layers) make() error {
	for _, folder := range []string{l.lower, l.work, l.upper} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	return errors.Join(syncFolder(l.upper), syncFolder(filepath.Dir(l.upper)))
}

// allowMount removes the mark of an earlier mount with the option volatile. The kernel refuses to mount the folders as
// long as they have it.
func (l layers) allowMount() error { return os.RemoveAll(filepath.Join(l.work, "work", "incompat")) }
