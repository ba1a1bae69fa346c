// Command demo runs the experiment twice: on storage that keeps acknowledged data, read
// back on another node, and on storage that loses it. Its exit status is 0 if the first
// run is a Pass and the second a Fail. It writes the evidence bundles of both runs and a
// report page into a folder.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"golang.org/x/term"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/yaml"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := demonstrate(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

func demonstrate(ctx context.Context) (err error) {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the cluster")
	class := flag.String("storage-class", "", "StorageClass to test; another node must be able to mount its volumes")
	image := flag.String("image", "", "image reference from which the cluster can pull the experiment")
	grant := flag.Bool("grant-optional", false, "apply the cluster-wide rbac-optional.yaml for the duration of the demo")
	folder := flag.String("folder", "build/demo", "folder for the evidence bundles")
	flag.Parse()
	answers := bufio.NewReader(os.Stdin)
	if err := errors.Join(
		ask(answers, class, "STORAGE_CLASS", "StorageClass to test"),
		ask(answers, image, "IMAGE", "image reference from which the cluster can pull the experiment"),
	); err != nil {
		return err
	}
	cluster, err := chaosengine.Connect(*kubeconfig, "charts", *image)
	if err != nil {
		return err
	}
	if err := cluster.RequireLitmus(ctx); err != nil {
		return err
	}
	ns, err := cluster.NewNamespace(ctx, "volume-durability-demo-"+rand.String(5), chaosengine.Restricted)
	if err != nil {
		return err
	}
	fmt.Printf("Created namespace %s for the demo; it will be deleted at the end.\n", ns.Name)
	defer func() { err = errors.Join(err, cleanUp(ctx, ns.Remove)) }()
	if *grant {
		revoke, grantErr := ns.GrantOptionalRBAC(ctx)
		if grantErr != nil && !apierrors.IsForbidden(grantErr) {
			return grantErr
		}
		if *grant = grantErr == nil; *grant {
			defer func() { err = errors.Join(err, cleanUp(ctx, revoke)) }()
		}
	}
	fmt.Println(describeAccess(*grant))
	runs, err := runScenarios(ctx, ns, *class)
	return errors.Join(err, writeBundles(runs, *folder))
}

// cleanUp calls remove, also if the demo was interrupted.
func cleanUp(ctx context.Context, remove func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return remove(ctx)
}

// describeAccess describes what the runs may read outside their namespace.
func describeAccess(granted bool) string {
	if granted {
		return "The runs of the demo may also read what rbac-optional.yaml grants, to detect whether a volume was detached."
	}
	return "The runs of the demo may not read anything outside this namespace, so they cannot detect whether a volume was " +
		"detached. rbac-optional.yaml grants the permission."
}

// ask asks for a missing value if standard input is a terminal.
func ask(answers *bufio.Reader, value *string, variable, question string) error {
	if *value != "" {
		return nil
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		fmt.Printf("%s: ", question)
		line, err := answers.ReadString('\n')
		if *value = strings.TrimSpace(line); err == nil && *value != "" {
			return nil
		}
	}
	return fmt.Errorf("%s is not set: set it to the %s", variable, question)
}

// scenario is one run and its expected verdict.
type scenario struct {
	title  string
	engine chaosengine.Engine
	want   chaosv1alpha1.ResultVerdict
}

func scenarios(class string) []scenario {
	options := func(name, value string) map[string]string {
		return map[string]string{"TOTAL_CHAOS_DURATION": "18", "CHAOS_INTERVAL": "6", "READER_NODE": "other", name: value}
	}
	keeps := options("STORAGE_CLASS", class)
	keeps["NEGATIVE_CONTROL"] = "true"
	return []scenario{{
		title:  "StorageClass " + class + ": a writer is deleted while it writes; a reader on another node reads the volume back",
		engine: chaosengine.Engine{Name: "keeps", Env: keeps},
		want:   chaosv1alpha1.ResultVerdictPassed,
	}, {
		title:  "The same on storage that loses data: an emptyDir is deleted with its pod",
		engine: chaosengine.Engine{Name: "loses", Env: options("VOLUME_SOURCE", "emptyDir")},
		want:   chaosv1alpha1.ResultVerdictFailed,
	}}
}

