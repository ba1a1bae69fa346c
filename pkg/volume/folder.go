//go:build linux || darwin

package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// IsInOwnFolder reports whether the folder of a path has FolderPrefix in its name.
func IsInOwnFolder(path string) bool {
	return strings.HasPrefix(filepath.Base(filepath.Dir(path)), FolderPrefix)
}

// CreateFolder creates the folder of a path, and syncs the parent folder. If the folder
// exists, it returns an error for which errors.Is(err, fs.ErrExist) is true.
func CreateFolder(path string) error {
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(folder))
}

// Remove removes a regular file, and its folder if the run created it and it is empty. It
// syncs the parent folders. It returns no error if the file does not exist, and an error
// if the path is not a regular file.
func Remove(path string) error {
	if err := removeFile(path); err != nil {
		return err
	}
	if !IsInOwnFolder(path) {
		return nil
	}
	folder := filepath.Dir(path)
	switch err := unix.Rmdir(folder); {
	case err == nil:
		return syncFolder(filepath.Dir(folder))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist): // removed already, or not empty
		return nil
	default:
		return fmt.Errorf("removing the folder %s: %w", folder, err)
	}
}

func removeFile(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file: %w", path, unix.EINVAL)
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
