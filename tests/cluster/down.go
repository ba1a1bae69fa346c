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
	"github.com/volume-durability/volume-durability/tests/cluster/node"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
	"github.com/volume-durability/volume-durability/tests/cluster/storage"
)

// Patience with programs that are asked to end, and with a runtime that is asked
// to end its pods, before they are ended by force.
const (
	stopPatience = 5 * time.Second
	podsPatience = 60 * time.Second
	// controlPatience is short: an API server waits for its watchers, and what a
	// cluster that goes away has stored matters to nobody.
	controlPatience = time.Second
)

// down takes the cluster down, whatever state it is in.
func (c *cluster) down(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: taking it down needs root", machine.ErrUnsuited)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, downTimeout, fmt.Errorf("the cluster did not come down within %s", downTimeout))
	defer cancel()
	if err := c.clear(ctx); err != nil {
		return fmt.Errorf("taking the cluster down: %w", err)
	}
	c.log.Info("The cluster is down, nothing of it is left")
	return nil
}

// clear undoes everything that up may have done, in the reverse order. Each step
// goes on where an earlier one failed, and does nothing where there is nothing.
func (c *cluster) clear(ctx context.Context) error {
	_, err := os.Stat(layout.State)
	if errors.Is(err, fs.ErrNotExist) && !machine.HasBridge(layout.Bridge) {
		return nil
	}
	c.log.Info("Taking down")
	// What no record tells of would go on making pods.
	failures := []error{machine.Kill(ctx, func(pid int, args []string) bool { return ours(pid, args) && !isShim(args) && !recorded(pid) })}
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

// clearMounts unmounts what is left, and frees the loop devices under it: they are
// told first, while it can be seen whose they are, and go with their last user.
func clearMounts(ctx context.Context) error {
	loops, err := machine.LoopsBelow(layout.State)
	return errors.Join(err, machine.DetachLoops(loops), machine.UnmountBelow(layout.State), machine.AwaitDetached(ctx, loops))
}

// clearNode ends a node's pods in order where its runtime still answers, and by
// force in any case.
func (c *cluster) clearNode(ctx context.Context, n layout.Node) error {
	if runs(node.ContainerdName(n)) {
		patience, cancel := context.WithTimeout(ctx, podsPatience)
		if err := node.RemovePods(patience, n); err != nil {
			c.log.WithError(err).Warnf("The pods of %s do not end in order, ending them by force", n.Name)
		}
		cancel()
	}
	return errors.Join(end(ctx, storage.NodeName(n), stopPatience), end(ctx, node.ContainerdName(n), stopPatience), machine.RemoveCgroup(ctx, n.Cgroup()))
}

// ours says whether a command line is that of one of the cluster's programs: those
// that it starts, and those that they start in turn and that outlive them.
func ours(_ int, args []string) bool {
	if len(args) < 2 {
		return false
	}
	program := filepath.Base(args[0])
	known := isShim(args) || isContainerd(program) || program == "faultfs" || storage.IsOne(program) || storage.IsGluster(program) || strings.HasPrefix(program, "kubernetes-") && slices.Contains(names(), programName(args))
	return known && slices.ContainsFunc(args[1:], func(arg string) bool { return strings.Contains(arg, layout.State+"/") })
}

func isShim(args []string) bool {
	return strings.HasPrefix(filepath.Base(args[0]), "containerd-shim-runc-v2")
}

// isContainerd reports whether a program is a containerd, the machine's or a built one.
func isContainerd(program string) bool {
	return program == "containerd" || strings.HasPrefix(program, "containerd-")
}

// programName is a program's name as far as its command line gives it away.
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

// recorded says whether a process is one that was noted down.
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
