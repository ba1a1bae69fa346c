package guest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// AddTap adds the network device of a guest to a bridge, unless it exists.
func AddTap(ctx context.Context, tap, bridge string) error {
	if hasTap(tap) {
		return nil
	}
	if err := ip(ctx, "tuntap", "add", "dev", tap, "mode", "tap"); err != nil {
		return err
	}
	if err := disableOffload(tap); err != nil {
		return fmt.Errorf("disabling segmentation offload of %s: %w", tap, err)
	}
	if err := Connect(ctx, tap, bridge); err != nil {
		return err
	}
	return ip(ctx, "link", "set", tap, "up")
}

// Disconnect removes a guest from its bridge, so that it reaches no other guest. Its network device stays up: if that
// is down for some seconds, the driver of the guest may not work any more after it is up again.
func Disconnect(ctx context.Context, tap string) error {
	return ip(ctx, "link", "set", tap, "nomaster")
}

// Connect adds a guest to a bridge.
func Connect(ctx context.Context, tap, bridge string) error {
	return ip(ctx, "link", "set", tap, "master", bridge)
}

// RemoveTap removes the network device of a guest, if it exists.
func RemoveTap(ctx context.Context, tap string) error {
	if !hasTap(tap) {
		return nil
	}
	return ip(ctx, "link", "delete", tap)
}

func hasTap(name string) bool {
	_, err := os.Stat(filepath.Join("/sys/class/net", name))
	return err == nil
}

func ip(ctx context.Context, args ...string) error {
	if output, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}
