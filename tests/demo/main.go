// Command demo shows the whole story: a run on storage that keeps its promises,
// read back on another node, then one on storage that forgets. Its exit status is
// 0 when the first was a Pass and the second a Fail. The evidence of both stays in a
// folder, with one page that shows them.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"golang.org/x/term"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/yaml"

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
	kubeconfig := flag.String("kubeconfig", "", "the cluster to use")
	class := flag.String("storage-class", "", "StorageClass to test, with volumes that another node reaches")
	image := flag.String("image", "", "reference of the experiment's image")
	grant := flag.Bool("grant-optional", false, "apply rbac-optional.yaml, which is for the whole cluster, for as long as the demo lasts")
	folder := flag.String("folder", "build/demo", "where to write the evidence")
	flag.Parse()
	answers := bufio.NewReader(os.Stdin)
	if err := errors.Join(
		ask(answers, class, "STORAGE_CLASS", "StorageClass to test"),
		ask(answers, image, "IMAGE", "reference of the experiment's image, where the cluster can pull it"),
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
	fmt.Printf("Namespace %s was made for the demo and is removed with it.\n", ns.Name)
	defer func() { err = errors.Join(err, afterwards(ctx, ns.Remove)) }()
	if *grant {
		revoke, grantErr := ns.GrantOptionalRBAC(ctx)
		if grantErr != nil && !apierrors.IsForbidden(grantErr) {
			return grantErr
		}
		if *grant = grantErr == nil; *grant {
			defer func() { err = errors.Join(err, afterwards(ctx, revoke)) }()
		}
	}
	fmt.Println(sight(*grant))
	runs, unexpected := stories(ctx, ns, *class)
	return errors.Join(unexpected, leave(runs, *folder))
}

// afterwards removes what was made, also when the demo was interrupted.
func afterwards(ctx context.Context, remove func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return remove(ctx)
}

// sight says what the runs may see beside their namespace.
func sight(granted bool) string {
	if granted {
		return "So that they can tell whether a volume was detached, its runs may read the cluster as rbac-optional.yaml says."
	}
	return "Its runs may read nothing outside of it: whether a volume was detached they cannot tell. rbac-optional.yaml would allow it."
}

// ask asks for a value that was not given, where somebody is there to answer.
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
	return fmt.Errorf("%s is not set: want the %s", variable, question)
}

// story is one run, and what it is to come to.
type story struct {
	title  string
	engine chaosengine.Engine
	want   chaosv1alpha1.ResultVerdict
}

func stories(ctx context.Context, ns *chaosengine.Namespace, class string) ([]run, error) {
	chaos := func(env map[string]string) map[string]string {
		env["TOTAL_CHAOS_DURATION"], env["CHAOS_INTERVAL"], env["READER_NODE"] = "18", "6", "other"
		return env
	}
	var runs []run
	var unexpected []error
	for _, s := range []story{
		{"StorageClass " + class + ": a writer is deleted again and again while it writes, a reader on another node reads the volume back",
			chaosengine.Engine{Name: "keeps", Env: chaos(map[string]string{"STORAGE_CLASS": class, "NEGATIVE_CONTROL": "true"})}, chaosv1alpha1.ResultVerdictPassed},
		// It is what the control of the first one is.
		{"The same on storage that forgets: an emptyDir dies with its pod",
			chaosengine.Engine{Name: "forgets", Env: chaos(map[string]string{"VOLUME_SOURCE": "emptyDir"})}, chaosv1alpha1.ResultVerdictFailed},
	} {
		verdictErr := tell(ctx, ns, s)
		unexpected = append(unexpected, verdictErr)
		b, err := evidenceOf(ctx, ns, s.engine.Name)
		if err != nil {
			unexpected = append(unexpected, err)
			continue
		}
		runs = append(runs, run{s.engine.Name, b})
	}
	return runs, errors.Join(unexpected...)
}

func tell(ctx context.Context, ns *chaosengine.Namespace, s story) error {
	fmt.Printf("\n── %s\n\n", s.title)
	ctx, cancel := context.WithTimeoutCause(ctx, chaosengine.Timeout, fmt.Errorf("no verdict within %s", chaosengine.Timeout))
	defer cancel()
	began := time.Now()
	if err := ns.Start(ctx, s.engine); err != nil {
		return err
	}
	fmt.Printf("ChaosEngine %s created\n", s.engine.Name)
	result, err := ns.Await(ctx, s.engine.Name)
	if err != nil {
		return err
	}
	took := time.Since(began)
	log, err := ns.Log(ctx, s.engine.Name)
	if err != nil {
		return err
	}
	fmt.Println(retell(log))
	status, err := yaml.Marshal(map[string]any{"experimentStatus": result.Status.ExperimentStatus, "probeStatuses": result.Status.ProbeStatuses, "history": result.Status.History})
	if err != nil {
		return err
	}
	fmt.Printf("ChaosResult %s, %s after the engine was created:\n%s", result.Name, took.Round(100*time.Millisecond), indent(string(status)))
	if got := result.Status.ExperimentStatus.Verdict; got != s.want {
		return fmt.Errorf("%s: the verdict is %s, expected %s", s.engine.Name, got, s.want)
	}
	fmt.Printf("As expected: %s\n", s.want)
	return nil
}

// retell shows the experiment's log without the result that it ends with.
func retell(log string) string {
	var told strings.Builder
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "{") {
			told.WriteString("  " + line)
		}
	}
	return told.String()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}
