package e2e

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// distrustKubelet gives the kubelet of a node a serving certificate that the API server does
// not trust, until the test ends.
func distrustKubelet(t *testing.T, node string) {
	t.Helper()
	t.Cleanup(func() { tryCluster(t, "trust", node) })
	cluster(t, "distrust", node)
}

// sleepingPod creates a pod that meets the restricted Pod Security Standard, and returns it
// once it is running on a node.
func sleepingPod(t *testing.T, ns *chaosengine.Namespace, name, node string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: node},
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsUser: ptr.To[int64](65532), RunAsNonRoot: ptr.To(true),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{sleepingContainer(name)},
		},
	}
	_, err := ns.Kube.CoreV1().Pods(ns.Name).Create(within(t), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	return awaitRunning(t, ns, name)
}

// sleepingContainer returns a container that never ends by itself.
func sleepingContainer(name string) corev1.Container {
	return corev1.Container{
		Name: name, Image: "volume-durability.test/busybox:test", ImagePullPolicy: corev1.PullNever,
		Command: []string{"sleep", "100000"},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
}

// The API server cannot read logs from a kubelet whose serving certificate it does not trust.
// Everything else on the node works. This test disturbs every other one that uses the node.
func TestLogs_UntrustedKubeletIsAnErrorThatNamesIt(t *testing.T) {
	requireTestCluster(t)
	ns := newNamespace(t)
	at := newTerminal(t, ns)
	sleepingPod(t, ns, "other", "n2")
	cordon(t, ns, "n1")
	distrustKubelet(t, "n2")

	const cause = "certificate signed by unknown authority"
	code, out, _ := at.exec("doctor")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "on node n2")
	assert.Contains(t, out, cause)

	code, out, _ = at.exec(shortRun("-o", "json", "--status-check-timeout", "15")...)
	assert.Equal(t, 2, code)
	var r result.Result
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	assert.Equal(t, judge.Error, r.Verdict)
	assert.Contains(t, r.Reason,
		"its log could not be read: reading the log of pod "+ns.Name+"/write-pod on node n2")
	assert.Contains(t, r.Reason, cause)
	assert.Contains(t, r.Reason, "port 10250")
	requireNothingLeft(t, ns)
}

// A stream of the writer's log stays open but brings nothing, as through a proxy that has
// dropped the connection. The acknowledgements must reach the ledger by a new stream.
func TestLogs_SilentStreamIsOpenedAgain(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	env := map[string]string{"TOTAL_CHAOS_DURATION": "35", "CHAOS_INTERVAL": "35", "WRITE_RATE": "20"}
	env["KUBERNETES_SERVICE_PORT"] = silencer(t, ns)
	o := run(t, ns, env)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict(), o.result.Reason)
	assert.Contains(t, o.log, "The log stream was silent while the pod was writing; it was opened again")
	assert.Greater(t, o.result.Cells[0].Epochs[0].AckedAtDeletion, uint64(20*20),
		"acknowledgements of the time of silence must be in the ledger")
	requireNothingLeft(t, ns)
}

// silencer starts a proxy in front of the API server and returns its port. The first stream
// of a writer's log brings its first data only.
func silencer(t *testing.T, ns *chaosengine.Namespace) (port string) {
	t.Helper()
	target, err := url.Parse(ns.Config.Host)
	require.NoError(t, err)
	transport, err := rest.TransportFor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{
		CAData: ns.Config.CAData, CAFile: ns.Config.CAFile,
	}})
	require.NoError(t, err)
	var once sync.Once
	proxy := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if strings.HasSuffix(r.Request.URL.Path, "/pods/write-pod/log") && r.StatusCode == http.StatusOK {
				once.Do(func() { r.Body = &silencedBody{ReadCloser: r.Body, done: r.Request.Context().Done()} })
			}
			return nil
		},
	}
	// The proxy has the certificate of the API server, and its address.
	const pki = "/var/lib/volume-durability-cluster/pki/kube-apiserver"
	certificate, err := tls.LoadX509KeyPair(pki+".crt", pki+".key")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(proxy)
	require.NoError(t, server.Listener.Close())
	server.Listener, err = net.Listen("tcp", net.JoinHostPort(target.Hostname(), "0"))
	require.NoError(t, err)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	_, port, err = net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	return port
}

// silencedBody brings the result of one read, and then nothing until the client gives up.
type silencedBody struct {
	io.ReadCloser
	done   <-chan struct{}
	silent bool
}

func (b *silencedBody) Read(p []byte) (int, error) {
	if !b.silent {
		b.silent = true
		return b.ReadCloser.Read(p)
	}
	<-b.done
	return 0, io.ErrUnexpectedEOF
}
