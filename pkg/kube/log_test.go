package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestReadLines_DropsPartialLine(t *testing.T) {
	var lines []string
	f := logFollower{Client: newTestClient(t), onLine: func(line []byte) { lines = append(lines, string(line)) }}
	stream := "2026-11-24T12:00:00.5Z one line\nno time\n2026-11-24T12:00:01Z another\n2026-11-24T12:00:02Z half a li"
	require.NoError(t, f.readLines(strings.NewReader(stream), func() {}))
	assert.Equal(t, []string{"one line", "another"}, lines)
	assert.Equal(t, "2026-11-24T12:00:01Z", f.since.Format(time.RFC3339), "where to open the log again")
}

func TestReadLines_RejectsTooLongLine(t *testing.T) {
	f := logFollower{Client: newTestClient(t), onLine: func([]byte) {}}
	assert.Error(t, f.readLines(strings.NewReader(strings.Repeat("x", protocol.MaxLine+1)), func() {}))
}

func TestUntilNextStream_GrowsWhileStreamsHaveNoNewLines(t *testing.T) {
	intervals := func(f logFollower) []time.Duration {
		var all []time.Duration
		for backoff := reconnectInterval; len(all) < 5; backoff = 2 * all[len(all)-1] {
			all = append(all, f.untilNextStream(backoff))
		}
		return all
	}
	const ms, s = time.Millisecond, time.Second
	assert.Equal(t, []time.Duration{500 * ms, s, 2 * s, 2 * s, 2 * s}, intervals(logFollower{failing: true}))
	assert.Equal(t, []time.Duration{500 * ms, s, 2 * s, 2 * s, 2 * s}, intervals(logFollower{silent: true}))
	assert.Equal(t, []time.Duration{2 * s, 4 * s, 8 * s, 8 * s, 8 * s}, intervals(logFollower{}), "the container ended")
}

func TestFollowLog_ReportsOpenStream(t *testing.T) {
	c := newTestClient(t)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", Namespace: "stig", UID: "u"}}
	c.API = fake.NewClientset(pod)
	c.observer = newObserver(c.Log)
	update(c.observer, withEndedContainer(pod), c.observer.podChanged)
	var opened []bool
	require.NoError(t, c.FollowLog(t.Context(), pod, func([]byte) {}, func(is bool, err error) {
		require.NoError(t, err)
		opened = append(opened, is)
	}))
	assert.Equal(t, []bool{true, false}, opened)
}

// withEndedContainer returns a copy of a pod whose container has ended.
func withEndedContainer(pod *corev1.Pod) *corev1.Pod {
	ended := pod.DeepCopy()
	ended.Status.ContainerStatuses = []corev1.ContainerStatus{
		{Name: ContainerName, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}},
	}
	return ended
}

// logServer is an API server with the log of one pod.
type logServer struct {
	*httptest.Server
	// streams answer the requests that follow the log, in this order.
	streams []http.HandlerFunc
	// beforeLast is called when the second to last stream is requested. It may be nil.
	beforeLast func()
	// probes answer the other requests for the log, in this order. Later ones have an empty answer.
	probes []http.HandlerFunc

	mu sync.Mutex
	// since has the start of each request that follows the log.
	since []string
}

// next returns the answer to a request that follows the log.
func (s *logServer) next(r *http.Request) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = append(s.since, r.URL.Query().Get("sinceTime"))
	if len(s.since) == len(s.streams)-1 && s.beforeLast != nil {
		s.beforeLast()
	}
	return s.streams[min(len(s.since), len(s.streams))-1]
}

// nextProbe returns the answer to a request that does not follow the log.
func (s *logServer) nextProbe() http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.probes) == 0 {
		return prints()
	}
	probe := s.probes[0]
	s.probes = s.probes[1:]
	return probe
}

