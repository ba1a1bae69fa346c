package command

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestWarnings_AreInTheResultOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Warning", `299 - "v1 Pod is deprecated"`)
		w.Header().Add("Warning", `199 - "a proxy's own"`)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}`))
	}))
	defer server.Close()
	cluster, err := connectTo(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	for range 2 {
		_, err := cluster.client.CoreV1().Pods("stig").List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
	}
	got := runSpec{cluster: cluster}.describe(result.Result{})
	assert.Equal(t, []string{"v1 Pod is deprecated"}, got.Cluster.Warnings)
}
