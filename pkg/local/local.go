// Package local is a run without a cluster: the writer and the reader are processes
// on this machine, and the fault is a signal that kills the writer. The journal, the
// ledger, the judge and the result are those of a run on a cluster.
//
// It knows nothing of Kubernetes or Litmus.
package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	poddelete "github.com/volume-durability/volume-durability/chaoslib/pod-delete"
	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Observer is told what happens in a run. Its methods may not block for long.
type Observer interface {
	// Planned is called before anything is created.
	Planned(cells []options.CellSpec)
	// ChaosBegins is called before the first interval. Its error is ignored.
	ChaosBegins(ctx context.Context) error
	// Acknowledged is called with every acknowledgement.
	Acknowledged(cell options.CellSpec, ack ledger.Ack)
	// Deleting is called before the writer is killed.
	Deleting(cell options.CellSpec, writer result.Pod)
	// Reading is called before the journal is read back.
	Reading(cell options.CellSpec)
	// Judged is called when the verdict is known.
	Judged(cell result.Cell)
}

// Run is one run.
type Run struct {
	// ID is unique to the run: a DNS label.
	ID      string
	Options options.Values
	Target  Target
	// Helper is the command that runs the helper on this machine.
	Helper []string
	// Remote runs the reader on another machine; nil for this one.
	Remote *Remote
	// ReadFrom is the journal as the reader opens it; empty for Target.Journal.
	ReadFrom string
	// Between runs before the reader, and after every killed writer if BetweenEach is set.
	Between     Hook
	BetweenEach bool
	// KeepAcks is called with every acknowledgement before Observer is; nil for none.
	KeepAcks func(ledger.Ack) error
	Observer Observer
	Log      logrus.FieldLogger
}

// Format returns the format of the journal that a run of this ID writes.
func Format(runID string, recordSize int) journal.Format {
	identity := sha256.Sum256([]byte(runID))
	return journal.Format{ID: hex.EncodeToString(identity[:8]), RecordSize: recordSize}
}

// cleanupTimeout bounds what is done after a run was interrupted.
const cleanupTimeout = 20 * time.Second

var (
	errStopped = errors.New("the run was stopped")
	// errVolume means that the storage failed the helper: a finding, not a failure of the run.
	errVolume = errors.New("the storage failed the helper")
)

// execution is a run in progress.
type execution struct {
	Run
	cell   result.Cell
	host   string
	ledger ledger.Ledger
	// writer is the process that writes now; nil between two of them.
	writer *process
	// ended are the writers of all epochs, in order.
	ended []*process
	// hits counts the writers that were at work when they were killed.
	hits int
	// failures are findings that no scan can make: the storage failed a call.
	failures []judge.Finding
	// refused is why the writer could not continue although no acknowledged record was lost.
	refused error
	watch   *unmountWatch
	// betweenRan is whether the user's command has run.
	betweenRan bool
}

// Execute carries the run out. It always returns a result with a verdict and its reason.
func (r Run) Execute(ctx context.Context) result.Result {
	s := r.newExecution()
	out := result.Result{
		Schema: result.Schema, RunID: r.ID, StartedAt: time.Now().UTC(), Options: r.Options,
		Cluster: result.Cluster{Orchestrator: "none: the run was local, on " + s.host},
	}
	r.Observer.Planned([]options.CellSpec{s.cell.Spec})
	err := s.phases(ctx)
	s.conclude(ctx, err)
	out.NotRemoved = s.cleanUp(ctx)
	s.collect()
	r.Observer.Judged(s.cell)
	out.Cells = []result.Cell{s.cell}
	out.Verdict, out.Reason = s.cell.Verdict, s.cell.Reason
	if out.NotRemoved != "" {
		out.Reason += ". Not removed: " + out.NotRemoved
	}
	out.EndedAt = time.Now().UTC()
	return out
}

