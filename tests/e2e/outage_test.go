package e2e

import (
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// outage is for how long the API server is away: longer than a restart takes.
const outage = 30 * time.Second

// In every phase of a run, also while an answer of the API server is on its way.
func TestAnAPIServerThatIsAwayForARunChangesNoVerdict(t *testing.T) {
	for _, p := range []phase{
		{name: "while the run begins", env: short(nil), happens: beginning},
		{name: "while the writer is created", env: short(nil), happens: creation, what: "write-pod"},
		{name: "before the chaos", env: short(map[string]string{"RAMP_TIME": "10"}), happens: event, what: "PreChaosCheck"},
		{name: "while the writer is deleted", env: several(nil), happens: deletion, what: "write-pod"},
		{name: "while the reader is created", env: short(nil), happens: creation, what: "read-pod"},
		{name: "while all is removed", env: short(nil), happens: deletion, what: "read-pod"},
		{name: "while the evidence is kept", env: short(nil), happens: keeping},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			requireTestCluster(t) // its API server is reached through this machine
			ns := someNamespace(t)
			way := newWay(t, ns)
			p.env["KUBERNETES_SERVICE_PORT"] = way.port
			p.interrupt(t, ns, func() { way.closeFor(t, outage) })
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
			assert.Contains(t, o.log, "The API server did not answer; retrying: ", "it was away for the run")
			if p.happens == deletion && p.what == "write-pod" {
				assert.Regexp(t, `the API server was unavailable for \d+s while the writer of epoch 1 was deleted`, strings.Join(o.result.Cells[0].Notes, "\n"))
			}
			requireNothingLeft(t, ns)
			requireEvidence(t, ns, o)
		})
	}
}

// way is the one way of a run to the API server, by a port of its own at the API
// server's address. While it is closed the API server is away for that run, as one
// that is stopped is, and there for everybody else: were it stopped, all that watch
// it would be late for a minute (client-go waits longer and longer between attempts).
type way struct {
	port    string
	address string
	to      string

	mu          sync.Mutex
	listener    net.Listener // nil while it is closed
	connections map[net.Conn]struct{}
	reopening   *time.Timer
	all         sync.WaitGroup
}

// newWay opens one that is gone after the test.
func newWay(t *testing.T, ns *chaosengine.Namespace) *way {
	t.Helper()
	server, err := url.Parse(ns.Config.Host)
	require.NoError(t, err)
	w := &way{address: net.JoinHostPort(server.Hostname(), "0"), to: server.Host, connections: map[net.Conn]struct{}{}}
	require.NoError(t, w.open())
	w.address = w.listener.Addr().String()
	_, w.port, err = net.SplitHostPort(w.address)
	require.NoError(t, err)
	t.Cleanup(func() {
		w.close()
		w.all.Wait()
	})
	return w
}

func (w *way) open() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		return err
	}
	w.listener = listener
	w.all.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			w.all.Go(func() { w.carry(listener, from) })
		}
	})
	return nil
}

// carry takes what either end sends to the other, until one of them or the way is closed.
func (w *way) carry(by net.Listener, from net.Conn) {
	to, err := net.Dial("tcp", w.to)
	if err != nil {
		_ = from.Close()
		return
	}
	if !w.keep(by, from, to) {
		return
	}
	defer w.drop(from, to)
	var back sync.WaitGroup
	back.Go(func() { join(from, to) })
	join(to, from)
	back.Wait()
}

func join(to, from net.Conn) {
	_, _ = io.Copy(to, from) // how it ended is the ends' business
	_, _ = to.Close(), from.Close()
}

// keep notes the connections that end with the way. It says no where the way that
// they came by is closed already.
func (w *way) keep(by net.Listener, both ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != by {
		for _, c := range both {
			_ = c.Close()
		}
		return false
	}
	for _, c := range both {
		w.connections[c] = struct{}{}
	}
	return true
}

func (w *way) drop(both ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range both {
		delete(w.connections, c)
	}
}

// close breaks every connection, and has those refused that are asked for.
func (w *way) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reopening != nil {
		w.reopening.Stop()
	}
	if w.listener == nil {
		return
	}
	_ = w.listener.Close()
	w.listener = nil
	for c := range w.connections {
		_ = c.Close()
	}
}

// closeFor closes the way and opens it again after some time.
func (w *way) closeFor(t *testing.T, d time.Duration) {
	w.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reopening = time.AfterFunc(d, func() { assert.NoError(t, w.open()) })
}
