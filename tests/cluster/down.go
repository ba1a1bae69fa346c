package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/tests/cluster/controlplane"
	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/machine"
	"github.com/volume-durability/volume-durability/tests/cluster/machines"
	"github.com/volume-durability/volume-durability/tests/cluster/node"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
	"github.com/volume-durability/volume-durability/tests/cluster/storage"
)

// How long the programs, and the pods of a node, have to end before they are killed.
const (
	stopPatience = 5 * time.Second
	podsPatience = 60 * time.Second
	// controlPatience is short: an API server waits for its watchers, and the data of
	// a cluster that is being removed need not be saved.
	controlPatience = time.Second
)

// down takes the cluster down, whatever state it is in.
func (c *cluster) down(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: taking it down needs root", machine.ErrUnsupported)
	}
	tooLate := fmt.Errorf("the cluster did not come down within %s", downTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, downTimeout, tooLate)
	defer cancel()
	if err := c.clear(ctx); err != nil {
		return fmt.Errorf("taking the cluster down: %w", err)
	}
	c.log.Info("The cluster is down and has left nothing behind")
	return nil
}

// clear undoes everything that up may have done, in the reverse order. A step that
// fails does not prevent the next ones, and a step that has nothing to do succeeds.
func (c *cluster) clear(ctx context.Context) error {
	_, err := os.Stat(layout.State)
	if errors.Is(err, fs.ErrNotExist) && !machine.HasBridge(layout.Bridge) {
		return nil
	}
	c.log.Info("Taking down")
	// A process without a record would continue to make pods.
	failures := []error{machine.Kill(ctx, func(pid int, args []string) bool {
		return ours(pid, args) && !isShim(args) && !recorded(pid)
	})}
	failures = append(failures, machines.Clear(ctx))
	for _, n := range layout.Nodes() {
		failures = append(failures, end(ctx, node.KubeletName(n), stopPatience))
	}
	for _, n := range layout.Nodes() {
		failures = append(failures, c.clearNode(ctx, n))
	}
	for _, name := range slices.Concat(storage.ControllerNames(), storage.GlusterNames()) {
		failures = append(failures, end(ctx, name, controlPatience))
	}
	control := controlplane.Names()
	for i := range control {
		failures = append(failures, end(ctx, control[len(control)-1-i], controlPatience))
	}
	failures = append(failures,
		machine.Kill(ctx, ours),
		machines.Clear(ctx), // a command that was killed may just have started one
		machine.RemoveNetworkNamespaces(ctx, podPrefix()),
		clearMounts(ctx),
		machine.RemoveBridge(ctx, layout.Bridge),
		machine.Restore(tracesFile, layout.State, node.Network),
	)
	if err := errors.Join(failures...); err != nil {
		return err
	}
	return os.RemoveAll(layout.State)
}

// clearMounts unmounts what is left, and frees the loop devices under it. They are
// found and detached before the unmount, while their files are known. The kernel
// frees each one when it is no longer used.
func clearMounts(ctx context.Context) error {
	loops, err := machine.LoopsBelow(layout.State)
	return errors.Join(err, machine.DetachLoops(loops), machine.UnmountBelow(layout.State),
		machine.AwaitDetached(ctx, loops))
}

// clearNode ends a node's pods. If the container runtime answers, it is asked to end
// them first; what is left is killed.
func (c *cluster) clearNode(ctx context.Context, n layout.Node) error {
	if runs(node.ContainerdName(n)) {
		patience, cancel := context.WithTimeout(ctx, podsPatience)
		if err := node.RemovePods(patience, n); err != nil {
			c.log.WithError(err).Warnf("The pods of %s do not end, killing them", n.Name)
		}
		cancel()
	}
	return errors.Join(
		end(ctx, storage.NodeName(n), stopPatience),
		end(ctx, node.ContainerdName(n), stopPatience),
		machine.RemoveCgroup(ctx, n.Cgroup()),
	)
}

// ours reports whether a command line is that of one of the cluster's programs, or of
// a program that they start and that outlives them.
func ours(_ int, args []string) bool {
	if len(args) < 2 {
		return false
	}
	program := filepath.Base(args[0])
	known := isShim(args) || isContainerd(program) || program == "faultfs" ||
		storage.IsProgram(program) || storage.IsGluster(program) || slices.Contains(machine.FUSEPrograms(), program) ||
		strings.HasPrefix(program, "kubernetes-") && slices.Contains(names(), programName(args))
	return known && slices.ContainsFunc(args[1:], func(arg string) bool { return strings.Contains(arg, layout.State+"/") })
}

func isShim(args []string) bool {
	return strings.HasPrefix(filepath.Base(args[0]), "containerd-shim-runc-v2")
}

// isContainerd reports whether a program is a containerd, the machine's or a built one.
func isContainerd(program string) bool {
	return program == "containerd" || strings.HasPrefix(program, "containerd-")
}

// programName returns a program's name in the cluster, as far as its command line shows it.
func programName(args []string) string {
	if args[1] != "kubelet" {
		return args[1]
	}
	for _, n := range layout.Nodes() {
		if slices.Contains(args, "--hostname-override="+n.Name) {
			return node.KubeletName(n)
		}
	}
	return ""
}

// recorded reports whether a process has a record.
func recorded(pid int) bool {
	records, err := processes.All()
	return err == nil && slices.ContainsFunc(records, func(r process.Record) bool { return r.PID == pid && r.Alive() })
}

// podPrefix is what every pod's address starts with.
func podPrefix() string {
	octets := strings.Split(layout.PodSubnet, ".")
	return strings.Join(octets[:2], ".") + "."
}

func runs(name string) bool {
	r, err := processes.Load(name)
	return err == nil && r.Alive()
}

func end(ctx context.Context, name string, patience time.Duration) error {
	r, err := processes.Load(name)
	if err != nil {
		return nil // it was never started
	}
	return r.Stop(ctx, patience)
}
