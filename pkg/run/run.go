// Package run executes one run: a writer writes to a volume and is deleted, the journal is read back and judged, and
// everything that the run created is deleted.
//
// It does not depend on Litmus. The caller receives the events of a run through Hooks. The Litmus experiment uses them
// to run probes, and the terminal uses them to show progress.
package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// Hooks are called at the steps of a run. If a method returns an error, the run ends with the verdict Error.
// Several cells may call WaitingFor, RecordsAcknowledged, BeforeDeletion and BeforeRead at once.
type Hooks interface {
	// CellsPlanned is called with the cells of the run, before anything is created.
	CellsPlanned(cells []options.CellSpec)
	// WritersReady is called once, before the chaos, in the first batch in which a writer runs. It gets the
	// cells of that batch whose writers run; all of them have acknowledged records.
	WritersReady(ctx context.Context, cells []result.Cell) error
	// BeforeChaos is called once, before the first deletion.
	BeforeChaos(ctx context.Context) error
	// PhaseChanged is called when a batch of cells enters a phase: PhasePreChaos, PhaseChaos or PhasePostChaos.
	PhaseChanged(phase string)
	// WaitingFor is called if the step or the reason has changed. Step is what the cell waits for, such as "mounting on
	// node-1". Reason is why the step takes long; empty if nothing is unusual. It must return quickly.
	WaitingFor(cell options.CellSpec, step, reason string)
	// RecordsAcknowledged is called with every acknowledgement that the experiment receives.
	RecordsAcknowledged(cell options.CellSpec, ack ledger.Ack)
	// BeforeDeletion is called before every deletion of a writer.
	BeforeDeletion(cell options.CellSpec, pod result.Pod)
	// BeforeRead is called before the reader's pod of a cell is created.
	BeforeRead(cell options.CellSpec)
	// CellJudged is called when a cell has its verdict. Its pods still exist.
	CellJudged(cell result.Cell)
	// AllCellsJudged is called once, after the last cell has its verdict. The pods of the last batch still exist.
	AllCellsJudged(ctx context.Context) error
	// IsStopping reports whether the user wants the run to stop. The run's pods may be deleted before its context is
	// cancelled; their failures are then due to the stop.
	IsStopping(ctx context.Context) bool
}

// The phases of a batch of cells.
const (
	PhasePreChaos  = string(result.PreChaos)
	PhaseChaos     = string(result.Chaos)
	PhasePostChaos = string(result.PostChaos)
)

// Run is one run.
type Run struct {
	// ID is unique to the run. It is a DNS label.
	ID      string
	Options options.Values
	// IsRetry reports whether there was an earlier attempt at the same run.
	IsRetry bool
	// Image is the image of the writer and the reader.
	Image string
	// ClaimTemplate is the manifest from which claims are made; nil for an empty one.
	ClaimTemplate *corev1.PersistentVolumeClaim
	// PodSettings are settings of the pods that depend on the cluster.
	PodSettings kube.PodSettings
	// PodTemplate is merged into the pods; nil for none.
	PodTemplate *kube.PodTemplate
	Kube        kube.Client
	Hooks       Hooks
	Log         logrus.FieldLogger

	// phases records the phases of the run.
	phases *trace.Phases
}

// STIGFix is the fix text of STIG check V-260932.
const STIGFix = "This is a catastrophic error, contact Mirantis support."

// hookError is an error that a hook returned.
type hookError struct{ err error }

func (e *hookError) Error() string { return e.err.Error() }
func (e *hookError) Unwrap() error { return e.err }

func asHookError(err error) error {
	if err == nil {
		return nil
	}
	return &hookError{err}
}

// Execute executes the run. It always returns a result with a verdict and its reason. It returns an error only if a
// hook ended the run: the error of that hook.
func (r Run) Execute(ctx context.Context) (result.Result, error) {
	res := result.Result{Schema: result.Schema, RunID: r.ID, StartedAt: time.Now().UTC(), Options: r.Options}
	r.phases = &trace.Phases{}
	r.phases.Begin(result.Planning, res.StartedAt)
	res, err := r.execute(ctx, res)
	res.Phases = r.phases.Until(res.EndedAt)
	return res, err
}

