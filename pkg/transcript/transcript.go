// Package transcript keeps what one helper process reports about a journal. Acknowledgements go to the ledger. The
// transcript keeps the scan result, the error, stalls, commit statistics and a sample of the acknowledgements.
//
// The package does not depend on the source of the lines: a pod's log, or the output of a process.
package transcript

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// ErrSilent means that the helper ended without reporting what it was started for.
var ErrSilent = errors.New("the helper ended without giving a reason")

// maxAckSamples limits the samples in memory, because a run may last for days.
const maxAckSamples = 4096

// Transcript is what one helper process has reported so far. It is safe for concurrent use.
type Transcript struct {
	ledger *ledger.Ledger
	onAck  func(ledger.Ack)
	// known are the lists that the scan result may omit.
	known protocol.KnownLists

	// done is cancelled at the end of the output, or by an error that the helper reports. Its cause is the reason.
	done context.Context
	end  context.CancelCauseFunc

	mu      sync.Mutex
	scan    *protocol.ScanResult // nil before it is reported and after it was taken
	scanned chan struct{}        // closed with the first scan result
	hasScan bool                 // whether a scan result was reported
	acked   chan struct{}        // closed after the first acknowledgement

	stall        *protocol.Stall // the call that had not returned at the last message, nil if none
	stallStart   time.Time
	longestStall time.Duration // of those calls that returned

	rereading *protocol.Rereading // nil unless the journal is read again

	lastLine time.Time
	failedAt time.Time
	conflict error // of an acknowledgement that contradicts earlier ones
	firstAck *ledger.Ack
	samples  []result.AckSample
	commits  *protocol.CommitStats // the latest
}

// New returns an empty transcript. onAck is called with every acknowledgement that the ledger has recorded. The
// transcript ends when ctx does.
func New(ctx context.Context, l *ledger.Ledger, onAck func(ledger.Ack)) *Transcript {
	t := &Transcript{
		ledger: l, onAck: onAck, scanned: make(chan struct{}), acked: make(chan struct{}), lastLine: time.Now(),
	}
	t.done, t.end = context.WithCancelCause(ctx)
	return t
}

// SetKnownLists sets the lists that the helper was told to omit. It must be called before the first line is added.
func (t *Transcript) SetKnownLists(known protocol.KnownLists) { t.known = known }

// Add adds one line of the helper's output and returns its message. It returns an error if the line is no message.
func (t *Transcript) Add(line []byte) (protocol.Message, error) {
	m, err := protocol.Parse(line)
	t.touch()
	if err != nil {
		return protocol.Message{}, err
	}
	switch {
	case m.Ack != nil:
		t.setStall(nil)
		t.addAck(*m.Ack)
	case m.Stall != nil && m.Stall.Ended:
		t.endStall(*m.Stall)
	case m.Stall != nil:
		t.setStall(m.Stall)
	case m.Rereading != nil:
		t.setStall(nil)
		t.setRereading(m.Rereading)
	case m.ScanResult != nil:
		t.setStall(nil)
		t.setScan(m.ScanResult)
	case m.ScanAfter != nil:
		t.setStall(nil)
		scan, err := m.ScanAfter.Complete(t.known)
		if err != nil {
			return protocol.Message{}, err
		}
		t.setScan(&scan)
	case m.Error != nil:
		t.setStall(nil)
		t.fail(*m.Error)
	case m.CommitStats != nil:
		t.mu.Lock()
		t.commits = m.CommitStats
		t.mu.Unlock()
	}
	return m, nil
}

// End marks the end of the helper's output. A nil error means that the helper gave no reason.
func (t *Transcript) End(err error) {
	if err == nil {
		err = ErrSilent
	}
	t.mu.Lock()
	t.samples = result.Downsample(t.samples, result.MaxAckSamples)
	t.mu.Unlock()
	t.end(err)
}

// Err returns why the transcript ended; nil while it has not.
func (t *Transcript) Err() error { return context.Cause(t.done) }

func (t *Transcript) touch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastLine = time.Now()
}

// addAck records an acknowledgement. If it contradicts the ledger, the transcript ends, because the ledger can no
// longer be the basis of a verdict.
func (t *Transcript) addAck(ack ledger.Ack) {
	if err := t.ledger.Add(ack); err != nil {
		t.mu.Lock()
		t.conflict = err
		t.mu.Unlock()
		t.end(err)
		return
	}
	first := t.sample(ack)
	t.onAck(ack)
	// After onAck, so that a caller of AwaitAck does not overtake it.
	if first {
		close(t.acked)
	}
}

