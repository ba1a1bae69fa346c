package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/workload"
)

// helper is the program in the pods' image (see the Dockerfile).
const helper = "/usr/local/bin/durability-helper"

// cell is one volume under test: its claim, its writers, its ledger, its verdict.
type cell struct {
	Run
	evidence.Cell
	ledger ledger.Ledger
	// writer is the one that is alive, nil between two of them.
	writer *writer
	// listening bounds every log stream of the cell; heard are all that were begun.
	listening context.Context
	hangUp    context.CancelFunc
	heard     []*hearing
	// reader is the pod to remove at the end.
	reader *corev1.Pod
	// letDown are those findings that no judgement on a sighting can make: the volume
	// could not be mounted, read or written.
	letDown []judge.Finding
	// stuck is why the last writer cannot be deleted, if the volume holds it.
	stuck error
	// struck counts the deletions that hit a writer at work.
	struck int
	// cutShort is why the chaos ended before its time, if a writer was refused.
	cutShort error
}

type writer struct {
	*hearing
	pod *corev1.Pod
}

func newCell(r Run) *cell {
	identity := sha256.Sum256([]byte(r.ID))
	c := &cell{Run: r}
	c.Journal = journal.Format{ID: hex.EncodeToString(identity[:8]), Size: r.Settings.RecordSize}
	c.listening, c.hangUp = context.WithCancel(context.Background())
	return c
}

// prepare makes the claim and the first writer, and returns once something is acknowledged.
func (c *cell) prepare(ctx context.Context) error {
	if err := c.Namespace.RequireExists(ctx); err != nil {
		return err
	}
	if err := c.claim(ctx); err != nil {
		return err
	}
	if err := c.startWriter(ctx); err != nil {
		return err
	}
	return c.noteVolume(ctx)
}

func (c *cell) claim(ctx context.Context) error {
	s := c.Settings
	if s.VolumeSource == inputs.EmptyDir {
		return nil
	}
	if s.ExistingClaim != "" {
		existing, err := c.Namespace.ExistingClaim(ctx, s.ExistingClaim)
		if err == nil {
			c.Claim = &evidence.Claim{Name: existing.Name, UID: existing.UID}
		}
		return err
	}
	made, err := c.Namespace.CreateClaim(ctx, workload.ClaimSpec{Name: s.ClaimName, Class: s.StorageClass, Size: s.ClaimSize, Mode: s.AccessMode})
	if err == nil {
		c.Claim = &evidence.Claim{Name: made.Name, UID: made.UID, Made: true}
	}
	return err
}

// noteVolume records what the claim was bound to.
func (c *cell) noteVolume(ctx context.Context) error {
	if c.Claim == nil {
		return nil
	}
	bound, err := c.Namespace.AwaitBound(ctx, c.Claim.Name)
	if err != nil {
		return err
	}
	c.Claim.StorageClass, c.Claim.Volume = ptr.Deref(bound.Spec.StorageClassName, ""), bound.Spec.VolumeName
	return nil
}

// startWriter begins the next epoch and returns once one of its commits is acknowledged.
func (c *cell) startWriter(ctx context.Context) error {
	epoch := evidence.Epoch{Number: len(c.Epochs) + 1, Created: time.Now().UTC()}
	promises := c.ledger.Promises()
	pod, err := c.Namespace.RunPod(ctx, c.Namespace.Pod(c.podSpec(c.Settings.WriterPod, "write",
		"--epoch", strconv.Itoa(epoch.Number),
		"--rate", strconv.FormatFloat(c.Settings.WriteRate, 'f', -1, 64),
		"--points", points(promises))))
	if pod != nil {
		epoch.Pod = evidencePod(pod)
		c.writer = &writer{pod: pod}
	}
	c.Epochs = append(c.Epochs, epoch)
	if err != nil {
		return c.blame(ctx, err, nil)
	}
	c.writer.hearing = c.listen(pod)
	return c.firstAck(ctx, promises)
}

func (c *cell) listen(pod *corev1.Pod) *hearing {
	h := listen(c.listening, c.Namespace, pod, &c.ledger)
	c.heard = append(c.heard, h)
	return h
}

func (c *cell) firstAck(ctx context.Context, promises []ledger.Ack) error {
	epoch := &c.Epochs[len(c.Epochs)-1]
	waiting, cancel := context.WithTimeoutCause(ctx, c.Settings.StatusTimeout, fmt.Errorf("waited %s for the first acknowledgement of epoch %d: %w", c.Settings.StatusTimeout, epoch.Number, context.DeadlineExceeded))
	defer cancel()
	err := c.writer.awaitAck(waiting, epoch.Number)
	if seen := c.writer.heard(); seen != nil {
		epoch.Mount = seen.Mount
		if epoch.Number > 1 {
			epoch.Found = c.look(epoch.Pod, *seen, promises, epoch.Number-1)
		}
	}
	if err != nil {
		return c.blame(ctx, fmt.Errorf("writer of epoch %d: %w", epoch.Number, err), c.writer.hearing)
	}
	epoch.FirstAck = time.Now().UTC()
	return nil
}

