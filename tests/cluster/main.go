// Command cluster brings up and takes down a throw-away, real Kubernetes on this
// machine: etcd, the control plane, two nodes with a containerd and a kubelet
// each, storage classes and the Litmus operator.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/volume-durability/volume-durability/tests/cluster/binary"
	"github.com/volume-durability/volume-durability/tests/cluster/layout"
	"github.com/volume-durability/volume-durability/tests/cluster/machine"
	"github.com/volume-durability/volume-durability/tests/cluster/registry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := commands().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		stop()
		os.Exit(1)
	}
}

// cluster is what every command works on.
type cluster struct {
	source string // folder of this module's sources
	wanted wanted
	// machines is how many machines of their own the cluster should have.
	machines int
	log      *logrus.Logger
}

// Bounds of whole commands; a first build is not counted.
const (
	upTimeout     = 3 * time.Minute
	repairTimeout = time.Minute
	downTimeout   = 3 * time.Minute
)

func commands() *cobra.Command {
	c := &cluster{log: logrus.New()}
	root := &cobra.Command{
		Use: "cluster", Short: "A throw-away, real Kubernetes on this machine",
		SilenceUsage: true, SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.source, "source", ".", "folder of the sources to build the cluster's programs from")
	flags.StringVar(&c.wanted.Kubernetes, "kubernetes", binary.Newest, "minor version of Kubernetes to bring up")
	flags.StringVar(&c.wanted.Containerd, "containerd", builtContainerd,
		"built to build containerd, or system to use the machine's own")
	add := func(use, short string, args cobra.PositionalArgs, do action) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: short, Args: args}
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return do(cmd.Context(), args) }
		root.AddCommand(cmd)
		return cmd
	}
	up := add("up", "bring the cluster up; does nothing if it is up", cobra.NoArgs, exclusive(c.upWithMachines))
	up.Flags().IntVar(&c.machines, "machines", 0, "how many machines of their own to add as nodes")
	add("down", "take the cluster down and leave nothing behind", cobra.NoArgs, exclusive(c.down))
	add("build", "build the cluster's programs that are not in the cache", cobra.NoArgs, withoutArgs(c.buildAll))
	add("status", "show what is running; exit status 1 means not up", cobra.NoArgs, withoutArgs(c.status))
	add("stop PROGRAM", "stop one program, such as kubelet-n1", cobra.ExactArgs(1), withOneArg(c.stopOne))
	add("kill PROGRAM", "kill one program with SIGKILL", cobra.ExactArgs(1), withOneArg(c.killOne))
	add("start PROGRAM", "start a stopped program with the same arguments", cobra.ExactArgs(1), withOneArg(c.startOne))
	add("restart PROGRAM", "stop one program and start it with the same arguments", cobra.ExactArgs(1),
		withOneArg(c.restartOne))
	add("distrust NODE", "give a kubelet a certificate that the API server does not trust", cobra.ExactArgs(1),
		withOneArg(c.distrust))
	add("trust NODE", "undo distrust", cobra.ExactArgs(1), withOneArg(c.trust))
	var onMachines bool
	add("load REF TAR", "load an image into the nodes", cobra.ExactArgs(2),
		func(ctx context.Context, args []string) error {
			return c.load(ctx, loadedImage{args[0], args[1], onMachines})
		}).Flags().BoolVar(&onMachines, "machines", true, "also load it into machines of their own, which takes long")
	add("tools", "install the packages that the cluster and the tests need on this machine", cobra.NoArgs,
		withoutArgs(c.installTools))
	root.AddCommand(c.machineCommands())
	kubectl := add("kubectl [ARG ...]", "run kubectl as the cluster's administrator", cobra.ArbitraryArgs, c.kubectl)
	kubectl.DisableFlagParsing = true

	var login registry.Login
	serve := add("registry REF TAR", "serve an image on loopback as a registry that demands a login", cobra.ExactArgs(2),
		func(ctx context.Context, args []string) error { return c.serveImage(ctx, args[0], args[1], login) })
	serve.Flags().StringVar(&login.User, "user", "user", "the user")
	serve.Flags().StringVar(&login.Password, "password", "password", "the user's password")

	var from, dockerfile string
	image := add("image REF TAR", "write the image of a Dockerfile's last stage", cobra.ExactArgs(2),
		func(ctx context.Context, args []string) error {
			return c.image(ctx, dockerfile, from, args[0], args[1])
		})
	image.Flags().StringVar(&dockerfile, "dockerfile", "Dockerfile", "the Dockerfile")
	image.Flags().StringVar(&from, "from", ".", "folder with the files that the build stage would have made")
	return root
}