func newLogServer(t *testing.T, streams ...http.HandlerFunc) *logServer {
	t.Helper()
	s := &logServer{streams: streams}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/log"):
			http.Error(w, "only the log is read", http.StatusNotFound)
		case r.URL.Query().Get("follow") == "":
			s.nextProbe()(w, r)
		default:
			s.next(r)(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// followed is what a follower reported.
type followed struct {
	lines  []string
	opened []bool
	errs   []string
}

// timeouts are how long a follower waits for a stream, for a request that does not follow, and for data.
type timeouts struct{ open, probe, silence time.Duration }

// follow follows the log until it ends.
func (s *logServer) follow(t *testing.T, p timeouts) followed {
	t.Helper()
	c := newTestClient(t)
	var err error
	c.API, err = kubernetes.NewForConfig(&rest.Config{Host: s.URL})
	require.NoError(t, err)
	var all followed
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}, Spec: corev1.PodSpec{NodeName: "n1"}}
	c.observer = newObserver(c.Log)
	s.beforeLast = func() { update(c.observer, withEndedContainer(pod), c.observer.podChanged) }
	f := logFollower{
		Client: c, pod: pod, openTimeout: p.open, probeTimeout: p.probe, maxSilence: p.silence,
		onLine: func(line []byte) { all.lines = append(all.lines, string(line)) },
		onStream: func(open bool, err error) {
			all.opened = append(all.opened, open)
			if err != nil {
				all.errs = append(all.errs, err.Error())
			}
		},
	}
	require.NoError(t, f.followUntilEnd(t.Context(), time.Millisecond))
	return all
}

// prints answers with lines and ends the stream.
func prints(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range lines {
			fmt.Fprintln(w, line)
		}
	}
}

// printsAndHangs does the same, but the stream does not end before the client closes it.
func printsAndHangs(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		prints(lines...)(w, r)
		w.(http.Flusher).Flush()
		hangs(w, r)
	}
}

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func rejects(message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":500,"message":%q}`, message)
	}
}

const (
	first  = "2026-11-24T12:00:00.1Z one"
	second = "2026-11-24T12:00:00.2Z two"
	third  = "2026-11-24T12:00:00.3Z three"
)

func TestFollowLog_NamesPodNodeAndCauseOfAFailure(t *testing.T) {
	tls := "Get \"https://10.213.0.1:10250/containerLogs/stig/write-pod/durability\": remote error: tls: internal error"
	got := newLogServer(t, rejects(tls), prints(first)).follow(t, timeouts{open: time.Minute, silence: time.Minute})
	assert.Equal(t, []bool{false, true, false}, got.opened)
	assert.Equal(t, []string{"reading the log of pod stig/write-pod on node n1: " + tls}, got.errs)
	assert.Equal(t, []string{"one"}, got.lines)
}

func TestFollowLog_OpensASilentStreamAgain(t *testing.T) {
	s := newLogServer(t, printsAndHangs(), printsAndHangs(first, second), printsAndHangs(second),
		prints(first, second, third))
	got := s.follow(t, timeouts{open: time.Minute, silence: 300 * time.Millisecond})
	assert.Equal(t, []string{"one", "two", "three"}, got.lines, "no line may be read twice")
	assert.Empty(t, got.errs)
	last := len(got.opened) - 1
	assert.False(t, got.opened[last])
	assert.NotContains(t, got.opened[:last], false, "the log can be read all the time")
	assert.Equal(t, "2026-11-24T12:00:00Z", s.since[len(s.since)-1])
}

// The stream of a container ends before the kubelet reports that the container has ended. When it has reported that, it
// may have forgotten the pod.
func TestFollowLog_WaitsForTheEndOfTheContainer(t *testing.T) {
	for name, c := range map[string]struct {
		afterEnd http.HandlerFunc
		want     []string
	}{
		"the log has another line": {prints(second), []string{"one", "two"}},
		"the kubelet has forgotten the pod": {
			rejects(`pod "write-pod" cannot be found - no logs available`), []string{"one"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLogServer(t, prints(first), c.afterEnd)
			lines, err := s.followEndingPod(t)
			require.NoError(t, err)
			assert.Equal(t, c.want, lines)
			assert.Len(t, s.since, 2)
		})
	}
}

