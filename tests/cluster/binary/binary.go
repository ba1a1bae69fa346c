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
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// Source describes how a binary is built.
type Source struct {
	Name string
	// Module is the folder of the go.mod to build with, Package what to build.
	Module, Package string
	// ModFile replaces the module's go.mod if it is not empty.
	ModFile string
	LDFlags string
	Tags    []string
	// CGO reports whether the program needs a C compiler.
	CGO bool
	// Folders hold more sources, besides the package's own.
	Folders []string
	// Alone reports whether the program needs a go build of its own.
	Alone bool
	// Patches are to modules that do not compile with the others' versions.
	Patches []patch
}

// containerdTags leave out what the cluster never uses: plugins of containerd that are
// WebAssembly, and snapshotters other than overlayfs.
var containerdTags = []string{"nri_no_wasm", "no_btrfs", "no_devmapper", "no_zfs"}

// Newest is the minor version of Kubernetes that the module's go.mod requires.
const Newest = "1.37"

// Kubernetes is the multi-call binary of a minor version, given the folder of this
// module. An older version has a go.mod of its own, beside the sources that all share.
func Kubernetes(root, minor string) (Source, error) {
	s := Source{Name: "kubernetes", Module: filepath.Join(root, "programs"), Package: "./kubernetes"}
	mod := filepath.Join(s.Module, "go.mod")
	if minor != Newest {
		mod = filepath.Join(root, "programs", "versions", minor+".mod")
		var err error
		if s.ModFile, err = filepath.Abs(mod); err != nil {
			return Source{}, err
		}
	}
	version, err := requiredVersion(mod, "k8s.io/kubernetes")
	if errors.Is(err, fs.ErrNotExist) {
		return Source{}, fmt.Errorf("the test cluster does not support Kubernetes %s: %w", minor, err)
	}
	s.LDFlags = "-X k8s.io/component-base/version.gitVersion=" + version
	return s, err
}

// requiredVersion is the version of a module that a go.mod requires.
func requiredVersion(file, module string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) >= 2 && fields[0] == module && strings.HasPrefix(fields[1], "v") {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", file, module)
}

// Sources are the programs of the cluster besides Kubernetes, given the folder of this
// module. They are of one module: what they share with each other and with Kubernetes
// is compiled once.
func Sources(root string) []Source {
	programs, driver := filepath.Join(root, "programs"), filepath.Join(root, "..", "csi")
	return []Source{
		{Name: "pause", Module: programs, Package: "./pause"},
		// It imports logrus by its old name, Sirupsen, and go build takes no two names that differ in case alone.
		{Name: "local-path-provisioner", Module: programs, Package: "github.com/rancher/local-path-provisioner", Alone: true},
		{Name: "chaos-operator", Module: programs, Package: "./operator", Patches: []patch{operatorPatch}},
		{Name: "csi-attacher", Module: programs, Package: "github.com/kubernetes-csi/external-attacher/v4/cmd/csi-attacher"},
		{
			Name: "csi-driver", Module: programs, Package: "github.com/volume-durability/volume-durability/tests/csi",
			Folders: []string{driver, filepath.Join(root, "..", "faultfs"), filepath.Join(root, "..", "gluster")},
		},
	}
}

// GuestInit is the first program of a machine of its own. It is of this module.
func GuestInit(root string) Source {
	var folders []string
	for _, name := range []string{"guest", "machine", "process"} {
		folders = append(folders, filepath.Join(root, name))
	}
	return Source{Name: "guest-init", Module: root, Package: "./guest/init", Folders: folders}
}

// Runtime are the container runtime's programs.
func Runtime(root string) []Source {
	programs := filepath.Join(root, "programs")
	return []Source{
		{Name: "containerd", Module: programs, Package: "./containerd", Tags: containerdTags},
		{
			Name: "containerd-shim-runc-v2", Module: programs, Tags: containerdTags,
			Package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
		},
		{
			Name: "runc", Module: filepath.Join(root, "runc"), Package: "github.com/opencontainers/runc",
			Tags: []string{"seccomp"}, CGO: true,
		},
	}
}

// Cache is a folder of built binaries.
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
// in the cache. Those of one module are built together: what they share, once.
func (c Cache) Build(ctx context.Context, sources []Source) (map[string]string, error) {
	built := map[string]string{}
	var missing []Source
	for _, s := range sources {
		key, err := s.key(ctx)
		if err != nil {
			return nil, fmt.Errorf("looking for a built %s: %w", s.Name, err)
		}
		built[s.Name] = filepath.Join(c.Dir, s.Name+"-"+key)
		if _, err := os.Stat(built[s.Name]); err != nil {
			missing = append(missing, s)
		}
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return nil, err
	}
	for _, group := range groups(missing) {
		if err := c.build(ctx, group, built); err != nil {
			return nil, fmt.Errorf("building %s: %w", names(group), err)
		}
	}
	return built, nil
}

