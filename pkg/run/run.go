// Package run is one run from its beginning to its end: something is written and
// acknowledged, the fault strikes, what is left is read back and judged, and
// everything that was made is removed.
//
// It knows nothing of Litmus. Whoever starts a run may take part in it through
// a Hooks: Litmus with its probes and events, a terminal with its progress.
package run

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Hooks takes part in a run. An error of any of its methods ends the run
// with the verdict Error. Acknowledged, Deleting and Reading may be called by several
// cells at once.
type Hooks interface {
	// Planned is called when it is known what there is to try, before anything is created.
	Planned(cells []options.CellSpec)
	// Written is called once, when data is at stake, before the chaos, with the cells
	// that are the first to be tried.
	Written(ctx context.Context, cells []result.Cell) error
	// ChaosBegins is called once, before the first deletion.
	ChaosBegins(ctx context.Context) error
	// Acknowledged is called with every acknowledgement that is heard.
	Acknowledged(cell options.CellSpec, ack ledger.Ack)
	// Deleting is called before every deletion of a writer's pod.
	Deleting(cell options.CellSpec, pod result.Pod)
	// Reading is called before the last pod of a cell is made, which reads the journal back.
	Reading(cell options.CellSpec)
	// Judged is called when a cell has its verdict, with its pods still there.
	Judged(cell result.Cell)
	// ChaosEnded is called once, when the last cells have their verdict, with their pods still there.
	ChaosEnded(ctx context.Context) error
	// Stopping says whether the run's user wants it to stop: the run may see its pods
	// go before it is told.
	Stopping(ctx context.Context) bool
}

// Run is one run.
type Run struct {
	// ID is unique to the run: a DNS label.
	ID       string
	Settings options.Values
	// Again says that an earlier attempt of the same run was made.
	Again bool
	// Image is that of the writer and the reader.
	Image string
	// Template is the claim to begin with, nil for an empty one.
	Template *corev1.PersistentVolumeClaim
	Kube     kube.Client
	Hooks    Hooks
	Log      logrus.FieldLogger
}

// cleanupTimeout is how long a run that is stopped may take, from then on, to remove what it
// made and to look once more at what is there. Kubernetes gives a pod 30 seconds by
// default; the rest is for what becomes of the outcome.
const cleanupTimeout = 20 * time.Second

// WithCleanupTimeout is what is to be done also where the run was stopped: it ends so long after that.
func WithCleanupTimeout(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	leave, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	keep := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(patience, func() { cancel(fmt.Errorf("gave up %s after the run was stopped", patience)) })
		context.AfterFunc(leave, func() { timer.Stop() })
	})
	return leave, func() {
		keep()
		cancel(context.Canceled)
	}
}

// removing bounds a removal: it is a step like any other.
func (r Run) removing(leave context.Context) (context.Context, context.CancelFunc) {
	patience := max(cleanupTimeout, r.Settings.StatusTimeout)
	return context.WithTimeoutCause(leave, patience, fmt.Errorf("gave up after %s", patience))
}

// STIGFix is the fix text of STIG check V-260932.
const STIGFix = "This is a catastrophic error, contact Mirantis support."

// Execute carries the run out. Whatever happens it returns a result, with a
// verdict and its reason. The error is the Hooks's, where that is what ended
// the run.
func (r Run) Execute(ctx context.Context) (result.Result, error) {
	result := result.Result{Schema: result.Schema, RunID: r.ID, Started: time.Now().UTC(), Options: r.Settings}
	found, err := r.orchestrates(ctx)
	if err != nil {
		return finish(ctx, result, judge.Error, "", err), nil
	}
	result.Cluster.Orchestrator = found.How
	if found.Swarm {
		result.Cluster = r.cluster(ctx, found)
		return finish(ctx, result, judge.NotApplicable, found.Reason, nil), nil
	}
	// Where it does not exist nothing in it may be listed either.
	if err := r.Kube.RequireExists(ctx); err != nil {
		return finish(ctx, result, judge.Error, "", err), nil
	}
	observed, stop, err := r.Kube.Observed(ctx)
	if err != nil {
		return finish(ctx, result, judge.Error, "", err), nil
	}
	defer stop()
	r.Kube = observed
	cells, err := r.cells(ctx)
	if err != nil {
		return finish(ctx, result, judge.Error, "", err), nil
	}
	if reason, err := r.interrupted(ctx, cells); err != nil || reason != "" {
		return finish(ctx, result, judge.Error, reason, err), nil
	}
	result.Cluster = r.cluster(ctx, found)
	leave, left := WithCleanupTimeout(ctx, cleanupTimeout)
	defer left()
	err = r.try(ctx, leave, cells)
	result.NotRemoved = r.sweep(leave, cells)
	result.Snapshot = r.snapshot(leave)
	for _, c := range cells {
		if found.Unseen != "" {
			c.NotShown = append(c.NotShown, found.Unseen)
		}
		result.Cells = append(result.Cells, c.Cell)
	}
	result.Verdict, result.Reason = sum(result.Cells, err)
	if result.NotRemoved != "" {
		result.Reason += ". Left behind: " + result.NotRemoved
	}
	result.Ended = time.Now().UTC()
	var companion *hookError
	if errors.As(err, &companion) {
		return result, companion.err
	}
	return result, nil
}

