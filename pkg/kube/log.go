package kube

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// maxLine limits a line of a pod's log, in bytes. The longest message of the helper, a scan result with the
	// maximum number of entries, is much shorter.
	maxLine = 4 << 20
	// reconnectInterval is the time between attempts to open a log stream.
	reconnectInterval = 250 * time.Millisecond
)

// FollowLog calls onLine with every whole line that the pod's container writes, until the container has ended and all
// of its log was read, or the pod no longer exists. It calls onStream with true when a log stream was opened, and with
// false when the stream ended or could not be opened.
//
// FollowLog opens a broken stream again. It may then read lines twice; lines that the cluster no longer has are lost.
// It returns an error only if the context ends.
func (c Client) FollowLog(ctx context.Context, pod *corev1.Pod, onLine func([]byte), onStream func(open bool)) error {
	f := logFollower{Client: c, pod: pod, onLine: onLine, onStream: onStream}
	return wait.PollUntilContextCancel(ctx, reconnectInterval, true, f.follow)
}

type logFollower struct {
	Client
	pod      *corev1.Pod
	onLine   func([]byte)
	onStream func(open bool)
	// since is the time of the last line that was read.
	since *metav1.Time
	// reconnecting is set after the first stream, failing if the last stream ended with an error.
	reconnecting, failing bool
}

// follow reads one stream to its end. It reports whether there can be no further lines.
func (f *logFollower) follow(ctx context.Context) (done bool, err error) {
	// The state must be read before the stream: if the container has ended by then, the stream has all of its lines.
	ended, deleted := f.podState(ctx)
	if deleted {
		return true, nil
	}
	log := f.Log.WithField("pod", f.pod.Name)
	if f.reconnecting && !ended && !f.failing {
		log.Info("The log stream ended while the pod is running; opening it again")
	}
	f.reconnecting = true
	err = f.readStream(ctx)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil && !f.failing {
		log.WithError(err).Warn("The log stream failed; retrying until it can be read")
	}
	f.failing = err != nil
	return ended && err == nil, nil
}

// podState reports whether the pod's container has ended, and whether the pod no longer exists.
func (f *logFollower) podState(ctx context.Context) (ended, deleted bool) {
	pod, err := f.API.CoreV1().Pods(f.Namespace).Get(ctx, f.pod.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && pod.UID != f.pod.UID {
		return true, true
	}
	return err == nil && hasContainerEnded(pod), false
}

func (f *logFollower) readStream(ctx context.Context) error {
	stream, err := f.API.CoreV1().Pods(f.Namespace).GetLogs(f.pod.Name, &corev1.PodLogOptions{
		Container: ContainerName, Follow: true, Timestamps: true, SinceTime: f.since,
	}).Stream(ctx)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		f.onStream(false)
		return fmt.Errorf("opening the log of pod %s/%s: %w", f.Namespace, f.pod.Name, err)
	}
	f.onStream(true)
	defer f.onStream(false)
	return errors.Join(f.readLines(stream), stream.Close())
}

func (f *logFollower) readLines(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	lines.Split(splitWholeLines)
	for lines.Scan() {
		timestamp, line, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		if at, err := time.Parse(time.RFC3339Nano, string(timestamp)); err == nil {
			f.since = &metav1.Time{Time: at}
			f.onLine(line)
		}
	}
	return lines.Err()
}

// splitWholeLines is a bufio.SplitFunc that drops what follows the last line feed: half a line is not a message.
func splitWholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil
}
