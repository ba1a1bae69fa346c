//go:build linux

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

// IsInOwnFolder says whether a path is in a folder of our own.
func IsInOwnFolder(path string) bool {
	return strings.HasPrefix(filepath.Base(filepath.Dir(path)), FolderPrefix)
}

// CreateFolder makes the folder that a path is in, and makes its name durable. One
// that exists is an error, errors.Is(err, fs.ErrExist).
func CreateFolder(path string) error {
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(folder))
}

// Remove removes a file, and the folder of our own that it is in once that is empty,
// and makes that durable. What is gone already need not be removed; what is not a
// file is an error.
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
		return syncDirectory(filepath.Dir(folder))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist): // gone, or not empty
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
		return fmt.Errorf("%s is no regular file: %w", path, unix.EINVAL)
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}
