// Command hub builds a ChaosHub for LitmusChaos 3.x from the charts: a folder tree for a git repository, and a zip
// file for a remote hub. It copies the manifests to the paths at which chaos center expects them, and needs no cluster.
package main

import (
	"archive/zip"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "hub:", err)
		os.Exit(1)
	}
}

func run() error {
	charts := flag.String("charts", "charts", "folder with the charts")
	name := flag.String("name", "volume-durability",
		"name of the hub in chaos center, and of the top-level folder in the zip")
	tree := flag.String("tree", "build/hub", "folder for the tree; an existing one is replaced")
	archive := flag.String("zip", "build/hub.zip", "path of the zip")
	flag.Parse()
	files, err := hubFiles(*charts)
	if err != nil {
		return err
	}
	return errors.Join(writeTree(*tree, files), writeZip(*archive, *name, files))
}

// writeTree replaces a folder by the files.
func writeTree(folder string, files map[string][]byte) error {
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("removing the old tree: %w", err)
	}
	for name, content := range files {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("creating the folder of %s: %w", name, err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// writeZip writes the files into a zip, below a folder with the hub's name: chaos center unpacks all hubs into one
// folder and finds each by its name.
func writeZip(archive, hub string, files map[string][]byte) (err error) {
	out, err := os.Create(archive)
	if err != nil {
		return fmt.Errorf("creating the zip: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	z := zip.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		entry, err := z.Create(path.Join(hub, name))
		if err != nil {
			return fmt.Errorf("adding %s to the zip: %w", name, err)
		}
		if _, err := entry.Write(files[name]); err != nil {
			return fmt.Errorf("adding %s to the zip: %w", name, err)
		}
	}
	return z.Close()
}
