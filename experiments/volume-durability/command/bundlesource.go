package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// loadedBundle is a verified bundle, and where it was loaded from.
type loadedBundle struct {
	bundle.Bundle
	from string
}

// folderPrefix begins the name of the folder that run writes a bundle to. The run's ID follows.
const folderPrefix = "volume-durability-"

// loadAll loads the bundles that the arguments name, or the newest one.
func (r *reportCommand) loadAll(ctx context.Context, args []string) ([]loadedBundle, error) {
	if len(args) == 0 {
		newest, err := r.newestFolder()
		if err != nil {
			return nil, err
		}
		args = []string{newest}
	}
	var bundles []loadedBundle
	for _, arg := range args {
		b, err := r.load(ctx, arg)
		if err != nil {
			return nil, err
		}
		bundles = append(bundles, b)
	}
	return bundles, nil
}

// load loads and verifies a bundle. An empty argument means the newest one in the namespace.
func (r *reportCommand) load(ctx context.Context, arg string) (loadedBundle, error) {
	b, err := r.read(ctx, arg)
	if err != nil {
		return loadedBundle{}, err
	}
	if err := b.Verify(); err != nil {
		return loadedBundle{}, fmt.Errorf("the evidence bundle in %s does not match its manifest: %w", b.from, err)
	}
	return r.withChecklistFlags(b)
}

// isInCluster reports whether the flags ask for bundles in a namespace, and so not for those on this machine. A path is
// always one of this machine.
func (r *reportCommand) isInCluster() bool { return *r.cluster.Namespace != "" }

// newestFolder returns the newest bundle in the current folder, or an empty string.
func (r *reportCommand) newestFolder() (string, error) {
	if r.isInCluster() {
		return "", nil
	}
	return newestFolder(".")
}

// read reads a bundle from this machine or, if it is not there, from the cluster.
func (r *reportCommand) read(ctx context.Context, arg string) (loadedBundle, error) {
	path, err := "", error(nil)
	switch {
	case arg == "":
	case r.isInCluster():
		path = existing(arg)
	default:
		path, err = findLocal(arg)
	}
	if err != nil {
		return loadedBundle{}, err
	}
	if path == "" {
		return r.readFromCluster(ctx, arg)
	}
	b, err := readLocal(path, bundle.Options{Rule: r.rule, Asset: r.asset})
	return loadedBundle{b, path}, err
}

// existing returns a path if there is a file or a folder, and otherwise an empty string.
func existing(path string) string {
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// findLocal returns the path of the bundle on this machine that an argument means: the argument itself, or the only
// bundle in its folder whose name, or whose run's ID, begins with the argument. It returns an empty string if there is
// none.
func findLocal(arg string) (string, error) {
	if existing(arg) != "" {
		return arg, nil
	}
	in, name := filepath.Split(filepath.Clean(arg))
	found, err := localBundles(filepath.Clean(in))
	if err != nil {
		return "", err
	}
	var paths []string
	var runs []namedRun
	for _, b := range found {
		paths, runs = append(paths, b.Folder), append(runs, namedRun{b.Run, b.Name})
	}
	packed, err := filepath.Glob(filepath.Join(in, "*.tar.gz"))
	if err != nil {
		return "", err
	}
	for _, file := range packed {
		base := filepath.Base(file)
		paths, runs = append(paths, file), append(runs, namedRun{idOf(strings.TrimSuffix(base, ".tar.gz")), base})
	}
	i, err := matchRun(name, runs)
	if err != nil || i < 0 {
		return "", err
	}
	return paths[i], nil
}

// readLocal reads a bundle from a folder or a file.
func readLocal(path string, o bundle.Options) (bundle.Bundle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return bundle.Bundle{}, err
	}
	if info.IsDir() {
		return readFolder(path)
	}
	content, err := readFile(path)
	if kind := (volume.KindError{}); errors.As(err, &kind) {
		return bundle.Bundle{}, wantBundle(path, err)
	}
	if err != nil {
		return bundle.Bundle{}, err
	}
	if strings.HasSuffix(path, ".json") {
		return bundleOfResult(path, content, o)
	}
	b, err := bundle.Unpack(content)
	if err != nil {
		return bundle.Bundle{}, wantBundle(path, err)
	}
	return b, nil
}

