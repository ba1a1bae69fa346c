package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchies are the roots of the cgroup trees: one with cgroup v2, one for each
// controller with v1.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, fmt.Errorf("looking for cgroups: %w", err)
	}
	var roots []string
	for _, e := range entries {
		if dir := filepath.Join(cgroupRoot, e.Name()); e.IsDir() && isCgroup(dir) {
			roots = append(roots, dir)
		}
	}
	return roots, nil
}

func isCgroup(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "cgroup.procs"))
	return err == nil
}

// AddCgroup makes a cgroup in every hierarchy, for a node to keep its pods in.
func AddCgroup(name string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		dir := filepath.Join(root, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("making cgroup %s: %w", dir, err)
		}
		if err := inheritCPUs(root, dir); err != nil {
			return err
		}
		if err := enableControllers(root, dir); err != nil {
			return err
		}
	}
	return nil
}

// inheritCPUs gives a new cpuset its parent's processors and memory: with cgroup
// v1 it has none to begin with, and nothing can run in it.
func inheritCPUs(parent, dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(parent, file))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), value, 0o644); err != nil {
			return fmt.Errorf("setting %s of %s: %w", file, dir, err)
		}
	}
	return nil
}

// controllers are those that a kubelet wants for its pods.
var controllers = []string{"cpu", "cpuset", "io", "memory", "pids", "hugetlb"}

// enableControllers hands what a cgroup v2 tree has of them down to a new cgroup
// and what is made below it. With v1 each controller has a tree of its own.
func enableControllers(parent, dir string) error {
	available, err := os.ReadFile(filepath.Join(parent, "cgroup.controllers"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, controller := range controllers {
		if !slices.Contains(strings.Fields(string(available)), controller) {
			continue
		}
		for _, d := range []string{parent, dir} {
			if err := os.WriteFile(filepath.Join(d, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
				return fmt.Errorf("enabling cgroup controller %s below %s: %w", controller, d, err)
			}
		}
	}
	return nil
}

// RemoveCgroup ends every process in a cgroup and below, by its own id, and
// removes the cgroup from every hierarchy.
func RemoveCgroup(ctx context.Context, name string) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	var failures []error
	for _, root := range roots {
		dir := filepath.Join(root, name)
		if _, err := os.Stat(dir); err == nil {
			failures = append(failures, removeTree(ctx, dir))
		}
	}
	return errors.Join(failures...)
}

// patience is how long ended processes may take to leave a cgroup.
const patience = 30 * time.Second

func removeTree(ctx context.Context, dir string) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		dirs, err := tree(dir)
		if err != nil {
			return false, err
		}
		for _, d := range dirs {
			killAll(d)
			// Fails while a process is still in it.
			_ = unix.Rmdir(d)
		}
		_, err = os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist), nil
	})
	if err != nil {
		return fmt.Errorf("removing cgroup %s: %w", dir, err)
	}
	return nil
}

// tree lists a cgroup and all below it, the deepest first.
func tree(dir string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	slices.Reverse(dirs)
	return dirs, err
}

func killAll(dir string) {
	content, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return
	}
	for _, field := range strings.Fields(string(content)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
