// Command scale measures the overhead of a run, which is its time without the chaos, and the cost of each additional
// cell of a run: seconds, processor seconds, requests to the API server, and memory of the experiment. It executes real
// runs in this process, on a cluster that has the images, and prints the measurements. No test depends on it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	"github.com/volume-durability/volume-durability/pkg/run"
	"github.com/volume-durability/volume-durability/tests/bench/profile"
	"github.com/volume-durability/volume-durability/tests/bench/ratio"
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

// benchmark is the cluster and what to measure on it.
type benchmark struct {
	config  *rest.Config
	cluster *chaosengine.Cluster
	class   string
	image   string
	// parallel is the number of cells in a batch; 0 for all cells of a run.
	parallel int
	// writeRate is the number of records per second of each cell. Each is acknowledged in a line of the pod's log.
	writeRate int
	// profile is the file for a CPU profile of the last run; empty for none.
	profile string
	// ratios is the file for the rows of the table of ratios; empty for none.
	ratios string
	log    *logrus.Logger
}

// cost is the cost of a run.
type cost struct {
	cells           int
	duration        time.Duration
	requests        *requests
	processor       time.Duration // user and system time of this process
	peakMemory      uint64        // bytes
	heap            uint64        // bytes of live objects at the end
	records         uint64        // acknowledged ones; the experiment reads a line for each
	deletions       int
	slowestRecovery time.Duration
	batches         []batchCost
}

func measure(ctx context.Context) error {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig of the cluster")
	class := flag.String("storage-class", "csi-shared", "StorageClass to copy for the cells")
	image := flag.String("image", "", "image of the writer and reader pods")
	counts := flag.String("cells", "1,10,25,50", "numbers of cells to measure, separated by commas")
	parallel := flag.Int("parallel", 0, "number of cells in a batch; 0 for all cells of a run")
	writeRate := flag.Int("write-rate", 10, "records per second of each cell")
	cpuProfile := flag.String("cpuprofile", "", "write a CPU profile of the last run to this file")
	rounds := flag.Int("rounds", 5, "number of short runs, each beside bare pods; 0 for none")
	ratios := flag.String("ratios", "", "file to add the rows of the table of ratios to; empty for none")
	verbose := flag.Bool("v", false, "show the log of the runs")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := chaosengine.Connect(*kubeconfig, "charts", *image)
	if err != nil {
		return err
	}
	b := benchmark{
		config: config, cluster: cluster, class: *class, image: *image, parallel: *parallel,
		writeRate: *writeRate, profile: *cpuProfile, ratios: *ratios, log: logrus.New(),
	}
	if !*verbose {
		b.log.SetOutput(io.Discard)
	}
	if *rounds > 0 {
		if err := b.compareWithBarePods(ctx, *rounds); err != nil {
			return err
		}
	}
	var costs []cost
	for count := range strings.SplitSeq(*counts, ",") {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return fmt.Errorf("-cells: %q: want a whole number above 0", count)
		}
		c, err := b.measure(ctx, n)
		if err != nil {
			return fmt.Errorf("%d cells: %w", n, err)
		}
		costs = append(costs, c)
	}
	slices.SortFunc(costs, func(a, b cost) int { return a.cells - b.cells })
	return errors.Join(printCosts(costs), ratio.Append(b.ratios, costRatios(costs)...))
}

// measure carries out a run of n cells, each with its own StorageClass.
func (b benchmark) measure(ctx context.Context, n int) (c cost, err error) {
	_, err = b.inNamespace(ctx, func(ctx context.Context, ns *chaosengine.Namespace) (err error) {
		c, err = b.measureIn(ctx, ns, n)
		return err
	})
	return c, err
}

