package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// withPrimary promotes this node's replica of a DRBD resource, without force, and calls use with the resource's device.
// If that fails, the replica is demoted again.
func withPrimary(ctx context.Context, resource string, use func(device string) error) error {
	if _, err := drbdadm(ctx, "primary", resource); err != nil {
		return err
	}
	device, err := drbdadm(ctx, "sh-dev", resource)
	if err == nil {
		err = use(device)
	}
	if err == nil {
		return nil
	}
	// The request may have ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), demotePatience)
	defer cancel()
	return errors.Join(err, demote(ctx, resource))
}

// demotePatience is how long a replica may take to become secondary after an error.
const demotePatience = 30 * time.Second

// demote makes this node's replica of a DRBD resource secondary. It succeeds if the node has no replica, for example
// because it was started again.
func demote(ctx context.Context, resource string) error {
	resources, err := drbdadm(ctx, "sh-resources")
	if err != nil || !slices.Contains(strings.Fields(resources), resource) {
		return err
	}
	_, err = drbdadm(ctx, "secondary", resource)
	return err
}

// drbdadm runs the program and returns its output.
func drbdadm(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "drbdadm", args...)
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("drbdadm %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(problems.Bytes()))
	}
	return strings.TrimSpace(string(output)), nil
}
