package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// runCommand is what was asked of the command run.
type runCommand struct {
	streams Streams
	cluster clusterFlags
	inputs  *inputFlags
	format  formatFlag
	level   levelFlag

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
		Use: "run", Short: "Try the storage of a cluster", Args: noArguments,
		Long: `Try the storage of a cluster: the same experiment as a ChaosEngine's, without Litmus.

It says which cluster it will touch and what it will make there, and asks. Everything
it made is removed in the end, also after Ctrl-C. What was seen is left in a folder.

The exit code is 0 where everything acknowledged was there, 1 where data was lost, 2
where nobody can tell, 130 after Ctrl-C.`,
		Example: `  # the cluster's default StorageClass, in the namespace stig
  volume-durability run

  # every StorageClass, read back on another node, without questions
  volume-durability run -n storage-test --storage-classes '*' --reader-node other --yes

  # what a ChaosEngine says, on a cluster that has no Litmus
  volume-durability run --engine engine.yaml --engine experiment.yaml`,
		RunE: func(c *cobra.Command, _ []string) error { return r.execute(c.Context()) },
	}
	own, flags := newGroup("Flags"), newGroup("Inputs, as in the env of a ChaosEngine")
	own.BoolVarP(&r.yes, "yes", "y", false, "do not ask")
	own.StringArrayVarP(&r.engines, "engine", "f", nil, "do what the ChaosEngine in this file says; may be given again for the file of its ChaosExperiment; - is standard input")
	own.BoolVar(&r.withoutProbes, "without-probes", false, "run an engine that has probes of its own without them; the result says so")
	own.StringVar(&r.folder, "bundle", "", "folder to leave the evidence in (default a new one in the working directory, named after the run)")
	own.BoolVar(&r.keepInCluster, "keep-in-cluster", false, "keep the evidence in the cluster too, in a ConfigMap")
	addReading(own.FlagSet, &r.rule, &r.asset)
	r.format.addTo(own.FlagSet, formatJSON, formatYAML, formatTable, formatJUnit)
	r.level.addTo(own.FlagSet)
	r.inputs = addInputs(flags.FlagSet, r.cluster.Namespace)
	groups(c, own, flags, clusterGroup(r.cluster))
	return c
}

func (r *runCommand) execute(ctx context.Context) error {
	// Whoever reads what is said may be gone first: Ctrl-C ends all of a pipe at once.
	// What was made is removed all the same.
	signal.Ignore(syscall.SIGPIPE)
	t, notShown, err := r.read(ctx)
	if err != nil {
		return err
	}
	if err := r.findFolder(t); err != nil {
		return err
	}
	if t.cluster, err = r.cluster.connect(); err != nil {
		return err
	}
	if err := r.agreed(ctx, t); err != nil {
		return err
	}
	result := r.carryOut(ctx, t)
	for i := range result.Cells {
		result.Cells[i].NotShown = append(result.Cells[i].NotShown, notShown...)
	}
	return r.leave(ctx, t, result)
}

// read is the run that the flags, and an engine, if there is one, ask for, and what
// it will not show. The error joins all mistakes.
func (r *runCommand) read(ctx context.Context) (t task, notShown []string, err error) {
	var engine engineFile
	if len(r.engines) > 0 {
		if engine, err = readEngine(ctx, r.streams.In, r.engines...); err != nil {
			return task{}, nil, err
		}
	}
	if r.withoutProbes && len(r.engines) == 0 {
		err = errors.New("--without-probes: want --engine too: only an engine has probes")
	}
	t, problems := read(r.inputs.getenv(engine.getenv()))
	t.image = engine.image
	if t.image == "" {
		t.image = ownImage()
	}
	notShown, probesErr := engine.without(r.withoutProbes)
	return t, notShown, errors.Join(err, mistakes(problems), probesErr)
}

// findFolder chooses the folder for the bundle, and sees to it before anything is made
// that it can be written. It leaves what is there as it was.
func (r *runCommand) findFolder(t task) error {
	if r.folder == "" {
		r.folder = "volume-durability-" + t.id
	}
	entries, err := os.ReadDir(r.folder)
	switch {
	case err == nil && len(entries) > 0:
		return fmt.Errorf("--bundle %s: want a folder that is empty or not there yet: %s is in it", r.folder, entries[0].Name())
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("--bundle %s: want a folder: %w", r.folder, err)
	}
	if err := tryToWrite(r.folder); err != nil {
		return fmt.Errorf("--bundle %s: want a folder that can be written: %w", r.folder, err)
	}
	return nil
}

// tryToWrite sees whether a folder can be written, or made where it is to be.
func tryToWrite(folder string) error {
	for there := folder; ; there = filepath.Dir(there) {
		trial, err := os.MkdirTemp(there, ".volume-durability-")
		if errors.Is(err, os.ErrNotExist) && there != filepath.Dir(there) {
			continue
		}
		if err != nil {
			return err
		}
		return os.Remove(trial)
	}
}

// agreed says what will be done where, and returns once somebody has agreed to it.
func (r *runCommand) agreed(ctx context.Context, t task) error {
	version, err := t.cluster.version(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.streams.ErrOut, "Cluster    %s, Kubernetes %s\n%s", t.cluster, version, announcement(t))
	if r.yes {
		return nil
	}
	return confirm(ctx, r.streams, "Go ahead?")
}