// wantBundle returns the error for a file that is no bundle.
func wantBundle(path string, err error) error {
	return fmt.Errorf("%s: want a folder with an evidence bundle, a packed bundle (.tar.gz) or a result.json: %w",
		path, err)
}

// bundleOfResult makes a bundle of a result.json.
func bundleOfResult(path string, content []byte, o bundle.Options) (bundle.Bundle, error) {
	var r result.Result
	if err := json.Unmarshal(content, &r); err != nil {
		return bundle.Bundle{}, fmt.Errorf("%s: want a result.json: %w", path, err)
	}
	if r.Schema != result.Schema {
		return bundle.Bundle{}, fmt.Errorf("%s: want a result with schema %q, got %q", path, result.Schema, r.Schema)
	}
	return bundle.Make(r, o)
}

// readFolder reads the bundle in a folder. Without a manifest, it reads nothing else.
func readFolder(path string) (bundle.Bundle, error) {
	if _, err := os.Stat(filepath.Join(path, bundle.ManifestFile)); err != nil {
		return bundle.Bundle{}, fmt.Errorf("%s does not contain an evidence bundle: %w", path, err)
	}
	return bundle.ReadFolder(path)
}

// mayBeBundle reports whether a folder with a manifest is a bundle. Other programs have manifests of the same name. A
// folder with the name of a bundle counts even if it is damaged, so that the damage is reported.
func mayBeBundle(folder string) bool {
	_, isBundle := readListed(folder)
	return isBundle || strings.HasPrefix(filepath.Base(folder), "volume-durability-")
}

// newestFolder returns the newest bundle in the folder in, or in itself if it is a bundle. It
// returns an empty string if there is no bundle.
func newestFolder(in string) (string, error) {
	if _, err := os.Stat(filepath.Join(in, bundle.ManifestFile)); err == nil {
		return in, nil
	}
	manifests, err := filepath.Glob(filepath.Join(in, "*", bundle.ManifestFile))
	if err != nil {
		return "", err
	}
	newest, modified := "", time.Time{}
	for _, m := range manifests {
		folder := filepath.Dir(m)
		if info, err := os.Stat(m); err == nil && info.ModTime().After(modified) && mayBeBundle(folder) {
			newest, modified = folder, info.ModTime()
		}
	}
	return newest, nil
}

// readFromCluster reads the bundle with a name or of a run, or the newest one if the
// argument is empty.
func (r *reportCommand) readFromCluster(ctx context.Context, arg string) (loadedBundle, error) {
	cluster, err := r.cluster.connect()
	if err != nil {
		return loadedBundle{}, err
	}
	store := bundlestore.Store{Client: cluster.client, Namespace: r.cluster.namespace()}
	where := fmt.Sprintf("namespace %s of cluster %s", store.Namespace, cluster)
	entries, err := store.List(ctx)
	if err != nil {
		return loadedBundle{}, fmt.Errorf("%s, and the evidence bundles in the cluster cannot be listed: %w",
			r.notHere(arg), err)
	}
	i, err := matchEntry(entries, arg)
	switch {
	case err != nil:
		return loadedBundle{}, err
	case i < 0:
		return loadedBundle{}, fmt.Errorf("%s, and there is none in %s; to list the bundles, use report list",
			r.notHere(arg), where)
	}
	name := entries[i].Name
	b, err := store.Load(ctx, name)
	return loadedBundle{b, "ConfigMap " + store.Namespace + "/" + name}, err
}

// matchEntry returns the index of the bundle that an argument means: the newest one if it is empty, and -1 if there is
// none.
func matchEntry(entries []bundlestore.Entry, arg string) (int, error) {
	if arg == "" {
		return min(len(entries), 1) - 1, nil
	}
	var runs []namedRun
	for _, e := range entries {
		runs = append(runs, namedRun{e.Labels[kube.RunLabel], e.Name})
	}
	return matchRun(arg, runs)
}

// notHere says that there is no bundle on this machine, or that none was looked for.
func (r *reportCommand) notHere(arg string) string {
	switch {
	case r.isInCluster() && arg == "":
		return "--namespace asks for the newest evidence bundle of a namespace"
	case r.isInCluster():
		return fmt.Sprintf("--namespace asks for the evidence bundle %s of a namespace", arg)
	case arg == "":
		return "no evidence bundle in the current folder"
	default:
		return arg + " is neither a file nor a folder, nor the beginning of the name or the ID of a run in the current folder"
	}
}
