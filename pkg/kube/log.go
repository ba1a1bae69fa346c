package kube

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// maxLine bounds a line of a pod's log, in bytes: the longest report of a scan
	// that lists all it may is well below it.
	maxLine = 4 << 20
	// reconnectEvery is how often a broken log stream is asked for again.
	reconnectEvery = 250 * time.Millisecond
)

// FollowLog hands every whole line that a pod's container writes to hear, until
// the container has ended and all was heard, the pod is gone, or the context
// ends. A stream that breaks is taken up again: lines may be heard twice, and
// those that the cluster no longer has are lost. Whoever hears is told when a
// stream begins, and when it ends or cannot be had. It returns an error only with the
// context.
func (n Client) FollowLog(ctx context.Context, pod *corev1.Pod, hear func(line []byte), open func(is bool)) error {
	f := follower{Client: n, pod: pod, hear: hear, open: open}
	return wait.PollUntilContextCancel(ctx, reconnectEvery, true, f.once)
}

type follower struct {
	Client
	pod   *corev1.Pod
	hear  func(line []byte)
	open  func(is bool)
	since *metav1.Time
	// again says that a stream was read before, broken that the last one could not be.
	again, broken bool
}

// once follows the log as long as its stream lasts. It is done when no more can come.
func (f *follower) once(ctx context.Context) (done bool, err error) {
	// Asked before the stream is read: what the container wrote before it ended
	// is then sure to be in the stream.
	ended, gone := f.state(ctx)
	if gone {
		return true, nil
	}
	if f.again && !ended && !f.broken {
		f.Log.WithField("pod", f.pod.Name).Info("Log stream ended while the pod lives, taking it up again")
	}
	f.again = true
	err = f.stream(ctx)
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil && !f.broken {
		f.Log.WithFields(logrus.Fields{"pod": f.pod.Name, "error": err}).Warn("Log stream broke, trying until it is there again")
	}
	f.broken = err != nil
	return ended && err == nil, nil
}

// state says whether the pod's container has ended, and whether the pod is gone.
func (f *follower) state(ctx context.Context) (ended, gone bool) {
	now, err := f.API.CoreV1().Pods(f.Namespace).Get(ctx, f.pod.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && now.UID != f.pod.UID {
		return true, true
	}
	return err == nil && hasContainerEnded(now), false
}

func (f *follower) stream(ctx context.Context) error {
	stream, err := f.API.CoreV1().Pods(f.Namespace).GetLogs(f.pod.Name, &corev1.PodLogOptions{
		Container: Container, Follow: true, Timestamps: true, SinceTime: f.since,
	}).Stream(ctx)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		f.open(false)
		return fmt.Errorf("opening the log: %w", err)
	}
	f.open(true)
	defer f.open(false)
	return errors.Join(f.read(stream), stream.Close())
}

func (f *follower) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		stamp, line, _ := bytes.Cut(lines.Bytes(), []byte(" "))
		if at, err := time.Parse(time.RFC3339Nano, string(stamp)); err == nil {
			f.since = &metav1.Time{Time: at}
			f.hear(line)
		}
	}
	return lines.Err()
}

// wholeLines splits off lines and drops what follows the last line end: half a
// line is no statement.
func wholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	return 0, nil, nil
}
