package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// errReader marks a failure of the reader's pod to run.
var errReader = errors.New("the reader")

// verify reads the journal back and judges it.
func (c *cell) verify(ctx context.Context) error {
	err := c.Delete(ctx)
	c.result.Acks = c.ledger.Acks()
	if err == nil {
		c.begin(result.Detaching)
		c.waitingFor("detaching the volume")
		err = c.provenance().awaitDetached(ctx)
	}
	if err == nil {
		err = c.read(ctx)
		c.begin(result.Judging)
	}
	if err != nil && !errors.Is(err, errVolumeFailed) {
		return err
	}
	c.noteOutages()
	c.recordFigures()
	c.noteVolumeHealth()
	c.provenance().record(ctx)
	c.verdict().build()
	c.begin(result.Waiting)
	return nil
}

// conclude sets the verdict of a cell that could not be verified because of err.
func (c *cell) conclude(err error) {
	if err == nil || c.isDecided() {
		return
	}
	c.endedBy = err
	c.begin(result.Waiting)
	c.result.Acks = c.ledger.Acks()
	c.noteVolumeHealth()
	c.verdict().endEarly(err)
}

func (c *cell) verdict() verdictBuilder {
	return verdictBuilder{
		options: c.run.Options, cell: c.result,
		volumeFindings: c.failures.Findings, activeDeletions: c.activeDeletions, chaosErr: c.chaosErr,
	}
}

func (c *cell) provenance() provenanceRecorder {
	return provenanceRecorder{
		kube: c.run.Kube, cell: c.result, mountPath: c.specs.mountPath(), required: c.run.Options.RequiredEvidence,
		readerRequested: c.readerRequested,
	}
}

// noteOutages records and notes which recoveries include time in which the API server was unavailable.
func (c *cell) noteOutages() {
	epochs := c.result.Epochs
	for i, e := range epochs {
		if e.DeletionRequestedAt.IsZero() {
			continue
		}
		until := e.DeletedAt
		if i+1 < len(epochs) && !epochs[i+1].FirstAckAt.IsZero() {
			until = epochs[i+1].FirstAckAt
		}
		epochs[i].APIOutage = c.run.Kube.UnobservedTime(e.DeletionRequestedAt, until)
		if outage := epochs[i].APIOutage.Round(time.Second); outage > 0 {
			verdict.AddNotes(c.result, fmt.Sprintf("the recovery time of epoch %d includes %s in which the API server "+
				"was unavailable", e.Number, outage))
		}
	}
}

// noteVolumeHealth notes the adverse conditions of the volume that its CSI driver reported.
func (c *cell) noteVolumeHealth() {
	var objects []types.UID
	if c.result.Claim != nil {
		objects = append(objects, c.result.Claim.UID)
	}
	for _, w := range c.writers {
		objects = append(objects, w.pod.UID)
	}
	if c.reader != nil {
		objects = append(objects, c.reader.UID)
	}
	for _, health := range c.run.Kube.VolumeHealth(objects...) {
		verdict.AddNotes(c.result, health.String())
	}
}

// read has the reader scan the journal and judges its scan result.
func (c *cell) read(ctx context.Context) error {
	c.begin(result.CreatingPod)
	c.run.Hooks.BeforeRead(c.result.Spec)
	acks := c.result.Acks
	spec := c.specs.reader(acks)
	var err error
	if spec.Placement, err = c.run.readerPlacement(ctx, c.result); err != nil {
		return err
	}
	c.readerRequested = time.Now().UTC()
	pod, err := c.run.Kube.RunPod(ctx, c.run.Kube.NewPod(spec))
	c.reader = pod
	if err != nil {
		return fmt.Errorf("%w: %w", errReader, c.failures.classify(ctx, err, nil))
	}
	c.waitingFor("reading the journal back")
	log := c.logs.follow(pod)
	timeout := c.run.Options.VerifyTimeout
	waiting, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf(
		"timed out after %s (VERIFY_TIMEOUT) waiting for the journal to be read: %w",
		timeout, context.DeadlineExceeded))
	defer cancel()
	scan, err := log.AwaitScan(waiting)
	if err != nil {
		return c.failures.classify(ctx, fmt.Errorf("reader: %w%s", err, c.specs.advice(err)), log)
	}
	c.result.Reader = judgeScan(c.result, podResult(pod), *scan, acks, len(c.result.Epochs))
	c.result.Reader.ReceivedAt = time.Now().UTC()
	return nil
}

// judgeScan judges a scan as verdict.JudgeScan does, and adds a note if the journal's path was on another filesystem
// before.
func judgeScan(
	cell *result.Cell, pod result.Pod, scan protocol.ScanResult, acks []ledger.Ack, epochs int,
) *result.JournalRead {
	read := verdict.JudgeScan(cell, pod, scan, acks, epochs)
	first := cell.Epochs[0].Mount
	if first.FSType == "" || first.FSType == scan.Mount.FSType {
		return read
	}
	moved := fmt.Sprintf("%s is on %s (%s), but epoch 1 wrote to %s (%s)",
		cell.JournalFile, scan.Mount.FSType, scan.Mount.Source, first.FSType, first.Source)
	read.Judgement.Notes = append(read.Judgement.Notes, moved)
	for i, f := range read.Judgement.Findings {
		if f.Class == judge.Missing {
			read.Judgement.Findings[i].Detail += "; " + moved
		}
	}
	return read
}
