package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/volume-durability/volume-durability/tests/cluster/guest"
	"github.com/volume-durability/volume-durability/tests/cluster/guest/agent"
	"github.com/volume-durability/volume-durability/tests/cluster/machine"
)

// searchPath is that of all programs in the guest.
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// supervise prepares the guest and starts its programs. It returns when the agent ends.
func supervise(file string) error {
	d, err := guest.Read(file)
	if err != nil {
		return err
	}
	if err := os.Setenv("PATH", searchPath); err != nil {
		return err
	}
	if err := prepare(d); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(context.Background())
	group.Go(func() error { return agent.Serve(ctx, d.Agent.Listen, d.Agent.Cert, d.Agent.Key, d.Agent.CA) })
	group.Go(func() error { return startAll(ctx, d.Programs) })
	return group.Wait()
}

// prepare does, in order, all that the programs need.
func prepare(d guest.Description) error {
	steps := []struct {
		what string
		do   func() error
	}{
		{"setting the host name", func() error { return unix.Sethostname([]byte(d.Name)) }},
		{"loading modules", func() error { return loadModules("", d.Modules) }},
		{"mounting the storage", func() error { return mountStorage(d) }},
		{"writing files", func() error { return writeFiles(d.Files) }},
		{"configuring the network", func() error { return configureNetwork(d.Network) }},
		{"describing the processor", describeProcessor},
		{"making a cgroup", func() error { return addCgroup(d.Cgroup) }},
		{"measuring the start of a program", measureProgramStart},
		{"running the commands", func() error { return runAll(d.Commands) }},
	}
	for _, step := range steps {
		began := time.Now()
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
		log.Printf("%s took %s", step.what, time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// measureProgramStart records the shortest time in which a program starts and ends. It runs before the commands of the
// guest, because they would delay the program.
func measureProgramStart() error {
	fastest := time.Duration(math.MaxInt64)
	for range 10 {
		began := time.Now()
		if err := exec.Command("true").Run(); err != nil {
			return err
		}
		fastest = min(fastest, time.Since(began))
	}
	return os.WriteFile(guest.ProgramStartFile, []byte(fastest.String()), 0o444)
}

func addCgroup(name string) error {
	if name == "" {
		return nil
	}
	return machine.AddCgroup(name)
}

// configureNetwork puts the guest's network device in a bridge, so that the network plugins
// find what they find on this machine. One program does it all: starting one is slow.
func configureNetwork(n guest.Network) error {
	batch := exec.Command("ip", "-batch", "-")
	batch.Stdin = strings.NewReader(strings.Join(networkCommands(n), "\n") + "\n")
	if output, err := batch.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, output)
	}
	return nil
}

// device is the guest's network device.
const device = "vec0"

func networkCommands(n guest.Network) []string {
	commands := []string{
		"link set lo up",
		fmt.Sprintf("link add %s address %s type bridge", n.Bridge, n.Hardware),
		fmt.Sprintf("link set %s master %s up", device, n.Bridge),
		fmt.Sprintf("address add %s dev %s", n.Address, n.Bridge),
		fmt.Sprintf("link set %s up", n.Bridge),
	}
	for _, route := range n.Routes {
		commands = append(commands, fmt.Sprintf("route add %s via %s", route, n.Gateway))
	}
	return commands
}

// describeProcessor adds the clock speed to the description of the processor. A user-mode
// kernel does not report one, and cadvisor ends the kubelet without it.
func describeProcessor() error {
	const path, described = "/proc/cpuinfo", "/run/cpuinfo"
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(described, []byte(withClockSpeed(string(content))), 0o444); err != nil {
		return err
	}
	return unix.Mount(described, path, "", unix.MS_BIND, "")
}

func withClockSpeed(description string) string {
	const speed = "cpu MHz\t\t: 2000.000\n"
	return strings.ReplaceAll(strings.TrimRight(description, "\n")+"\n\n", "\n\n", "\n"+speed+"\n")
}

func runAll(commands [][]string) error {
	for _, args := range commands {
		if output, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, output)
		}
	}
	return nil
}

// startAll starts the programs, each when the one before it is ready.
func startAll(ctx context.Context, programs []guest.Program) error {
	for _, p := range programs {
		if err := startOne(p); err != nil {
			return fmt.Errorf("starting %s: %w", p.Name, err)
		}
		if p.Socket == "" {
			continue
		}
		if err := awaitSocket(ctx, p.Socket); err != nil {
			return fmt.Errorf("waiting for %s: %w", p.Name, err)
		}
	}
	return nil
}

// startOne starts a program with its output in its log. A program that ends is logged, and
// is not started again.
func startOne(p guest.Program) error {
	output, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return err
	}
	log.Printf("started %s as process %d", p.Name, cmd.Process.Pid)
	go func() { log.Printf("%s has ended: %v", p.Name, cmd.Wait()) }()
	return nil
}

// socketPatience is how long a program may take to listen.
const socketPatience = 5 * time.Minute

func awaitSocket(ctx context.Context, path string) error {
	var dialer net.Dialer
	listens := func(ctx context.Context) (bool, error) {
		conn, err := dialer.DialContext(ctx, "unix", path)
		if err != nil {
			return false, nil
		}
		return true, conn.Close()
	}
	return wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, socketPatience, true, listens)
}
