// Command scale measures what each more cell of a run costs: seconds, requests to
// the API server, and memory of the experiment. It runs the real run, in this
// process, against a cluster whose images are loaded, and prints what it measured.
// No test depends on it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/run"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		stop()
		os.Exit(1)
	}
}

// bench is where to measure, and what.
type bench struct {
	config  *rest.Config
	cluster *chaosengine.Cluster
	class   string
	image   string
	log     *logrus.Logger
	verbose bool
}

// cost is what a run of so many cells took.
type cost struct {
	cells     int
	took      time.Duration
	requests  int64
	watches   int64
	peak      uint64 // bytes of memory that the process had at most
	heap      uint64 // bytes of live objects at its end
	deletions int
	slowest   time.Duration // recovery
}

func measure(ctx context.Context) error {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "the cluster to use")
	class := flag.String("storage-class", "csi-shared", "StorageClass to make the cells' own classes like")
	image := flag.String("image", "", "image of the writers and readers")
	counts := flag.String("cells", "1,10,25,50", "how many cells, separated by commas")
	verbose := flag.Bool("v", false, "show the runs' log")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := chaosengine.Connect(*kubeconfig, "charts", *image)
	if err != nil {
		return err
	}
	b := bench{config: config, cluster: cluster, class: *class, image: *image, log: logrus.New(), verbose: *verbose}
	if !*verbose {
		b.log.SetOutput(io.Discard)
	}
	var costs []cost
	for count := range strings.SplitSeq(*counts, ",") {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return fmt.Errorf("-cells: %q: want a whole number above 0", count)
		}
		c, err := b.cells(ctx, n)
		if err != nil {
			return fmt.Errorf("%d cells: %w", n, err)
		}
		costs = append(costs, c)
	}
	return show(costs)
}

// cells makes a run of n cells, each with a StorageClass of its own.
func (b bench) cells(ctx context.Context, n int) (c cost, err error) {
	ns, err := b.cluster.NewNamespace(ctx, "scale-"+rand.String(6), chaosengine.Restricted)
	if err != nil {
		return cost{}, err
	}
	defer func() {
		removal, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		err = errors.Join(err, ns.Remove(removal))
	}()
	names, remove, err := b.classes(ctx, ns.Name, n)
	defer func() { err = errors.Join(err, remove()) }()
	if err != nil {
		return cost{}, err
	}
	settings, err := options.Parse(func(name string) string {
		return map[string]string{
			"WORKLOAD_NAMESPACE": ns.Name, "STORAGE_CLASSES": strings.Join(names, ","), "PARALLEL_CELLS": strconv.Itoa(n), "CLAIM_SIZE": "16Mi",
			"TOTAL_CHAOS_DURATION": "60", "CHAOS_INTERVAL": "60", "WRITE_RATE": "10", "STATUS_CHECK_TIMEOUT": "600",
		}[name]
	})
	if err != nil {
		return cost{}, err
	}
	return b.carryOut(ctx, settings, n)
}

// classes makes classes like the one asked for, and says how to remove them.
func (b bench) classes(ctx context.Context, prefix string, n int) (names []string, remove func() error, err error) {
	classes := b.cluster.Kube.StorageV1().StorageClasses()
	remove = func() error {
		removal, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		var failures []error
		for _, name := range names {
			failures = append(failures, classes.Delete(removal, name, metav1.DeleteOptions{}))
		}
		return errors.Join(failures...)
	}
	like, err := classes.Get(ctx, b.class, metav1.GetOptions{})
	if err != nil {
		return nil, remove, err
	}
	for i := range n {
		class := like.DeepCopy()
		class.ObjectMeta = metav1.ObjectMeta{Name: fmt.Sprintf("%s-%02d", prefix, i+1)}
		if _, err := classes.Create(ctx, class, metav1.CreateOptions{}); err != nil {
			return names, remove, err
		}
		names = append(names, class.Name)
	}
	return names, remove, nil
}

func (b bench) carryOut(ctx context.Context, settings options.Values, n int) (cost, error) {
	c := cost{cells: n}
	config := rest.CopyConfig(b.config)
	config.QPS, config.Burst = 50, 100
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return counting{next, &c} }
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return cost{}, err
	}
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil { // begins the peak anew, proc(5)
		return cost{}, err
	}
	began, id := time.Now(), rand.String(10)
	result, err := run.Run{
		ID: id, Settings: settings, Image: b.image, Hooks: nobody{}, Log: b.log,
		Kube: kube.Client{API: client, Namespace: settings.Namespace, Timeout: settings.StatusTimeout, Log: b.log, Labels: map[string]string{kube.RunLabel: id}},
	}.Execute(ctx)
	if err != nil {
		return cost{}, err
	}
	c.took = time.Since(began)
	if c.peak, err = peak(); err != nil {
		return cost{}, err
	}
	if result.Verdict != judge.Pass {
		return cost{}, fmt.Errorf("the verdict is %s: %s", result.Verdict, result.Reason)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.heap = m.HeapAlloc
	for _, cell := range result.Cells {
		c.deletions += cell.Deletions()
		c.slowest = max(c.slowest, cell.SlowestRecovery())
	}
	return c, nil
}

// counting counts the requests that pass through.
type counting struct {
	next http.RoundTripper
	*cost
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	atomic.AddInt64(&c.requests, 1)
	if r.URL.Query().Get("watch") == "true" || r.URL.Query().Get("watch") == "1" {
		atomic.AddInt64(&c.watches, 1)
	}
	return c.next.RoundTrip(r)
}

// nobody takes part.
type nobody struct{}

func (nobody) Planned([]options.CellSpec)                   {}
func (nobody) Written(context.Context, []result.Cell) error { return nil }
func (nobody) ChaosBegins(context.Context) error            { return nil }
func (nobody) Acknowledged(options.CellSpec, ledger.Ack)    {}
func (nobody) Deleting(options.CellSpec, result.Pod)        {}
func (nobody) Reading(options.CellSpec)                     {}
func (nobody) Judged(result.Cell)                           {}
func (nobody) ChaosEnded(context.Context) error             { return nil }
func (nobody) Stopping(context.Context) bool                { return false }

// peak is how much memory this process has had at most, in bytes (proc(5), VmHWM).
func peak() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.ParseUint(fields[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/self/status has no VmHWM")
}

// show prints what was measured, and what each more cell costs: the slope between
// the fewest and the most.
func show(costs []cost) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "cells\tdeletions\tseconds\trequests\tof them watches\tpeak memory, MiB\theap, MiB\tslowest recovery, s\t")
	for _, c := range costs {
		fmt.Fprintf(w, "%d\t%d\t%.1f\t%d\t%d\t%.1f\t%.1f\t%.1f\t\n", c.cells, c.deletions, c.took.Seconds(), c.requests, c.watches, mib(c.peak), mib(c.heap), c.slowest.Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	byCells := func(a, b cost) int { return a.cells - b.cells }
	few, many := slices.MinFunc(costs, byCells), slices.MaxFunc(costs, byCells)
	if more := float64(many.cells - few.cells); more > 0 {
		fmt.Printf("each more cell: %.2f s, %.1f requests, %.2f MiB at the peak\n",
			(many.took-few.took).Seconds()/more, float64(many.requests-few.requests)/more, (mib(many.peak)-mib(few.peak))/more)
	}
	return nil
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
