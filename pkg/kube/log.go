package kube

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

const (
	// reconnectInterval is the time until a log stream that failed or was silent is opened again. It doubles up to
	// maxReconnectInterval while the streams have no new lines.
	reconnectInterval    = 500 * time.Millisecond
	maxReconnectInterval = 2 * time.Second
	// maxEndedInterval is the same for a stream that ended without an error. The first interval is maxReconnectInterval.
	maxEndedInterval = 8 * time.Second
	// openTimeout limits the wait for the answer to a request for a log. It is longer than the time that the API
	// server takes to give up connecting to a kubelet, 30 s, so that the API server can name the reason.
	openTimeout = 45 * time.Second
	// maxSilence is how long a stream may bring nothing until it is opened again. A connection that a proxy has
	// dropped brings neither data nor an error.
	maxSilence = 30 * time.Second
)

// logAdvice is the advice if the API server cannot read the log of a pod from the kubelet.
const logAdvice = "make sure that the API server reaches port 10250 of the node and trusts the kubelet's serving " +
	"certificate; kubectl logs must work for a pod on that node"

var (
	// errSilent ends a stream that has brought nothing for maxSilence.
	errSilent = errors.New("the log stream was silent")
	// errUnanswered ends a request for a log that was not answered within openTimeout.
	errUnanswered = fmt.Errorf("no answer within %s", openTimeout)
)

// LogHint returns advice for a log that could not be read, as the end of a sentence.
func LogHint(err error) string {
	if hint := Hint(err.Error()); hint != "" {
		return hint
	}
	return advice.After(err.Error(), logAdvice)
}

// StreamFunc is called with open set when a log stream was opened. It is called with open unset when the stream ended
// or could not be opened, and with the error if there was one.
type StreamFunc func(open bool, err error)

// FollowLog calls onLine with every whole line that the pod's container writes, until the container has ended and all
// of its log was read, or the pod no longer exists.
//
// FollowLog opens a stream again if it breaks or is silent for long. It may then read a line twice; lines that the
// cluster no longer has are lost. It returns an error only if the context ends.
func (c Client) FollowLog(ctx context.Context, pod *corev1.Pod, onLine func([]byte), onStream StreamFunc) error {
	f := logFollower{
		Client: c, pod: pod, onLine: onLine, onStream: onStream,
		openTimeout: openTimeout, probeTimeout: openTimeout, maxSilence: maxSilence,
	}
	return f.followUntilEnd(ctx, reconnectInterval)
}

type logFollower struct {
	Client
	pod      *corev1.Pod
	onLine   func([]byte)
	onStream StreamFunc
	// openTimeout limits the wait for a stream, probeTimeout that for an answer to a request that does not follow.
	openTimeout, probeTimeout, maxSilence time.Duration

	// since is the time of the last line that was read, nil before the first one. last is that line.
	since *metav1.Time
	last  []byte
	// replaying is set while a stream may bring lines that were read from an earlier one.
	replaying bool
	// streams is the number of streams so far.
	streams int
	// failing is set if the last stream ended with an error.
	failing bool
	// silent is set if the last stream was closed because it was silent.
	silent bool
	// afterEnd is set if the last stream was opened after the observer had seen that the container has ended.
	afterEnd bool
}

// followUntilEnd reads streams until there can be no further lines.
func (f *logFollower) followUntilEnd(ctx context.Context, interval time.Duration) error {
	backoff := interval
	for {
		read := f.since
		done, err := f.follow(ctx)
		if done || err != nil {
			return err
		}
		if f.since != read {
			backoff = interval
		}
		atMost := f.untilNextStream(backoff)
		if err := f.awaitEnd(ctx, atMost); err != nil {
			return err
		}
		backoff = 2 * atMost
	}
}

// untilNextStream returns the time until the log is read again. A stream that ends without an error is most likely
// that of a container that has ended, which the kubelet reports a second later or, if it is busy, some seconds later.
func (f *logFollower) untilNextStream(backoff time.Duration) time.Duration {
	if f.failing || f.silent {
		return min(backoff, maxReconnectInterval)
	}
	return min(max(backoff, maxReconnectInterval), maxEndedInterval)
}

