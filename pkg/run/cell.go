package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// helper is the program in the pods' image (see the Dockerfile).
const helper = "/usr/local/bin/durability-helper"

// cell is one volume under test: its claim, its writers, its ledger, its verdict.
type cell struct {
	Run
	result.Cell
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
	// writers are those of all epochs, in order.
	writers []*writer
	// left says what of the cell could not be removed.
	left string
}

type writer struct {
	*hearing
	pod *corev1.Pod
}

func newCell(r Run, plan options.CellSpec) *cell {
	identity := sha256.Sum256([]byte(r.attempted() + plan.Name))
	c := &cell{Run: r}
	c.Plan = plan
	if plan.Name != "" {
		c.Log = r.Log.WithField("cell", plan.Name)
		c.Kube.Log = c.Log
	}
	c.Journal = journal.Format{ID: hex.EncodeToString(identity[:8]), Size: r.Settings.RecordSize}
	c.File = r.Settings.JournalFile
	if c.hasOwnFolder() {
		c.File = path.Join(path.Dir(c.File), volume.FolderPrefix+c.Journal.ID, path.Base(c.File))
	}
	c.listening, c.hangUp = context.WithCancel(context.Background())
	return c
}

// isTarget says whether the cell's writer is to be deleted at the fault's intervals.
func (c *cell) isTarget() bool {
	targets := c.Settings.TargetPods
	return len(targets) == 0 || slices.Contains(targets, c.Plan.ObjectName(c.Settings.WriterPod))
}

func (c *cell) isBlock() bool { return c.Plan.VolumeMode == corev1.PersistentVolumeBlock }

// hasOwnFolder says whether the journal is in a folder that the cell makes: on a claim
// that is somebody else's.
func (c *cell) hasOwnFolder() bool { return c.Plan.ExistingClaim != "" && !c.isBlock() }

// keeps says whether what the cell made stays after the run.
func (c *cell) keeps() bool { return c.Settings.Keep && c.Verdict != judge.Stopped && !c.Plan.Control }

// prepare makes the claim and the first writer, and returns once something is acknowledged.
func (c *cell) prepare(ctx context.Context) error {
	if err := c.claim(ctx); err != nil {
		return err
	}
	if err := c.startWriter(ctx); err != nil {
		return err
	}
	return c.noteVolume(ctx)
}

func (c *cell) claim(ctx context.Context) error {
	if c.Plan.VolumeSource == options.EmptyDir {
		return nil
	}
	if c.Plan.ExistingClaim != "" {
		existing, err := c.Kube.Claim(ctx, c.Plan.ExistingClaim)
		if err == nil {
			c.Claim = &result.Claim{Name: existing.Name, UID: existing.UID}
		}
		return err
	}
	made, err := c.Kube.CreateClaim(ctx, c.claimSpec())
	if err == nil {
		c.Claim = &result.Claim{Name: made.Name, UID: made.UID, Created: true}
	}
	return err
}

// claimSpec is the claim to make.
func (c *cell) claimSpec() kube.ClaimSpec {
	return kube.ClaimSpec{
		Name: c.Plan.ObjectName(c.Settings.ClaimName), Class: c.Plan.StorageClass, Size: c.Settings.ClaimSize,
		Mode: c.Plan.AccessMode, VolumeMode: c.Plan.VolumeMode, Template: c.Template,
	}
}

// noteVolume records what the claim was bound to: its pod runs.
func (c *cell) noteVolume(ctx context.Context) error {
	if c.Claim == nil {
		return nil
	}
	bound, err := c.Kube.Claim(ctx, c.Claim.Name)
	if err != nil {
		return err
	}
	c.Claim.StorageClass, c.Claim.Volume = ptr.Deref(bound.Spec.StorageClassName, ""), bound.Spec.VolumeName
	for _, m := range bound.Status.AccessModes {
		c.Claim.AccessModes = append(c.Claim.AccessModes, string(m))
	}
	volume := c.Kube.Volume(ctx, c.Claim.Volume)
	c.Claim.Provisioner, c.Claim.Handle = volume.Provisioner, volume.Handle
	return nil
}