// cluster is where the run is made.
func (r Run) cluster(ctx context.Context, found orchestration) result.Cluster {
	return result.Cluster{UID: r.Kube.ClusterUID(ctx), Version: r.Kube.Version(ctx), Orchestrator: found.How}
}

// cells are what there is to try.
func (r Run) cells(ctx context.Context) ([]*cell, error) {
	plans, skipped, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	cells := make([]*cell, len(plans))
	for i, p := range plans {
		cells[i] = newCell(r, p)
		if why := skipped[p.StorageClass]; why != "" {
			cells[i].Verdict, cells[i].Reason = judge.Skipped, why
		}
	}
	r.Hooks.Planned(plans)
	for _, c := range cells {
		if c.Verdict != "" {
			r.Hooks.Judged(c.Cell)
		}
	}
	return cells, r.requirePossible(plans)
}

// requirePossible returns an error that names what no cluster could take of the
// inputs, now that it is known which cells they make.
func (r Run) requirePossible(plans []options.CellSpec) error {
	return errors.Join(r.requireNames(plans), r.requireTargets(plans))
}

// requireNames returns an error that names the objects that cannot be made: those of
// which two cells would have one, and those whose names no object may have.
func (r Run) requireNames(plans []options.CellSpec) error {
	owner := map[string]string{}
	var wrong []error
	need := func(kind, input, value string, c options.CellSpec) {
		name := c.ObjectName(value)
		if says := validation.IsDNS1123Subdomain(name); len(says) > 0 {
			wrong = append(wrong, fmt.Errorf("%s=%q: want a shorter name: %s %s of cell %s: %s", input, value, kind, name, c.Name, strings.Join(says, "; ")))
		}
		if other, taken := owner[kind+name]; taken {
			wrong = append(wrong, fmt.Errorf("%s=%q: want a name that makes another one of each cell: %s %s would be that of cell %q and of cell %q", input, value, kind, name, other, c.Name))
		}
		owner[kind+name] = c.Name
	}
	for _, c := range plans {
		need("pod", "WRITER_POD", r.Settings.WriterPod, c)
		need("pod", "READER_POD", r.Settings.ReaderPod, c)
		if c.VolumeSource == options.Claim && c.ExistingClaim == "" {
			need("claim", "CLAIM_NAME", r.Settings.ClaimName, c)
		}
	}
	return errors.Join(wrong...)
}

// requireTargets returns an error that says what to do where TARGET_PODS names a
// writer that there will not be.
func (r Run) requireTargets(plans []options.CellSpec) error {
	var writers []string
	for _, c := range plans {
		writers = append(writers, c.ObjectName(r.Settings.WriterPod))
	}
	var unknown []error
	for _, target := range r.Settings.TargetPods {
		if !slices.Contains(writers, target) {
			unknown = append(unknown, fmt.Errorf("TARGET_PODS=%q: want writers of this run: %s", target, strings.Join(writers, ", ")))
		}
	}
	return errors.Join(unknown...)
}

// plan lists the cells, and says why those of a class cannot be tried.
func (r Run) plan(ctx context.Context) (plans []options.CellSpec, skipped map[string]string, err error) {
	if !slices.Equal(r.Settings.StorageClasses, []string{options.AllClasses}) {
		return r.Settings.Cells(nil), nil, nil
	}
	classes, err := r.Kube.Classes(ctx)
	if err != nil {
		return nil, nil, err
	}
	var names []string
	skipped = map[string]string{}
	for _, c := range classes {
		names = append(names, c.Name)
		if c.ByHand {
			skipped[c.Name] = "StorageClass " + c.Name + " has no provisioner: volumes of it are made by hand. An existing claim can be tried with EXISTING_CLAIM"
		}
	}
	if len(names) == 0 {
		return nil, nil, errors.New("STORAGE_CLASSES=*: the cluster has no StorageClass")
	}
	return r.Settings.Cells(names), skipped, nil
}