func (r Run) newExecution() *execution {
	s := &execution{Run: r}
	s.host, _ = os.Hostname() // an empty name is only less informative
	s.cell.Spec = options.CellSpec{
		VolumeSource: options.Local, VolumeMode: corev1.PersistentVolumeFilesystem,
		ReaderNode: options.SameNode, Force: r.Options.Force[0],
	}
	if r.Target.Device {
		s.cell.Spec.VolumeMode = corev1.PersistentVolumeBlock
	}
	s.cell.Journal = Format(r.ID, r.Options.RecordSize)
	s.cell.JournalFile, s.cell.Target = r.Target.Journal, r.Target.Path
	return s
}

func (s *execution) phases(ctx context.Context) error {
	if err := s.Restore(ctx); err != nil {
		return s.unlessVolume(err)
	}
	if err := s.chaos(ctx); err != nil {
		return err
	}
	if err := s.Delete(ctx); err != nil {
		return s.unlessVolume(err)
	}
	if err := s.read(ctx); err != nil {
		return s.unlessVolume(err)
	}
	return nil
}

// unlessVolume keeps an error from ending the run if it became a finding.
func (s *execution) unlessVolume(err error) error {
	if errors.Is(err, errVolume) {
		return nil
	}
	return err
}

// chaos kills the writer and starts it again at the intervals that the options give.
func (s *execution) chaos(ctx context.Context) error {
	o := s.Options
	fault := poddelete.Fault{
		Duration: o.Duration, MinInterval: o.MinInterval, Interval: o.Interval,
		Clock: clock.RealClock{}, Random: rand.Int64N,
	}
	_ = s.Observer.ChaosBegins(ctx) // an observer cannot end the run
	err := fault.Inject(ctx, s)[0]
	if errors.Is(err, errVolume) || s.refused != nil {
		return nil // what was acknowledged is still read back
	}
	return err
}

// Restore starts the next writer and returns once one of its commits is acknowledged.
func (s *execution) Restore(ctx context.Context) error {
	epoch := result.Epoch{Number: len(s.cell.Epochs) + 1}
	acks := s.ledger.Acks()
	p, err := start(context.WithoutCancel(ctx), s.writerCommand(epoch.Number), &s.ledger, s.acknowledged)
	if err != nil {
		return err
	}
	epoch.Pod = s.pod("writer", p)
	s.writer = p
	s.ended = append(s.ended, p)
	s.cell.Epochs = append(s.cell.Epochs, epoch)
	return s.awaitFirstAck(ctx, acks)
}

// pod describes a helper process where a run on a cluster describes a pod.
func (s *execution) pod(name string, p *process) result.Pod {
	now := time.Now().UTC()
	return result.Pod{
		Name: fmt.Sprintf("%s (process %d)", name, p.cmd.Process.Pid), Node: s.host, CreatedAt: now, StartedAt: now,
	}
}

func (s *execution) writerCommand(epoch int) []string {
	return s.command(s.Helper, s.Target.Journal, "write",
		"--epoch", strconv.Itoa(epoch), "--rate", strconv.FormatFloat(s.Options.WriteRate, 'f', -1, 64))
}

// command returns a helper's command line.
func (s *execution) command(helper []string, file, name string, args ...string) []string {
	command := append(slices.Clone(helper), name, "--file", file)
	if name == "remove" {
		return command
	}
	acks := s.ledger.Acks()
	command = append(command, "--journal", s.cell.Journal.ID, "--record-size", strconv.Itoa(s.cell.Journal.RecordSize),
		"--points", points(acks))
	if s.Target.Device {
		least := ledger.CountRecords(acks) * uint64(s.cell.Journal.RecordSize)
		command = append(command, "--at-least", strconv.FormatUint(least, 10))
	} else if name == "write" {
		command = append(command, "--own-folder")
	}
	return append(command, args...)
}

// points lists the records whose digests the scan reports.
func points(acks []ledger.Ack) string {
	list := make([]string, len(acks))
	for i, a := range acks {
		list[i] = fmt.Sprintf("%d:%d", a.Epoch, a.Seq)
	}
	return strings.Join(list, ",")
}

