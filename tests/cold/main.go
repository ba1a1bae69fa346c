// Command cold measures make demo in a clone of a commit. At the start, the caches of Go modules, of compiled packages
// and of the test cluster's programs are empty. It prints the wall time, the processor time and the downloads of each
// step, and what the compiler and the linker did. It needs what the test cluster needs, and removes everything at the
// end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/volume-durability/volume-durability/tests/bench/earlier"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "cold:", err)
		stop()
		os.Exit(1)
	}
}

// state is the folder of the test cluster. It exists while there is a cluster.
const state = "/var/lib/volume-durability-cluster"

// step is a part of make demo.
type step struct {
	name string
	argv []string
}

// steps are what make demo does, in its order. Each command includes the work of the commands before it. That work is
// done already, so it takes little time.
var steps = []step{
	{"compile the cluster's tool", []string{"make", "cluster-tool"}},
	{"compile the cluster's programs", []string{
		"build/cluster", "build", "--source", "tests/cluster", "--containerd", "system",
	}},
	{"start the cluster", []string{"make", "cluster-up"}},
	{"compile the images and load them", []string{"make", "cluster-images"}},
	{"compile the demo and execute its two runs", []string{"make", "demo"}},
}

func run(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("cold", flag.ContinueOnError)
	commit := flags.String("commit", "HEAD", "commit to measure")
	folder := flags.String("folder", os.TempDir(), "folder for the clone and the caches, which need 5 GiB")
	programs := flags.Bool("programs", false, "measure only what needs no cluster: the first two steps")
	if err := flags.Parse(args); err != nil {
		return err
	}
	measured := steps
	if *programs {
		measured = steps[:2]
	} else if _, err := os.Stat(state); err == nil {
		return errors.New("there is a test cluster: remove it with make cluster-down")
	}
	dir, err := os.MkdirTemp(*folder, "cold")
	if err != nil {
		return err
	}
	m := machine{tree: filepath.Join(dir, "tree"), caches: filepath.Join(dir, "caches")}
	defer func() { err = errors.Join(err, m.clean(ctx, !*programs), os.RemoveAll(dir)) }()
	if err := clone(ctx, *commit, m.tree); err != nil {
		return err
	}
	if m.builds, err = newRecorder(dir); err != nil {
		return err
	}
	costs, actions, err := m.measureAll(ctx, measured)
	if err != nil {
		return err
	}
	return errors.Join(printCosts(os.Stdout, costs), printActions(os.Stdout, actions))
}

// clone makes a clone of this repository, with the files of a commit.
func clone(ctx context.Context, commit, tree string) error {
	id, err := earlier.Git(ctx, "rev-parse", "--verify", commit+"^{commit}")
	if err != nil {
		return err
	}
	if _, err := earlier.Git(ctx, "clone", "--quiet", "--no-checkout", ".", tree); err != nil {
		return err
	}
	_, err = earlier.Git(ctx, "-C", tree, "checkout", "--quiet", "--detach", id)
	return err
}

// machine is this machine, as it would be with empty caches.
type machine struct {
	// tree is the clone, caches the folder of the caches.
	tree, caches string
	builds       recorder
}

// command returns a command that uses the caches of the machine.
func (m machine) command(ctx context.Context, argv []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	if strings.Contains(argv[0], "/") {
		cmd.Path = filepath.Join(m.tree, argv[0])
	}
	cmd.Dir = m.tree
	path := string(m.builds) + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Env = append(os.Environ(), "PATH="+path, "MAKEFLAGS=", "KUBECONFIG=", "GOMODCACHE="+m.modules(),
		"GOCACHE="+filepath.Join(m.caches, "compiled"), "XDG_CACHE_HOME="+m.caches,
		"GOFLAGS=-modcacherw") // otherwise only root can remove the modules
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	return cmd
}

func (m machine) modules() string { return filepath.Join(m.caches, "modules") }

// clean removes the cluster. mayHaveCluster reports whether the measurement may have started one.
func (m machine) clean(ctx context.Context, mayHaveCluster bool) error {
	if _, err := os.Stat(state); err != nil || !mayHaveCluster {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
	defer cancel()
	return m.command(ctx, []string{"make", "cluster-down"}).Run()
}

// cost is the cost of a step.
type cost struct {
	step string
	wall time.Duration
	// commands is the processor time of the commands of the step, without programs that they leave running.
	commands time.Duration
	// busy is the processor time of the whole machine, with the programs of the cluster and of others.
	busy time.Duration
	// downloaded is the size of the downloaded Go modules, in bytes.
	downloaded int64
}

// measureAll executes steps. It returns the cost of each, and the actions of all builds.
func (m machine) measureAll(ctx context.Context, all []step) (costs []cost, actions []action, err error) {
	for _, s := range all {
		fmt.Fprintln(os.Stderr, "==", s.name)
		c, err := m.measure(ctx, s)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.name, err)
		}
		executed, err := m.builds.take()
		if err != nil {
			return nil, nil, err
		}
		costs, actions = append(costs, c), append(actions, executed...)
	}
	return costs, actions, nil
}

func (m machine) measure(ctx context.Context, s step) (cost, error) {
	had, err := size(filepath.Join(m.modules(), "cache", "download"))
	if err != nil {
		return cost{}, err
	}
	busy, err := busyTime()
	if err != nil {
		return cost{}, err
	}
	began := time.Now()
	cmd := m.command(ctx, s.argv)
	if err := cmd.Run(); err != nil {
		return cost{}, err
	}
	c := cost{step: s.name, wall: time.Since(began), commands: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	now, err := busyTime()
	if err != nil {
		return cost{}, err
	}
	c.busy = now - busy
	has, err := size(filepath.Join(m.modules(), "cache", "download"))
	c.downloaded = has - had
	return c, err
}

// size returns the size of all files in a folder, in bytes. A missing folder has none.
func size(folder string) (bytes int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return bytes, err
}

// busyTime returns how long the processors of the machine have been busy since its start.
func busyTime() (time.Duration, error) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(string(content))
}

// tick is the unit of times in /proc/stat (proc_stat(5)): USER_HZ is 100 on all architectures that Go supports.
const tick = 10 * time.Millisecond

// parseBusy reads the times of the first line of /proc/stat: user, nice, system, idle, iowait, irq and softirq.
func parseBusy(stat string) (time.Duration, error) {
	var user, nice, system, idle, wait, irq, softirq int64
	_, err := fmt.Sscanf(stat, "cpu %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &softirq)
	if err != nil {
		return 0, fmt.Errorf("reading /proc/stat: %w", err)
	}
	return time.Duration(user+nice+system+irq+softirq) * tick, nil
}

// printCosts prints the costs as a table in Markdown, and their sum.
func printCosts(out io.Writer, costs []cost) error {
	w := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| step\t| wall time, s\t| processor time, s\t| of the whole machine, s\t| Go modules, MiB\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---\t|---\t|")
	sum := cost{step: "all"}
	for _, c := range costs {
		printCost(w, c)
		sum.wall += c.wall
		sum.commands += c.commands
		sum.busy += c.busy
		sum.downloaded += c.downloaded
	}
	printCost(w, sum)
	return w.Flush()
}

func printCost(w io.Writer, c cost) {
	fmt.Fprintf(w, "| %s\t| %.0f\t| %.0f\t| %.0f\t| %.0f\t|\n", c.step, c.wall.Seconds(), c.commands.Seconds(),
		c.busy.Seconds(), float64(c.downloaded)/(1<<20))
}
