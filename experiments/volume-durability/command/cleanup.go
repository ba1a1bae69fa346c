package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/orphans"
)

// removalTimeout is how long the removal of one object may take.
const removalTimeout = time.Minute

// cleanupCommand holds the flags of the command cleanup.
type cleanupCommand struct {
	streams   Streams
	scope     scopeFlags
	format    terminal.FormatFlag
	level     terminal.LevelFlag
	yes       bool
	run       string
	olderThan time.Duration
}

func newCleanup(streams Streams) *cobra.Command {
	u := &cleanupCommand{streams: streams, scope: newScopeFlags()}
	c := &cobra.Command{
		Use: "cleanup", Short: "Remove the pods and claims that crashed runs left in the cluster", Args: flagsOnly,
		Long: `Remove the pods and claims that crashed runs left in the cluster.

cleanup lists the pods and claims that have the label of a run, shows which of them it
will remove, and asks for confirmation.

cleanup removes the objects of a run that has ended: it checks the Job of the run's
ChaosEngine, or the process of the run on this machine. If it cannot determine whether a
run has ended, it removes the objects only if the newest one is older than --older-than.
It cannot determine this for a run that was started on another machine, or if you may not
list Jobs. A run of that age that is still running then loses its objects.
cleanup removes the objects of a run with --keep only if --run names that run.`,
		Example: `  # Every namespace
  volume-durability cleanup -A

  # One run, without confirmation
  volume-durability cleanup -n stig --run 5f6c0a1b-7d2e-4f3a-9c48-1b6d5e0f2a39 --yes`,
		RunE: func(c *cobra.Command, _ []string) error { return u.execute(c.Context()) },
	}
	flags := terminal.NewFlagGroup("Flags")
	u.scope.addAllNamespaces(flags.FlagSet)
	flags.StringVar(&u.run, "run", "", "only the run with this ID; also removes the pods and claims "+
		"that --keep kept; the beginning of the ID is enough")
	terminal.AddDuration(flags.FlagSet, &u.olderThan, "older-than", 24*time.Hour, 0, "treat a run in an unknown "+
		"state as ended if its newest object is older than this")
	flags.BoolVarP(&u.yes, "yes", "y", false, "do not ask for confirmation")
	u.format.AddTo(flags.FlagSet, terminal.FormatJSON, terminal.FormatYAML)
	u.level.AddTo(flags.FlagSet)
	terminal.AddFlagGroups(c, flags, clusterGroup(u.scope.clusterFlags))
	return c
}

