package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"
)

// Traces is what the machine was like before the cluster came up, where the
// cluster's programs change it outside of the cluster's folder.
type Traces struct {
	// Absent are the folders that were not there.
	Absent []string `json:"absent"`
	// Sysctls are the kernel's settings as they were, by their paths.
	Sysctls map[string]string `json:"sysctls"`
}

// folders that the programs make at fixed places: the kubelet its plugin folder
// and the links to logs, containerd its shims' sockets and its networks' records.
var folders = []string{
	"/var/lib/kubelet", "/var/log/containers", "/var/log/pods", "/var/lib/cni", "/run/containerd", "/run/netns", "/opt/containerd",
}

// sysctls that the kubelet and the bridge plugin set.
var sysctls = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
	"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes", "net/ipv4/ip_forward",
}

// LookAround records what the machine is like, once: a record that is there from
// an earlier attempt is the true one.
func LookAround(file string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	before := Traces{Sysctls: map[string]string{}}
	for _, dir := range folders {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			before.Absent = append(before.Absent, dir)
		}
	}
	for _, name := range sysctls {
		if value, err := os.ReadFile(filepath.Join("/proc/sys", name)); err == nil {
			before.Sysctls[name] = strings.TrimSpace(string(value))
		}
	}
	content, err := json.MarshalIndent(before, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// Restore makes the machine what it was: folders that were not there go, links
// into the cluster's folder go, settings get their values back.
func Restore(file, state string) error {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var before Traces
	if err := json.Unmarshal(content, &before); err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	failures := []error{removeLinks("/var/log/containers", state)}
	for _, dir := range before.Absent {
		failures = append(failures, os.RemoveAll(dir))
	}
	for name, value := range before.Sysctls {
		failures = append(failures, restoreSysctl(filepath.Join("/proc/sys", name), value))
	}
	return errors.Join(failures...)
}

func restoreSysctl(path, value string) error {
	now, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(now)) == value {
		return nil
	}
	return os.WriteFile(path, []byte(value), 0o644)
}

// removeLinks removes the links in a folder that lead into another.
func removeLinks(dir, into string) error {
	links, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	var failures []error
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, into+"/") {
			failures = append(failures, os.Remove(link))
		}
	}
	return errors.Join(failures...)
}

// KillWhoseArguments ends every process one of whose arguments is, or starts
// with, a path in the cluster's folder: a shim whose containerd was killed.
func KillWhoseArguments(ctx context.Context, name, dir string) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		pids, err := withArguments(name, dir)
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		return len(pids) == 0, err
	})
}

func withArguments(name, dir string) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it ended meanwhile
		}
		args := strings.Split(string(content), "\x00")
		if filepath.Base(args[0]) != name || !anyBelow(args[1:], dir) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func anyBelow(args []string, dir string) bool {
	for _, arg := range args {
		if strings.HasPrefix(arg, dir+"/") {
			return true
		}
	}
	return false
}
