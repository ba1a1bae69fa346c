package command

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/preflight"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// runCommand holds the flags of the command run.
type runCommand struct {
	streams Streams
	cluster clusterFlags
	options *optionFlags
	format  terminal.FormatFlag
	level   terminal.LevelFlag

	yes           bool
	engines       []string
	withoutProbes bool
	folder        string
	keepInCluster bool
	rule, asset   string
}

func newRun(streams Streams) *cobra.Command {
	r := &runCommand{streams: streams, cluster: newClusterFlags()}
	c := &cobra.Command{
		Use: "run", Short: "Test the storage of a cluster", Args: flagsOnly,
		Long: `Test the storage of a cluster. This is the same experiment as with a ChaosEngine, but it
does not need Litmus.

run shows the cluster and the objects that it will create there, and asks for
confirmation. After the run, or after Ctrl-C, it removes everything that it created. It
writes an evidence bundle to a folder.

Exit codes:
  0    the verdict is Pass
  1    the verdict is Fail: acknowledged data was lost or damaged, the volume could no longer
       be used, or a threshold was not met
  2    the verdict is Error or N/A, or the command failed
  130  the run was stopped, or the command was interrupted`,
		Example: `  # The default StorageClass, in the namespace of the kubeconfig's context
  volume-durability run

  # Every StorageClass, read back on another node, without confirmation
  volume-durability run -n storage-test --storage-classes '*' --reader-node other --yes

  # The experiment of a ChaosEngine, on a cluster without Litmus
  volume-durability run --engine engine.yaml --engine experiment.yaml`,
		RunE: func(c *cobra.Command, _ []string) error { return r.execute(c.Context()) },
	}
	general := terminal.NewFlagGroup("Flags")
	general.BoolVarP(&r.yes, "yes", "y", false, "do not ask for confirmation")
	general.StringArrayVarP(&r.engines, "engine", "f", nil, "file with the ChaosEngine to run, or '-' for standard "+
		"input; repeat it for a file with the ChaosExperiment; flags override the options of the engine. The pods also "+
		"have the tolerations and other pod settings of the engine, unless flags set them")
	general.BoolVar(&r.withoutProbes, "without-probes", false, "run a ChaosEngine without its own probes, which "+
		"need Litmus")
	general.StringVar(&r.folder, "bundle", "", "folder to write the evidence bundle to (default "+
		"volume-durability-ID in the current folder)")
	general.BoolVar(&r.keepInCluster, "keep-in-cluster", false, "also save the evidence bundle in a ConfigMap; "+
		"--bundle-configmap sets its name")
	addChecklistFlags(general.FlagSet, &r.rule, &r.asset)
	r.format.AddTo(general.FlagSet, terminal.FormatJSON, terminal.FormatYAML, terminal.FormatTable, terminal.FormatJUnit)
	r.level.AddTo(general.FlagSet)
	optionGroup := terminal.NewFlagGroup("Options, which are environment variables in a ChaosEngine")
	r.options = addOptionFlags(optionGroup.FlagSet, r.cluster)
	terminal.AddFlagGroups(c, general, optionGroup, clusterGroup(r.cluster))
	return c
}

func (r *runCommand) execute(ctx context.Context) (err error) {
	// Ctrl-C interrupts every program of a pipeline. The program that reads this output may
	// exit first, and the run must still remove its objects.
	signal.Ignore(syscall.SIGPIPE)
	spec, notShown, err := r.readSpec(ctx)
	if err != nil {
		return err
	}
	if err := r.chooseFolder(spec); err != nil {
		return err
	}
	if spec.cluster, err = r.cluster.connect(); err != nil {
		return err
	}
	spec.clusterFlags = r.cluster.kubectlFlags()
	var live liveMetrics
	defer func() {
		if closeErr := live.close(); closeErr != nil {
			err = errors.Join(err, closeErr)
		}
	}()
	if err := live.listen(ctx, spec.options); err != nil {
		return withFlagNames(err)
	}
	if err := r.confirmPlan(ctx, spec); err != nil {
		return err
	}
	if err := r.checkStore(ctx, spec); err != nil {
		return err
	}
	outcome := r.executeSpec(ctx, spec, &live)
	live.finish(outcome)
	for i := range outcome.Cells {
		outcome.Cells[i].NotShown = append(outcome.Cells[i].NotShown, notShown...)
	}
	err = r.report(ctx, spec, outcome)
	style.Fprintf(r.streams.ErrOut, "%s", r.describeKept(spec, outcome))
	if outcome.NotRemoved != "" {
		printNotRemoved(ctx, r.streams.ErrOut, spec)
	}
	return err
}

// readSpec reads the flags, and the ChaosEngine if there is one. It also returns notes on
// what the run will not show. The error joins all mistakes.
func (r *runCommand) readSpec(ctx context.Context) (spec runSpec, notShown []string, err error) {
	var engine engineSpec
	if len(r.engines) > 0 {
		if engine, err = readEngine(ctx, r.streams.In, r.engines...); err != nil {
			return runSpec{}, nil, err
		}
	}
	if r.withoutProbes && len(r.engines) == 0 {
		err = errors.New("--without-probes requires --engine")
	}
	spec, optionErr := newRunSpec(r.options.getenv(engine.getenv()))
	spec.image, spec.inherited, spec.ownAnnotations = engine.image, engine.settings, engine.annotations
	if spec.image == "" {
		spec.image = defaultImage()
	}
	notShown, probesErr := engine.skippedProbes(r.withoutProbes)
	return spec, notShown, errors.Join(err, withFlagNames(optionErr), probesErr)
}

