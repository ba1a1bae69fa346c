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

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/verdict"
)

// remove removes what the cell created, except what is kept, and records what could not be removed.
func (c *cell) remove(cleanup context.Context) {
	c.begin(result.Removing)
	defer func() { c.trace.End(time.Now().UTC()) }()
	ctx, cancel := c.run.withRemovalTimeout(cleanup)
	defer cancel()
	client, grace, claim := c.run.Kube, c.specs.gracePeriod(), c.result.Claim
	var removals []func() error
	if c.writer != nil {
		removals = append(removals, func() error { return client.DeletePod(ctx, c.writer.pod.Name, c.writer.pod.UID, grace) })
	}
	if c.reader != nil && !c.isKept() {
		removals = append(removals, func() error { return client.DeletePod(ctx, c.reader.Name, c.reader.UID, grace) })
	}
	if claim != nil && claim.Created && !c.isKept() {
		removals = append(removals, func() error { return client.DeleteClaim(ctx, claim.Name, claim.UID) })
	}
	err := kube.RunConcurrently(removals...)
	if len(c.result.Epochs) > 0 {
		err = errors.Join(err, c.removeFolder(ctx))
	}
	c.logs.close()
	if err != nil {
		c.notRemoved = inOneLine(err)
		c.run.Log.WithField(logrus.ErrorKey, c.notRemoved).Error("Could not remove all objects of the cell")
	}
}

// inOneLine returns the text of the errors that err joins in one line, each once.
func inOneLine(err error) string {
	var texts []string
	for line := range strings.Lines(err.Error()) {
		if text := strings.TrimSpace(line); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

// removeFolder removes the cell's folder from an existing claim. The cell's pods must be gone.
func (c *cell) removeFolder(ctx context.Context) error {
	if !c.specs.hasOwnFolder() || c.isKept() {
		return nil
	}
	spec := c.specs.folderRemoval()
	var err error
	if spec.Placement, err = c.run.writerPlacement(ctx, c.result.Spec); err == nil {
		err = c.run.Kube.RunToCompletion(ctx, c.run.Kube.NewPod(spec))
	}
	if err != nil {
		return fmt.Errorf("removing %s from claim %s: %w", path.Dir(c.result.JournalFile), c.result.Spec.ExistingClaim, err)
	}
	return nil
}

// completeResult adds what is known only once the pods are gone: their times and the whole logs.
func (c *cell) completeResult() {
	for i := range c.result.Epochs {
		c.provenance().addTimes(&c.result.Epochs[i].Pod)
	}
	if c.result.Reader != nil {
		c.provenance().addTimes(&c.result.Reader.Pod)
	}
	if claim := c.result.Claim; claim != nil && claim.Created {
		claim.BoundAt = c.run.Kube.ClaimBoundAt(claim.UID)
	}
	c.recordFigures()
	c.recordTrace()
	// This must be last: until then, each writer finds its epoch by its number.
	c.result.ShortenEpochs(c.result.Acks)
}

// recordFigures adds the statistics of the writers' logs. Thresholds need them, so they are known before the verdict.
func (c *cell) recordFigures() {
	var commits []protocol.CommitStats
	for _, w := range c.writers {
		if w.log == nil {
			continue
		}
		first, acks := w.log.Acks()
		w.record().FirstAck, w.record().Acks = first, acks
		if latest := w.log.Commits(); latest != nil {
			commits = append(commits, *latest)
		}
	}
	c.result.DownsampleAcks()
	var err error
	if c.result.Latency, err = result.LatencyOf(commits); err != nil {
		verdict.AddNotes(c.result, err.Error())
	}
}