// runScenarios runs all scenarios, also if one has an unexpected verdict.
func runScenarios(ctx context.Context, ns *chaosengine.Namespace, class string) ([]run, error) {
	var runs []run
	var failures []error
	for _, s := range scenarios(class) {
		failures = append(failures, runScenario(ctx, ns, s))
		b, err := loadBundle(ctx, ns, s.engine.Name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		runs = append(runs, run{s.engine.Name, b})
	}
	return runs, errors.Join(failures...)
}

// runScenario runs a scenario and prints the log and the ChaosResult.
func runScenario(ctx context.Context, ns *chaosengine.Namespace, s scenario) error {
	fmt.Printf("\n── %s\n\n", s.title)
	timedOut := fmt.Errorf("no verdict within %s", chaosengine.Timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, chaosengine.Timeout, timedOut)
	defer cancel()
	began := time.Now()
	if err := ns.Start(ctx, s.engine); err != nil {
		return err
	}
	fmt.Printf("ChaosEngine %s created\n", s.engine.Name)
	chaos, err := ns.Await(ctx, s.engine.Name)
	if err != nil {
		return err
	}
	took := time.Since(began)
	log, err := ns.Log(ctx, s.engine.Name)
	if err != nil {
		return err
	}
	described, err := describeLog(log)
	if err != nil {
		return err
	}
	fmt.Println(described)
	status, err := yaml.Marshal(map[string]any{
		"experimentStatus": chaos.Status.ExperimentStatus,
		"probeStatuses":    chaos.Status.ProbeStatuses,
		"history":          chaos.Status.History,
	})
	if err != nil {
		return err
	}
	fmt.Printf("ChaosResult %s, %s after the engine was created:\n%s",
		chaos.Name, took.Round(100*time.Millisecond), indent(string(status)))
	if got := chaos.Status.ExperimentStatus.Verdict; got != s.want {
		return fmt.Errorf("%s: the verdict is %s, expected %s", s.engine.Name, got, s.want)
	}
	fmt.Printf("As expected: %s\n", s.want)
	return nil
}

// describeLog returns the experiment's log without the result at its end. The table of the cells has no log prefixes,
// and only the columns up to the recovery.
func describeLog(log string) (string, error) {
	var outcome result.Result
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "{") {
			if err := json.Unmarshal([]byte(line), &outcome); err != nil {
				return "", fmt.Errorf("reading the result in the log: %w", err)
			}
		}
	}
	var logged []string
	for row := range strings.Lines(outcome.Table()) {
		logged = append(logged, "msg="+strconv.Quote(strings.TrimRight(row, " \n")))
	}
	isRow := func(line string) bool {
		return slices.ContainsFunc(logged, func(row string) bool { return strings.Contains(line, row) })
	}
	var text strings.Builder
	isPrinted := false
	for line := range strings.Lines(log) {
		switch {
		case strings.HasPrefix(line, "{"):
		case !isRow(line):
			text.WriteString("  " + line)
		case !isPrinted:
			isPrinted = true
			text.WriteString("\n" + indent(cellTable(outcome)) + "\n")
		}
	}
	return text.String(), nil
}

// cellTable renders the cells with the columns up to the recovery.
func cellTable(outcome result.Result) string {
	titles, rows := outcome.Rows()
	shown := slices.Index(titles, "RECOVERY") + 1
	table := style.Table{}
	for _, title := range titles[:shown] {
		table.Columns = append(table.Columns, style.Column{Title: title, Name: title == "CELL"})
	}
	for _, row := range rows {
		table.Rows = append(table.Rows, row[:shown])
	}
	return table.Render(style.Width(os.Stdout))
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
