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

// kubeletDir is where a kubelet keeps its devices' plugins, wherever its own folder is.
const kubeletDir = "/var/lib/kubelet"

// folders that the programs make at fixed places: the kubelet its plugin folder
// and the links to logs, containerd its shims' sockets and its networks' records.
var folders = []string{
	kubeletDir, "/var/log/containers", "/var/log/pods", "/var/lib/cni", "/run/containerd", "/run/netns", "/opt/containerd",
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

// Restore makes the machine what it was: what the programs left at fixed places
// goes, and so do folders that were not there and that nobody else uses by now;
// settings get their values back. Network is the pods' network.
func Restore(file, state, network string) error {
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
	failures := []error{
		removeLinks("/var/log/containers", state),
		removeShimSockets(state),
		removeNetworkRecords("/var/lib/cni/results", network),
	}
	for _, dir := range before.Absent {
		if dir == kubeletDir {
			failures = append(failures, os.RemoveAll(filepath.Join(dir, "device-plugins")))
		}
		failures = append(failures, prune(dir))
	}
	for name, value := range before.Sysctls {
		failures = append(failures, restoreSysctl(filepath.Join("/proc/sys", name), value))
	}
	return errors.Join(failures...)
}

// removeShimSockets removes the sockets of shims that were killed. Their place is
// fixed, their names are hashes; each container's folder says which is its own.
func removeShimSockets(state string) error {
	var failures []error
	for name, addressIn := range shimFiles {
		files, err := filepath.Glob(filepath.Join(state, "*", "state", "io.containerd.runtime.v2.task", "*", "*", name))
		failures = append(failures, err)
		for _, file := range files {
			failures = append(failures, removeShimSocket(file, addressIn))
		}
	}
	return errors.Join(failures...)
}

// shimFiles are those in a container's folder that hold its shim's address: containerd 1
// writes the address alone, containerd 2 writes it among others.
var shimFiles = map[string]func([]byte) (string, error){
	"address": func(content []byte) (string, error) { return strings.TrimSpace(string(content)), nil },
	"bootstrap.json": func(content []byte) (string, error) {
		var bootstrap struct {
			Address string `json:"address"`
		}
		err := json.Unmarshal(content, &bootstrap)
		return bootstrap.Address, err
	},
}

func removeShimSocket(file string, addressIn func([]byte) (string, error)) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	address, err := addressIn(content)
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	if err := os.Remove(strings.TrimPrefix(address, "unix://")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// removeNetworkRecords removes what the network plugins remember of pods that were
// not taken off the network, and of those pods' loopback devices.
func removeNetworkRecords(dir, network string) error {
	records, err := filepath.Glob(filepath.Join(dir, network+"-*-eth0"))
	if err != nil {
		return err
	}
	var failures []error
	for _, record := range records {
		id := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(record), network+"-"), "-eth0")
		for _, file := range []string{record, filepath.Join(dir, "cni-loopback-"+id+"-lo")} {
			if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(failures...)
}

// prune removes the folders in a tree that hold nothing, the tree itself included.
func prune(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failures []error
	for _, e := range entries {
		if e.IsDir() {
			failures = append(failures, prune(filepath.Join(dir, e.Name())))
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		return errors.Join(append(failures, err)...)
	}
	return errors.Join(append(failures, os.Remove(dir))...)
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

// Kill ends every process whose arguments match, by its own id, and returns once
// there is none. A command that is killed between starting a program and noting it
// down leaves one that no record tells of.
func Kill(ctx context.Context, match func(pid int, args []string) bool) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		pids, err := whoseArguments(match)
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		return len(pids) == 0, err
	})
}

func whoseArguments(match func(int, []string) bool) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil || len(content) == 0 {
			continue // it ended meanwhile, or is the kernel's
		}
		args := strings.Split(strings.TrimSuffix(string(content), "\x00"), "\x00")
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && match(pid, args) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
