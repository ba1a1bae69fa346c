package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// Write writes the files into a folder, and creates it if it does not exist. The folder must be empty: any other file
// would appear to belong to the bundle.
func (b Bundle) Write(folder string) (err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("creating the bundle's folder: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("listing the bundle's folder: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("folder %s is not empty: it has %s", folder, entries[0].Name())
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("opening the bundle's folder: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, f := range b.Files {
		if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
			return fmt.Errorf("creating the folder of %s in %s: %w", f.Name, folder, err)
		}
		if err := root.WriteFile(f.Name, f.Content, 0o644); err != nil {
			return fmt.Errorf("writing %s into %s: %w", f.Name, folder, err)
		}
	}
	return nil
}

// ReadFolder reads the bundle in a folder. It does not verify it.
func ReadFolder(folder string) (b Bundle, err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return Bundle{}, fmt.Errorf("opening the bundle's folder: %w", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if !entry.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", name)
		}
		content, err := root.ReadFile(name)
		b.Files = append(b.Files, File{name, content})
		return err
	})
	if err != nil {
		return Bundle{}, fmt.Errorf("reading the bundle in %s: %w", folder, err)
	}
	b.sort()
	return b, nil
}
