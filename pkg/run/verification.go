package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// verify reads the journal back and judges it.
func (c *cell) verify(ctx context.Context) error {
	err := c.Delete(ctx)
	c.Acks = c.ledger.Acks()
	if err == nil {
		err = c.awaitDetached(ctx)
	}
	if err == nil {
		err = c.read(ctx)
	}
	if err != nil && !errors.Is(err, errLetDown) {
		return err
	}
	c.noteUnseen()
	c.recordProvenance(ctx)
	c.judge()
	return nil
}

// noteUnseen says which times are not the storage's alone.
func (c *cell) noteUnseen() {
	for i, e := range c.Epochs {
		if e.Deleting.IsZero() {
			continue
		}
		until := e.Gone
		if i+1 < len(c.Epochs) && !c.Epochs[i+1].FirstAckAt.IsZero() {
			until = c.Epochs[i+1].FirstAckAt
		}
		if unseen := c.Kube.UnobservedTime(e.Deleting, until).Round(time.Second); unseen > 0 {
			c.note(fmt.Sprintf("the API server could not be asked for %s while the writer of epoch %d was deleted and brought back: the times of that hold it", unseen, e.Number))
		}
	}
}

// errElsewhere says that it was the reader that could not run.
var errElsewhere = errors.New("the reader")

func (c *cell) read(ctx context.Context) error {
	c.Hooks.Reading(c.Plan)
	spec := c.podSpec(c.Settings.ReaderPod, "read", "--stay", "--points", points(c.Acks))
	spec.ReadOnly = true
	spec.Placement = c.placement()
	pod, err := c.Kube.RunPod(ctx, c.Kube.Pod(spec))
	c.reader = pod
	if err != nil {
		return fmt.Errorf("%w: %w", errElsewhere, c.blame(ctx, err, nil))
	}
	heard := c.listen(pod)
	waiting, cancel := context.WithTimeoutCause(ctx, c.Settings.VerifyTimeout, fmt.Errorf("waited %s for the journal to be read; VERIFY_TIMEOUT is how long it may take: %w", c.Settings.VerifyTimeout, context.DeadlineExceeded))
	defer cancel()
	seen, err := heard.awaitScan(waiting)
	if err != nil {
		return c.blame(ctx, fmt.Errorf("reader: %w", err), heard)
	}
	c.Reader = c.look(evidencePod(pod), *seen, c.Acks, len(c.Epochs))
	c.Reader.Seen = time.Now().UTC()
	return nil
}

// look is what a pod saw of what the first epochs left behind, judged.
func (c *cell) look(pod result.Pod, seen protocol.ScanResult, promises []ledger.Ack, epochs int) *result.JournalRead {
	look := &result.JournalRead{Pod: pod, ScanResult: seen, Judgement: judge.Judge(c.caseOf(promises, seen.Report, epochs))}
	first := c.Epochs[0].Mount
	if first.FSType == "" || first.FSType == seen.Mount.FSType {
		return look
	}
	strange := fmt.Sprintf("%s is on %s (%s), epoch 1 wrote to %s (%s)", c.File, seen.Mount.FSType, seen.Mount.Source, first.FSType, first.Source)
	look.Judgement.Notes = append(look.Judgement.Notes, strange)
	for i, f := range look.Judgement.Findings {
		if f.Class == judge.Missing {
			look.Judgement.Findings[i].Detail += "; " + strange
		}
	}
	return look
}

// caseOf is what to judge: a report of what the first epochs left behind.
func (c *cell) caseOf(promises []ledger.Ack, report journal.Report, epochs int) judge.Case {
	var earlier []journal.Report
	for _, e := range c.Epochs {
		if e.InitialRead != nil {
			earlier = append(earlier, e.InitialRead.ScanResult.Report)
		}
	}
	return judge.Case{Acks: promises, Report: report, Earlier: earlier, Epochs: epochs, Overlap: c.Plan.Force}
}

// points asks for the sums of the records that the promises end with.
func points(promises []ledger.Ack) string {
	list := make([]string, len(promises))
	for i, p := range promises {
		list[i] = fmt.Sprintf("%d:%d", p.Epoch, p.Seq)
	}
	return strings.Join(list, ",")
}

// placement is the reader's, seen from the last writer.
func (c *cell) placement() kube.Placement {
	var writer string
	if len(c.Epochs) > 0 {
		writer = c.Epochs[len(c.Epochs)-1].Node
	}
	switch c.Plan.ReaderNode {
	case options.AnyNode:
		return kube.Placement{}
	case options.SameNode:
		return kube.Placement{Node: writer}
	case options.OtherNode:
		return kube.Placement{ExcludeNode: writer}
	default:
		return kube.Placement{Node: string(c.Plan.ReaderNode)}
	}
}