// mod is the go.mod to build with.
func (s Source) mod() string {
	if s.ModFile != "" {
		return s.ModFile
	}
	return filepath.Join(s.Module, "go.mod")
}

// modFile returns the file that replaces the module's go.mod in a build, or an empty string.
func (s Source) modFile(ctx context.Context, patches []patch, dir string) (string, error) {
	if len(patches) > 0 {
		return patched(ctx, s.Module, s.mod(), patches, dir)
	}
	return s.ModFile, nil
}

// groups are the sources that one go build can build.
func groups(sources []Source) [][]Source {
	var all [][]Source
	for _, s := range sources {
		i := slices.IndexFunc(all, func(group []Source) bool { return group[0].together(s) })
		if i < 0 {
			all = append(all, []Source{s})
		} else {
			all[i] = append(all[i], s)
		}
	}
	return all
}

func (s Source) together(other Source) bool {
	return s.Module == other.Module && s.ModFile == other.ModFile && s.CGO == other.CGO && !s.Alone && !other.Alone
}

func names(sources []Source) string {
	var all []string
	for _, s := range sources {
		all = append(all, s.Name)
	}
	return strings.Join(all, ", ")
}

// progress logs from time to time that a build is still running, until done is called.
func (c Cache) progress(name string, began time.Time) (done func()) {
	ticker := time.NewTicker(15 * time.Second)
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				elapsed := time.Since(began).Round(time.Second)
				c.Log.WithFields(logrus.Fields{"binaries": name, "elapsed": elapsed}).Info("Still building")
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

// build makes each file of a group whole or not at all.
func (c Cache) build(ctx context.Context, group []Source, files map[string]string) (err error) {
	dir, err := os.MkdirTemp(c.Dir, "build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	began := time.Now()
	c.Log.WithField("binaries", names(group)).Info("Building (once; Kubernetes takes minutes)")
	done := c.progress(names(group), began)
	err = goBuild(ctx, group, dir)
	done()
	if err != nil {
		return err
	}
	for _, s := range group {
		if err := os.Rename(filepath.Join(dir, path.Base(s.Package)), files[s.Name]); err != nil {
			return err
		}
	}
	c.Log.WithFields(logrus.Fields{"binaries": names(group), "took": time.Since(began).Round(time.Second)}).Info("Built")
	return nil
}

// goBuild builds a group into a folder, each program by the last element of its
// package's path. The flags are those of the Makefile: what is compiled with others is
// compiled again.
func goBuild(ctx context.Context, group []Source, dir string) error {
	flags := []string{"-s", "-w"}
	var tags, packages []string
	var patches []patch
	for _, s := range group {
		flags = append(flags, s.LDFlags)
		tags = append(tags, s.Tags...)
		packages = append(packages, s.Package)
		patches = append(patches, s.Patches...)
	}
	args := []string{
		"build", "-trimpath", "-gcflags", "all=-dwarf=false", "-ldflags", strings.TrimSpace(strings.Join(flags, " ")),
		"-tags", strings.Join(tags, ","), "-o", dir + "/",
	}
	mod, err := group[0].modFile(ctx, patches, dir)
	if err != nil {
		return err
	}
	if mod != "" {
		args = append(args, "-modfile", mod)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
	cmd.Dir = group[0].Module
	cmd.Env = environment(group[0].CGO)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, output)
	}
	return nil
}

// gcPercent is how much the compiler's heap grows between collections. For the largest package of Kubernetes' API, the
// compiler needs 8 % less processor time than with 200, and 14 % more memory: 0.5 GiB. With Go's own 100, it needs a
// quarter more time.
const gcPercent = "400"

func environment(cgo bool) []string {
	env := append(os.Environ(), "CGO_ENABLED=0")
	if cgo {
		env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if os.Getenv("GOGC") == "" {
		env = append(env, "GOGC="+gcPercent)
	}
	return env
}

// key changes with everything that the binary is made of.
func (s Source) key(ctx context.Context) (string, error) {
	sum := sha256.New()
	version, err := exec.CommandContext(ctx, "go", "version").Output()
	if err != nil {
		return "", fmt.Errorf("asking go for its version: %w", err)
	}
	fmt.Fprintf(sum, "%s%s %s %s %t %s\n", version, s.Package, s.LDFlags, s.Tags, s.CGO, s.Patches)
	files := []string{s.mod(), sumFile(s.mod())}
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

// ModuleDir returns the folder with the sources of a module that a go.mod requires.
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