func (s *execution) acknowledged(ack ledger.Ack) {
	if s.KeepAcks != nil {
		if err := s.KeepAcks(ack); err != nil {
			s.Log.WithError(err).Warn("An acknowledgement could not be kept")
		}
	}
	s.Observer.Acknowledged(s.cell.Spec, ack)
}

func (s *execution) awaitFirstAck(ctx context.Context, acks []ledger.Ack) error {
	epoch := &s.cell.Epochs[len(s.cell.Epochs)-1]
	timeout := s.Options.StatusTimeout
	waiting, cancel := context.WithTimeoutCause(ctx, timeout,
		fmt.Errorf("waited %s for the first acknowledgement of epoch %d: %w",
			timeout, epoch.Number, context.DeadlineExceeded))
	defer cancel()
	err := s.writer.AwaitAck(waiting, epoch.Number)
	if scan := s.writer.Scan(); scan != nil {
		epoch.Mount, epoch.BootID = scan.Mount, scan.BootID
		if err := s.checkFilesystem(fmt.Sprintf("the writer of epoch %d", epoch.Number), epoch.Mount); err != nil {
			return err
		}
		if epoch.Number > 1 {
			epoch.InitialRead = s.journalRead(epoch.Pod, *scan, acks, epoch.Number-1)
		}
	}
	if err != nil {
		return s.classify(ctx, fmt.Errorf("the writer of epoch %d: %w", epoch.Number, err), s.writer)
	}
	epoch.FirstAckAt = time.Now().UTC()
	return nil
}

// checkFilesystem returns an error if a helper had another filesystem than the first
// writer, and the user's command ran before: it did not mount the filesystem again, which
// is not a failure of the storage. A filesystem that vanished by itself is judged.
func (s *execution) checkFilesystem(who string, now protocol.Mount) error {
	first := s.cell.Epochs[0].Mount
	switch {
	case !s.betweenRan:
		return nil
	case first.FSType == "" || now.FSType == "":
		return nil
	case first.FSType != now.FSType, first.UUID != "" && now.UUID != "" && first.UUID != now.UUID:
	case first.Point != now.Point:
	default:
		return nil
	}
	return fmt.Errorf("%s found %s on %s at %s, but the first writer wrote to %s at %s: "+
		"--between must mount the same filesystem again",
		who, s.Target.Journal, now.FSType, now.Point, first.FSType, first.Point)
}

// Delete kills the writer, waits until it is gone, and runs the hook that belongs there.
func (s *execution) Delete(ctx context.Context) error {
	w := s.writer
	if w == nil {
		return nil
	}
	epoch := &s.cell.Epochs[len(s.cell.Epochs)-1]
	if w.Err() == nil {
		s.hits++
	}
	s.Observer.Deleting(s.cell.Spec, epoch.Pod)
	epoch.AckedAtDeletion, epoch.DeletionRequestedAt = ledger.CountRecords(s.ledger.Acks()), time.Now().UTC()
	if err := s.kill(ctx, w); err != nil {
		return err
	}
	epoch.DeletedAt = time.Now().UTC()
	s.writer = nil
	s.Log.WithField("epoch", epoch.Number).Info("The writer was killed")
	if op := w.OpError(); op != nil && !epoch.FirstAckAt.IsZero() {
		epoch.ExitError = op
		if err := s.classify(ctx, op, w); !errors.Is(err, errVolume) {
			s.refused = err
		}
	}
	if err := w.Conflict(); err != nil {
		return err
	}
	if !s.BetweenEach {
		return nil
	}
	return s.between(ctx)
}

// kill ends a writer as the run asks for. A call that the kernel does not give up
// keeps the process alive: that is the storage's failure.
func (s *execution) kill(ctx context.Context, w *process) error {
	if !s.cell.Spec.Force {
		if err := w.signal(syscall.SIGTERM); err != nil {
			return err
		}
		if err := s.awaitExit(ctx, w); err == nil || ctx.Err() != nil {
			return err
		}
	}
	if err := w.signal(syscall.SIGKILL); err != nil {
		return err
	}
	err := s.awaitExit(ctx, w)
	if err == nil || ctx.Err() != nil {
		return err
	}
	err = fmt.Errorf("the writer of epoch %d cannot be killed: %w", len(s.cell.Epochs), err)
	if stall := w.Stall(); stall != nil {
		return s.failed(judge.Unavailable, fmt.Errorf("%w: %s", err, stall))
	}
	return err
}