// startWriter begins the next epoch and returns once one of its commits is acknowledged.
func (c *cell) startWriter(ctx context.Context) error {
	epoch := result.Epoch{Number: len(c.Epochs) + 1}
	promises := c.ledger.Acks()
	args := []string{
		"--epoch", strconv.Itoa(epoch.Number),
		"--rate", strconv.FormatFloat(c.Settings.WriteRate, 'f', -1, 64),
		"--points", points(promises),
	}
	if c.hasOwnFolder() {
		args = append(args, "--own-folder")
	}
	pod, err := c.Kube.RunPod(ctx, c.Kube.Pod(c.podSpec(c.Settings.WriterPod, "write", args...)))
	if pod != nil {
		epoch.Pod = evidencePod(pod)
		c.writer = &writer{pod: pod}
		c.writers = append(c.writers, c.writer)
	}
	c.Epochs = append(c.Epochs, epoch)
	if err != nil {
		return c.blame(ctx, err, nil)
	}
	c.writer.hearing = c.listen(pod)
	return c.firstAck(ctx, promises)
}

func (c *cell) listen(pod *corev1.Pod) *hearing {
	h := listen(c.listening, c.Kube, pod, &c.ledger, func(ack ledger.Ack) { c.Hooks.Acknowledged(c.Plan, ack) })
	c.heard = append(c.heard, h)
	return h
}

