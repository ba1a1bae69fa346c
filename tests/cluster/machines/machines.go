// Package machines makes machines of their own part of the cluster: nodes with a kernel and a
// page cache that they share with no other node, and storage servers. Package guest runs them.
package machines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/volume-durability/volume-durability/tests/cluster/controlplane"
	"github.com/volume-durability/volume-durability/tests/cluster/guest"
	"github.com/volume-durability/volume-durability/tests/cluster/guest/agent"
	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/node"
	"github.com/volume-durability/volume-durability/tests/cluster/process"
	"github.com/volume-durability/volume-durability/tests/cluster/storage"
)

// Options are what an operator chooses for a machine.
type Options struct {
	Memory string `json:"memory"`
	// NFS are the export options of an NFS server, ISCSI the options of an iSCSI target. A machine without both is a node.
	NFS   string `json:"nfs,omitempty"`
	ISCSI string `json:"iscsi,omitempty"`
}

// IsNode reports whether a machine with these options is a node of the cluster.
func (o Options) IsNode() bool { return o.NFS == "" && o.ISCSI == "" }

// Role describes what a machine with these options is.
func (o Options) Role() string {
	switch {
	case o.NFS != "":
		return "NFS server: " + o.NFS
	case o.ISCSI != "":
		return "iSCSI target: " + o.ISCSI
	default:
		return "node"
	}
}

// Software are the programs of a machine, as paths.
type Software struct {
	Guest      guest.Packages
	Init       string
	Runtime    node.Runtime
	CNI        string
	Kubernetes string
	CSIDriver  string
}

// table holds the machines' processes. They are not among the cluster's programs, because a
// machine that is switched off is no failure of the cluster.
var table = process.Table{Dir: layout.Machines, Logs: layout.Logs}

func processName(n layout.Node) string          { return guest.ProcessName(n.Name) }
func disk(n layout.Node) string                 { return filepath.Join(n.MachineDir(), "disk") }
func descriptionFile(n layout.Node) string      { return filepath.Join(n.MachineDir(), "description.json") }
func optionsFile(n layout.Node) string          { return filepath.Join(n.MachineDir(), "options.json") }
func agentAddress(n layout.Node) string         { return fmt.Sprintf("%s:%d", n.IP, agent.Port) }
func programLog(n layout.Node, p string) string { return filepath.Join(Logs(n), p+".log") }

// Disk is the image of a machine's disk.
func Disk(n layout.Node) string { return disk(n) }

// Logs is the folder with the logs of a machine's programs.
func Logs(n layout.Node) string { return filepath.Join(layout.Logs, n.Name) }

// Console is the log of a machine's kernel and of its first program.
func Console(n layout.Node) string { return table.Log(processName(n)) }

// Add makes a machine, and switches it on.
func Add(ctx context.Context, n layout.Node, o Options, s Software) error {
	if Exists(n) {
		return fmt.Errorf("there is a machine %s already", n.Name)
	}
	for _, dir := range []string{n.Dir(), n.MachineDir(), Logs(n), layout.Volumes} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	creds, err := controlplane.IssueMachine(n)
	if err != nil {
		return err
	}
	if err := node.Configure(n, s.Runtime, s.CNI, creds.Kubelet); err != nil {
		return err
	}
	if err := save(n, o); err != nil {
		return err
	}
	if err := describe(n, o, s, creds).Write(descriptionFile(n)); err != nil {
		return err
	}
	if err := guest.MakeDisk(ctx, disk(n)); err != nil {
		return err
	}
	if err := guest.AddTap(ctx, n.Tap(), layout.Bridge); err != nil {
		return err
	}
	_, err = table.Start(guest.Kernel(s.Guest, hardware(n, o, s)))
	return err
}

func hardware(n layout.Node, o Options, s Software) guest.Hardware {
	return guest.Hardware{
		Name: n.Name, Memory: o.Memory, Disk: disk(n), Tap: n.Tap(), Dir: n.MachineDir(),
		Init: s.Init, Description: descriptionFile(n),
	}
}