func (b benchmark) measureIn(ctx context.Context, ns *chaosengine.Namespace, n int) (c cost, err error) {
	names, remove, err := b.copyClass(ctx, ns.Name, n)
	defer func() { err = errors.Join(err, remove()) }()
	if err != nil {
		return cost{}, err
	}
	env := map[string]string{
		"WORKLOAD_NAMESPACE": ns.Name,
		"STORAGE_CLASSES":    strings.Join(names, ","), "PARALLEL_CELLS": strconv.Itoa(cmp.Or(b.parallel, n)),
		"MAX_CELLS":            strconv.Itoa(n),
		"CLAIM_SIZE":           "16Mi",
		"TOTAL_CHAOS_DURATION": "60", "CHAOS_INTERVAL": "60", "WRITE_RATE": strconv.Itoa(b.writeRate),
		"STATUS_CHECK_TIMEOUT": "600",
	}
	opts, err := options.Parse(func(name string) string { return env[name] })
	if err != nil {
		return cost{}, err
	}
	stopProfile, err := profile.Start(b.profile)
	if err != nil {
		return cost{}, err
	}
	defer func() { err = errors.Join(err, stopProfile()) }()
	return b.run(ctx, opts, n)
}

// copyClass creates n copies of the StorageClass. remove deletes those that were created, also after an error.
func (b benchmark) copyClass(
	ctx context.Context, prefix string, n int,
) (names []string, remove func() error, err error) {
	classes := b.cluster.Kube.StorageV1().StorageClasses()
	remove = func() error {
		cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		var failures []error
		for _, name := range names {
			failures = append(failures, classes.Delete(cleanup, name, metav1.DeleteOptions{}))
		}
		return errors.Join(failures...)
	}
	original, err := classes.Get(ctx, b.class, metav1.GetOptions{})
	if err != nil {
		return nil, remove, err
	}
	for i := range n {
		class := original.DeepCopy()
		class.ObjectMeta = metav1.ObjectMeta{Name: fmt.Sprintf("%s-%02d", prefix, i+1)}
		if _, err := classes.Create(ctx, class, metav1.CreateOptions{}); err != nil {
			return names, remove, err
		}
		names = append(names, class.Name)
	}
	return names, remove, nil
}

// run carries out one run and returns its cost.
func (b benchmark) run(ctx context.Context, opts options.Values, n int) (cost, error) {
	c := cost{cells: n, requests: &requests{byKind: map[string]int{}}}
	config := rest.CopyConfig(b.config)
	config.QPS, config.Burst = 50, 100
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return counting{next, c.requests} }
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return cost{}, err
	}
	logs, err := kubernetes.NewForConfig(kube.LogConfig(config))
	if err != nil {
		return cost{}, err
	}
	debug.FreeOSMemory()
	// Writing 5 resets the peak of the process's memory (proc(5)).
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o600); err != nil {
		return cost{}, err
	}
	usedBefore, err := processorTime()
	if err != nil {
		return cost{}, err
	}
	began, id := time.Now(), rand.String(10)
	hooks := &batchHooks{requests: c.requests}
	res, err := run.Run{
		ID: id, Options: opts, Image: b.image, Hooks: hooks, Log: b.log,
		Kube: kube.Client{
			API: client, Logs: logs, Namespace: opts.Namespace, Timeout: opts.StatusTimeout, Log: b.log,
			Labels: map[string]string{kube.RunLabel: id},
		},
	}.Execute(ctx)
	if err != nil {
		return cost{}, err
	}
	c.duration = time.Since(began)
	used, err := processorTime()
	if err != nil {
		return cost{}, err
	}
	c.processor = used - usedBefore
	if c.batches, err = hooks.costs(); err != nil {
		return cost{}, err
	}
	if c.peakMemory, err = peakMemory(); err != nil {
		return cost{}, err
	}
	if res.Verdict != judge.Pass {
		return cost{}, fmt.Errorf("the verdict is %s: %s", res.Verdict, res.Reason)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c.heap = m.HeapAlloc
	for _, cell := range res.Cells {
		c.records += ledger.CountRecords(cell.Acks)
		c.deletions += cell.Deletions()
		c.slowestRecovery = max(c.slowestRecovery, cell.SlowestRecovery())
	}
	return c, nil
}

