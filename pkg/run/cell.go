package run

import (
	"context"
	"errors"
	"path"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/trace"
	"github.com/volume-durability/volume-durability/pkg/verdict"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// cell takes one combination under test through the phases of a run. Its parts share the run, the result and the
// ledger.
type cell struct {
	// run is the whole run; its log names the cell.
	run      Run
	result   *result.Cell
	ledger   *ledger.Ledger
	specs    specs
	failures *attribution
	logs     *podLogs

	// writer is the current writer, nil while no writer exists. writers has the writers of all epochs.
	writer  *writer
	writers []*writer
	// reader is the reader's pod, nil until it was created. readerRequested is when its creation was requested.
	reader          *corev1.Pod
	readerRequested time.Time
	// deletionErr is set if the volume prevents the deletion of the writer. It is not tried again.
	deletionErr error
	// activeDeletions counts the deletions of writers that were writing.
	activeDeletions int
	// chaosErr is why the chaos ended early, if the volume refused a write.
	chaosErr error
	// endedBy is the error that ended the cell early; nil if none did.
	endedBy error
	// trace records the steps of the cell.
	trace trace.Recorder
	// notRemoved lists the objects of the cell that could not be removed, with the errors.
	notRemoved string
}

func newCell(r Run, plan options.CellSpec) *cell {
	if plan.Name != "" {
		r.Log = r.Log.WithField("cell", plan.Name)
		r.Kube.Log = r.Log
	}
	c := &cell{}
	r.Kube.OnStep = func(step, reason string) {
		c.trace.Await(stepNameOf(step))
		r.Hooks.WaitingFor(plan, step, reason)
	}
	*c = cell{
		run: r,
		result: &result.Cell{
			Spec:        plan,
			Journal:     journal.Format{ID: journal.NewID(r.attemptKey() + plan.Name), RecordSize: r.Options.RecordSize},
			Layout:      r.Options.Layout(plan),
			JournalFile: r.Options.JournalFile,
		},
		ledger: &ledger.Ledger{},
	}
	c.specs = specs{run: r, cell: c.result, ledger: c.ledger}
	if c.specs.hasOwnFolder() {
		folder := volume.FolderPrefix + c.result.Journal.ID
		c.result.JournalFile = path.Join(path.Dir(c.result.JournalFile), folder, path.Base(c.result.JournalFile))
	}
	c.failures = &attribution{Failures: verdict.Failures{Ledger: c.ledger}, log: r.Log}
	c.logs = newPodLogs(r.Kube, c.ledger, func(ack ledger.Ack) { r.Hooks.RecordsAcknowledged(plan, ack) })
	return c
}

// waitingFor reports a step that the cell waits for.
func (c *cell) waitingFor(step string) { c.run.Hooks.WaitingFor(c.result.Spec, step, "") }

func (c *cell) isDecided() bool { return c.result.Verdict != "" }

// isTarget reports whether the cell's writer is among TARGET_PODS.
func (c *cell) isTarget() bool {
	targets := c.run.Options.TargetPods
	return len(targets) == 0 || slices.Contains(targets, c.result.Spec.ObjectName(c.run.Options.WriterPod))
}

// isKept reports whether the cell's objects stay after the run.
func (c *cell) isKept() bool {
	return c.run.Options.Keep && c.result.Verdict != judge.Stopped && !c.result.Spec.Control
}

// prepare creates the claim and the first writer, and returns once a record is acknowledged.
func (c *cell) prepare(ctx context.Context) error {
	c.begin(result.CreatingClaim)
	c.waitingFor("creating the claim")
	if err := c.createClaim(ctx); err != nil {
		return err
	}
	if err := c.startWriter(ctx); err != nil {
		return err
	}
	return c.recordVolume(ctx)
}

// createClaim creates the claim, or looks up the existing one.
func (c *cell) createClaim(ctx context.Context) error {
	plan := c.result.Spec
	if plan.VolumeSource == options.EmptyDir {
		return nil
	}
	if plan.ExistingClaim != "" {
		existing, err := c.run.Kube.UsableClaim(ctx, plan.ExistingClaim, plan.VolumeMode)
		if err == nil {
			c.result.Claim = &result.Claim{Name: existing.Name, UID: existing.UID}
		}
		return err
	}
	created, err := c.run.Kube.CreateClaim(ctx, c.specs.claim())
	if err != nil {
		return err
	}
	c.result.Claim = &result.Claim{Name: created.Name, UID: created.UID, Created: true}
	c.begin(result.Provisioning)
	c.waitingFor(string(result.Provisioning))
	return c.run.Kube.AwaitBinding(ctx, created)
}

// recordVolume records to which volume the claim is bound. A pod that uses the claim must run already.
func (c *cell) recordVolume(ctx context.Context) error {
	claim := c.result.Claim
	if claim == nil {
		return nil
	}
	bound, err := c.run.Kube.BoundClaim(ctx, claim.Name)
	if err != nil {
		return err
	}
	claim.StorageClass, claim.Volume = ptr.Deref(bound.Spec.StorageClassName, ""), bound.Spec.VolumeName
	for _, m := range bound.Status.AccessModes {
		claim.AccessModes = append(claim.AccessModes, string(m))
	}
	pv := c.run.Kube.Volume(ctx, claim.Volume)
	claim.Provisioner, claim.Handle, claim.MountOptions = pv.Provisioner, pv.Handle, pv.MountOptions
	return nil
}

// startWriter starts the writer of the next epoch and returns once one of its commits is acknowledged.
func (c *cell) startWriter(ctx context.Context) error {
	c.result.Epochs = append(c.result.Epochs, result.Epoch{Number: len(c.result.Epochs) + 1})
	w := c.newWriter(len(c.result.Epochs))
	c.trace.BeginInsteadOfWaiting(result.CreatingPod, w.epoch, time.Now().UTC())
	err := w.start(ctx)
	if w.pod != nil {
		c.writer = w
		c.writers = append(c.writers, w)
	}
	return err
}

func (c *cell) newWriter(epoch int) *writer {
	return &writer{
		run: c.run, cell: c.result, ledger: c.ledger, specs: c.specs, failures: c.failures, logs: c.logs, epoch: epoch,
	}
}

// Delete deletes the writer, and returns once it no longer exists and its log was read to the end. If there is no
// writer, Delete does nothing.
func (c *cell) Delete(ctx context.Context) error {
	if c.writer == nil || c.deletionErr != nil {
		return c.deletionErr
	}
	w := c.writer
	if w.noteActivity() {
		c.activeDeletions++
	}
	err := w.deletePod(ctx)
	c.trace.Begin(result.Terminating, w.epoch, w.record().DeletionRequestedAt)
	if err != nil {
		if errors.Is(err, errVolumeFailed) {
			c.deletionErr = err
		}
		return err
	}
	c.writer = nil
	c.result.Acks = c.ledger.Acks()
	c.trace.Begin(result.ReadingLog, w.epoch, w.record().DeletedAt)
	err = w.finish(ctx)
	c.begin(result.Waiting)
	return err
}

// Restore starts the writer again, as a new epoch.
func (c *cell) Restore(ctx context.Context) error { return c.startWriter(ctx) }
