package run

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// errNoCause means that the container exited or its log ended, and that the helper printed no reason.
var errNoCause = errors.New("the container exited without an error message")

// podLogs follows the logs of a cell's pods until it is closed.
type podLogs struct {
	kube   kube.Client
	ledger *ledger.Ledger
	onAck  func(ledger.Ack)

	ctx    context.Context
	cancel context.CancelFunc
	all    []*podLog
}

func newPodLogs(client kube.Client, l *ledger.Ledger, onAck func(ledger.Ack)) *podLogs {
	logs := &podLogs{kube: client, ledger: l, onAck: onAck}
	logs.ctx, logs.cancel = context.WithCancel(context.Background())
	return logs
}

func (l *podLogs) follow(pod *corev1.Pod) *podLog {
	log := followLog(l.ctx, l.kube, pod, l.ledger, l.onAck)
	l.all = append(l.all, log)
	return log
}

// close stops following all logs and waits for the goroutines.
func (l *podLogs) close() {
	l.cancel()
	for _, log := range l.all {
		<-log.done
	}
}

// podLog follows the log of one pod: acknowledgements go to the ledger, other messages are kept.
type podLog struct {
	ledger *ledger.Ledger
	// onAck is called with every acknowledgement that the ledger has recorded.
	onAck func(ledger.Ack)
	log   logrus.FieldLogger

	// ended is cancelled at the end of the log, or by an error that the helper reports; its cause is which.
	ended context.Context
	end   context.CancelCauseFunc
	// stop stops following the log.
	stop context.CancelFunc
	// done is closed when the goroutine that follows the log has returned.
	done chan struct{}

	mu      sync.Mutex
	scan    *protocol.ScanResult
	scanned chan struct{} // closed with the first scan result

	stall        *protocol.Stall // the call that had not returned at the last message, nil if none
	stallStart   time.Time
	longestStall time.Duration // of those calls that returned

	readErr        error     // why the log cannot be read, nil if it can
	readable       bool      // the log can be read now
	readFailed     bool      // the last attempt to read it failed
	unreadableFrom time.Time // when it could last be read
	// unreadable is how long the log could not be read before the first acknowledgement.
	unreadable time.Duration
	lastLine   time.Time

	// contradiction is the error of an acknowledgement that contradicts earlier ones.
	contradiction error
	firstAck      *ledger.Ack
	acks          []result.AckSample
	commits       *protocol.CommitStats // the latest
}

// followLog follows a pod's log until the pod or the context has ended.
func followLog(
	ctx context.Context, client kube.Client, pod *corev1.Pod, l *ledger.Ledger, onAck func(ledger.Ack),
) *podLog {
	p := &podLog{
		ledger: l, onAck: onAck,
		log:            client.Log.WithField("pod", pod.Name),
		done:           make(chan struct{}),
		scanned:        make(chan struct{}),
		lastLine:       time.Now(),
		unreadableFrom: time.Now(),
	}
	ctx, p.stop = context.WithCancel(ctx)
	p.ended, p.end = context.WithCancelCause(ctx)
	go func() {
		defer close(p.done)
		err := client.FollowLog(ctx, pod, p.handleLine, p.handleStream)
		if err == nil {
			err = p.errWithoutCause()
		}
		p.end(err)
	}()
	return p
}

// handleStream records whether the log can be read, and why not.
func (p *podLog) handleStream(open bool, err error) {
	p.setReadable(open)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readErr = err
}

// unreadableErr returns why the log could not be read at the last attempt, nil if it could.
func (p *podLog) unreadableErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.readErr
}

// errWithoutCause returns the error of a container that has ended without reporting one.
func (p *podLog) errWithoutCause() error {
	if err := p.unreadableErr(); err != nil {
		return fmt.Errorf("%w that could be read: %w%s", errNoCause, err, kube.LogHint(err))
	}
	return errNoCause
}

// explainTimeout adds to the error of a wait for a message why the log could not be read, if that is the reason.
func (p *podLog) explainTimeout(err error) error {
	cause := p.unreadableErr()
	if cause == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w; its log could not be read: %w%s", err, cause, kube.LogHint(cause))
}

func (p *podLog) handleLine(line []byte) {
	m, err := protocol.Parse(line)
	p.touch()
	switch {
	case err != nil:
		start := string(line[:min(len(line), 200)])
		p.log.WithError(err).WithField("line", start).Warn("Unexpected line in the pod's log")
	case m.Ack != nil:
		p.setStall(nil)
		if err := p.ledger.Record(*m.Ack); err != nil {
			p.setContradiction(err)
			return
		}
		p.sampleAck(*m.Ack)
		p.onAck(*m.Ack)
	case m.Stall != nil && m.Stall.Ended:
		p.endStall(*m.Stall)
	case m.Stall != nil:
		p.log.Warn(m.Stall)
		p.setStall(m.Stall)
	case m.ScanResult != nil:
		p.setStall(nil)
		p.setScanResult(m.ScanResult)
	case m.Error != nil:
		p.setStall(nil)
		p.end(*m.Error)
	case m.CommitStats != nil:
		p.mu.Lock()
		p.commits = m.CommitStats
		p.mu.Unlock()
	}
}

