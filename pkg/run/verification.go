package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// errReader marks a failure of the reader's pod to run.
var errReader = errors.New("the reader")

// verify reads the journal back and judges it.
func (c *cell) verify(ctx context.Context) error {
	err := c.Delete(ctx)
	c.result.Acks = c.ledger.Acks()
	if err == nil {
		err = c.provenance().awaitDetached(ctx)
	}
	if err == nil {
		err = c.read(ctx)
	}
	if err != nil && !errors.Is(err, errVolumeFailed) {
		return err
	}
	c.noteOutages()
	c.provenance().record(ctx)
	c.verdict().build()
	return nil
}

// conclude gives a cell a verdict that err has kept from being verified.
func (c *cell) conclude(err error) {
	if err == nil || c.isDecided() {
		return
	}
	c.result.Acks = c.ledger.Acks()
	c.verdict().conclude(err)
}

func (c *cell) verdict() verdictBuilder {
	return verdictBuilder{
		options: c.run.Options, cell: c.result,
		volumeFindings: c.failures.findings, activeDeletions: c.activeDeletions, chaosErr: c.chaosErr,
	}
}

func (c *cell) provenance() provenanceRecorder {
	return provenanceRecorder{
		kube: c.run.Kube, cell: c.result, mountPath: c.specs.mountPath(), required: c.run.Options.RequiredEvidence,
	}
}

// noteOutages notes which recoveries include time in which the API server was unavailable.
func (c *cell) noteOutages() {
	epochs := c.result.Epochs
	for i, e := range epochs {
		if e.Deleting.IsZero() {
			continue
		}
		until := e.Gone
		if i+1 < len(epochs) && !epochs[i+1].FirstAckAt.IsZero() {
			until = epochs[i+1].FirstAckAt
		}
		if outage := c.run.Kube.UnobservedTime(e.Deleting, until).Round(time.Second); outage > 0 {
			addNotes(c.result, fmt.Sprintf("the API server was unavailable for %s while the writer of epoch %d was deleted "+
				"and restored: the recovery time includes that", outage, e.Number))
		}
	}
}

// read has the reader scan the journal and judges its scan result.
func (c *cell) read(ctx context.Context) error {
	c.run.Hooks.Reading(c.result.Plan)
	acks := c.result.Acks
	spec := c.specs.reader(acks)
	var err error
	if spec.Placement, err = c.run.readerPlacement(ctx, c.result); err != nil {
		return err
	}
	pod, err := c.run.Kube.RunPod(ctx, c.run.Kube.Pod(spec))
	c.reader = pod
	if err != nil {
		return fmt.Errorf("%w: %w", errReader, c.failures.classify(ctx, err, nil))
	}
	log := c.logs.follow(pod)
	timeout := c.run.Options.VerifyTimeout
	waiting, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf(
		"timed out after %s (VERIFY_TIMEOUT) waiting for the journal to be read: %w",
		timeout, context.DeadlineExceeded))
	defer cancel()
	scan, err := log.awaitScan(waiting)
	if err != nil {
		return c.failures.classify(ctx, fmt.Errorf("reader: %w", err), log)
	}
	c.result.Reader = judgeScan(c.result, podResult(pod), *scan, acks, len(c.result.Epochs))
	c.result.Reader.Seen = time.Now().UTC()
	return nil
}

// judgeScan judges a scan of what the first epochs wrote. acks are the acknowledgements of these epochs.
func judgeScan(
	cell *result.Cell, pod result.Pod, scan protocol.ScanResult, acks []ledger.Ack, epochs int,
) *result.JournalRead {
	var earlier []journal.Report
	for _, read := range cell.Reads() {
		earlier = append(earlier, read.ScanResult.Report)
	}
	judgement := judge.Judge(judge.Input{
		Acks: acks, Report: scan.Report, Earlier: earlier, Epochs: epochs, MayOverlap: cell.Plan.Force,
	})
	read := &result.JournalRead{Pod: pod, ScanResult: scan, Judgement: judgement}
	first := cell.Epochs[0].Mount
	if first.FSType == "" || first.FSType == scan.Mount.FSType {
		return read
	}
	moved := fmt.Sprintf("%s is on %s (%s), but epoch 1 wrote to %s (%s)",
		cell.File, scan.Mount.FSType, scan.Mount.Source, first.FSType, first.Source)
	read.Judgement.Notes = append(read.Judgement.Notes, moved)
	for i, f := range read.Judgement.Findings {
		if f.Class == judge.Missing {
			read.Judgement.Findings[i].Detail += "; " + moved
		}
	}
	return read
}

// pointList lists the last acknowledged record of each epoch, as the helper's flag --points takes it.
func pointList(acks []ledger.Ack) string {
	list := make([]string, len(acks))
	for i, a := range acks {
		list[i] = fmt.Sprintf("%d:%d", a.Epoch, a.Seq)
	}
	return strings.Join(list, ",")
}