// sample keeps a sample of the acknowledgements for the report. It reports whether the acknowledgement is the first
// one. When a log is read again after its stream broke, the last acknowledgements come twice; only their first arrival
// counts.
func (t *Transcript) sample(ack ledger.Ack) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.firstAck == nil {
		t.firstAck, first = &ack, true
	}
	if len(t.samples) > 0 && ack.Seq <= t.samples[len(t.samples)-1].Seq {
		return first
	}
	t.samples = append(t.samples, result.AckSample{ReceivedAt: t.lastLine.UTC(), Seq: ack.Seq})
	if len(t.samples) >= maxAckSamples {
		t.samples = result.Downsample(t.samples, result.MaxAckSamples)
	}
	return first
}

func (t *Transcript) setScan(s *protocol.ScanResult) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hasScan {
		t.scan, t.hasScan = s, true
		close(t.scanned)
	}
}

func (t *Transcript) setStall(s *protocol.Stall) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s != nil {
		t.stallStart = time.Now().Add(-seconds(*s))
	}
	t.stall = s
}

func (t *Transcript) setRereading(r *protocol.Rereading) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rereading = r
}

func (t *Transcript) endStall(s protocol.Stall) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stall = nil
	t.longestStall = max(t.longestStall, seconds(s))
}

func seconds(s protocol.Stall) time.Duration {
	return time.Duration(s.Seconds * float64(time.Second))
}

// TakeScan returns the scan result; nil if none was reported or if it was taken before. The Transcript does not keep
// it, because it may be large, and a run keeps the transcripts of all its writers.
func (t *Transcript) TakeScan() *protocol.ScanResult {
	t.mu.Lock()
	defer t.mu.Unlock()
	scan := t.scan
	t.scan = nil
	return scan
}

// AwaitScan takes the scan result once the helper has reported it. If it does not arrive in time because the journal
// is read again, the error has this reason.
func (t *Transcript) AwaitScan(ctx context.Context) (*protocol.ScanResult, error) {
	if err := t.await(ctx, t.scanned); err != nil {
		return nil, t.explainTimeout(ctx, err)
	}
	return t.TakeScan(), nil
}

// AwaitAck returns once the process has acknowledged a record, the ledger has it, and onAck has returned. If none
// arrives in time because the journal is read again, the error has this reason.
func (t *Transcript) AwaitAck(ctx context.Context) error {
	return t.explainTimeout(ctx, t.await(ctx, t.acked))
}

// explainTimeout adds to the error of a wait that timed out that the journal is read again.
func (t *Transcript) explainTimeout(ctx context.Context, err error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	timedOut := t.done.Err() == nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	if err == nil || !timedOut || t.rereading == nil || t.hasScan {
		return err
	}
	return fmt.Errorf("%w; %s: set a longer timeout", err, t.rereading)
}

// await waits until something has happened. If the transcript or the context ends first, it returns the reason.
func (t *Transcript) await(ctx context.Context, happened <-chan struct{}) error {
	select {
	case <-happened:
	case <-t.done.Done():
	case <-ctx.Done():
	}
	// If it ended at the same time, what happened counts.
	select {
	case <-happened:
		return nil
	default:
	}
	if t.done.Err() != nil {
		return t.Err()
	}
	return context.Cause(ctx)
}

// Stall returns the call that has not returned; nil if there is none.
func (t *Transcript) Stall() *protocol.Stall {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stall
}

// Hangs reports whether the helper has waited longer for the current call than for any call that returned. If an
// earlier call took as long and returned, the volume is only slow.
func (t *Transcript) Hangs() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stall != nil && time.Since(t.stallStart) > t.longestStall
}

// Silence returns how long ago the last line came.
func (t *Transcript) Silence() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.lastLine)
}

// OpError returns the error that the helper reported, nil if it reported none.
func (t *Transcript) OpError() *protocol.OpError {
	var e protocol.OpError
	if errors.As(t.Err(), &e) {
		return &e
	}
	return nil
}

// fail ends the transcript with an error that the helper reported.
func (t *Transcript) fail(err protocol.OpError) {
	t.mu.Lock()
	if t.failedAt.IsZero() {
		t.failedAt = t.lastLine.UTC()
	}
	t.mu.Unlock()
	t.end(err)
}

// FailedAt returns when the error that the helper reported arrived, the zero time if it reported none.
func (t *Transcript) FailedAt() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failedAt
}

// Conflict returns the error of an acknowledgement that contradicts the ledger, nil if there is none.
func (t *Transcript) Conflict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conflict
}

// Acks returns the first acknowledgement, nil if there is none, and a sample of all.
func (t *Transcript) Acks() (first *ledger.Ack, samples []result.AckSample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.firstAck, t.samples
}

// Commits returns the last commit statistics that the helper reported; nil if none.
func (t *Transcript) Commits() *protocol.CommitStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.commits
}