// attempted identifies what is attempted: all attempts of one Job have it in common.
func (r Run) attempted() string {
	if job := r.Kube.Labels[kube.JobLabel]; job != "" {
		return job
	}
	return r.ID
}

// interrupted says why there can be no verdict, where an earlier attempt of this
// run was killed. Its ledger died with it: what storage was told to keep is not
// known any more, and to begin anew would hide that.
func (r Run) interrupted(ctx context.Context, cells []*cell) (reason string, err error) {
	removed, err := r.Kube.RemoveEarlier(ctx, kept(cells)...)
	if err != nil || len(removed) == 0 && !r.Again {
		return "", err
	}
	reason = "an earlier attempt of this run was killed, or could not leave its result, and what had been acknowledged is not known any more"
	if len(removed) > 0 {
		reason += ". Removed what it had made: " + strings.Join(removed, ", ")
	}
	folders, err := r.removeFolders(ctx, cells)
	if len(folders) > 0 {
		reason += ". Not there any more: " + strings.Join(folders, ", ")
	}
	if err != nil {
		reason += ". Left behind: " + err.Error()
	}
	return reason, nil
}

// removeFolders removes the folders that an earlier attempt may have made on claims
// that are somebody else's, and returns which are gone then.
func (r Run) removeFolders(ctx context.Context, cells []*cell) (gone []string, err error) {
	var failures []error
	for _, c := range cells {
		if !c.hasOwnFolder() || c.keeps() {
			continue
		}
		// Without its claim the pod that is to remove it would be waited for in vain.
		_, err := c.Kube.Claim(ctx, c.Plan.ExistingClaim)
		if err == nil {
			c.Claim = &result.Claim{Name: c.Plan.ExistingClaim}
			err = c.removeFolder(ctx)
		}
		if err != nil {
			failures = append(failures, err)
			continue
		}
		gone = append(gone, fmt.Sprintf("folder %s of claim %s", path.Base(path.Dir(c.File)), c.Plan.ExistingClaim))
	}
	return gone, errors.Join(failures...)
}

// kept are the names of what the cells keep.
func kept(cells []*cell) []string {
	var names []string
	for _, c := range cells {
		if c.keeps() {
			names = append(names, c.Plan.ObjectName(c.Settings.ReaderPod), c.Plan.ObjectName(c.Settings.ClaimName))
		}
	}
	return names
}

// snapshot is what the cluster showed of the run.
func (r Run) snapshot(leave context.Context) result.ClusterSnapshot {
	ctx, cancel := r.removing(leave)
	defer cancel()
	objects, events := r.Kube.Snapshot(ctx)
	return result.ClusterSnapshot{Objects: objects, Events: events}
}

// sweep removes what no cell knows of any more, and says what was left behind.
func (r Run) sweep(leave context.Context, cells []*cell) string {
	var left []string
	for _, c := range cells {
		if c.left != "" {
			left = append(left, c.left)
		}
	}
	ctx, cancel := r.removing(leave)
	defer cancel()
	if err := r.Kube.RemoveRest(ctx, kept(cells)...); err != nil {
		r.Log.WithError(err).Error("Not everything could be removed")
		left = append(left, err.Error())
	}
	return strings.Join(left, "; ")
}

var errStopped = errors.New("the run was stopped")

// hookError is an error of the Hooks's.
type hookError struct{ err error }

func (e *hookError) Error() string { return e.err.Error() }
func (e *hookError) Unwrap() error { return e.err }

func hookErr(err error) error {
	if err == nil {
		return nil
	}
	return &hookError{err}
}

// finish ends a run that has tried nothing.
func finish(ctx context.Context, result result.Result, verdict judge.Verdict, reason string, err error) result.Result {
	result.Ended = time.Now().UTC()
	result.Verdict, result.Reason = verdict, reason
	switch {
	case err != nil && ctx.Err() != nil:
		result.Verdict, result.Reason = judge.Stopped, fmt.Sprintf("%v: %v", errStopped, context.Cause(ctx))
	case err != nil:
		result.Verdict, result.Reason = judge.Error, err.Error()
	}
	return result
}