func (s *execution) awaitExit(ctx context.Context, w *process) error {
	timeout := s.Options.StatusTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, timeout,
		fmt.Errorf("waited %s for process %d to end: %w", timeout, w.cmd.Process.Pid, context.DeadlineExceeded))
	defer cancel()
	return w.await(ctx)
}

// between runs the user's command.
func (s *execution) between(ctx context.Context) error {
	if s.Between.Command == "" {
		return nil
	}
	s.watchUnmount()
	s.betweenRan = true
	s.Log.WithField("command", s.Between.Command).Info("Running the command of --between")
	return s.Between.run(ctx, HookState{
		Target: s.Target.Path, Folder: s.Target.Folder(), Journal: s.Target.Journal,
		Epoch: len(s.cell.Epochs), Records: ledger.CountRecords(s.ledger.Acks()),
	})
}

// read runs the last hook, then the reader.
func (s *execution) read(ctx context.Context) error {
	if !s.BetweenEach {
		if err := s.between(ctx); err != nil {
			return err
		}
	}
	if !s.betweenRan {
		s.watchUnmount()
	}
	s.Observer.Reading(s.cell.Spec)
	helper, where, done, err := s.readerCommand(ctx)
	if err != nil {
		return err
	}
	defer done()
	acks := s.ledger.Acks()
	p, err := start(context.WithoutCancel(ctx), s.command(helper, s.readerFile(), "read"), &s.ledger, func(ledger.Ack) {})
	if err != nil {
		return err
	}
	defer s.endReader(ctx, p)
	pod := s.pod("reader", p)
	if where != "" {
		pod.Node = where
	}
	timeout := s.Options.VerifyTimeout
	waiting, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf(
		"waited %s for the journal to be read (--verify-timeout): %w", timeout, context.DeadlineExceeded))
	defer cancel()
	scan, err := p.AwaitScan(waiting)
	if err != nil {
		return s.classify(ctx, fmt.Errorf("reader: %w", err), p)
	}
	if s.ReadFrom == "" && s.Remote == nil { // another client may have another kind of mount
		if err := s.checkFilesystem("the reader", scan.Mount); err != nil {
			return err
		}
	}
	s.cell.Reader = s.journalRead(pod, *scan, acks, len(s.cell.Epochs))
	s.cell.Reader.ReceivedAt = time.Now().UTC()
	return nil
}

func (s *execution) readerFile() string {
	if s.ReadFrom != "" {
		return s.ReadFrom
	}
	return s.Target.Journal
}

// readerCommand returns the helper's command where the reader runs, and the name of
// that place; done removes what was copied there.
func (s *execution) readerCommand(ctx context.Context) (helper []string, where string, done func(), err error) {
	if s.Remote == nil {
		return s.Helper, "", func() {}, nil
	}
	helper, done, err = s.Remote.helper(ctx, s.cell.Journal.ID, s.Log)
	return helper, s.Remote.String(), done, err
}

func (s *execution) endReader(ctx context.Context, p *process) {
	if err := p.signal(syscall.SIGKILL); err != nil {
		s.Log.WithError(err).Warn("The reader was not killed")
	}
	if err := s.awaitExit(ctx, p); err != nil {
		s.Log.WithError(err).Warn("The reader does not end")
	}
}

func (s *execution) watchUnmount() {
	folder := s.Target.Folder()
	if folder == "" {
		return
	}
	s.closeWatch()
	var err error
	if s.watch, err = watchUnmount(folder); err != nil {
		s.Log.WithError(err).Info("Whether the filesystem is unmounted cannot be observed")
	}
}