// Delete deletes the writer that is alive and returns once it is gone and all
// that it said was heard. With no writer alive it does nothing.
func (c *cell) Delete(ctx context.Context) error {
	w := c.writer
	if w == nil || c.stuck != nil {
		return c.stuck
	}
	epoch := &c.Epochs[len(c.Epochs)-1]
	c.strikes(w, epoch.Number)
	if err := companion(c.Companion.Deleting(ctx, epoch.Pod)); err != nil {
		return err
	}
	epoch.Deleting = time.Now().UTC()
	if err := c.Namespace.DeletePod(ctx, w.pod.Name, w.pod.UID, c.grace()); err != nil {
		return c.held(ctx, err)
	}
	epoch.Gone = time.Now().UTC()
	c.writer = nil
	c.Promises = c.ledger.Promises()
	if w.hearing == nil {
		return nil
	}
	c.Log.WithFields(logrus.Fields{"epoch": epoch.Number, "acknowledged": ledger.Records(c.Promises)}).Info("Writer deleted")
	if err := c.hearOut(ctx, w, epoch.Number); err != nil {
		return err
	}
	if problem := w.problem(); problem != nil && !epoch.FirstAck.IsZero() {
		c.endedItself(epoch, problem)
	}
	return w.contradicted()
}

// strikes takes note of what a deletion hits: a writer at work, or one that has
// ended before, or that was not heard of for long.
func (c *cell) strikes(w *writer, epoch int) {
	if w.hearing == nil {
		return
	}
	if errors.Is(context.Cause(w.over), errSilent) {
		c.note(fmt.Sprintf("the writer of epoch %d was gone before it was to be deleted: somebody else ended it", epoch))
	}
	if w.over.Err() != nil {
		return
	}
	c.struck++
	// A writer says something with every record, but not more often than it can be heard.
	longest := 2*deafness + time.Duration(float64(time.Second)/max(c.Settings.WriteRate, 0.01))
	if silence := w.silence(); c.Settings.WriteRate > 0 && silence > longest {
		c.note(fmt.Sprintf("nothing was heard of the writer of epoch %d in the %s before its deletion: what it was told then is not held against the storage", epoch, silence.Round(time.Second)))
	}
}

// deafness is how long the way from a pod to the ledger may be, in time.
const deafness = 5 * time.Second

// hearOut returns once all that a writer said that is gone was heard. After a
// deletion by force its container may still be there, and never end.
func (c *cell) hearOut(ctx context.Context, w *writer, epoch int) error {
	patience, cancel := context.WithTimeout(ctx, c.Settings.StatusTimeout)
	defer cancel()
	select {
	case <-w.closed:
		return nil
	case <-patience.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	stall := w.stalled()
	w.hangUp()
	<-w.closed
	if stall != nil {
		return c.blame(ctx, fmt.Errorf("the container of epoch %d does not end after its pod was deleted by force: %s: %w", epoch, stall, context.DeadlineExceeded), w.hearing)
	}
	c.note(fmt.Sprintf("the log of the writer of epoch %d did not end within %s after its pod was gone", epoch, c.Settings.StatusTimeout))
	return nil
}

// Restore brings the writer back, as a new epoch.
func (c *cell) Restore(ctx context.Context) error { return c.startWriter(ctx) }

func (c *cell) grace() *int64 {
	if c.Settings.Force {
		return ptr.To[int64](0)
	}
	return nil
}

func (c *cell) podSpec(name, command string, args ...string) workload.PodSpec {
	spec := workload.PodSpec{
		Name: name, Image: c.Image, ImagePullPolicy: c.Settings.ImagePullPolicy, File: c.Settings.JournalFile,
		Command: append([]string{helper, command, "--file", c.Settings.JournalFile, "--journal", c.Journal.ID, "--record-size", strconv.Itoa(c.Journal.Size)}, args...),
	}
	if c.Claim != nil {
		spec.Claim, spec.OwnVolume = c.Claim.Name, c.Claim.Made
	}
	return spec
}

func evidencePod(pod *corev1.Pod) evidence.Pod {
	return evidence.Pod{Name: pod.Name, UID: pod.UID, Node: pod.Spec.NodeName}
}

// remove takes away what the cell made, but what was asked to be kept, and says
// what it could not. All is asked to go at once: what one of them waits for, a node
// that is away for example, must not keep the others from being asked.
func (c *cell) remove(ctx context.Context) string {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), removalTimeout, fmt.Errorf("gave up after %s", removalTimeout))
	defer cancel()
	keep := c.Settings.Keep && c.Verdict != judge.Stopped
	var removals []func() error
	if c.writer != nil {
		removals = append(removals, func() error { return c.Namespace.DeletePod(ctx, c.writer.pod.Name, c.writer.pod.UID, c.grace()) })
	}
	if c.reader != nil && !keep {
		removals = append(removals, func() error { return c.Namespace.DeletePod(ctx, c.reader.Name, c.reader.UID, c.grace()) })
	}
	if c.Claim != nil && c.Claim.Made && !keep {
		removals = append(removals, func() error { return c.Namespace.DeleteClaim(ctx, c.Claim.Name, c.Claim.UID) })
	}
	failures := make([]error, len(removals))
	var all sync.WaitGroup
	for i, remove := range removals {
		all.Go(func() { failures[i] = remove() })
	}
	all.Wait()
	c.hangUp()
	for _, h := range c.heard {
		<-h.closed
	}
	failures = append(failures, c.Namespace.RemoveRest(ctx, c.kept(keep)...))
	if err := errors.Join(failures...); err != nil {
		c.Log.WithError(err).Error("Not everything could be removed")
		return err.Error()
	}
	return ""
}
