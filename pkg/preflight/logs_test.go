package preflight

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// clusterWithLogs returns a client of a cluster with pods, which are named for their nodes: n1-a is on n1. For the log
// of a pod, the API server answers with a status by pod.
func clusterWithLogs(t *testing.T, answers map[string]*metav1.Status) kubernetes.Interface {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var answer any
		if strings.HasSuffix(r.URL.Path, "/log") {
			pod := strings.Split(r.URL.Path, "/")[6]
			status := answers[pod]
			if status == nil {
				return
			}
			w.WriteHeader(int(status.Code))
			answer = status
		} else {
			list := &corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}}
			for _, pod := range slices.Sorted(maps.Keys(answers)) {
				node, _, _ := strings.Cut(pod, "-")
				list.Items = append(list.Items, corev1.Pod{
					ObjectMeta: metav1.ObjectMeta{Namespace: "x", Name: pod},
					Spec:       corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "c"}}},
					Status:     corev1.PodStatus{Phase: corev1.PodRunning},
				})
			}
			answer = list
		}
		assert.NoError(t, json.NewEncoder(w).Encode(answer))
	}))
	t.Cleanup(server.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{
		Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"},
	})
	require.NoError(t, err)
	return client
}

func failure(code int32, reason metav1.StatusReason, message string) *metav1.Status {
	return &metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	}
}

func TestLogs_NamesTheNodeWhoseKubeletCannotBeRead(t *testing.T) {
	tls := failure(500, metav1.StatusReasonInternalError, "remote error: tls: internal error")
	client := clusterWithLogs(t, map[string]*metav1.Status{"n1-a": nil, "n2-a": tls, "n2-b": tls})
	c := checkLogs(t.Context(), client, "stig", []string{"n1", "n2"})
	assert.Equal(t, Failed, c.Status)
	assert.Contains(t, c.Message, "reading the log of pod x/n2-a on node n2")
	assert.Contains(t, c.Message, "remote error: tls: internal error")
	assert.NotContains(t, c.Message, "n1")

	c = checkLogs(t.Context(), client, "stig", []string{"n1"})
	assert.Equal(t, Check{"pod logs", Passed, "can be read on n1"}, c)
}

func TestLogs_APodThatIsBeingDeletedIsNotTheKubeletsFault(t *testing.T) {
	gone := failure(500, metav1.StatusReasonInternalError, "container not found")
	client := clusterWithLogs(t, map[string]*metav1.Status{"n1-a": gone, "n1-b": nil})
	assert.Equal(t, Passed, checkLogs(t.Context(), client, "stig", []string{"n1"}).Status)
}

func TestLogs_NotCheckedWithoutAPodOrPermission(t *testing.T) {
	forbidden := failure(403, metav1.StatusReasonForbidden, "no")
	client := clusterWithLogs(t, map[string]*metav1.Status{"n1": nil, "n2": forbidden})
	c := checkLogs(t.Context(), client, "stig", []string{"n1", "n2", "n3"})
	assert.Equal(t, Warning, c.Status)
	assert.Equal(t, "can be read on n1; not checked on n2 (no pod runs there whose log you may read), "+
		"n3 (no pod runs there whose log you may read)", c.Message)
}
