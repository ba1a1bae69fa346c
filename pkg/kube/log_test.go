package kube

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
)

func TestReadLines_DropsPartialLine(t *testing.T) {
	var lines []string
	f := logFollower{Client: newTestClient(t), onLine: func(line []byte) { lines = append(lines, string(line)) }}
	require.NoError(
		t,
		f.readLines(
			strings.NewReader("2026-11-24T12:00:00.5Z one line\nno time\n2026-11-24T12:00:01Z another\n2026-11-24T12:00:02Z half a li"),
		),
	)
	assert.Equal(t, []string{"one line", "another"}, lines)
	assert.Equal(t, "2026-11-24T12:00:01Z", f.since.Format(time.RFC3339), "where to open the log again")
}

func TestFollowLog_ReportsOpenStream(t *testing.T) {
	c := newTestClient(t)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", Namespace: "stig", UID: "u"}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{
		named(Container, terminated(0)),
	}
	c.API = fake.NewClientset(pod)
	var opened []bool
	require.NoError(t, c.FollowLog(t.Context(), pod, func([]byte) {}, func(is bool) { opened = append(opened, is) }))
	assert.Equal(t, []bool{true, false}, opened)
}

func TestFollowLog_ReportsFailedStream(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w,
				`{"kind":"Pod","apiVersion":"v1","metadata":{"name":"write-pod","uid":"u"},"status":{"containerStatuses":[{"name":"durability","state":{"terminated":{}}}]}}`)
			return
		}
		if requests++; requests == 1 {
			http.Error(w, "the kubelet is unavailable", http.StatusBadGateway)
		}
	}))
	defer server.Close()
	c := newTestClient(t)
	var err error
	c.API, err = kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	var opened []bool
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}}
	require.NoError(t, c.FollowLog(t.Context(), pod, func([]byte) {}, func(is bool) { opened = append(opened, is) }))
	assert.Equal(t, []bool{false, true, false}, opened)
}

func TestReadLines_RejectsTooLongLine(t *testing.T) {
	f := logFollower{Client: newTestClient(t), onLine: func([]byte) {}}
	assert.Error(t, f.readLines(strings.NewReader(strings.Repeat("x", maxLine+1))))
}
