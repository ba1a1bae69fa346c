// Package transcript keeps what one helper process reports about a journal.
// Acknowledgements go to the ledger. The scan result, errors, stalls and commit
// statistics are kept for the run to ask for.
//
// It does not know where the lines come from: a pod's log or a process's output.
package transcript

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// ErrSilent means that the helper ended without reporting what it was started for.
var ErrSilent = errors.New("the helper ended without giving a reason")

// maxAckSamples is how many acknowledgement samples are kept before they are
// downsampled: a run may last for days.
const maxAckSamples = 4096

// Transcript is safe for concurrent use.
type Transcript struct {
	ledger *ledger.Ledger
	onAck  func(ledger.Ack)

	// done ends with the helper's output, or with an error that the helper reports;
	// its cause says which.
	done context.Context
	end  context.CancelCauseFunc

	mu       sync.Mutex
	scan     *protocol.ScanResult
	scanned  chan struct{} // closed with the first scan result
	stall    *protocol.Stall
	stalled  time.Time     // when the call that stalls began
	longest  time.Duration // the longest stall that ended
	lastLine time.Time
	conflict error
	first    *ledger.Ack
	samples  []result.AckSample
	commits  *protocol.CommitStats
}

// New returns an empty transcript. onAck is called with every acknowledgement that
// the ledger has accepted. The transcript ends when ctx does.
func New(ctx context.Context, l *ledger.Ledger, onAck func(ledger.Ack)) *Transcript {
	t := &Transcript{ledger: l, onAck: onAck, scanned: make(chan struct{}), lastLine: time.Now()}
	t.done, t.end = context.WithCancelCause(ctx)
	return t
}

// Add takes one line of the helper's output. It returns an error if the line is no message.
func (t *Transcript) Add(line []byte) error {
	m, err := protocol.Parse(line)
	t.touch()
	if err != nil {
		return err
	}
	switch {
	case m.Ack != nil:
		t.setStall(nil)
		t.addAck(*m.Ack)
	case m.Stall != nil && m.Stall.Ended:
		t.endStall(*m.Stall)
	case m.Stall != nil:
		t.setStall(m.Stall)
	case m.ScanResult != nil:
		t.setStall(nil)
		t.setScan(m.ScanResult)
	case m.Error != nil:
		t.setStall(nil)
		t.end(*m.Error)
	case m.CommitStats != nil:
		t.mu.Lock()
		t.commits = m.CommitStats
		t.mu.Unlock()
	}
	return nil
}

// End marks the end of the helper's output. A nil error means that the helper ended
// without an error of its own.
func (t *Transcript) End(err error) {
	if err == nil {
		err = ErrSilent
	}
	t.end(err)
}

// Done is closed once the helper can report nothing more.
func (t *Transcript) Done() <-chan struct{} { return t.done.Done() }

// Err returns why the transcript ended; nil while it has not.
func (t *Transcript) Err() error { return context.Cause(t.done) }

func (t *Transcript) touch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastLine = time.Now()
}

// addAck records an acknowledgement. One that contradicts the ledger ends the
// transcript: no verdict can rest on the ledger then.
func (t *Transcript) addAck(ack ledger.Ack) {
	if err := t.ledger.Add(ack); err != nil {
		t.mu.Lock()
		t.conflict = err
		t.mu.Unlock()
		t.end(err)
		return
	}
	t.sample(ack)
	t.onAck(ack)
}

// sample keeps some of the acknowledgements for the report. A log that is opened
// again repeats its last lines: these are not new.
func (t *Transcript) sample(ack ledger.Ack) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first = &ack
	}
	if len(t.samples) > 0 && ack.Seq <= t.samples[len(t.samples)-1].Seq {
		return
	}
	t.samples = append(t.samples, result.AckSample{ReceivedAt: t.lastLine.UTC(), Seq: ack.Seq})
	if len(t.samples) >= maxAckSamples {
		t.samples = result.Downsample(t.samples)
	}
}

func (t *Transcript) setScan(s *protocol.ScanResult) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.scan == nil {
		t.scan = s
		close(t.scanned)
	}
}

func (t *Transcript) setStall(s *protocol.Stall) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s != nil {
		t.stalled = time.Now().Add(-seconds(*s))
	}
	t.stall = s
}

func (t *Transcript) endStall(s protocol.Stall) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stall = nil
	t.longest = max(t.longest, seconds(s))
}

func seconds(s protocol.Stall) time.Duration {
	return time.Duration(s.Seconds * float64(time.Second))
}

// Scan returns the scan result; nil if none was reported.
func (t *Transcript) Scan() *protocol.ScanResult {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.scan
}

// AwaitScan returns the scan result once the helper has reported it.
func (t *Transcript) AwaitScan(ctx context.Context) (*protocol.ScanResult, error) {
	select {
	case <-t.scanned:
	case <-t.done.Done():
	case <-ctx.Done():
	}
	// Both may have happened at once: what was reported counts.
	if s := t.Scan(); s != nil {
		return s, nil
	}
	if t.done.Err() != nil {
		return nil, t.Err()
	}
	return nil, context.Cause(ctx)
}

// AwaitAck returns once the ledger holds an acknowledgement of the epoch.
func (t *Transcript) AwaitAck(ctx context.Context, epoch int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.done, func() { cancel(t.Err()) })()
	return t.ledger.Await(ctx, epoch)
}

// Stall returns the call that has not returned; nil if there is none.
func (t *Transcript) Stall() *protocol.Stall {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stall
}

// Hangs reports whether a call has not returned for longer than every call that did
// return: a volume that has answered as late before is slow.
func (t *Transcript) Hangs() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stall != nil && time.Since(t.stalled) > t.longest
}

// Silence returns how long ago the last line came.
func (t *Transcript) Silence() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.lastLine)
}

// OpError returns what the helper could not do, if it reported that.
func (t *Transcript) OpError() *protocol.OpError {
	var e protocol.OpError
	if errors.As(t.Err(), &e) {
		return &e
	}
	return nil
}

// Conflict returns an error if an acknowledgement contradicted the ledger.
func (t *Transcript) Conflict() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.conflict
}

// Acks returns the first acknowledgement and samples of the others, in order.
func (t *Transcript) Acks() (first *ledger.Ack, samples []result.AckSample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first, t.samples
}

// Commits returns the last commit statistics that the helper reported; nil if none.
func (t *Transcript) Commits() *protocol.CommitStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.commits
}
