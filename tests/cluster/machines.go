package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/tests/cluster/binary"
	"github.com/volume-durability/volume-durability/tests/cluster/guest"
	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/machines"
	"github.com/volume-durability/volume-durability/tests/cluster/storage"
)

// machineTimeout is how long a machine may take to be ready. A busy computer needs minutes.
const machineTimeout = 8 * time.Minute

// defaultMemory is enough for a node with some pods.
const defaultMemory = "1536M"

// machineCommands are the commands for machines of their own.
func (c *cluster) machineCommands() *cobra.Command {
	root := &cobra.Command{Use: "machine", Short: "machines of their own, as nodes and as storage servers"}
	add := func(use, short string, args cobra.PositionalArgs, do action) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: short, Args: args}
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return do(cmd.Context(), args) }
		root.AddCommand(cmd)
		return cmd
	}
	var o machines.Options
	added := add("add NAME", "add a machine and wait until it is ready", cobra.ExactArgs(1),
		func(ctx context.Context, args []string) error { return c.addMachine(ctx, args[0], o) })
	added.Flags().StringVar(&o.Memory, "memory", defaultMemory, "memory of the machine")
	added.Flags().StringVar(&o.NFS, "nfs", "", "make it an NFS server instead of a node, with these options of exports(5)")
	added.Flags().StringVar(&o.ISCSI, "iscsi", "", "make it an iSCSI target instead of a node, with these options of LIO")
	added.MarkFlagsMutuallyExclusive("nfs", "iscsi")
	add("remove NAME", "switch a machine off and remove it with its disk", cobra.ExactArgs(1), ofMachine(c.removeMachine))
	var whenOff bool
	start := add("start NAME", "switch a machine on and wait until it is ready", cobra.ExactArgs(1),
		ofMachine(func(ctx context.Context, n layout.Node) error { return c.startMachine(ctx, n, whenOff) }))
	start.Flags().BoolVar(&whenOff, "when-off", false, "wait until the machine has switched itself off, or was reset")
	add("cut NAME", "cut the power of a machine", cobra.ExactArgs(1), ofMachine(machines.Cut))
	add("network NAME on|off", "connect a machine to the others or disconnect it", cobra.ExactArgs(2), setMachineNetwork)
	add("export NAME OPTIONS", "change the export options of an NFS server", cobra.ExactArgs(2), setExport)
	add("replicate NAME NAME A|B|C ...", "make replicas of new DRBD devices on two nodes, a device for each protocol",
		cobra.MinimumNArgs(3), replicate)
	add("disk NAME", "print where the image of the disk is", cobra.ExactArgs(1), ofMachine(printDisk))
	add("run NAME COMMAND ...", "run a command on a machine", cobra.MinimumNArgs(2), runOnMachine).
		Flags().SetInterspersed(false)
	return root
}

// ofMachine is a command for one machine.
func ofMachine(do func(context.Context, layout.Node) error) action {
	return func(ctx context.Context, args []string) error {
		n, err := layout.Machine(args[0])
		if err != nil {
			return err
		}
		return do(ctx, n)
	}
}

func printDisk(_ context.Context, n layout.Node) error {
	_, err := fmt.Println(machines.Disk(n))
	return err
}

func setMachineNetwork(ctx context.Context, args []string) error {
	n, err := layout.Machine(args[0])
	if err != nil {
		return err
	}
	if args[1] != "on" && args[1] != "off" {
		return fmt.Errorf("network %q: want on or off", args[1])
	}
	return machines.SetNetwork(ctx, n, args[1] == "on")
}

func setExport(ctx context.Context, args []string) error {
	n, err := layout.Machine(args[0])
	if err != nil {
		return err
	}
	return machines.SetExport(ctx, n, args[1])
}

func replicate(ctx context.Context, args []string) error {
	first, err := layout.Machine(args[0])
	if err != nil {
		return err
	}
	second, err := layout.Machine(args[1])
	if err != nil {
		return err
	}
	for _, protocol := range args[2:] {
		if !slices.Contains([]string{"A", "B", "C"}, protocol) {
			return fmt.Errorf("protocol %q: want A, B or C", protocol)
		}
	}
	return machines.Replicate(ctx, first, second, args[2:])
}

func runOnMachine(ctx context.Context, args []string) error {
	n, err := layout.Machine(args[0])
	if err != nil {
		return err
	}
	output, err := machines.Run(ctx, n, args[1:]...)
	fmt.Print(output)
	return err
}

