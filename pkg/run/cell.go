package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/witness"
	"github.com/volume-durability/volume-durability/pkg/workload"
)

var (
	// errLetDown says that the volume failed the writer or the reader: a finding, not a failure of ours.
	errLetDown = errors.New("the volume let the pod down")
	// errRefused says that a writer could not go on, and that no promise is broken by
	// that: the volume is full, for example.
	errRefused = errors.New("the volume refuses a writer")
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
		return c.blame(ctx, err)
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
		return c.blame(ctx, fmt.Errorf("writer of epoch %d: %w", epoch.Number, err))
	}
	epoch.FirstAck = time.Now().UTC()
	return nil
}

// look is what a pod saw of what the first epochs left behind, judged.
func (c *cell) look(pod evidence.Pod, seen witness.Sighting, promises []ledger.Ack, epochs int) *evidence.Look {
	look := &evidence.Look{Pod: pod, Sighting: seen, Judgement: judge.Judge(c.caseOf(promises, seen.Report, epochs))}
	first := c.Epochs[0].Mount
	if first.FSType == "" || first.FSType == seen.Mount.FSType {
		return look
	}
	strange := fmt.Sprintf("%s is on %s (%s), epoch 1 wrote to %s (%s)", c.Settings.JournalFile, seen.Mount.FSType, seen.Mount.Source, first.FSType, first.Source)
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
		if e.Found != nil {
			earlier = append(earlier, e.Found.Sighting.Report)
		}
	}
	return judge.Case{Promises: promises, Report: report, Earlier: earlier, Epochs: epochs, Overlap: c.Settings.Force}
}

// Delete deletes the writer that is alive and returns once it is gone and all
// that it said was heard. With no writer alive it does nothing.
func (c *cell) Delete(ctx context.Context) error {
	w := c.writer
	if w == nil || c.stuck != nil {
		return c.stuck
	}
	epoch := &c.Epochs[len(c.Epochs)-1]
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
	if err := w.awaitClosed(ctx); err != nil {
		return err
	}
	if problem := w.problem(); problem != nil && !epoch.FirstAck.IsZero() {
		c.endedItself(epoch, problem)
	}
	return nil
}

// held decides whose failure it is that the writer does not go away. One that
// said that it waits for the volume can be neither ended nor replaced.
func (c *cell) held(ctx context.Context, err error) error {
	stall := (*witness.Stall)(nil)
	if c.writer.hearing != nil {
		stall = c.writer.stalled()
	}
	if stall == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	c.stuck = c.blame(ctx, fmt.Errorf("pod %s cannot end: %s: %w", c.writer.pod.Name, stall, err))
	return c.stuck
}

// endedItself takes note of a writer that had ended before it was deleted.
func (c *cell) endedItself(epoch *evidence.Epoch, problem *witness.Problem) {
	epoch.Problem = problem
	c.Log.WithError(problem).WithField("epoch", epoch.Number).Warn("The writer had ended by itself")
	// An error of one call breaks no promise: what it concerns was never acknowledged.
	if class := classOf(problem); class != "" && !errors.Is(problem, syscall.EIO) {
		c.isLetDown(class, problem)
	}
}

// isLetDown adds a finding that no look at the journal can make; one of a class.
func (c *cell) isLetDown(class judge.Class, err error) {
	if !slices.ContainsFunc(c.letDown, func(f judge.Finding) bool { return f.Class == class }) {
		c.letDown = append(c.letDown, judge.Finding{Class: class, Detail: err.Error()})
	}
}

