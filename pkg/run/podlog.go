package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// errSilent says that a pod ended, or its log did, before it had said what it was there to say.
var errSilent = errors.New("the pod ended without saying why")

// hearing listens to one pod: its acknowledgements go to the ledger, the rest is kept.
type hearing struct {
	ledger *ledger.Ledger
	// tell is called with every acknowledgement that the ledger has taken.
	tell func(ledger.Ack)
	log  logrus.FieldLogger

	// over ends with the log, or with a problem that the pod reports; its cause says which.
	over context.Context
	end  context.CancelCauseFunc
	// hangUp ends the listening.
	hangUp context.CancelFunc
	// closed is closed when the listening goroutine has returned.
	closed chan struct{}

	mu       sync.Mutex
	sighting *protocol.ScanResult
	stall    *protocol.Stall // what the pod was waiting for when it was last heard
	began    time.Time       // when it began to
	longest  time.Duration   // for how long it has waited for something that came back
	open     bool            // the log can be read now
	shut     time.Time       // since when it cannot
	failed   bool            // it should have been read since, and could not be
	// unheard is for how long it could not be read before the first acknowledgement came.
	unheard time.Duration
	last    time.Time // when it was last heard
	// contradiction is an acknowledgement that cannot be true beside the others.
	contradiction error
	seen          chan struct{} // closed with the first sighting
	first         *ledger.Ack   // acknowledgement that was heard
	acks          []result.AckSample
	commits       *protocol.Commits // the last that it said of them
}

// listen follows a pod's log until the pod has ended or the context does.
func listen(ctx context.Context, ns kube.Client, pod *corev1.Pod, l *ledger.Ledger, tell func(ledger.Ack)) *hearing {
	h := &hearing{
		ledger: l, tell: tell,
		log:    ns.Log.WithField("pod", pod.Name),
		closed: make(chan struct{}),
		seen:   make(chan struct{}),
		last:   time.Now(),
		shut:   time.Now(),
	}
	ctx, h.hangUp = context.WithCancel(ctx)
	h.over, h.end = context.WithCancelCause(ctx)
	go func() {
		defer close(h.closed)
		err := ns.FollowLog(ctx, pod, h.hear, h.opened)
		if err == nil {
			err = errSilent
		}
		h.end(err)
	}()
	return h
}

func (h *hearing) hear(line []byte) {
	s, err := protocol.Parse(line)
	h.listened()
	switch {
	case err != nil:
		h.log.WithFields(logrus.Fields{"line": string(line[:min(len(line), 200)]), "error": err}).Warn("The pod said something else than a statement")
	case s.Ack != nil:
		h.waits(nil)
		if err := h.ledger.Record(*s.Ack); err != nil {
			h.contradicts(err)
			return
		}
		h.acknowledged(*s.Ack)
		h.tell(*s.Ack)
	case s.Stall != nil && s.Stall.Over:
		h.waited(*s.Stall)
	case s.Stall != nil:
		h.log.Warn(s.Stall)
		h.waits(s.Stall)
	case s.ScanResult != nil:
		h.waits(nil)
		h.keep(s.ScanResult)
	case s.Error != nil:
		h.waits(nil)
		h.end(*s.Error)
	case s.Commits != nil:
		h.mu.Lock()
		h.commits = s.Commits
		h.mu.Unlock()
	}
}

// acknowledged keeps some of the acknowledgements, for a report to show. A log that is
// taken up again says the last ones once more: they are not news, and no later than
// they were.
func (h *hearing) acknowledged(ack ledger.Ack) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.first == nil {
		h.first = &ack
	}
	if len(h.acks) > 0 && ack.Seq <= h.acks[len(h.acks)-1].Seq {
		return
	}
	h.acks = append(h.acks, result.AckSample{At: h.last.UTC(), Seq: ack.Seq})
	if len(h.acks) >= enoughAcks {
		h.acks = result.Downsample(h.acks)
	}
}

// enoughAcks is when so many are kept that some may go: a run may last for days.
const enoughAcks = 4096

// told is what was heard besides the sighting: the first acknowledgement and some of
// the others, and the last that was said of the commits.
func (h *hearing) told() (first *ledger.Ack, acks []result.AckSample, commits *protocol.Commits) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.first, h.acks, h.commits
}

func (h *hearing) listened() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = time.Now()
}

// silence is how long nothing was heard.
func (h *hearing) silence() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.last)
}

// contradicts keeps an error of the ledger's. No verdict can rest on it any more.
func (h *hearing) contradicts(err error) {
	h.mu.Lock()
	h.contradiction = err
	h.mu.Unlock()
	h.end(err)
}

func (h *hearing) contradicted() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.contradiction
}

func (h *hearing) keep(s *protocol.ScanResult) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sighting == nil {
		h.sighting = s
		close(h.seen)
	}
}

func (h *hearing) waits(s *protocol.Stall) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s != nil {
		h.began = time.Now().Add(-seconds(*s))
	}
	h.stall = s
}

// waited takes note of something that came back after all.
func (h *hearing) waited(s protocol.Stall) {
	h.waits(nil)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.longest = max(h.longest, seconds(s))
}

func seconds(s protocol.Stall) time.Duration {
	return time.Duration(s.Seconds * float64(time.Second))
}

// opened hears whether the log can be read. A log that was never tried in vain had
// nothing to say until now: a kubelet does not answer before a pod has said something.
func (h *hearing) opened(is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case is && !h.open && h.failed && h.first == nil:
		h.unheard += time.Since(h.shut)
	case !is && h.open:
		h.shut = time.Now()
	}
	h.open, h.failed = is, !is
}

// missed is for how long the log could not be read before the first acknowledgement came.
func (h *hearing) missed() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unheard
}

// inVain says whether the pod waits for longer than it ever did for something that
// came back: a volume that has answered as late before is slow.
func (h *hearing) inVain() bool {
	if h.stalled() == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Since(h.began) > h.longest
}

// stalled is what the pod is waiting for, as far as it can be heard: nobody knows
// what has come back since of a log that cannot be read.
func (h *hearing) stalled() *protocol.Stall {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		return nil
	}
	return h.stall
}

// problem is what the pod could not do, if it said so.
func (h *hearing) problem() *protocol.OpError {
	var p protocol.OpError
	if errors.As(context.Cause(h.over), &p) {
		return &p
	}
	return nil
}

// heard is the pod's sighting, if it was heard.
func (h *hearing) heard() *protocol.ScanResult {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sighting
}

// awaitScan returns what the pod saw.
func (h *hearing) awaitScan(ctx context.Context) (*protocol.ScanResult, error) {
	select {
	case <-h.seen:
		return h.heard(), nil
	default:
	}
	select {
	case <-h.seen:
		return h.heard(), nil
	case <-h.over.Done():
		if s := h.heard(); s != nil {
			return s, nil
		}
		return nil, context.Cause(h.over)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// awaitAck returns once the ledger holds an acknowledgement of the epoch that this pod writes.
func (h *hearing) awaitAck(ctx context.Context, epoch int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.over, func() { cancel(context.Cause(h.over)) })()
	return h.ledger.Await(ctx, epoch)
}