// chooseFolder chooses the folder of the bundle, and checks it before the run.
func (r *runCommand) chooseFolder(spec runSpec) error {
	if r.folder == "" {
		r.folder = folderPrefix + spec.id
	}
	return terminal.CheckBundleFolder(r.folder)
}

// confirmPlan shows what the run will do in which cluster, and asks for confirmation.
func (r *runCommand) confirmPlan(ctx context.Context, spec runSpec) error {
	version, err := spec.cluster.version(ctx)
	if err != nil {
		return err
	}
	spec.log = newTerminalLog(r.streams.ErrOut, r.level.Level)
	planned := spec.run()
	err = planned.Kube.RequireNamespace(ctx)
	var cells run.Plan
	if err == nil {
		cells, err = planned.Plan(ctx)
	}
	if err == nil {
		err = preflight.CheckRights(ctx, planned, cells)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return withFlagNames(err)
	}
	width := style.WrapWidth(r.streams.ErrOut)
	cluster := style.Hang("Cluster    ", fmt.Sprintf("%s, Kubernetes %s", spec.cluster, version), width)
	style.Fprintf(r.streams.ErrOut, "%s\n%s", cluster, describePlan(spec, cells, width))
	if r.yes {
		return nil
	}
	return confirm(ctx, r.streams, "Continue?")
}

// executeSpec executes the run, shows its progress and serves its figures.
func (r *runCommand) executeSpec(ctx context.Context, spec runSpec, live *liveMetrics) result.Result {
	view := progress.New(r.streams.ErrOut, r.format.Color, spec.options)
	view.Printf("run %s", spec.id)
	log := newTerminalLog(view, r.level.Level)
	spec.hooks, spec.log, spec.labels = view, log, map[string]string{kube.HostLabel: hostLabel()}
	live.start(ctx, &spec)
	if url := live.url(); url != "" {
		view.Printf("metrics: %s", url)
	}
	spec.logSettings()
	pid, err := writePIDFile(spec.id)
	if err != nil {
		log.WithError(err).Warn("Could not write the PID file: cleanup cannot determine whether this run has ended")
	}
	stopHandling := handleInterrupts(ctx, r.streams, view, spec)
	outcome, _ := spec.execute(ctx) // the view never ends a run
	if !leavesObjects(spec.options, outcome) {
		pid.remove()
	}
	stopHandling()
	view.Close()
	return outcome
}

// leavesObjects reports whether objects of the run may still exist. Then cleanup reads the PID file to see that the run
// has ended.
func leavesObjects(values options.Values, outcome result.Result) bool {
	return values.Keep || outcome.NotRemoved != ""
}

// report prints the result, writes the bundle, and returns the exit code of the verdict
// as an error.
func (r *runCommand) report(ctx context.Context, spec runSpec, outcome result.Result) error {
	where, err := filepath.Abs(r.folder)
	if err != nil {
		where = r.folder
	}
	printErr := r.format.WriteResult(r.streams.Out, outcome)
	if printErr != nil {
		printErr = fmt.Errorf("printing the result: %w", printErr)
	}
	b, err := bundle.Make(outcome, bundle.Options{Rule: r.rule, Asset: r.asset, Location: where})
	if err == nil {
		err = b.Write(r.folder)
	}
	if err != nil {
		err = fmt.Errorf("writing the evidence bundle: %w", err)
		return terminal.ExitWith(outcome.Verdict, errors.Join(printErr, err))
	}
	style.Fprintf(r.streams.ErrOut, "\nEvidence bundle: %s\n", style.Whole(where))
	if r.savesInCluster(spec) {
		err = r.saveInCluster(ctx, spec, b)
	}
	return terminal.ExitWith(outcome.Verdict, errors.Join(printErr, err))
}

// savesInCluster reports whether the bundle is also saved in the cluster.
func (r *runCommand) savesInCluster(spec runSpec) bool {
	return r.keepInCluster || hasName(spec.options.BundleConfigMap)
}

// store returns where the bundle is saved in the cluster, and its name there.
func (r *runCommand) store(spec runSpec) (store bundlestore.Store, name string) {
	store = bundlestore.Store{
		Client: spec.cluster.client, Namespace: spec.options.Namespace,
		Labels: map[string]string{kube.RunLabel: spec.id, "app.kubernetes.io/part-of": "volume-durability"},
	}
	if hasName(spec.options.BundleConfigMap) {
		return store, spec.options.BundleConfigMap
	}
	return store, bundlestore.Name("", spec.id)
}

// checkStore checks before the run whether the bundle can be saved in the cluster.
func (r *runCommand) checkStore(ctx context.Context, spec runSpec) error {
	if !r.savesInCluster(spec) {
		return nil
	}
	store, name := r.store(spec)
	return checkStore(ctx, store, name, bundleTimeout, newTerminalLog(r.streams.ErrOut, r.level.Level))
}

// bundleTimeout bounds the requests for the bundle in the cluster.
const bundleTimeout = 30 * time.Second

// saveInCluster saves the bundle in the cluster, also if the run was interrupted.
func (r *runCommand) saveInCluster(ctx context.Context, spec runSpec, b bundle.Bundle) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bundleTimeout)
	defer cancel()
	store, name := r.store(spec)
	if err := saveWithRetry(ctx, store, name, b, newTerminalLog(r.streams.ErrOut, r.level.Level)); err != nil {
		return err
	}
	style.Fprintf(r.streams.ErrOut, "In the cluster:  ConfigMap %s/%s\n", store.Namespace, name)
	return nil
}

// hasName reports whether the option names a ConfigMap for the bundle.
func hasName(configMap string) bool { return configMap != "" && configMap != options.NoBundle }
