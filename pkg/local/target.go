package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/volume-durability/volume-durability/pkg/volume"
)

// Target is a folder or a block device under test, and the journal on it.
type Target struct {
	// Path is what the user named, made absolute.
	Path string
	// Journal is the path of the journal: in a folder of the run's own, or the device.
	Journal string
	Device  bool
}

// NewTarget returns the target that a path names. The journal's folder is named
// after the journal. Nothing is created.
func NewTarget(path, journalID string) (Target, error) {
	if path == "" {
		return Target{}, errors.New("the path is empty: want a folder or a block device")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return Target{}, fmt.Errorf("finding the absolute path of %s: %w", path, err)
	}
	info, err := os.Stat(absolute)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Target{}, fmt.Errorf("%s does not exist: want a folder or a block device", path)
	case err != nil:
		return Target{}, fmt.Errorf("want a folder or a block device: %w", err)
	case info.IsDir():
		own := filepath.Join(absolute, volume.FolderPrefix+journalID)
		return Target{Path: absolute, Journal: filepath.Join(own, journalName)}, nil
	case volume.IsBlockDevice(absolute):
		return Target{Path: absolute, Journal: absolute, Device: true}, volume.CheckDevice(absolute)
	}
	return Target{}, fmt.Errorf("%s is neither a folder nor a block device", path)
}

// journalName is the journal's file name, as in the STIG check.
const journalName = "logs.log"

// Folder returns the run's own folder; empty on a device.
func (t Target) Folder() string {
	if t.Device {
		return ""
	}
	return filepath.Dir(t.Journal)
}

// Through returns the path of the same journal under another mount of the filesystem.
func (t Target) Through(mount string) (string, error) {
	absolute, err := filepath.Abs(mount)
	if err != nil {
		return "", fmt.Errorf("--read-from %s: %w", mount, err)
	}
	if t.Device {
		return absolute, nil
	}
	return filepath.Join(absolute, filepath.Base(t.Folder()), journalName), nil
}
