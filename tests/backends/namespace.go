package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
)

// namespaces are a mount namespace and a network namespace with only a loopback interface. They exist as long as a
// process is in them. The holder is one: it ends when its standard input is closed, also if this process is killed.
type namespaces struct {
	holder *exec.Cmd
	input  io.Closer
}

// newNamespaces creates namespaces in which a folder is mounted at /tmp, and another one at /run.
func newNamespaces(tmp, run string) (*namespaces, error) {
	const script = `mount --bind "$1" /tmp; mount --bind "$2" /run; ip link set lo up; echo ready; exec cat >/dev/null`
	n := &namespaces{holder: exec.Command("unshare", "--mount", "--net", "sh", "-euc", script, "sh", tmp, run)}
	input, err := n.holder.StdinPipe()
	if err != nil {
		return nil, err
	}
	n.input = input
	output, err := n.holder.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.holder.Start(); err != nil {
		return nil, err
	}
	if _, err := bufio.NewReader(output).ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("creating namespaces: %w", err), n.close())
	}
	return n, nil
}

// command returns a command that runs in the namespaces.
func (n *namespaces) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	enter := []string{"--target", strconv.Itoa(n.holder.Process.Pid), "--mount", "--net", name}
	return exec.CommandContext(ctx, "nsenter", append(enter, args...)...)
}

// close ends the holder.
func (n *namespaces) close() error {
	return errors.Join(n.input.Close(), n.holder.Wait())
}