// addMachine adds a machine and waits until it is ready. A machine that does not become ready is
// removed.
func (c *cluster) addMachine(ctx context.Context, name string, o machines.Options) error {
	n, err := layout.Machine(name)
	if err != nil {
		return err
	}
	software, err := c.software(ctx)
	if err != nil {
		return err
	}
	if machines.Exists(n) {
		return fmt.Errorf("there is a machine %s already", name)
	}
	began := time.Now()
	err = machines.Add(ctx, n, o, software)
	if err == nil {
		err = c.awaitMachine(ctx, n, o, true)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("adding machine %s: %w", name, err), c.removeMachine(context.WithoutCancel(ctx), n))
	}
	c.log.WithField("took", time.Since(began).Round(100*time.Millisecond)).Infof("Machine %s is ready", name)
	return nil
}

// addMachines adds the first machines that are missing, at the same time. Where there can be
// none, it reports the reason.
func (c *cluster) addMachines(ctx context.Context, count int) error {
	if count == 0 {
		return nil
	}
	names := layout.MachineNames()
	if count > len(names) {
		return fmt.Errorf("%d machines: want at most %d", count, len(names))
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, name := range names[:count] {
		n, err := layout.Machine(name)
		if err != nil {
			return err
		}
		if !machines.Exists(n) {
			group.Go(func() error { return c.addMachine(ctx, name, machines.Options{Memory: defaultMemory}) })
		}
	}
	err := group.Wait()
	if errors.Is(err, guest.ErrUnavailable) {
		c.log.WithError(err).Warn("SKIPPED: the cluster has no machines of their own")
		return nil
	}
	return err
}

// startMachine starts a machine, first waiting until it is off if whenOff is set.
func (c *cluster) startMachine(ctx context.Context, n layout.Node, whenOff bool) error {
	o, err := machines.OptionsOf(n)
	if err != nil {
		return err
	}
	if whenOff {
		off := func(context.Context) (bool, error) { return !machines.IsOn(n), nil }
		if err := wait.PollUntilContextCancel(ctx, 100*time.Millisecond, true, off); err != nil {
			return fmt.Errorf("waiting for machine %s to be off: %w", n.Name, err)
		}
	}
	began := time.Now()
	if err := machines.Start(ctx, n); err != nil {
		return err
	}
	if err := c.awaitMachine(ctx, n, o, false); err != nil {
		return fmt.Errorf("starting machine %s: %w", n.Name, err)
	}
	c.log.WithField("took", time.Since(began).Round(100*time.Millisecond)).Infof("Machine %s is ready", n.Name)
	return nil
}

// awaitMachine returns once a machine answers, and once a node has its images and is ready. A new machine must be fast
// enough for a node.
func (c *cluster) awaitMachine(ctx context.Context, n layout.Node, o machines.Options, isNew bool) error {
	logs := machines.Console(n) + " and " + machines.Logs(n)
	tooLate := fmt.Errorf("it was not ready within %s; see %s", machineTimeout, logs)
	ctx, cancel := context.WithTimeoutCause(ctx, machineTimeout, tooLate)
	defer cancel()
	isOn := func() error {
		if machines.IsOn(n) {
			return nil
		}
		return fmt.Errorf("it has switched itself off; the end of its log:\n%s", machines.ConsoleTail(n))
	}
	if err := poll(ctx, isOn, func(ctx context.Context) error { return machines.Ready(ctx, n, nil) }); err != nil {
		return err
	}
	if !o.IsNode() {
		return nil
	}
	if isNew {
		if err := machines.RequireNodeSpeed(ctx, n); err != nil {
			return err
		}
	}
	ctr, err := ctrOf(layout.Nodes()[0])
	if err != nil {
		return err
	}
	if err := poll(ctx, isOn, func(ctx context.Context) error { return machines.Ready(ctx, n, ctr) }); err != nil {
		return err
	}
	if err := loadAll(ctx, n, ctr); err != nil {
		return err
	}
	kube, err := client()
	if err != nil {
		return err
	}
	return poll(ctx, isOn, func(ctx context.Context) error { return machineJoined(ctx, kube, n) })
}

// poll returns once a condition holds, or when it is no longer possible.
func poll(ctx context.Context, possible func() error, condition func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, 250*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := possible(); err != nil {
			return false, err
		}
		last = condition(ctx)
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, context.Cause(ctx), last)
	}
	return nil
}

