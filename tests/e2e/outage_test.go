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

// outage is how long the API server is unavailable: longer than a restart takes.
const outage = 30 * time.Second

// The API server is unavailable in each phase of a run, also while a request is pending.
func TestVerdict_UnchangedByAnAPIServerOutage(t *testing.T) {
	for _, p := range []phase{
		{name: "while the run starts", env: short(nil), trigger: runStart},
		{name: "while the writer is created", env: short(nil), trigger: podCreation, object: "write-pod"},
		{
			name: "before the chaos", env: short(map[string]string{"RAMP_TIME": "10"}),
			trigger: engineEvent, object: "PreChaosCheck",
		},
		{name: "while the writer is deleted", env: withRecovery(nil), trigger: podDeletion, object: "write-pod"},
		{name: "while the reader is created", env: short(nil), trigger: podCreation, object: "read-pod"},
		{name: "while the objects are removed", env: short(nil), trigger: podDeletion, object: "read-pod"},
		{name: "while the bundle is saved", env: short(nil), trigger: bundleSave},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			requireTestCluster(t) // the proxy listens at the address of its API server
			ns := newNamespace(t)
			proxy := newAPIProxy(t, ns)
			p.env["KUBERNETES_SERVICE_PORT"] = proxy.port
			p.interrupt(t, ns, func() { proxy.closeFor(t, outage) })
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
			assert.Contains(t, o.log, "The API server did not answer; retrying: ", "the run must notice the outage")
			if p.trigger == podDeletion && p.object == "write-pod" {
				assert.Regexp(t, `the recovery time of epoch 1 includes (\d+m)?\d+s in which the API server was unavailable`,
					strings.Join(o.result.Cells[0].Notes, "\n"))
			}
			requireNothingLeft(t, ns)
			requireBundle(t, ns, o)
		})
	}
}

// apiProxy forwards the connections of one run to the API server. It listens on another port
// at the API server's address. While it is closed, the API server is unavailable for that run
// only. Stopping the API server would delay all other tests by up to a minute, because
// client-go retries at growing intervals.
type apiProxy struct {
	port    string
	address string // where it listens
	target  string // where the API server listens

	mu          sync.Mutex
	listener    net.Listener // nil while the proxy is closed
	connections map[net.Conn]struct{}
	reopening   *time.Timer
	goroutines  sync.WaitGroup
}

// newAPIProxy returns an open proxy that is closed after the test.
func newAPIProxy(t *testing.T, ns *chaosengine.Namespace) *apiProxy {
	t.Helper()
	server, err := url.Parse(ns.Config.Host)
	require.NoError(t, err)
	p := &apiProxy{
		address: net.JoinHostPort(server.Hostname(), "0"), target: server.Host, connections: map[net.Conn]struct{}{},
	}
	require.NoError(t, p.open())
	p.address = p.listener.Addr().String()
	_, p.port, err = net.SplitHostPort(p.address)
	require.NoError(t, err)
	t.Cleanup(func() {
		p.close()
		p.goroutines.Wait()
	})
	return p
}

func (p *apiProxy) open() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.listener = listener
	p.goroutines.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // the listener is closed
			}
			p.goroutines.Go(func() { p.forward(listener, from) })
		}
	})
	return nil
}

// forward copies data between a client and the API server, until one of them or the proxy is
// closed.
func (p *apiProxy) forward(listener net.Listener, from net.Conn) {
	to, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = from.Close()
		return
	}
	if !p.add(listener, from, to) {
		return
	}
	defer p.forget(from, to)
	var back sync.WaitGroup
	back.Go(func() { copyAndClose(from, to) })
	copyAndClose(to, from)
	back.Wait()
}

func copyAndClose(to, from net.Conn) {
	_, _ = io.Copy(to, from) // both ends notice an error themselves
	_, _ = to.Close(), from.Close()
}

// add adds connections that end when the proxy is closed. If the listener that accepted them
// is already closed, add closes them and returns false.
func (p *apiProxy) add(listener net.Listener, both ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != listener {
		for _, c := range both {
			_ = c.Close()
		}
		return false
	}
	for _, c := range both {
		p.connections[c] = struct{}{}
	}
	return true
}

func (p *apiProxy) forget(both ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range both {
		delete(p.connections, c)
	}
}

// close closes all connections. New ones are refused.
func (p *apiProxy) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reopening != nil {
		p.reopening.Stop()
	}
	if p.listener == nil {
		return
	}
	_ = p.listener.Close()
	p.listener = nil
	for c := range p.connections {
		_ = c.Close()
	}
}

// closeFor closes the proxy and opens it again after a duration.
func (p *apiProxy) closeFor(t *testing.T, d time.Duration) {
	p.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reopening = time.AfterFunc(d, func() { assert.NoError(t, p.open()) })
}
