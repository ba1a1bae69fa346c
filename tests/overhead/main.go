// Command overhead compares the overhead of a run, which is its time without the chaos, with that of an earlier commit
// and with that of Litmus's own pod-delete with two command probes. All of them take turns on the same cluster, because
// a cluster is not equally fast at all times. At the end, it prints where the time of the last run went. No test
// depends on it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/volume-durability/volume-durability/tests/bench/ratio"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

const (
	// chaosDuration is the chaos of each run. The writer or the victim is deleted once.
	chaosDuration = 10 * time.Second
	// timeout limits one run.
	timeout = 5 * time.Minute
	// engineLimit is the target of the overhead of a run from a ChaosEngine.
	engineLimit = 10 * time.Second
	// defaultEarlier is the commit to compare with by default. It was built before the first change that had to reduce
	// the overhead. shareOfEarlier is the target.
	defaultEarlier = "a09ef80"
	shareOfEarlier = 0.4
)

// candidate is one of the programs that take turns.
type candidate struct {
	name string
	// level is that of the Pod Security Standards that the pods of the run meet.
	level string
	// prepare creates what must exist before the run, and inspect reads what the run left; nil for nothing. Neither is
	// measured.
	prepare, inspect func(context.Context, *chaosengine.Namespace) error
	// run executes one run in a new namespace.
	run func(context.Context, *chaosengine.Namespace) error
	// overheads are the times of the runs without their chaos.
	overheads []time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "overhead:", err)
		stop()
		os.Exit(1)
	}
}

func measure(ctx context.Context) (err error) {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the test cluster")
	image := flag.String("image", "", "image of the experiment")
	program := flag.String("program", "build/image/out/volume-durability", "command line of the same build as the image")
	class := flag.String("storage-class", "csi-ext4", "StorageClass to test")
	commit := flag.String("commit", defaultEarlier, "earlier commit to compare with")
	rounds := flag.Int("rounds", 5, "number of runs of each")
	ratios := flag.String("ratios", "", "file to add the ratios to; empty for none")
	flag.Parse()
	if *rounds < 1 {
		return fmt.Errorf("-rounds: %d: want at least 1", *rounds)
	}
	cluster, err := chaosengine.Connect(*kubeconfig, "charts", *image)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "overhead")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	earlierProgram, err := loadEarlier(ctx, dir, *commit)
	if err != nil {
		return err
	}
	probes, err := chaosengine.ProbeRecipe("docs/probes.md", *image)
	if err != nil {
		return err
	}
	var last lastRun
	candidates := []*candidate{
		terminalRun("run from a terminal", *kubeconfig, *program, *class, *image),
		terminalRun("the same of commit "+*commit, *kubeconfig, earlierProgram, *class, earlierImage),
		engineRun(*class, &last),
		podDeleteWithProbes(probes, *image),
	}
	if err := takeTurns(ctx, cluster, candidates, *rounds); err != nil {
		return err
	}
	return errors.Join(
		printTimes(candidates), last.print(os.Stdout), ratio.Append(*ratios, rows(candidates)...))
}

// takeTurns executes all candidates in each round. Every other round is in the opposite order.
func takeTurns(ctx context.Context, cluster *chaosengine.Cluster, candidates []*candidate, rounds int) error {
	order := slices.Clone(candidates)
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, rounds)
		for _, c := range order {
			if err := c.measureOnce(ctx, cluster); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		slices.Reverse(order)
	}
	return nil
}

// measureOnce executes a run in a namespace of its own. The creation and the removal of the namespace are not measured.
func (c *candidate) measureOnce(ctx context.Context, cluster *chaosengine.Cluster) (err error) {
	ns, err := cluster.NewNamespace(ctx, "overhead-"+rand.String(6), c.level)
	if err != nil {
		return err
	}
	defer func() {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		err = errors.Join(err, ns.Remove(cleanup))
	}()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if c.prepare != nil {
		if err := c.prepare(ctx, ns); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := c.run(ctx, ns); err != nil {
		return err
	}
	c.overheads = append(c.overheads, time.Since(began)-chaosDuration)
	if c.inspect == nil {
		return nil
	}
	return c.inspect(ctx, ns)
}

func (c *candidate) median() float64 {
	return ratio.Median(c.overheads).Seconds()
}

func printTimes(candidates []*candidate) error {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "seconds without the %s of chaos\tmedian\tlowest\thighest\n", chaosDuration)
	for _, c := range candidates {
		fmt.Fprintf(out, "%s\t%.1f\t%.1f\t%.1f\n", c.name, c.median(),
			slices.Min(c.overheads).Seconds(), slices.Max(c.overheads).Seconds())
	}
	return out.Flush()
}

// rows returns the rows of the candidates in the table of ratios. Their order is that of measure.
func rows(candidates []*candidate) []ratio.Row {
	terminal, earlier, engine, litmus := candidates[0], candidates[1], candidates[2], candidates[3]
	return []ratio.Row{
		terminal.comparedWith(earlier, shareOfEarlier),
		engine.comparedWith(litmus, 1),
		ratio.Limited(area, engine.measured(), "s", engine.median(), engineLimit.Seconds()),
	}
}

// area is that of all rows.
const area = "Overhead"

func (c *candidate) measured() string { return c.name + ", without its chaos" }

func (c *candidate) comparedWith(peer *candidate, atMost float64) ratio.Row {
	return ratio.Row{
		Area: area, Measured: c.measured(), Peer: peer.name, Unit: "s",
		Value: c.median(), PeerValue: peer.median(), AtMost: atMost,
	}.OfValues()
}