// followEndingPod follows the log of a pod whose container is observed to have ended after the first stream. The error
// is that of a stream, if one had an error.
func (s *logServer) followEndingPod(t *testing.T) (lines []string, streamErr error) {
	t.Helper()
	c := newTestClient(t)
	var err error
	c.API, err = kubernetes.NewForConfig(&rest.Config{Host: s.URL})
	require.NoError(t, err)
	c.observer = newObserver(c.Log)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}}
	update(c.observer, pod, c.observer.podChanged)
	ended := withEndedContainer(pod)
	var reporting sync.WaitGroup
	defer reporting.Wait()
	f := logFollower{
		Client: c, pod: pod, openTimeout: time.Minute, probeTimeout: time.Minute, maxSilence: time.Minute,
		onLine: func(line []byte) { lines = append(lines, string(line)) },
		onStream: func(open bool, err error) {
			streamErr = errors.Join(streamErr, err)
			if !open {
				reporting.Go(func() { update(c.observer, ended, c.observer.podChanged) })
			}
		},
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, f.followUntilEnd(ctx, time.Hour))
	return lines, streamErr
}

// Each request for the log of a container that has ended reads nothing new before the kubelet reports the end.
func TestUntilNextStream_IsLongerAfterAStreamThatEndedNormally(t *testing.T) {
	ended, failed, silent := logFollower{}, logFollower{failing: true}, logFollower{silent: true}
	assert.Equal(t, maxReconnectInterval, ended.untilNextStream(time.Millisecond))
	assert.Equal(t, time.Millisecond, failed.untilNextStream(time.Millisecond))
	assert.Equal(t, time.Millisecond, silent.untilNextStream(time.Millisecond))
}

// A kubelet does not answer before the pod has printed something.
func TestFollowLog_APodThatPrintsNothingIsReadable(t *testing.T) {
	s := newLogServer(t, hangs, hangs, prints(first))
	got := s.follow(t, timeouts{open: 200 * time.Millisecond, probe: time.Minute, silence: time.Minute})
	assert.Equal(t, []string{"one"}, got.lines)
	assert.Equal(t, []bool{true, false}, got.opened)
	assert.Empty(t, got.errs)
}

func TestFollowLog_ExplainsWhyAStreamIsNotAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		probe    http.HandlerFunc
		patience time.Duration
		want     string
	}{
		"the kubelet does not answer": {hangs, 200 * time.Millisecond, "on node n1: no answer within"},
		"the API server has a reason": {rejects("10.213.0.1:10250: i/o timeout"), time.Minute, "i/o timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newLogServer(t, hangs, prints(first))
			s.probes = []http.HandlerFunc{c.probe}
			got := s.follow(t, timeouts{open: 200 * time.Millisecond, probe: c.patience, silence: time.Minute})
			assert.Equal(t, []string{"one"}, got.lines)
			require.NotEmpty(t, got.errs)
			assert.Contains(t, got.errs[0], c.want)
			assert.False(t, got.opened[0])
		})
	}
}

func TestFollowLog_EndsWithTheContextWithoutAnError(t *testing.T) {
	s := newLogServer(t, printsAndHangs(first), hangs)
	c := newTestClient(t)
	var err error
	c.API, err = kubernetes.NewForConfig(&rest.Config{Host: s.URL})
	require.NoError(t, err)
	c.observer = newObserver(c.Log)
	ctx, cancel := context.WithCancel(t.Context())
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}}
	err = c.FollowLog(ctx, pod, func([]byte) { cancel() }, func(_ bool, err error) { assert.NoError(t, err) })
	assert.ErrorIs(t, err, context.Canceled)
}