// awaitClosed returns once the pod's log has ended.
func (w *writer) awaitClosed(ctx context.Context) error {
	select {
	case <-w.closed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Restore brings the writer back, as a new epoch.
func (c *cell) Restore(ctx context.Context) error { return c.startWriter(ctx) }

func (c *cell) grace() *int64 {
	if c.Settings.Force {
		return ptr.To[int64](0)
	}
	return nil
}

// verify reads the journal back and judges it.
func (c *cell) verify(ctx context.Context) error {
	err := c.Delete(ctx)
	c.Promises = c.ledger.Promises()
	if err == nil {
		err = c.read(ctx)
	}
	if err != nil && !errors.Is(err, errLetDown) {
		return err
	}
	c.judge()
	return nil
}

func (c *cell) read(ctx context.Context) error {
	spec := c.podSpec(c.Settings.ReaderPod, "read", "--stay", "--points", points(c.Promises))
	spec.ReadOnly = true
	spec.Placement = c.placement()
	pod, err := c.Namespace.RunPod(ctx, c.Namespace.Pod(spec))
	c.reader = pod
	if err != nil {
		return c.blame(ctx, err)
	}
	heard := c.listen(pod)
	waiting, cancel := context.WithTimeoutCause(ctx, c.Settings.VerifyTimeout, fmt.Errorf("waited %s for the journal to be read: %w", c.Settings.VerifyTimeout, context.DeadlineExceeded))
	defer cancel()
	seen, err := heard.awaitSighting(waiting)
	if err != nil {
		return c.blame(ctx, fmt.Errorf("reader: %w", err))
	}
	c.Reader = c.look(evidencePod(pod), *seen, c.Promises, len(c.Epochs))
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

// points asks for the sums of the records that the promises end with.
func points(promises []ledger.Ack) string {
	list := make([]string, len(promises))
	for i, p := range promises {
		list[i] = fmt.Sprintf("%d:%d", p.Epoch, p.Seq)
	}
	return strings.Join(list, ",")
}

// placement is the reader's, seen from the last writer.
func (c *cell) placement() workload.Placement {
	var writer string
	if len(c.Epochs) > 0 {
		writer = c.Epochs[len(c.Epochs)-1].Node
	}
	switch c.Settings.ReaderNode {
	case inputs.AnyNode:
		return workload.Placement{}
	case inputs.SameNode:
		return workload.Placement{On: writer}
	case inputs.OtherNode:
		return workload.Placement{NotOn: writer}
	default:
		return workload.Placement{On: string(c.Settings.ReaderNode)}
	}
}

func evidencePod(pod *corev1.Pod) evidence.Pod {
	return evidence.Pod{Name: pod.Name, UID: pod.UID, Node: pod.Spec.NodeName}
}

// blame decides whose failure it is that a pod could not do its work. Before
// the first acknowledgement nothing was promised, so nothing can be broken.
func (c *cell) blame(ctx context.Context, err error) error {
	class := classOf(err)
	var problem witness.Problem
	switch {
	case ctx.Err() != nil || len(c.ledger.Promises()) == 0:
		return err
	case class == "" && errors.As(err, &problem):
		return fmt.Errorf("%w: %w", errRefused, err)
	case class == "":
		return err
	}
	c.isLetDown(class, err)
	c.Log.WithError(err).Warn("The volume let the pod down")
	return fmt.Errorf("%w: %w", errLetDown, err)
}

// classOf is the class of finding that an error is, or none.
func classOf(err error) judge.Class {
	var unready *workload.PodUnready
	if errors.As(err, &unready) {
		if unready.Volume {
			return judge.Unavailable
		}
		return ""
	}
	switch {
	case errors.Is(err, syscall.EROFS):
		return judge.ReadOnly
	case errors.Is(err, context.DeadlineExceeded):
		return judge.Unavailable
	}
	for _, gone := range []syscall.Errno{syscall.EIO, syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, syscall.EUCLEAN, syscall.ENOTCONN, syscall.ETIMEDOUT} {
		if errors.Is(err, gone) {
			return judge.Unavailable
		}
	}
	return ""
}

// judge sums up all that was seen. What a later pod can no longer see was lost,
// even if the last one could see it again.
func (c *cell) judge() {
	judged := judge.Judgement{Acknowledged: ledger.Records(c.Promises)}
	if c.Reader != nil {
		judged = c.Reader.Judgement
	}
	var found [][]judge.Finding
	for _, look := range c.looks() {
		found = append(found, look.Judgement.Findings)
		c.note(look.Judgement.Notes...)
	}
	c.Findings = judge.Gather(append(found, c.letDown)...)
	judged.Findings = c.Findings
	c.Verdict = judge.VerdictOf(judged)
	for _, e := range c.Epochs {
		if e.Problem != nil {
			c.note(fmt.Sprintf("the writer of epoch %d had ended by itself: %s", e.Number, e.Problem))
		}
	}
	c.Reason = c.Verified()
	switch {
	case c.Verdict == judge.Error:
		c.Reason = "nothing was acknowledged: nothing was at stake"
	case c.Verdict == judge.Pass && c.Reader == nil:
		c.Verdict, c.Reason = judge.Error, "the journal was not read back"
	case c.Verdict == judge.Pass && c.cutShort != nil:
		c.Reason = fmt.Sprintf("the chaos could not be carried out: %v. What had been acknowledged was there: %s", c.cutShort, c.Reason)
		c.Verdict = judge.Error
	}
	c.limits()
	c.stig()
}

// looks are all that was seen of the journal, in order.
func (c *cell) looks() []*evidence.Look {
	var looks []*evidence.Look
	for _, e := range c.Epochs {
		if e.Found != nil {
			looks = append(looks, e.Found)
		}
	}
	if c.Reader != nil {
		looks = append(looks, c.Reader)
	}
	return looks
}

// note adds what was not noted yet.
func (c *cell) note(notes ...string) {
	for _, n := range notes {
		if !slices.Contains(c.Notes, n) {
			c.Notes = append(c.Notes, n)
		}
	}
}

// limits says what a Pass does not prove.
func (c *cell) limits() {
	if c.Reader != nil && len(c.Epochs) > 0 && c.Reader.Node == c.Epochs[len(c.Epochs)-1].Node {
		same := "the reader ran on the writer's node, where the volume may never have been unmounted"
		if c.Reader.Sighting.Access != witness.AccessDirect {
			same += ", and may have read its page cache, not the storage"
		}
		c.NotShown = append(c.NotShown, same)
	}
	c.NotShown = append(c.NotShown, "a deleted pod is no power failure: whether the storage keeps its promise through one was not tried")
}

// stig adds the check's own words where the run is the check.
func (c *cell) stig() {
	if !c.Settings.STIG() || c.Reader == nil {
		return
	}
	if c.Reader.Sighting.Bytes == 0 {
		c.Reason += ". V-260932: there is no log data, this is a finding. " + STIGFix
		return
	}
	c.Reason += ". V-260932: log data is present"
	if c.Verdict == judge.Fail {
		c.Reason += ", but not all of it. " + STIGFix
	}
}

// conclude gives the cell a verdict where the phases could not.
func (c *cell) conclude(err error) {
	switch {
	case errors.Is(err, errStopped):
		c.Verdict, c.Reason = judge.Stopped, err.Error()
	case err != nil && c.Verdict != judge.Fail:
		c.Verdict, c.Reason = judge.Error, err.Error()
	}
}

// remove takes away what the cell made, but what was asked to be kept, and says
// what it could not.
func (c *cell) remove(ctx context.Context) string {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), removalTimeout, fmt.Errorf("gave up after %s", removalTimeout))
	defer cancel()
	keep := c.Settings.Keep && c.Verdict != judge.Stopped
	var failures []error
	if c.writer != nil {
		failures = append(failures, c.Namespace.DeletePod(ctx, c.writer.pod.Name, c.writer.pod.UID, c.grace()))
	}
	if c.reader != nil && !keep {
		failures = append(failures, c.Namespace.DeletePod(ctx, c.reader.Name, c.reader.UID, c.grace()))
	}
	c.hangUp()
	for _, h := range c.heard {
		<-h.closed
	}
	if c.Claim != nil && c.Claim.Made && !keep {
		failures = append(failures, c.Namespace.DeleteClaim(ctx, c.Claim.Name, c.Claim.UID))
	}
	if err := errors.Join(failures...); err != nil {
		c.Log.WithError(err).Error("Not everything could be removed")
		return err.Error()
	}
	return ""
}
