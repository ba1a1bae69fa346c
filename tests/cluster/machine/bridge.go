package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// run runs a command. Its error includes the command's output.
func run(ctx context.Context, name string, args ...string) error {
	if output, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// hardwareAddress is the bridge's own: locally administered, unicast. A bridge
// without one takes the lowest address of its ports, which may change with each pod
// that starts or ends. The other pods then send to the old address until their
// neighbour tables notice, half a minute later.
const hardwareAddress = "02:76:64:62:72:30"

// AddBridge makes a bridge with addresses, each with its prefix length.
func AddBridge(ctx context.Context, bridge string, addresses []string) error {
	if HasBridge(bridge) {
		return fmt.Errorf("network bridge %s is there already", bridge)
	}
	if err := run(ctx, "ip", "link", "add", bridge, "address", hardwareAddress, "type", "bridge"); err != nil {
		return err
	}
	for _, address := range addresses {
		if err := run(ctx, "ip", "address", "add", address, "dev", bridge); err != nil {
			return err
		}
	}
	return run(ctx, "ip", "link", "set", bridge, "up")
}

// HasBridge reports whether there is a network device of that name.
func HasBridge(bridge string) bool { return hasLink(bridge) }

func hasLink(name string) bool {
	_, err := os.Stat(filepath.Join("/sys/class/net", name))
	return err == nil
}

// RemoveBridge removes a bridge, and with it its addresses, if it is there.
func RemoveBridge(ctx context.Context, bridge string) error {
	ports, err := filepath.Glob(filepath.Join("/sys/class/net", bridge, "brif", "*"))
	if err != nil {
		return err
	}
	var failures []error
	for _, port := range ports {
		failures = append(failures, removeLink(ctx, filepath.Base(port)))
	}
	return errors.Join(append(failures, removeLink(ctx, bridge))...)
}

// removeLink removes a network device, and with it the other end of its pair. It
// succeeds if the device is already gone: the kernel removes a pod's pair some time
// after the last process of its network namespace has ended.
func removeLink(ctx context.Context, name string) error {
	if !hasLink(name) {
		return nil
	}
	if err := run(ctx, "ip", "link", "delete", name); err != nil && hasLink(name) {
		return err
	}
	return nil
}

// RemoveNetworkNamespaces removes the pods' network namespaces that hold an
// address of the given prefix: those of the cluster's pods. A container runtime
// that was killed leaves them behind.
func RemoveNetworkNamespaces(ctx context.Context, prefix string) error {
	const dir = "/run/netns"
	names, err := filepath.Glob(filepath.Join(dir, "cni-*"))
	if err != nil {
		return err
	}
	var failures []error
	for _, path := range names {
		name := filepath.Base(path)
		output, err := exec.CommandContext(ctx, "ip", "-netns", name, "-4", "-oneline", "address").CombinedOutput()
		if err != nil || strings.Contains(string(output), " "+prefix) {
			failures = append(failures, run(ctx, "ip", "netns", "delete", name))
		}
	}
	return errors.Join(failures...)
}