// awaitEnd returns once the observer has seen that the pod's container has ended or that the pod was deleted, but not
// later than after atMost. If the last stream was opened after the end of the container, the log could not be read.
// Then awaitEnd waits for all of atMost.
func (f *logFollower) awaitEnd(ctx context.Context, atMost time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	if f.afterEnd {
		<-waiting.Done()
		return context.Cause(ctx)
	}
	err := f.observer.waitUntil(waiting, func() (bool, error) {
		ended, _ := f.observer.podState(f.pod.UID)
		return ended, nil
	}, podNamed(f.pod.Name))
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// follow reads one stream to its end. It reports whether there can be no further lines.
func (f *logFollower) follow(ctx context.Context) (done bool, err error) {
	// The state must be read before the stream: if the container has ended by then, the stream has all of its lines.
	var deleted bool
	if f.afterEnd, deleted = f.podState(); deleted {
		return true, nil
	}
	log := f.Log.WithField("pod", f.pod.Name)
	if f.streams == 1 && !f.afterEnd && !f.failing && !f.silent { // once: it repeats until the kubelet reports the end
		log.Info("The log stream ended while the pod is running; opening it again")
	}
	f.streams++
	err = f.readStream(ctx)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	f.silent = errors.Is(err, errSilent)
	if err != nil && !f.silent && !f.failing {
		log.WithError(err).Warn("The log stream failed; retrying until it can be read")
	}
	f.failing = err != nil && !f.silent
	return f.afterEnd && err == nil, nil
}

// podState reports whether the observer has seen that the pod's container has ended, and that the pod was deleted.
func (f *logFollower) podState() (ended, deleted bool) {
	f.observer.mu.Lock()
	defer f.observer.mu.Unlock()
	return f.observer.podState(f.pod.UID)
}

// readStream reads one stream. The error is errSilent if the stream was silent, or a pod that has printed nothing yet.
func (f *logFollower) readStream(ctx context.Context) error {
	streaming, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(f.openTimeout, func() { cancel(errSilent) })
	defer timer.Stop()
	isSilent := func() bool { return errors.Is(context.Cause(streaming), errSilent) }

	f.replaying = f.since != nil
	stream, err := f.requestLog(streaming, &corev1.PodLogOptions{Follow: true, Timestamps: true, SinceTime: f.since})
	switch {
	case apierrors.IsNotFound(err), f.afterEnd && isForgotten(err):
		return nil
	case err != nil && isSilent():
		err = f.explainUnanswered(ctx)
		if errors.Is(err, errSilent) {
			return err
		}
		return f.ended(ctx, err)
	case err != nil:
		return f.ended(ctx, err)
	}
	timer.Reset(f.maxSilence)
	f.onStream(true, nil)
	err = errors.Join(f.readLines(stream, func() { timer.Reset(f.maxSilence) }), stream.Close())
	if isSilent() {
		return errSilent // the log is opened again at once, and counts as open meanwhile
	}
	return f.ended(ctx, err)
}

// isForgotten reports whether a kubelet no longer knows the pod (GetKubeletContainerLogs in
// k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go). It forgets a pod that has ended shortly before the API server does.
func isForgotten(err error) bool {
	return err != nil && strings.Contains(err.Error(), "cannot be found - no logs available")
}

// ended reports the end of a stream, and returns the error with the log that could not be read.
func (f *logFollower) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = nil // the caller has ended it
	}
	if err != nil {
		err = fmt.Errorf("reading the log of pod %s/%s on node %s: %w",
			f.Namespace, f.pod.Name, f.pod.Spec.NodeName, err)
	}
	f.onStream(false, err)
	return err
}

func (f *logFollower) requestLog(ctx context.Context, options *corev1.PodLogOptions) (io.ReadCloser, error) {
	options.Container = ContainerName
	return f.logs().CoreV1().Pods(f.Namespace).GetLogs(f.pod.Name, options).Stream(ctx)
}

// logs returns the client that reads logs.
func (c Client) logs() kubernetes.Interface {
	if c.Logs != nil {
		return c.Logs
	}
	return c.API
}

// explainUnanswered finds out why a request to follow the log was not answered. A kubelet does not answer before the
// pod has printed something; the error is then errSilent. A request that does not follow is answered at once.
func (f *logFollower) explainUnanswered(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, f.probeTimeout, errUnanswered)
	defer cancel()
	stream, err := f.requestLog(ctx, &corev1.PodLogOptions{TailLines: ptr.To[int64](1)})
	switch {
	case err == nil:
		return errors.Join(errSilent, stream.Close())
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// readLines reads a stream to its end. It calls onData after every line.
func (f *logFollower) readLines(r io.Reader, onData func()) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, protocol.MaxLine)
	lines.Split(splitWholeLines)
	for lines.Scan() {
		onData()
		timestamp, line, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		if at, err := time.Parse(time.RFC3339Nano, string(timestamp)); err == nil {
			f.deliver(at, line)
		}
	}
	return lines.Err()
}

// deliver calls onLine, unless the line was read before. The API server takes the time of a request in whole seconds,
// so that a new stream repeats at least the last line.
func (f *logFollower) deliver(at time.Time, line []byte) {
	if f.replaying {
		if at.Before(f.since.Time) {
			return
		}
		if at.Equal(f.since.Time) && bytes.Equal(line, f.last) {
			return
		}
		f.replaying = false
		if f.silent {
			f.Log.WithField("pod", f.pod.Name).Warn("The log stream was silent while the pod was writing; it was opened again")
		}
	}
	f.since, f.last = &metav1.Time{Time: at}, bytes.Clone(line)
	f.onLine(line)
}

// splitWholeLines is a bufio.SplitFunc that drops what follows the last line feed: half a line is not a message.
func splitWholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil
}
