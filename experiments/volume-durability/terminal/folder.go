package terminal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// CheckBundleFolder returns an error unless a folder is new or empty and can be written. It
// changes nothing in it.
func CheckBundleFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	switch {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("--bundle %s: want a new or empty folder: it contains %s", folder, entries[0].Name())
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("--bundle %s: want a folder: %w", folder, err)
	}
	if err := checkWritable(folder); err != nil {
		return fmt.Errorf("--bundle %s: want a folder that can be written: %w", folder, err)
	}
	return nil
}

// checkWritable returns an error unless a folder can be written, or created.
func checkWritable(folder string) error {
	for existing := folder; ; existing = filepath.Dir(existing) {
		// MkdirTemp cannot be asked: it also reports ErrNotExist in a folder that takes no files, such as /proc.
		if _, err := os.Lstat(existing); errors.Is(err, os.ErrNotExist) && existing != filepath.Dir(existing) {
			continue
		}
		trial, err := os.MkdirTemp(existing, ".volume-durability-")
		if err != nil {
			return err
		}
		return os.Remove(trial)
	}
}