// maxSamples bounds the samples in memory: a run may last for days.
const maxSamples = 4096

// sampleAck keeps a sample of the acknowledgements for the report. When a log is read again after its stream broke,
// the last acknowledgements come twice; only their first arrival counts.
func (p *podLog) sampleAck(ack ledger.Ack) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.firstAck == nil {
		p.firstAck = &ack
	}
	if len(p.acks) > 0 && ack.Seq <= p.acks[len(p.acks)-1].Seq {
		return
	}
	p.acks = append(p.acks, result.AckSample{At: p.lastLine.UTC(), Seq: ack.Seq})
	if len(p.acks) >= maxSamples {
		p.acks = result.Downsample(p.acks)
	}
}

// statistics returns the first acknowledgement, a sample of all, and the latest statistics of the commits.
func (p *podLog) statistics() (first *ledger.Ack, acks []result.AckSample, commits *protocol.CommitStats) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.firstAck, p.acks, p.commits
}

func (p *podLog) touch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastLine = time.Now()
}

func (p *podLog) sinceLastLine() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.lastLine)
}

// setContradiction keeps an error of the ledger. The ledger can no longer be the basis of a verdict.
func (p *podLog) setContradiction(err error) {
	p.mu.Lock()
	p.contradiction = err
	p.mu.Unlock()
	p.end(err)
}

func (p *podLog) contradictionErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.contradiction
}

func (p *podLog) setScanResult(s *protocol.ScanResult) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.scan == nil {
		p.scan = s
		close(p.scanned)
	}
}

// scanResult returns the pod's scan result, nil if it was not received.
func (p *podLog) scanResult() *protocol.ScanResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.scan
}

func (p *podLog) setStall(s *protocol.Stall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s != nil {
		p.stallStart = time.Now().Add(-durationOf(*s))
	}
	p.stall = s
}

// endStall records that the call returned after all.
func (p *podLog) endStall(s protocol.Stall) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stall = nil
	p.longestStall = max(p.longestStall, durationOf(s))
}

func durationOf(s protocol.Stall) time.Duration {
	return time.Duration(s.Seconds * float64(time.Second))
}

// currentStall returns the call for which the pod waits, nil if there is none or it is unknown: if the log cannot
// be read, the call may have returned since.
func (p *podLog) currentStall() *protocol.Stall {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.readable {
		return nil
	}
	return p.stall
}

// isHanging reports whether the pod has waited longer than for any call that returned. A volume that took as long
// before is only slow.
func (p *podLog) isHanging() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.readable && p.stall != nil && time.Since(p.stallStart) > p.longestStall
}

// setReadable records whether the log can be read. A kubelet does not answer before the pod has printed something,
// so until an attempt has failed the log does not count as unreadable.
func (p *podLog) setReadable(readable bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case readable && !p.readable && p.readFailed && p.firstAck == nil:
		p.unreadable += time.Since(p.unreadableFrom)
	case !readable && p.readable:
		p.unreadableFrom = time.Now()
	}
	p.readable, p.readFailed = readable, !readable
}

// unreadableBeforeAck returns how long the log could not be read before the first acknowledgement.
func (p *podLog) unreadableBeforeAck() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unreadable
}

// opError returns the error that the helper reported, nil if it reported none.
func (p *podLog) opError() *protocol.OpError {
	var opErr protocol.OpError
	if errors.As(context.Cause(p.ended), &opErr) {
		return &opErr
	}
	return nil
}

// awaitScan returns the pod's scan result once it is received.
func (p *podLog) awaitScan(ctx context.Context) (*protocol.ScanResult, error) {
	if s := p.scanResult(); s != nil {
		return s, nil
	}
	select {
	case <-p.scanned:
		return p.scanResult(), nil
	case <-p.ended.Done():
		if s := p.scanResult(); s != nil {
			return s, nil
		}
		return nil, context.Cause(p.ended)
	case <-ctx.Done():
		return nil, p.explainTimeout(context.Cause(ctx))
	}
}

// awaitAck returns once the ledger holds an acknowledgement of the epoch that this pod writes.
func (p *podLog) awaitAck(ctx context.Context, epoch int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ended, func() { cancel(context.Cause(p.ended)) })()
	return p.explainTimeout(p.ledger.Await(ctx, epoch))
}