// execute executes the run and completes its result.
func (r Run) execute(ctx context.Context, res result.Result) (result.Result, error) {
	found, err := r.detectOrchestrator(ctx)
	if err != nil {
		return withError(ctx, res, err), nil
	}
	res.Cluster.Orchestrator = found.How
	if found.Swarm {
		res.Cluster = r.cluster(ctx, found)
		return withVerdict(res, judge.NotApplicable, found.Reason), nil
	}
	// In a namespace that does not exist, watches may be forbidden, and that error would hide the cause.
	if err := r.Kube.RequireNamespace(ctx); err != nil {
		return withError(ctx, res, err), nil
	}
	client, stop, err := r.Kube.WithObserver(ctx)
	if err != nil {
		return withError(ctx, res, err), nil
	}
	defer stop()
	r.Kube = client
	cells, err := r.planCells(ctx)
	if err != nil {
		return withError(ctx, res, err), nil
	}
	switch reason, err := r.cleanUpEarlierAttempt(ctx, cells); {
	case err != nil:
		return withError(ctx, res, err), nil
	case reason != "":
		return withVerdict(res, judge.Error, reason), nil
	}
	if err := r.CheckSELinux(ctx); err != nil {
		return withError(ctx, res, err), nil
	}
	res.Cluster = r.cluster(ctx, found)
	res.Cluster.StorageClasses, res.Cluster.CSIDrivers = r.describeStorage(ctx, cells)
	return r.executeCells(ctx, res, cells, found.NotShown)
}

// executeCells tests the cells, cleans up and completes the result.
func (r Run) executeCells(
	ctx context.Context, res result.Result, cells []*cell, notShown string,
) (result.Result, error) {
	cleanup, cancel := WithCleanupTimeout(ctx, CleanupTimeout)
	defer cancel()
	err := r.runBatches(ctx, cleanup, cells)
	r.phases.Begin(result.Removal, time.Now().UTC())
	res.NotRemoved = r.removeRest(cleanup, cells)
	res.Snapshot = r.snapshot(cleanup)
	for _, c := range cells {
		if notShown != "" {
			c.result.NotShown = append(c.result.NotShown, notShown)
		}
		res.Cells = append(res.Cells, *c.result)
	}
	res.Verdict, res.Reason = aggregate(res, err)
	if res.NotRemoved != "" {
		res.Reason += ". Not removed: " + res.NotRemoved
	}
	res.EndedAt = time.Now().UTC()
	var hook *hookError
	if errors.As(err, &hook) {
		return res, hook.err
	}
	return res, nil
}

// cluster describes the cluster of the run.
func (r Run) cluster(ctx context.Context, found orchestration) result.Cluster {
	return result.Cluster{UID: r.Kube.ClusterUID(ctx), Version: r.Kube.Version(ctx), Orchestrator: found.How}
}

// snapshot returns the run's objects and events.
func (r Run) snapshot(cleanup context.Context) result.ClusterSnapshot {
	ctx, cancel := r.withRemovalTimeout(cleanup)
	defer cancel()
	objects, events := r.Kube.Snapshot(ctx)
	return result.ClusterSnapshot{Objects: objects, Events: events}
}

// removeRest removes the objects of the run that no cell has recorded, and returns what could not be removed.
func (r Run) removeRest(cleanup context.Context, cells []*cell) string {
	var left []string
	for _, c := range cells {
		if c.notRemoved != "" {
			left = append(left, c.notRemoved)
		}
	}
	ctx, cancel := r.withRemovalTimeout(cleanup)
	defer cancel()
	if err := r.Kube.DeleteRun(ctx, keptNames(cells)...); err != nil {
		text := inOneLine(err)
		r.Log.WithField(logrus.ErrorKey, text).Error("Could not remove all objects of the run")
		left = append(left, text)
	}
	return strings.Join(left, "; ")
}

// withError completes the result of a run that failed before it had tested a cell.
func withError(ctx context.Context, res result.Result, err error) result.Result {
	if ctx.Err() != nil {
		return withVerdict(res, judge.Stopped, fmt.Sprintf("%v: %v", verdict.ErrStopped, context.Cause(ctx)))
	}
	return withVerdict(res, judge.Error, err.Error())
}

func withVerdict(res result.Result, v judge.Verdict, reason string) result.Result {
	res.Verdict, res.Reason, res.EndedAt = v, reason, time.Now().UTC()
	return res
}
