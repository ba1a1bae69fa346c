package kube

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// arrivals is a connection whose data arrives on a channel. A read returns all that has arrived and fits.
type arrivals struct {
	net.Conn
	data   chan string
	closed chan struct{}
}

func newArrivals() *arrivals {
	return &arrivals{data: make(chan string, 10), closed: make(chan struct{})}
}

func (a *arrivals) Read(p []byte) (n int, err error) {
	select {
	case first := <-a.data:
		n = copy(p, first)
	case <-a.closed:
		return 0, net.ErrClosed
	}
	for n < len(p) {
		select {
		case more := <-a.data:
			n += copy(p[n:], more)
		default:
			return n, nil
		}
	}
	return n, nil
}

func (a *arrivals) Close() error {
	close(a.closed)
	return nil
}

// read returns what one read returns.
func (c *pacedConn) read(t *testing.T) string {
	t.Helper()
	p := make([]byte, 100)
	n, err := c.Read(p)
	require.NoError(t, err)
	return string(p[:n])
}

func TestPacedConn_ReadsTogetherWhatArrivesWithinThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArrivals()
		c := newPacedConn(a, 50*time.Millisecond, 100)
		var sending sync.WaitGroup
		sending.Go(func() {
			for _, s := range []string{"a", "b", "c", "d"} {
				a.data <- s
				time.Sleep(20 * time.Millisecond) // of the fake clock: a at 0, b at 20, c at 40, d at 60 ms
			}
		})
		assert.Equal(t, []string{"a", "bc", "d"}, []string{c.read(t), c.read(t), c.read(t)})
		sending.Wait()
	})
}

func TestPacedConn_ReturnsTheRestOfTheBufferFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArrivals()
		c := newPacedConn(a, time.Hour, 100)
		a.data <- "abc"
		p := make([]byte, 2)
		for _, want := range []string{"ab", "c"} {
			n, err := c.Read(p)
			require.NoError(t, err)
			assert.Equal(t, want, string(p[:n]))
		}
	})
}

func TestPacedConn_WaitsOnlyAfterASmallRead(t *testing.T) {
	for first, wait := range map[string]time.Duration{"a": time.Hour, "ab": 0, "abcdefgh": 0} {
		synctest.Test(t, func(t *testing.T) {
			a := newArrivals()
			c := newPacedConn(a, time.Hour, 8)
			a.data <- first
			began := time.Now()
			assert.Equal(t, first, c.read(t))
			a.data <- "next"
			assert.Equal(t, "next", c.read(t))
			assert.Equal(t, wait, time.Since(began), "%s, by the fake clock", first)
		})
	}
}

// failing is a connection whose next read returns data and an error together.
type failing struct {
	net.Conn
	data string
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, io.ErrUnexpectedEOF
}

func TestPacedConn_ReturnsDataBeforeTheErrorOfTheSameRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newPacedConn(&failing{data: "abc"}, time.Second, 100)
		assert.Equal(t, "abc", c.read(t))
		n, err := c.Read(make([]byte, 1))
		assert.Zero(t, n)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

func TestPacedConn_CloseEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newArrivals()
		c := newPacedConn(a, time.Hour, 100)
		a.data <- "a"
		c.read(t)
		began := time.Now()
		var reading sync.WaitGroup
		reading.Go(func() {
			_, err := c.Read(make([]byte, 1))
			assert.ErrorIs(t, err, net.ErrClosed)
		})
		synctest.Wait()
		require.NoError(t, c.Close())
		reading.Wait()
		assert.Equal(t, began, time.Now(), "the fake clock")
	})
}

// TestLogConfig_FollowsManyLogs follows logs over one connection, as from an API server: HTTP/2 with TLS.
func TestLogConfig_FollowsManyLogs(t *testing.T) {
	const pods, lines = 20, 30
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "HTTP/2.0", r.Proto)
		for i := range lines {
			fmt.Fprintf(w, "%s line %d\n", time.Now().UTC().Format(time.RFC3339Nano), i)
			w.(http.Flusher).Flush()
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	api, err := kubernetes.NewForConfig(LogConfig(&rest.Config{
		Host: s.URL, QPS: -1, TLSClientConfig: rest.TLSClientConfig{Insecure: true},
	}))
	require.NoError(t, err)
	c := newTestClient(t)
	c.Logs, c.observer = api, newObserver(c.Log)
	var following sync.WaitGroup
	read := make([]int, pods)
	for i := range pods {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("pod-", i), UID: types.UID(fmt.Sprint(i))}}
		update(c.observer, withEndedContainer(pod), c.observer.podChanged)
		following.Go(func() {
			assert.NoError(t, c.FollowLog(t.Context(), pod, func([]byte) { read[i]++ }, func(bool, error) {}))
		})
	}
	following.Wait()
	for i := range pods {
		assert.Equal(t, lines, read[i], "pod %d", i)
	}
}