// cleanupRun is a run, what to do with its objects, and what was done.
type cleanupRun struct {
	orphans.Run
	// Remove reports whether its objects are to be removed, Removed whether they were;
	// Error is the reason why they could not be.
	Remove  bool   `json:"remove"`
	Removed bool   `json:"removed,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (u *cleanupCommand) execute(ctx context.Context) error {
	cluster, err := u.scope.connect()
	if err != nil {
		return err
	}
	found, err := u.find(ctx, cluster)
	if err != nil {
		return err
	}
	runs, anyToRemove := u.decide(found, time.Now())
	style.Fprintf(u.streams.ErrOut, "Cluster    %s, %s\n", cluster, &u.scope)
	if err := u.printRuns(runs); err != nil {
		return err
	}
	if anyToRemove && !u.yes {
		if err := confirm(ctx, u.streams, `Remove the objects marked "remove"?`); err != nil {
			return err
		}
	}
	removeErr := u.remove(ctx, cluster, runs)
	if u.format.Value != "" {
		return errors.Join(u.format.Write(u.streams.Out, runs, nil), removeErr)
	}
	return removeErr
}

// find returns the runs with objects in the cluster, or only the one that --run names.
func (u *cleanupCommand) find(ctx context.Context, cluster connection) ([]orphans.Run, error) {
	found, err := orphans.Find(ctx, cluster.client, u.scope.namespace(), idOf(u.run))
	if err != nil || u.run == "" {
		return found, err
	}
	return onlyRun(u.run, found)
}

// onlyRun returns the run that --run names. In several namespaces, objects may have the label of the same run.
func onlyRun(arg string, found []orphans.Run) ([]orphans.Run, error) {
	var runs []namedRun
	for _, r := range found {
		runs = append(runs, namedRun{id: r.ID})
	}
	i, err := matchRun(arg, runs)
	if err != nil {
		return nil, fmt.Errorf("--run: %w", err)
	}
	if i < 0 {
		return nil, nil
	}
	id := found[i].ID
	return slices.DeleteFunc(found, func(r orphans.Run) bool { return r.ID != id }), nil
}

// decide determines for each run whether to remove its objects.
func (u *cleanupCommand) decide(found []orphans.Run, now time.Time) (runs []cleanupRun, anyToRemove bool) {
	runs = []cleanupRun{}
	for _, r := range found {
		decided := cleanupRun{Run: r}
		if r.State == orphans.Unknown && r.Host != "" && r.Host == hostLabel() {
			decided.checkLocalProcess()
		}
		age := now.Sub(r.LastCreated())
		switch {
		case decided.State == orphans.Running:
		case r.Kept && u.run == "":
			decided.Reason = "its objects were kept with --keep; to remove them: --run " + r.ID
			if decided.State == orphans.Unknown && age < u.olderThan {
				decided.Reason += " --older-than 0, once the run has ended"
			}
		case decided.State == orphans.Ended:
			decided.Remove = true
		case age >= u.olderThan:
			decided.Remove = true
			decided.Reason += "; its newest object is older than --older-than"
		default:
			decided.Reason += "; its newest object is not older than --older-than. Once the run has ended, remove its " +
				"objects with --run " + r.ID + " --older-than 0"
		}
		anyToRemove = anyToRemove || decided.Remove
		runs = append(runs, decided)
	}
	return runs, anyToRemove
}

// checkLocalProcess sets the state of a run that was started on this machine.
func (r *cleanupRun) checkLocalProcess() {
	switch state, pid := localProcess(r.ID); state {
	case processRunning:
		r.State, r.Reason = orphans.Running, fmt.Sprintf("process %d on this machine is still executing it", pid)
	case processGone:
		r.State, r.Reason = orphans.Ended, fmt.Sprintf("its process on this machine, %d, has ended", pid)
	}
}

// printRuns prints all objects, and for each run why they are removed or not.
func (u *cleanupCommand) printRuns(runs []cleanupRun) error {
	out := u.streams.Out
	if u.format.Value != "" {
		out = u.streams.ErrOut
	}
	if len(runs) == 0 {
		message := "No objects of a run were found."
		if u.run != "" {
			message = "No objects of run " + u.run + " were found. " +
				"To list all runs, run cleanup without --run."
		}
		_, err := fmt.Fprintln(out, message)
		return err
	}
	var text strings.Builder
	table := style.Table{Columns: []style.Column{
		{Title: "ACTION"}, {Title: "NAMESPACE", Drop: 3}, {Title: "KIND"}, {Title: "NAME", Name: true},
		{Title: "AGE", Drop: 2}, {Title: "RUN"}, {Title: "STARTED BY", Drop: 1},
	}}
	for _, r := range runs {
		action := "keep"
		if r.Remove {
			action = "remove"
		}
		for _, o := range r.Objects {
			age := duration.HumanDuration(time.Since(o.CreatedAt))
			row := []string{action, r.Namespace, o.Kind, o.Name, age, shortRun(r.ID), r.StartedBy}
			table.Rows = append(table.Rows, row)
		}
	}
	text.WriteString(table.Render(style.Width(out)))
	text.WriteString("\n")
	for _, r := range runs {
		fmt.Fprintf(&text, "Run %s: %s: %s\n", r.ID, r.State, r.Reason)
	}
	_, err := fmt.Fprint(out, style.Wrap(text.String(), style.WrapWidth(out)))
	return err
}

// remove removes the objects of the runs that were decided on. The error joins those of
// all runs.
func (u *cleanupCommand) remove(ctx context.Context, cluster connection, runs []cleanupRun) error {
	log := newTerminalLog(u.streams.ErrOut, u.level.Level)
	var errs []error
	for i := range runs {
		r := &runs[i]
		if !r.Remove {
			continue
		}
		err := orphans.Delete(ctx, kube.Client{API: cluster.client, Timeout: removalTimeout, Log: log}, r.Run)
		if err == nil {
			err = removePIDFile(r.ID)
			r.Removed = true
			style.Fprintf(u.streams.ErrOut, "Removed the objects of run %s.\n", r.ID)
		}
		if err != nil {
			r.Error = err.Error()
			errs = append(errs, fmt.Errorf("run %s: %w", r.ID, err))
		}
	}
	return errors.Join(errs...)
}
