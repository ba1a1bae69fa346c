package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/orphans"
)

// removalPatience is how long each of a run's objects may take to go.
const removalPatience = time.Minute

// cleanupCommand is what was asked of the command cleanup.
type cleanupCommand struct {
	streams    Streams
	cluster    clusterFlags
	format     formatFlag
	level      levelFlag
	everywhere bool
	yes        bool
	run        string
	olderThan  time.Duration
}

func newCleanup(streams Streams) *cobra.Command {
	u := &cleanupCommand{streams: streams, cluster: newClusterFlags()}
	c := &cobra.Command{
		Use: "cleanup", Short: "Find and remove what crashed runs have left", Args: noArguments,
		Long: `Find and remove what crashed runs have left: pods and claims with their label. It
shows all of them first, and asks.

What a live run has made is not touched. A run is alive while the Job of its ChaosEngine
runs, or its process on this machine. Of a run that somebody has started on another
machine nobody can tell: it may be alive until the newest of its objects is older than
--older-than. What a run was asked to keep is removed only with --run.`,
		Example: `  volume-durability cleanup -A
  volume-durability cleanup -n stig --run 5f6c0a1b-7d2e-4f3a-9c48-1b6d5e0f2a39 --yes`,
		RunE: func(c *cobra.Command, _ []string) error { return u.execute(c.Context()) },
	}
	flags := newGroup("Flags")
	flags.BoolVarP(&u.everywhere, "all-namespaces", "A", false, "in all namespaces")
	flags.StringVar(&u.run, "run", "", "only what the run of this id, all of it, has made, also where it was asked to keep it")
	flags.DurationVar(&u.olderThan, "older-than", 24*time.Hour, "take a run of which nobody knows for dead when the newest of its objects is as old as this")
	flags.BoolVarP(&u.yes, "yes", "y", false, "do not ask")
	u.format.addTo(flags.FlagSet, formatJSON, formatYAML)
	u.level.addTo(flags.FlagSet)
	groups(c, flags, clusterGroup(u.cluster))
	return c
}

// leftoverRun is a run with what is to become of what it has made.
type leftoverRun struct {
	orphans.Run
	// Remove says that it is to be removed, Removed that it was, Error why it could not be.
	Remove  bool   `json:"remove"`
	Removed bool   `json:"removed,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (u *cleanupCommand) execute(ctx context.Context) error {
	cluster, err := u.cluster.connect()
	if err != nil {
		return err
	}
	namespace := u.cluster.namespace()
	if u.everywhere {
		namespace = metav1.NamespaceAll
	}
	found, err := orphans.Find(ctx, cluster.client, namespace, u.run)
	if err != nil {
		return err
	}
	runs, any := u.decide(found, time.Now())
	where := "namespace " + namespace
	if u.everywhere {
		where = "all namespaces"
	}
	fmt.Fprintf(u.streams.ErrOut, "Cluster    %s, %s\n", cluster, where)
	if err := u.list(runs); err != nil {
		return err
	}
	if any && !u.yes {
		if err := confirm(ctx, u.streams, "Remove what is marked so?"); err != nil {
			return err
		}
	}
	problems := u.remove(ctx, cluster, runs)
	if u.format.value != "" {
		return errors.Join(u.format.write(u.streams.Out, runs, nil), problems)
	}
	return problems
}

// decide says of each run what is to become of what it has made.
func (u *cleanupCommand) decide(found []orphans.Run, now time.Time) (runs []leftoverRun, any bool) {
	runs = []leftoverRun{}
	for _, r := range found {
		decided := leftoverRun{Run: r}
		if r.State == orphans.Unknown && r.Host != "" && r.Host == hostLabel() {
			decided.known()
		}
		age := now.Sub(r.LastCreated())
		switch {
		case decided.State == orphans.Running:
		case r.Kept && u.run == "":
			decided.Reason = "it was asked to keep this: --run " + r.ID + " removes it"
		case decided.State == orphans.Ended:
			decided.Remove = true
		case age >= u.olderThan:
			decided.Remove = true
			decided.Reason += ", but it is old"
		default:
			decided.Reason += ": --older-than says from which age on it is taken for dead"
		}
		any = any || decided.Remove
		runs = append(runs, decided)
	}
	return runs, any
}

// known asks this machine about a run that was started on it.
func (r *leftoverRun) known() {
	switch l, process := lifeOf(r.ID); l {
	case aliveHere:
		r.State, r.Reason = orphans.Running, fmt.Sprintf("process %d on this machine makes it", process)
	case deadHere:
		r.State, r.Reason = orphans.Ended, fmt.Sprintf("process %d on this machine, which made it, is gone", process)
	}
}

// list shows what there is, all of it.
func (u *cleanupCommand) list(runs []leftoverRun) error {
	out := u.streams.Out
	if u.format.value != "" {
		out = u.streams.ErrOut
	}
	if len(runs) == 0 {
		said := "No run has left anything."
		if u.run != "" {
			said = "There is nothing of a run " + u.run + ": --run wants the whole id; without it, all there is is shown."
		}
		_, err := fmt.Fprintln(out, said)
		return err
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tNAMESPACE\tKIND\tNAME\tAGE\tRUN\tSTARTED BY")
	for _, r := range runs {
		mark := "leave"
		if r.Remove {
			mark = "remove"
		}
		for _, o := range r.Objects {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", mark, r.Namespace, o.Kind, o.Name, duration.HumanDuration(time.Since(o.Created)), r.ID, r.StartedBy)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	text.WriteString("\n")
	for _, r := range runs {
		fmt.Fprintf(&text, "Run %s: %s: %s\n", r.ID, r.State, r.Reason)
	}
	_, err := fmt.Fprint(out, text.String())
	return err
}

// remove removes what is to be removed, and says what could not be.
func (u *cleanupCommand) remove(ctx context.Context, cluster connection, runs []leftoverRun) error {
	log := newPersonsLog(u.streams.ErrOut, u.level.Level)
	var problems []error
	for i := range runs {
		r := &runs[i]
		if !r.Remove {
			continue
		}
		err := orphans.Remove(ctx, kube.Client{API: cluster.client, Timeout: removalPatience, Log: log}, r.Run)
		if err == nil {
			err = forget(r.ID)
			r.Removed = true
			fmt.Fprintf(u.streams.ErrOut, "Removed what run %s had made.\n", r.ID)
		}
		if err != nil {
			r.Error = err.Error()
			problems = append(problems, fmt.Errorf("run %s: %w", r.ID, err))
		}
	}
	return errors.Join(problems...)
}