// describe returns all that a machine is told. What makes it differ from the other nodes is here
// and in layout.Machine.
func describe(n layout.Node, o Options, s Software, creds controlplane.MachineCredentials) guest.Description {
	d := guest.Description{
		Name: n.Name, Packages: s.Guest.Dir,
		Modules: []string{"bridge", "veth", "loop", "fuse"},
		Network: guest.Network{
			Bridge: layout.Bridge, Address: n.IP.String() + "/16", Hardware: n.Hardware(),
			Gateway: layout.Nodes()[0].IP.String(), Routes: []string{layout.ServiceCIDR},
		},
		State: layout.State, Shared: []string{layout.Volumes, Logs(n)},
		Disk: n.Dir(), Folders: node.Folders(n), Cgroup: n.Cgroup(),
		Agent: guest.Agent{Listen: agentAddress(n), Cert: creds.Agent.Cert, Key: creds.Agent.Key, CA: creds.CA},
	}
	if !o.IsNode() {
		d.Cgroup = ""
		if o.NFS != "" {
			d.ServeNFS(o.NFS)
		} else {
			d.ServeISCSI(o.ISCSI)
		}
		return d
	}
	d.Modules = slices.Concat(d.Modules, guest.NFSModules, guest.DRBDModules)
	d.UseISCSI()
	containerd := program(n, node.Containerd(n, s.Runtime), n.Socket())
	d.Programs = []guest.Program{
		containerd,
		program(n, storage.Node(n, s.CSIDriver), ""),
		program(n, node.Kubelet(n, s.Kubernetes, creds.Kubelet), ""),
	}
	return d
}

func program(n layout.Node, p process.Program, socket string) guest.Program {
	return guest.Program{Name: p.Name, Path: p.Path, Args: p.Args, Log: programLog(n, p.Name), Socket: socket}
}

func save(n layout.Node, o Options) error {
	content, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(optionsFile(n), content, 0o600)
}

// Exists reports whether a machine was added.
func Exists(n layout.Node) bool {
	_, err := os.Stat(optionsFile(n))
	return err == nil
}

// OptionsOf returns the options of a machine.
func OptionsOf(n layout.Node) (Options, error) {
	var o Options
	content, err := os.ReadFile(optionsFile(n))
	if err != nil {
		return o, fmt.Errorf("there is no machine %s: %w", n.Name, err)
	}
	return o, json.Unmarshal(content, &o)
}

// All returns the machines that were added.
func All() ([]layout.Node, error) {
	var all []layout.Node
	for _, name := range layout.MachineNames() {
		n, err := layout.Machine(name)
		if err != nil {
			return nil, err
		}
		if Exists(n) {
			all = append(all, n)
		}
	}
	return all, nil
}

// IsOn reports whether a machine is switched on.
func IsOn(n layout.Node) bool {
	r, err := table.Load(processName(n))
	return err == nil && r.Alive()
}

// Start switches a machine on that is off.
func Start(ctx context.Context, n layout.Node) error {
	if IsOn(n) {
		return nil
	}
	r, err := table.Load(processName(n))
	if err != nil {
		return fmt.Errorf("there is no machine %s: %w", n.Name, err)
	}
	if err := guest.KillUsers(ctx, disk(n)); err != nil {
		return err
	}
	if err := guest.AddTap(ctx, n.Tap(), layout.Bridge); err != nil {
		return err
	}
	_, err = table.Restart(r)
	return err
}

// Cut cuts the power of a machine.
func Cut(ctx context.Context, n layout.Node) error {
	r, err := table.Load(processName(n))
	if err != nil {
		return fmt.Errorf("there is no machine %s: %w", n.Name, err)
	}
	return guest.Cut(ctx, r, disk(n))
}

// SetNetwork connects a machine to the others, or disconnects it.
func SetNetwork(ctx context.Context, n layout.Node, connected bool) error {
	if connected {
		return guest.Connect(ctx, n.Tap(), layout.Bridge)
	}
	return guest.Disconnect(ctx, n.Tap())
}

// SetExport changes the export options of a storage server, also for its next starts.
func SetExport(ctx context.Context, n layout.Node, options string) error {
	o, err := OptionsOf(n)
	if err != nil {
		return err
	}
	if o.NFS == "" {
		return fmt.Errorf("%s is not an NFS server", n.Name)
	}
	d, err := guest.Read(descriptionFile(n))
	if err != nil {
		return err
	}
	d.SetExport(options)
	o.NFS = options
	if err := errors.Join(d.Write(descriptionFile(n)), save(n, o)); err != nil || !IsOn(n) {
		return err
	}
	_, err = Run(ctx, n, guest.ExportCommand(options)...)
	return err
}