// machineJoined returns an error if a machine is not a ready node. What the API server has of a
// node may be of the machine's last boot.
func machineJoined(ctx context.Context, kube kubernetes.Interface, n layout.Node) error {
	boot, err := machines.Run(ctx, n, "cat", "/proc/sys/kernel/random/boot_id")
	if err != nil {
		return err
	}
	joined, err := kube.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if known := joined.Status.NodeInfo.BootID; known != strings.TrimSpace(boot) {
		return fmt.Errorf("the API server has boot %s of node %s, and not yet %s", known, n.Name, boot)
	}
	if readyNodes([]corev1.Node{*joined}) != 1 {
		return fmt.Errorf("node %s is not ready", n.Name)
	}
	return storage.Registered(ctx, kube, n)
}

// removeMachine removes a machine and its node.
func (c *cluster) removeMachine(ctx context.Context, n layout.Node) error {
	ctx, cancel := context.WithTimeout(ctx, repairTimeout)
	defer cancel()
	return errors.Join(machines.Remove(ctx, n), removeNode(ctx, n))
}

func removeNode(ctx context.Context, n layout.Node) error {
	kube, err := client()
	if err != nil {
		return err
	}
	if err := kube.CoreV1().Nodes().Delete(ctx, n.Name, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

// loadedDir has a file for each image that was loaded, with the path of its tar file.
var loadedDir = filepath.Join(layout.State, "images")

// loadedImage is an image that the nodes have.
type loadedImage struct {
	Ref, File string
	// Machines is set if machines of their own have it too, also those that are added later. They need long to load an
	// image, so they get only those that their pods need.
	Machines bool
}

func remember(i loadedImage) error {
	content, err := json.Marshal(i)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(loadedDir, 0o755); err != nil {
		return err
	}
	name := strings.NewReplacer("/", "_", ":", "_").Replace(i.Ref) + ".json"
	return os.WriteFile(filepath.Join(loadedDir, name), content, 0o600)
}

// loadAll loads every image for machines into a machine.
func loadAll(ctx context.Context, n layout.Node, ctr []string) error {
	files, err := filepath.Glob(filepath.Join(loadedDir, "*.json"))
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var i loadedImage
		if err := json.Unmarshal(content, &i); err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		if !i.Machines {
			continue
		}
		if err := machines.Load(ctx, n, ctr, i.Ref, i.File); err != nil {
			return err
		}
	}
	return nil
}

// loadIntoMachines loads an image into every node that is a machine of its own and that is on.
func loadIntoMachines(ctx context.Context, i loadedImage) error {
	all, err := machines.All()
	if err != nil {
		return err
	}
	ctr, err := ctrOf(layout.Nodes()[0])
	if err != nil {
		return err
	}
	for _, n := range all {
		o, err := machines.OptionsOf(n)
		if err != nil {
			return err
		}
		if !o.IsNode() || !machines.IsOn(n) {
			continue
		}
		if err := machines.Load(ctx, n, ctr, i.Ref, i.File); err != nil {
			return err
		}
	}
	return nil
}

// softwareFile holds the paths of the cluster's programs, for machines that are added later.
var softwareFile = filepath.Join(layout.State, "software.json")

func (s *start) saveSoftware() error {
	content, err := json.Marshal(machines.Software{
		Init: s.built["guest-init"], Runtime: s.runtime, CNI: s.tools.CNI,
		Kubernetes: s.built["kubernetes"], CSIDriver: s.built["csi-driver"],
	})
	if err != nil {
		return err
	}
	return os.WriteFile(softwareFile, content, 0o600)
}

// software returns the programs of the running cluster, and fetches those that only machines need.
func (c *cluster) software(ctx context.Context) (machines.Software, error) {
	var s machines.Software
	content, err := os.ReadFile(softwareFile)
	if err != nil {
		return s, fmt.Errorf("the cluster is not up: %w", err)
	}
	if err := json.Unmarshal(content, &s); err != nil {
		return s, fmt.Errorf("reading %s: %w", softwareFile, err)
	}
	cache, err := binary.NewCache(c.log)
	if err != nil {
		return s, err
	}
	s.Guest, err = guest.Fetch(ctx, c.log, cache.Dir)
	return s, err
}

// showMachines prints the machines.
func showMachines() error {
	all, err := machines.All()
	if err != nil || len(all) == 0 {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nMACHINE\tPOWER\tROLE\tLOG")
	for _, n := range all {
		o, err := machines.OptionsOf(n)
		if err != nil {
			return err
		}
		power := word(machines.IsOn(n), "on", "off")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", n.Name, power, o.Role(), machines.Console(n))
	}
	return w.Flush()
}
