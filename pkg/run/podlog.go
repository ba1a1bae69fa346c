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
	"github.com/volume-durability/volume-durability/pkg/transcript"
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
		<-log.returned
	}
}

// podLog follows the log of one pod. Its transcript has what the helper in the pod reported.
type podLog struct {
	*transcript.Transcript
	log logrus.FieldLogger

	// stop stops following the log.
	stop context.CancelFunc
	// returned is closed when the goroutine that follows the log has returned.
	returned chan struct{}

	mu             sync.Mutex
	readErr        error     // why the log cannot be read, nil if it can
	readable       bool      // the log can be read now
	readFailed     bool      // the last attempt to read it failed
	unreadableFrom time.Time // when it could last be read
	// unreadable is how long the log could not be read before the first acknowledgement.
	unreadable time.Duration
}

// followLog follows a pod's log until the pod or the context has ended.
func followLog(
	ctx context.Context, client kube.Client, pod *corev1.Pod, l *ledger.Ledger, onAck func(ledger.Ack),
) *podLog {
	ctx, stop := context.WithCancel(ctx)
	p := &podLog{
		Transcript: transcript.New(ctx, l, onAck),
		log:        client.Log.WithField("pod", pod.Name),
		stop:       stop, returned: make(chan struct{}),
		unreadableFrom: time.Now(),
	}
	go func() {
		defer close(p.returned)
		err := client.FollowLog(ctx, pod, p.addLine, p.handleStream)
		if err == nil {
			err = p.errWithoutCause()
		}
		p.End(err)
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

// AwaitScan returns the scan result once the helper has reported it. If it does not arrive in time because the log
// cannot be read, the error has the reason.
func (p *podLog) AwaitScan(ctx context.Context) (*protocol.ScanResult, error) {
	scan, err := p.Transcript.AwaitScan(ctx)
	return scan, p.explainTimeout(err)
}

// AwaitAck returns once the writer has acknowledged a record. If none arrives in time because the log cannot be read,
// the error has the reason.
func (p *podLog) AwaitAck(ctx context.Context) error {
	return p.explainTimeout(p.Transcript.AwaitAck(ctx))
}

// explainTimeout adds to the error of a wait for a message why the log could not be read, if that is the reason.
func (p *podLog) explainTimeout(err error) error {
	cause := p.unreadableErr()
	if cause == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w; its log could not be read: %w%s", err, cause, kube.LogHint(cause))
}

func (p *podLog) addLine(line []byte) {
	m, err := p.Add(line)
	switch {
	case err != nil && p.OpError() != nil: // after the message, the helper prints its error as text for people too
	case err != nil:
		start := string(line[:min(len(line), 200)])
		p.log.WithError(err).WithField("line", start).Warn("Unexpected line in the pod's log")
	case m.Stall != nil && !m.Stall.Ended:
		p.log.Warn(m.Stall)
	case m.Rereading != nil:
		p.log.Info(m.Rereading)
	}
}

// Stall returns the call for which the pod waits, nil if there is none or it is unknown: if the log cannot be read,
// the call may have returned since.
func (p *podLog) Stall() *protocol.Stall {
	if !p.isReadable() {
		return nil
	}
	return p.Transcript.Stall()
}

// Hangs reports whether the pod is known to have waited longer than for any call that returned.
func (p *podLog) Hangs() bool { return p.isReadable() && p.Transcript.Hangs() }

func (p *podLog) isReadable() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.readable
}

// setReadable records whether the log can be read. A kubelet does not answer before the pod has printed something,
// so until an attempt has failed the log does not count as unreadable.
func (p *podLog) setReadable(readable bool) {
	firstAck, _ := p.Acks()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case readable && !p.readable && p.readFailed && firstAck == nil:
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