func (c *cell) firstAck(ctx context.Context, promises []ledger.Ack) error {
	epoch := &c.Epochs[len(c.Epochs)-1]
	waiting, cancel := context.WithTimeoutCause(ctx, c.Settings.StatusTimeout, fmt.Errorf("waited %s for the first acknowledgement of epoch %d: %w", c.Settings.StatusTimeout, epoch.Number, context.DeadlineExceeded))
	defer cancel()
	err := c.writer.awaitAck(waiting, epoch.Number)
	if seen := c.writer.heard(); seen != nil {
		epoch.Mount, epoch.BootID = seen.Mount, seen.BootID
		if epoch.Number > 1 {
			epoch.InitialRead = c.look(epoch.Pod, *seen, promises, epoch.Number-1)
		}
	}
	if err != nil {
		return c.blame(ctx, fmt.Errorf("%s, the writer of epoch %d: %w%s", c.writer.pod.Name, epoch.Number, err, kube.Hint(err.Error())), c.writer.hearing)
	}
	epoch.FirstAckAt = time.Now().UTC()
	if missed := c.writer.missed().Round(time.Second); missed > 0 {
		c.note(fmt.Sprintf("the log of the writer of epoch %d could not be read for %s before its first acknowledgement was heard: the time of that may hold it", epoch.Number, missed))
	}
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
	c.Hooks.Deleting(c.Plan, epoch.Pod)
	epoch.AckedAtDeletion, epoch.Grace = ledger.Count(c.ledger.Acks()), c.grace()
	epoch.Deleting = time.Now().UTC()
	if err := c.Kube.DeletePod(ctx, w.pod.Name, w.pod.UID, c.grace()); err != nil {
		return c.held(ctx, err)
	}
	epoch.Gone = time.Now().UTC()
	c.writer = nil
	c.Acks = c.ledger.Acks()
	if w.hearing == nil {
		return nil
	}
	c.Log.WithFields(logrus.Fields{"epoch": epoch.Number, "acknowledged": ledger.Count(c.Acks)}).Info("Writer deleted")
	if err := c.hearOut(ctx, w, epoch.Number); err != nil {
		return err
	}
	if problem := w.problem(); problem != nil && !epoch.FirstAckAt.IsZero() {
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
	longest := 2 * deafness
	if rate := c.Settings.WriteRate; rate > 0 {
		longest += time.Duration(float64(time.Second) / rate)
	}
	if silence := w.silence(); silence > longest {
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
	defer func() {
		w.hangUp()
		<-w.closed
	}()
	if stall := w.stalled(); stall != nil { // who has hung up does not hear that it waits
		return c.blameFor(ctx, judge.Unavailable, fmt.Errorf("the container of epoch %d does not end after its pod was deleted by force: %s: %w", epoch, stall, context.DeadlineExceeded))
	}
	c.note(fmt.Sprintf("the log of the writer of epoch %d did not end within %s after its pod was gone", epoch, c.Settings.StatusTimeout))
	return nil
}

// Restore brings the writer back, as a new epoch.
func (c *cell) Restore(ctx context.Context) error { return c.startWriter(ctx) }

func (c *cell) grace() *int64 {
	if c.Plan.Force {
		return ptr.To[int64](0)
	}
	return nil
}

func (c *cell) podSpec(name, command string, args ...string) kube.PodSpec {
	spec := kube.PodSpec{
		Name: c.Plan.ObjectName(name), Image: c.Image, ImagePullPolicy: c.Settings.ImagePullPolicy, Path: c.mountPath(), Block: c.isBlock(),
		Command: append([]string{helper, command, "--file", c.File, "--journal", c.Journal.ID, "--record-size", strconv.Itoa(c.Journal.Size)}, args...),
	}
	if c.isBlock() {
		// A device has no end of file: how much must be there is known outside of it.
		promised := ledger.Count(c.ledger.Acks()) * uint64(c.Journal.Size)
		spec.Command = append(spec.Command, "--at-least", strconv.FormatUint(promised, 10))
	}
	if c.Claim != nil {
		spec.Claim, spec.OwnVolume = c.Claim.Name, c.Claim.Created
	}
	return spec
}

func evidencePod(pod *corev1.Pod) result.Pod {
	p := result.Pod{Name: pod.Name, UID: pod.UID, Node: pod.Spec.NodeName}
	for _, s := range pod.Status.ContainerStatuses {
		p.ImageID = s.ImageID
	}
	return p
}

// collect fills in what is known only once pods are gone: when their parts were
// there, and what they said besides their statements on the journal.
func (c *cell) collect() {
	var commits []protocol.Commits
	for i := range c.Epochs {
		c.date(&c.Epochs[i].Pod)
	}
	for i, w := range c.writers {
		if w.hearing == nil {
			continue
		}
		first, acks, said := w.told()
		c.Epochs[i].FirstAck, c.Epochs[i].Acks = first, result.Downsample(acks)
		if said != nil {
			commits = append(commits, *said)
		}
	}
	if c.Reader != nil {
		c.date(&c.Reader.Pod)
	}
	var err error
	if c.Latency, err = result.LatencyOf(commits); err != nil {
		c.note(err.Error())
	}
}

// date fills in when a pod's parts were first seen.
func (c *cell) date(pod *result.Pod) {
	m := c.Kube.Milestones(pod.UID)
	pod.Created, pod.Scheduled, pod.Mounted, pod.Started = m.Created, m.Scheduled, m.Mounted, m.Started
	c.attach(pod)
}

// remove takes away what the cell made, but what was asked to be kept, and takes
// note of what it could not.
func (c *cell) remove(leave context.Context) {
	ctx, cancel := c.removing(leave)
	defer cancel()
	var removals []func() error
	if c.writer != nil {
		removals = append(removals, func() error { return c.Kube.DeletePod(ctx, c.writer.pod.Name, c.writer.pod.UID, c.grace()) })
	}
	if c.reader != nil && !c.keeps() {
		removals = append(removals, func() error { return c.Kube.DeletePod(ctx, c.reader.Name, c.reader.UID, c.grace()) })
	}
	if c.Claim != nil && c.Claim.Created && !c.keeps() {
		removals = append(removals, func() error { return c.Kube.DeleteClaim(ctx, c.Claim.Name, c.Claim.UID) })
	}
	err := kube.AtOnce(removals...)
	if len(c.Epochs) > 0 {
		err = errors.Join(err, c.removeFolder(ctx))
	}
	c.hangUp()
	for _, h := range c.heard {
		<-h.closed
	}
	if err != nil {
		c.Log.WithError(err).Error("Not everything could be removed")
		c.left = err.Error()
	}
}

// removeFolder takes our folder from somebody else's claim, once no pod of ours
// uses it any more.
func (c *cell) removeFolder(ctx context.Context) error {
	if !c.hasOwnFolder() || c.keeps() {
		return nil
	}
	spec := c.podSpec(c.Settings.WriterPod, "remove")
	spec.Command = []string{helper, "remove", "--file", c.File}
	if err := c.Kube.RunToEnd(ctx, c.Kube.Pod(spec)); err != nil {
		return fmt.Errorf("removing %s from claim %s: %w", path.Dir(c.File), c.Plan.ExistingClaim, err)
	}
	return nil
}
