// Command init is the first program of a guest: it mounts the filesystems, configures the
// network and starts the programs of a description (package guest).
//
//	init FILE
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
)

func main() {
	var err error
	switch {
	// The kernel adds an argument of its own after the file.
	case len(os.Args) >= 2 && os.Getpid() == 1:
		err = boot(os.Args[1])
		fmt.Fprintln(os.Stderr, "init:", err)
		err = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	case len(os.Args) == 3 && os.Args[1] == supervisor:
		err = supervise(os.Args[2])
	default:
		err = errors.New("want to be the first process, with the file of a description")
	}
	fmt.Fprintln(os.Stderr, "init:", err)
	os.Exit(1)
}

// supervisor makes a second process of this program start the others. The first one only
// waits for orphans, whose exit statuses would otherwise be mixed up with those of the
// commands that are waited for.
const supervisor = "supervise"

// boot makes the root filesystem and starts the supervisor. It returns when the guest is to
// be switched off.
func boot(file string) error {
	d, err := guest.Read(file)
	if err != nil {
		return err
	}
	if err := enterRoot(d); err != nil {
		return fmt.Errorf("making the root filesystem: %w", err)
	}
	second := exec.Command("/proc/self/exe", supervisor, guest.MachineRoot+file)
	second.Args[0] = os.Args[0]
	second.Stdout, second.Stderr = os.Stdout, os.Stderr
	if err := second.Start(); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	return reapUntil(second.Process.Pid)
}

// reapUntil waits for every process that ends, until the given one has ended.
func reapUntil(last int) error {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("waiting for processes: %w", err)
		case pid == last:
			return fmt.Errorf("the supervisor ended with status %d", status.ExitStatus())
		}
	}
}
