package kube

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// BenchmarkFollowLog measures one line of a log on a stream like that of an API server: HTTP/2 with TLS. The server
// sends a line after the follower has received the previous one, so each line wakes the follower. The time includes
// that of the server.
func BenchmarkFollowLog(b *testing.B) {
	lines, received := make(chan struct{}), make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range lines {
			fmt.Fprintln(w, time.Now().UTC().Format(time.RFC3339Nano), `ack {"epoch":2,"seq":4812,"digest":3735928559,`+
				`"time":"2026-11-24T12:00:00.123456789Z"} 5f1e3a04`)
			w.(http.Flusher).Flush()
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	api, err := kubernetes.NewForConfig(&rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}})
	require.NoError(b, err)
	c := newTestClient(b)
	c.API, c.observer = api, newObserver(c.Log)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}}
	update(c.observer, withEndedContainer(pod), c.observer.podChanged)
	var following sync.WaitGroup
	following.Go(func() {
		assert.NoError(b, c.FollowLog(b.Context(), pod, func([]byte) { received <- struct{}{} }, func(bool, error) {}))
	})
	for b.Loop() {
		lines <- struct{}{}
		<-received
	}
	close(lines)
	following.Wait()
}