func (s *execution) closeWatch() {
	if s.watch == nil {
		return
	}
	if err := s.watch.close(); err != nil {
		s.Log.WithError(err).Warn("The unmount watch was not closed")
	}
	s.watch = nil
}

// journalRead is what a helper found of what the first epochs had written, judged.
func (s *execution) journalRead(
	pod result.Pod, scan protocol.ScanResult, acks []ledger.Ack, epochs int,
) *result.JournalRead {
	var earlier []journal.ScanReport
	for _, e := range s.cell.Epochs {
		if e.InitialRead != nil {
			earlier = append(earlier, e.InitialRead.ScanResult.ScanReport)
		}
	}
	// A killed process is waited for: no two writers are alive at once.
	judged := judge.Judge(judge.Input{Acks: acks, Scan: scan.ScanReport, Earlier: earlier, Epochs: epochs})
	return &result.JournalRead{Pod: pod, ScanResult: scan, Judgement: judged}
}

// classify decides whether an error is the storage's failure, a refusal that loses no
// acknowledged record, or something else. Before the first acknowledgement nothing can be lost.
func (s *execution) classify(ctx context.Context, err error, p *process) error {
	if ctx.Err() != nil || len(s.ledger.Acks()) == 0 {
		return err
	}
	var op *protocol.OpError
	if op = p.OpError(); op == nil {
		if errors.Is(err, context.DeadlineExceeded) && p.Hangs() {
			return s.failed(judge.Unavailable, fmt.Errorf("%w: %s", err, p.Stall()))
		}
		return err
	}
	class := judge.ClassOfError(*op)
	if class == "" || op.Writing && errors.Is(*op, syscall.EIO) {
		s.refused = err
		return err
	}
	return s.failed(class, err)
}

// failed adds a finding of a class, once.
func (s *execution) failed(class judge.Class, err error) error {
	if !slices.ContainsFunc(s.failures, func(f judge.Finding) bool { return f.Class == class }) {
		s.failures = append(s.failures, judge.Finding{Class: class, Detail: err.Error()})
	}
	s.Log.WithError(err).Warn("The storage failed the helper")
	return fmt.Errorf("%w: %w", errVolume, err)
}

// cleanUp ends what still runs and removes what the run made. It returns what could
// not be removed.
func (s *execution) cleanUp(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	s.closeWatch()
	if w := s.writer; w != nil {
		if err := errors.Join(w.signal(syscall.SIGKILL), w.await(ctx)); err != nil {
			return fmt.Sprintf("process %d and %s: %v", w.cmd.Process.Pid, s.Target.Journal, err)
		}
	}
	if s.Target.Device || s.Options.Keep && s.cell.Verdict != judge.Stopped || len(s.cell.Epochs) == 0 {
		return ""
	}
	return s.remove(ctx)
}

// remove removes the journal and its folder by a helper: a process that hangs on dead
// storage can be left, a call of our own could not.
func (s *execution) remove(ctx context.Context) string {
	p, err := start(ctx, s.command(s.Helper, s.Target.Journal, "remove"), &s.ledger, func(ledger.Ack) {})
	if err == nil {
		err = p.await(ctx)
	}
	switch {
	case err != nil:
		return fmt.Sprintf("%s: %v", s.Target.Folder(), err)
	case p.err != nil:
		return fmt.Sprintf("%s: %s", s.Target.Folder(), p.stderr.String())
	}
	return ""
}

// collect adds what the writers reported besides the journal.
func (s *execution) collect() {
	var commits []protocol.CommitStats
	for i, w := range s.ended {
		first, samples := w.Acks()
		s.cell.Epochs[i].FirstAck, s.cell.Epochs[i].Acks = first, samples
		if c := w.Commits(); c != nil {
			commits = append(commits, *c)
		}
	}
	latency, err := result.LatencyOf(commits)
	if err != nil {
		s.Log.WithError(err).Warn("The commit latency could not be computed")
	}
	s.cell.Latency = latency
}