// requests counts requests by their kind, such as "get pods" or "watch events".
type requests struct {
	mu     sync.Mutex
	byKind map[string]int
}

func (r *requests) add(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byKind[kind]++
}

// total returns the number of requests whose kind has a prefix.
func (r *requests) total(prefix string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for kind, count := range r.byKind {
		if strings.HasPrefix(kind, prefix) {
			n += count
		}
	}
	return n
}

// counting is a transport that counts requests.
type counting struct {
	next http.RoundTripper
	*requests
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.add(kindOf(r))
	return c.next.RoundTrip(r)
}

// resources are the resources whose requests are counted by their own kinds.
var resources = []string{
	"log", "events", "pods", "persistentvolumeclaims", "persistentvolumes", "storageclasses", "volumeattachments", "nodes",
}

// kindOf returns the kind of a request: what it does and to which resource.
func kindOf(r *http.Request) string {
	verb := strings.ToLower(r.Method)
	if watch := r.URL.Query().Get("watch"); watch == "true" || watch == "1" {
		verb = "watch"
	}
	segments := strings.Split(r.URL.Path, "/")
	for _, resource := range resources {
		if slices.Contains(segments, resource) {
			return verb + " " + resource
		}
	}
	return verb + " others"
}

// processorTime returns the user and system time of this process.
func processorTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("getrusage(2): %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// peakMemory returns the peak of this process's memory in bytes (proc(5), VmHWM).
func peakMemory() (uint64, error) {
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

// printCosts prints the costs, which are sorted by the number of cells, and the cost of each additional cell between
// two runs.
func printCosts(costs []cost) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "cells\trecords\tdeletions\tseconds\tprocessor seconds\trequests\twatch requests\t"+
		"peak memory, MiB\theap, MiB\tslowest recovery, s\t")
	for _, c := range costs {
		fmt.Fprintf(w, "%d\t%d\t%d\t%.1f\t%.2f\t%d\t%d\t%.1f\t%.1f\t%.1f\t\n",
			c.cells, c.records, c.deletions, c.duration.Seconds(), c.processor.Seconds(),
			c.requests.total(""), c.requests.total("watch "), mib(c.peakMemory), mib(c.heap), c.slowestRecovery.Seconds())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i := range costs[1:] {
		printAdditional(costs[i], costs[i+1])
	}
	if len(costs) > 2 {
		printAdditional(costs[0], costs[len(costs)-1])
	}
	last := costs[len(costs)-1]
	if err := printBatches(w, last.batches); err != nil {
		return err
	}
	fmt.Printf("requests with %d cells:\n", last.cells)
	for _, kind := range slices.Sorted(maps.Keys(last.requests.byKind)) {
		fmt.Fprintf(w, "%d\t  %s\n", last.requests.byKind[kind], kind)
	}
	return w.Flush()
}

// additional is the cost of each additional cell between a run and one with more cells.
type additional struct{ seconds, processor, requests, mib float64 }

func additionalCost(fewer, more cost) additional {
	cells := float64(more.cells - fewer.cells)
	return additional{
		seconds:   (more.duration - fewer.duration).Seconds() / cells,
		processor: (more.processor - fewer.processor).Seconds() / cells,
		requests:  float64(more.requests.total("")-fewer.requests.total("")) / cells,
		mib:       (mib(more.peakMemory) - mib(fewer.peakMemory)) / cells,
	}
}

// printAdditional prints the cost of each additional cell between a run and one with more cells.
func printAdditional(fewer, more cost) {
	if more.cells == fewer.cells {
		return
	}
	each := additionalCost(fewer, more)
	fmt.Printf("each additional cell, from %d to %d: %.2f s, %.3f processor seconds, %.1f requests, "+
		"%.2f MiB of peak memory\n",
		fewer.cells, more.cells, each.seconds, each.processor, each.requests, each.mib)
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
