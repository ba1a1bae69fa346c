package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Exit statuses of iscsiadm(8).
const (
	sessionExists = 15
	nothingFound  = 21
)

// devicePatience is how long the kernel may take to find the device of a server.
const devicePatience = 20 * time.Second

// withTarget connects this node to an iSCSI target, and calls use with the target's device. If that fails, the node is
// disconnected again, unless it was connected before.
func withTarget(ctx context.Context, server string, use func(device string) error) error {
	isNew, err := login(ctx, server)
	if err != nil {
		return err
	}
	device, err := awaitDevice(ctx, server)
	if err == nil {
		err = use(device)
	}
	if err == nil || !isNew {
		return err
	}
	// The request may have ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutPatience)
	defer cancel()
	return errors.Join(err, logout(ctx, server))
}

// logoutPatience is how long the server may take to end a session after an error.
const logoutPatience = 30 * time.Second

// login connects this node to an iSCSI target. It reports whether it made a new session.
func login(ctx context.Context, server string) (bool, error) {
	if _, err := iscsiadm(ctx, 0, "-m", "discovery", "-t", "sendtargets", "-p", server); err != nil {
		return false, err
	}
	status, err := iscsiadm(ctx, sessionExists, "-m", "node", "-p", server, "--login")
	return status != sessionExists, err
}

// awaitDevice returns the device of an iSCSI target once the kernel has found it.
func awaitDevice(ctx context.Context, server string) (string, error) {
	var device string
	found := func(context.Context) (bool, error) {
		var err error
		device, err = deviceOf("/sys/class", server)
		return device != "", err
	}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, devicePatience, true, found)
	if err != nil {
		return "", fmt.Errorf("waiting for the device of the iSCSI target %s: %w", server, err)
	}
	return device, nil
}

// logout disconnects this node from an iSCSI target. It succeeds if the node is not connected.
func logout(ctx context.Context, server string) error {
	_, err := iscsiadm(ctx, nothingFound, "-m", "node", "-p", server, "--logout")
	return err
}

// iscsiadm runs the program and returns its exit status. It returns no error if the status is 0 or the accepted one.
func iscsiadm(ctx context.Context, accepted int, args ...string) (int, error) {
	command := exec.CommandContext(ctx, "iscsiadm", args...)
	output, err := command.CombinedOutput()
	if status := command.ProcessState.ExitCode(); err != nil && status == accepted {
		return status, nil
	}
	if err != nil {
		return -1, fmt.Errorf("iscsiadm %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return 0, nil
}

// deviceOf returns the device of an iSCSI target, or an empty string. Classes is /sys/class. The name of a connection
// has the number of its session: connection2:0 belongs to session2.
func deviceOf(classes, server string) (string, error) {
	connections, err := filepath.Glob(filepath.Join(classes, "iscsi_connection", "*", "persistent_address"))
	if err != nil {
		return "", err
	}
	for _, address := range connections {
		content, err := os.ReadFile(address)
		if err != nil || strings.TrimSpace(string(content)) != server {
			continue // the connection may have ended
		}
		name, _, _ := strings.Cut(filepath.Base(filepath.Dir(address)), ":")
		session := "session" + strings.TrimPrefix(name, "connection")
		device := filepath.Join(classes, "iscsi_session", session, "device")
		devices, err := filepath.Glob(filepath.Join(device, "target*", "*", "block", "*"))
		if err != nil {
			return "", err
		}
		if len(devices) > 0 {
			return filepath.Join("/dev", filepath.Base(devices[0])), nil
		}
	}
	return "", nil
}
