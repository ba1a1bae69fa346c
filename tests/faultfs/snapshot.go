package faultfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// snapshot is a copy of a directory: its folders, files and links, with their owners, modes
// and modification times.
type snapshot struct{ dir string }

func (s *snapshot) taken() bool { return s.dir != "" }

// take copies a directory. It replaces an earlier copy.
func (s *snapshot) take(dir string) error {
	if err := s.remove(); err != nil {
		return err
	}
	kept, err := os.MkdirTemp("", "faultfs-snapshot-")
	if err != nil {
		return err
	}
	s.dir = kept
	if err := copyTree(dir, kept); err != nil {
		return errors.Join(err, s.remove())
	}
	return nil
}

func (s *snapshot) restore(dir string) error {
	if err := prune(dir, s.dir); err != nil {
		return err
	}
	return copyTree(s.dir, dir)
}

func (s *snapshot) remove() error {
	if !s.taken() {
		return nil
	}
	err := os.RemoveAll(s.dir)
	s.dir = ""
	return err
}

// prune removes from a directory what is not in another one, or has another type there.
// Files that are in both stay, because they may be open.
func prune(dir, other string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		there, err := os.Lstat(filepath.Join(other, relative))
		if err == nil && there.Mode().Type() == entry.Type() && entry.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.RemoveAll(path); err != nil || !entry.IsDir() {
			return err
		}
		return fs.SkipDir
	})
}

// copyTree copies the content of a directory into another one, and overwrites files there.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if err := copyEntry(path, filepath.Join(to, relative), entry); err != nil {
			return fmt.Errorf("copying %s: %w", path, err)
		}
		return nil
	})
}

func copyEntry(from, to string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	switch entry.Type() {
	case fs.ModeDir:
		err = os.MkdirAll(to, 0o700)
	case fs.ModeSymlink:
		return copyLink(from, to, info)
	case 0:
		err = copyContent(from, to)
	default:
		err = errors.New("not a folder, a file or a link")
	}
	if err != nil {
		return err
	}
	return copyAttributes(to, info)
}

func copyLink(from, to string, info fs.FileInfo) error {
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return errors.Join(os.Symlink(target, to), os.Lchown(to, int(owner.Uid), int(owner.Gid)))
}

func copyContent(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

func copyAttributes(to string, info fs.FileInfo) error {
	owner := info.Sys().(*syscall.Stat_t)
	// Changing the owner clears the set-user-ID bit, so the mode is set after it.
	return errors.Join(
		os.Chown(to, int(owner.Uid), int(owner.Gid)),
		os.Chmod(to, info.Mode()),
		os.Chtimes(to, info.ModTime(), info.ModTime()),
	)
}