// Replicate makes replicas of new, empty DRBD devices on two nodes, a device for each protocol. It removes the earlier
// replicas of the nodes.
func Replicate(ctx context.Context, first, second layout.Node, protocols []string) error {
	nodes := [2]layout.Node{first, second}
	pair := [2]guest.Replicas{replicas(first), replicas(second)}
	onBoth := func(command func(guest.Replicas) []string) error {
		group, ctx := errgroup.WithContext(ctx)
		for i, n := range nodes {
			group.Go(func() error {
				_, err := Run(ctx, n, command(pair[i])...)
				return err
			})
		}
		return group.Wait()
	}
	// A new replica must not connect to an earlier one.
	if err := onBoth(guest.Replicas.RemoveCommand); err != nil {
		return fmt.Errorf("removing the replicas of %s and %s: %w", first.Name, second.Name, err)
	}
	for number, protocol := range protocols {
		err := onBoth(func(r guest.Replicas) []string { return r.MakeCommand(pair, number, protocol) })
		if err != nil {
			return fmt.Errorf("making replicas on %s and %s with protocol %s: %w", first.Name, second.Name, protocol, err)
		}
	}
	return nil
}

func replicas(n layout.Node) guest.Replicas {
	return guest.Replicas{Name: n.Name, Address: n.IP.String(), Folder: n.Dir()}
}

// Remove switches a machine off and removes it with its disk. Its logs remain.
func Remove(ctx context.Context, n layout.Node) error {
	if IsOn(n) {
		if err := Cut(ctx, n); err != nil {
			return err
		}
	}
	// A machine that was added only half way may have no record.
	if err := errors.Join(guest.KillUsers(ctx, disk(n)), guest.RemoveTap(ctx, n.Tap())); err != nil {
		return err
	}
	return errors.Join(table.Remove(processName(n)), os.RemoveAll(n.MachineDir()), os.RemoveAll(n.Dir()))
}

// Clear switches off all machines, also those without a record, and removes their network
// devices. Their files are in the cluster's folder.
func Clear(ctx context.Context) error {
	failures := []error{guest.KillUsers(ctx, layout.Machines)}
	for _, name := range layout.MachineNames() {
		n, err := layout.Machine(name)
		failures = append(failures, err, guest.RemoveTap(ctx, n.Tap()))
	}
	return errors.Join(failures...)
}

// Run runs a command on a machine and returns its output.
func Run(ctx context.Context, n layout.Node, args ...string) (string, error) {
	ca, operator := controlplane.OfMachine(n)
	client, err := agent.NewClient(agentAddress(n), operator.Cert, operator.Key, ca)
	if err != nil {
		return "", err
	}
	return client.Run(ctx, args...)
}

// maxProgramStart is how long a program may take to start and end on a machine that is a node. The container runtime,
// the kubelet and pods start hundreds of programs. A guest traps each system call, which takes much longer on some
// computers than on others. On a computer with two processors, where a program took 200 ms, nodes were ready within two
// minutes.
const maxProgramStart = 500 * time.Millisecond

// RequireNodeSpeed returns guest.ErrUnavailable if the machine is too slow for a node.
func RequireNodeSpeed(ctx context.Context, n layout.Node) error {
	text, err := Run(ctx, n, "cat", guest.ProgramStartFile)
	if err != nil {
		return err
	}
	start, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("reading %s of %s: %w", guest.ProgramStartFile, n.Name, err)
	}
	if start > maxProgramStart {
		return fmt.Errorf("%w: a program takes %s to start and end, and a node may take at most %s",
			guest.ErrUnavailable, start.Round(time.Millisecond), maxProgramStart)
	}
	return nil
}

// Load imports an image into a machine.
func Load(ctx context.Context, n layout.Node, ctr []string, ref, file string) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	if _, err := Run(ctx, n, inCtr(ctr, n, "images", "import", guest.MachineRoot+path)...); err != nil {
		return fmt.Errorf("loading %s into %s: %w", ref, n.Name, err)
	}
	return nil
}

// inCtr returns a command of ctr for the container runtime of a machine. The ctr that is part of a built containerd has
// only the commands for images.
func inCtr(ctr []string, n layout.Node, command ...string) []string {
	return slices.Concat(ctr, []string{"--address", n.Socket(), "--namespace", "k8s.io"}, command)
}

// Ready returns an error if a machine cannot be controlled now, or if it has a container runtime
// that does not answer. Ctr is empty for a machine without one.
func Ready(ctx context.Context, n layout.Node, ctr []string) error {
	args := []string{"true"}
	if len(ctr) > 0 {
		args = inCtr(ctr, n, "images", "list", "--quiet")
	}
	if _, err := Run(ctx, n, args...); err != nil {
		return fmt.Errorf("machine %s does not answer: %w", n.Name, err)
	}
	return nil
}

// ConsoleTail is the end of a machine's console.
func ConsoleTail(n layout.Node) string { return table.Tail(processName(n), 30) }
