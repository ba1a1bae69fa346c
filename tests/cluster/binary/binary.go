// Package binary builds the cluster's programs from their modules and keeps them
// in the user's cache, so that each is built once for a set of sources.
package binary

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// KubernetesVersion is what go.mod requires; the programs report it.
const KubernetesVersion = "v1.34.4"

// Source is where a binary comes from.
type Source struct {
	Name string
	// Module is the folder of the go.mod to build with, Package what to build.
	Module, Package string
	LDFlags         string
	// Folders hold more sources, besides the package's own.
	Folders []string
}

// Sources are the programs of the cluster, given the folder of this module. Those
// of other projects are each built by a module of their own: their dependencies
// contradict each other, and a change of ours must not build them again.
func Sources(root string) []Source {
	driver := filepath.Join(root, "..", "csi")
	version := "-X k8s.io/component-base/version.gitVersion=" + KubernetesVersion
	return []Source{
		{Name: "kubernetes", Module: filepath.Join(root, "kubernetes"), Package: ".", LDFlags: version},
		{Name: "pause", Module: root, Package: "./pause"},
		{Name: "local-path-provisioner", Module: filepath.Join(root, "provisioner"), Package: "github.com/rancher/local-path-provisioner"},
		{Name: "chaos-operator", Module: filepath.Join(root, "operator"), Package: "github.com/litmuschaos/chaos-operator"},
		{Name: "csi-attacher", Module: filepath.Join(root, "attacher"), Package: "github.com/kubernetes-csi/external-attacher/v4/cmd/csi-attacher"},
		{Name: "csi-driver", Module: driver, Package: ".", Folders: []string{driver, filepath.Join(root, "..", "faultfs"), filepath.Join(root, "..", "gluster")}},
	}
}

// Cache is where built binaries are kept.
type Cache struct {
	Dir string
	Log logrus.FieldLogger
}

// NewCache is the cache in the user's cache folder.
func NewCache(log logrus.FieldLogger) (Cache, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return Cache{}, fmt.Errorf("finding a cache folder: %w", err)
	}
	return Cache{filepath.Join(dir, "volume-durability"), log}, nil
}

// Build returns the path of every binary by name, and builds those that are not
// in the cache.
func (c Cache) Build(ctx context.Context, sources []Source) (map[string]string, error) {
	built := map[string]string{}
	for i, s := range sources {
		file, err := c.one(ctx, s, fmt.Sprintf("%d of %d", i+1, len(sources)))
		if err != nil {
			return nil, fmt.Errorf("building %s: %w", s.Name, err)
		}
		built[s.Name] = file
	}
	return built, nil
}

func (c Cache) one(ctx context.Context, s Source, count string) (string, error) {
	key, err := s.key(ctx)
	if err != nil {
		return "", err
	}
	file := filepath.Join(c.Dir, s.Name+"-"+key)
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return "", err
	}
	began := time.Now()
	c.Log.WithField("binary", s.Name).Infof("Building %s (once, the first takes minutes)", count)
	done := c.progress(s.Name, began)
	err = s.build(ctx, file)
	done()
	if err != nil {
		return "", err
	}
	c.Log.WithFields(logrus.Fields{"binary": s.Name, "took": time.Since(began).Round(time.Second)}).Info("Built")
	return file, nil
}

// progress says now and then that a build still goes on, until it is told to end.
func (c Cache) progress(name string, began time.Time) (done func()) {
	ticker := time.NewTicker(15 * time.Second)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				c.Log.WithFields(logrus.Fields{"binary": name, "elapsed": time.Since(began).Round(time.Second)}).Info("Still building")
			case <-end:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(end)
		<-ended
	}
}

// build makes the file whole or not at all.
func (s Source) build(ctx context.Context, file string) error {
	unfinished := fmt.Sprintf("%s.%d", file, os.Getpid())
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", strings.TrimSpace("-s -w "+s.LDFlags), "-o", unfinished, s.Package)
	cmd.Dir = s.Module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("%w\n%s", err, output), os.RemoveAll(unfinished))
	}
	return os.Rename(unfinished, file)
}

// key changes with everything that the binary is made of.
func (s Source) key(ctx context.Context) (string, error) {
	sum := sha256.New()
	version, err := exec.CommandContext(ctx, "go", "version").Output()
	if err != nil {
		return "", fmt.Errorf("asking go for its version: %w", err)
	}
	fmt.Fprintf(sum, "%s%s %s\n", version, s.Package, s.LDFlags)
	files := []string{filepath.Join(s.Module, "go.mod"), filepath.Join(s.Module, "go.sum")}
	if strings.HasPrefix(s.Package, ".") {
		own, err := filepath.Glob(filepath.Join(s.Module, s.Package, "*.go"))
		if err != nil {
			return "", err
		}
		files = append(files, own...)
	}
	for _, folder := range s.Folders {
		more, err := goFiles(folder)
		if err != nil {
			return "", err
		}
		files = append(files, more...)
	}
	slices.Sort(files)
	files = slices.Compact(files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n", filepath.Base(file), len(content))
		sum.Write(content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// goFiles are those in a folder and below, without tests.
func goFiles(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
		return err
	})
	return files, err
}

// ModuleDir is where the sources of a module that a go.mod requires are.
func ModuleDir(ctx context.Context, dir, module string) (string, error) {
	download := exec.CommandContext(ctx, "go", "mod", "download", module)
	download.Dir = dir
	if output, err := download.CombinedOutput(); err != nil {
		return "", fmt.Errorf("downloading %s: %w\n%s", module, err, output)
	}
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module)
	cmd.Dir = dir
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", module, err)
	}
	return string(bytes.TrimSpace(output)), nil
}