// announcement is what a run will do, before anything is done.
func announcement(t task) string {
	s := t.settings
	var b strings.Builder
	line := func(heading, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", heading, fmt.Sprintf(format, args...))
	}
	line("Namespace", "%s", s.Namespace)
	if cells := s.Cells(nil); s.StorageClasses[0] == options.AllClasses {
		line("Makes", "for every StorageClass of the cluster a claim of %s, a pod that writes and one that reads", s.ClaimSize.String())
	} else {
		for i, c := range cells {
			heading := "Makes"
			if i > 0 {
				heading = ""
			}
			line(heading, "%s; pods %s and %s", volumeOf(c, s), c.ObjectName(s.WriterPod), c.ObjectName(s.ReaderPod))
		}
	}
	line("Image", "%s", t.libImage())
	line("Then", "deletes what writes every %s for %s, reads all back, and removes what it made%s", s.Interval, s.Duration, map[bool]string{true: ", but the claim and the reader (--keep)"}[s.Keep])
	return b.String()
}

// volumeOf is the volume of a cell, in words.
func volumeOf(c options.CellSpec, s options.Values) string {
	switch {
	case c.Control:
		return "the control: an emptyDir, which must lose its data"
	case c.VolumeSource == options.EmptyDir:
		return "an emptyDir"
	case c.ExistingClaim != "":
		return "a folder of its own on claim " + c.ExistingClaim
	case c.StorageClass == "":
		return fmt.Sprintf("claim %s, %s of the default StorageClass", c.ObjectName(s.ClaimName), s.ClaimSize.String())
	}
	return fmt.Sprintf("claim %s, %s of StorageClass %s", c.ObjectName(s.ClaimName), s.ClaimSize.String(), c.StorageClass)
}

// carryOut makes the run, and shows it.
func (r *runCommand) carryOut(ctx context.Context, t task) result.Result {
	screen, terminal := terminalOf(r.streams.ErrOut)
	view := progress.New(r.streams.ErrOut, terminal && screen, t.settings)
	view.Say("run %s", t.id)
	log := newPersonsLog(view, r.level.Level)
	t.companion, t.log, t.labels = view, log, map[string]string{kube.HostLabel: hostLabel()}
	card, err := t.present()
	if err != nil {
		log.WithError(err).Warn("This machine cannot be told that the run is alive: cleanup will not know")
	}
	if !t.settings.Keep { // else it shows to cleanup that the run is over
		defer card.remove()
	}
	watch := watchInterruption(ctx, r.streams, view, t)
	result, _ := t.carryOut(ctx) // the view ends no run
	watch.stop()
	view.Close()
	return result
}

// leave leaves the bundle, says what came of the run, and returns the code that means it.
func (r *runCommand) leave(ctx context.Context, t task, result result.Result) error {
	where, err := filepath.Abs(r.folder)
	if err != nil {
		where = r.folder
	}
	code := codeFor(result.Verdict)
	shown := r.format.show(r.streams.Out, result)
	if shown != nil {
		shown = fmt.Errorf("showing the result: %w", shown)
		if code == Kept {
			code = Unknown
		}
	}
	b, err := bundle.Make(result, bundle.Options{Rule: r.rule, Asset: r.asset, Where: where})
	if err == nil {
		err = b.Write(r.folder)
	}
	if err != nil {
		return &exit{code, errors.Join(shown, fmt.Errorf("leaving the evidence: %w", err))}
	}
	fmt.Fprintf(r.streams.ErrOut, "\nEvidence   %s\n", where)
	if r.keepInCluster || named(t.settings.BundleConfigMap) {
		if err := r.keep(ctx, t, b); err != nil {
			return &exit{code, errors.Join(shown, err)}
		}
	}
	if code == Kept {
		return nil
	}
	return &exit{code, shown}
}

// keep keeps the bundle in the cluster, also of a run that was interrupted.
func (r *runCommand) keep(ctx context.Context, t task, b bundle.Bundle) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	a := bundlestore.Store{
		Client: t.cluster.client, Namespace: t.settings.Namespace,
		Labels: map[string]string{kube.RunLabel: t.id, "app.kubernetes.io/part-of": "volume-durability"},
	}
	name := bundlestore.Name("", t.id)
	if named(t.settings.BundleConfigMap) {
		name = t.settings.BundleConfigMap
	}
	if err := keep(ctx, a, name, b, newPersonsLog(r.streams.ErrOut, r.level.Level)); err != nil {
		return err
	}
	fmt.Fprintf(r.streams.ErrOut, "           ConfigMap %s/%s\n", a.Namespace, name)
	return nil
}

// terminalOf says whether something is written to a terminal that can move its cursor.
func terminalOf(out io.Writer) (screen, terminal bool) {
	file, ok := out.(*os.File)
	if !ok {
		return false, false
	}
	return os.Getenv("TERM") != "dumb", term.IsTerminal(int(file.Fd()))
}

// named says whether the evidence is to be kept under a name of the user's.
func named(evidence string) bool { return evidence != "" && evidence != options.NoBundle }