// action runs a command with its arguments.
type action func(ctx context.Context, args []string) error

func withoutArgs(do func(context.Context) error) action {
	return func(ctx context.Context, _ []string) error { return do(ctx) }
}

func withOneArg(do func(context.Context, string) error) action {
	return func(ctx context.Context, args []string) error { return do(ctx, args[0]) }
}

// exclusive prevents two commands from changing the cluster at the same time.
func exclusive(do func(context.Context) error) action {
	return func(ctx context.Context, _ []string) error {
		return locked(ctx, func() error { return do(ctx) })
	}
}

// lockPatience is how long a command waits for another one that may be ending.
const lockPatience = 10 * time.Second

// locked calls do while it holds the lock of the cluster.
func locked(ctx context.Context, do func() error) error {
	if os.Geteuid() != 0 {
		// Without root nothing can be changed. Checking the requirements reports it.
		return do()
	}
	var lock *os.File
	take := func(context.Context) (taken bool, err error) {
		lock, err = takeLock(layout.Lock)
		if errors.Is(err, errLocked) {
			return false, nil
		}
		return err == nil, err
	}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, lockPatience, true, take)
	if wait.Interrupted(err) {
		return errLocked
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return errors.Join(do(), os.Remove(layout.Lock))
}

// takeLock holds the lock until the file is closed.
func takeLock(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the cluster: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(errLocked, lock.Close())
	}
	// The last holder may have removed the file after it was opened here. A lock on a
	// removed file excludes no other command, which would create a new one.
	opened, err := lock.Stat()
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	if there, err := os.Stat(path); err != nil || !os.SameFile(opened, there) {
		return nil, errors.Join(errLocked, lock.Close())
	}
	return lock, nil
}

var errLocked = errors.New("another command is bringing the cluster up or down")

// kubernetes is the path of the multi-call binary: the one that runs, or else the
// one that the sources make.
func (c *cluster) kubernetes(ctx context.Context) (string, error) {
	if r, err := processes.Load("kube-apiserver"); err == nil {
		if _, err := os.Stat(r.Path); err == nil {
			return r.Path, nil
		}
	}
	cache, err := binary.NewCache(c.log)
	if err != nil {
		return "", err
	}
	source, err := binary.Kubernetes(c.source, c.wanted.Kubernetes)
	if err != nil {
		return "", err
	}
	built, err := cache.Build(ctx, []binary.Source{source})
	return built["kubernetes"], err
}

// kubectl becomes kubectl: its signals, its terminal and its exit status are then
// those of this command.
func (c *cluster) kubectl(ctx context.Context, args []string) error {
	kubernetes, err := c.kubernetes(ctx)
	if err != nil {
		return err
	}
	argv := append([]string{kubernetes, "kubectl"}, args...)
	if err := syscall.Exec(kubernetes, argv, withKubeconfig(os.Environ())); err != nil {
		return fmt.Errorf("running kubectl: %w", err)
	}
	return nil
}

// withKubeconfig returns an environment in which kubectl uses this cluster. A flag would have to come after the name of
// a plugin.
func withKubeconfig(environ []string) []string {
	const variable = "KUBECONFIG="
	others := slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, variable) })
	return append(others, variable+layout.Kubeconfig)
}

func (c *cluster) tools(ctx context.Context) (machine.Tools, error) {
	return machine.Require(ctx, c.log, c.wanted.Containerd == systemContainerd)
}

func (c *cluster) installTools(ctx context.Context) error {
	if _, err := c.tools(ctx); err != nil {
		return err
	}
	return machine.InstallForTests(ctx, c.log)
}
