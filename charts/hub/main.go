// Command hub lays the charts out as LitmusChaos 3.x wants a ChaosHub: as a tree,
// for a hub that is a git repository, and as a zip, for one that is downloaded.
// It knows where chaos center looks for what; it knows nothing of a cluster. What
// the manifests say is the charts' to say: here they are only put in their places.
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
	charts := flag.String("charts", "charts", "folder of the charts")
	name := flag.String("name", "volume-durability", "the hub's name in chaos center, which is the zip's top folder")
	tree := flag.String("tree", "build/hub", "folder to write the tree to; it is replaced")
	archive := flag.String("zip", "build/hub.zip", "file to write the zip to")
	flag.Parse()
	files, err := lay(*charts)
	if err != nil {
		return err
	}
	return errors.Join(writeTree(*tree, files), writeZip(*archive, *name, files))
}

// writeTree puts the files where nothing else is: what an earlier hub had and this
// one has not is gone.
func writeTree(folder string, files map[string][]byte) error {
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("removing the tree of before: %w", err)
	}
	for name, content := range files {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("making the folder of %s: %w", name, err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// writeZip puts the files below a folder of the hub's name: chaos center unpacks a
// hub beside the others, and then looks for it by its name.
func writeZip(archive, hub string, files map[string][]byte) (err error) {
	out, err := os.Create(archive)
	if err != nil {
		return fmt.Errorf("making the zip: %w", err)
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
