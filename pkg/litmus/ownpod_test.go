package litmus

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/litmuschaos/litmus-go/pkg/clients"
	"github.com/litmuschaos/litmus-go/pkg/types"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
)

func TestImage_IsThatOfOwnContainer(t *testing.T) {
	proxy := corev1.Container{Name: "istio-proxy", Image: "theirs"}
	named := corev1.Container{Name: "volume-durability-abc123", Image: "ours"}
	renamed := corev1.Container{Name: "x", Image: "ours", Env: []corev1.EnvVar{{Name: "CHAOSENGINE", Value: "e"}}}
	of := func(containers ...corev1.Container) *corev1.Pod {
		job := metav1.OwnerReference{Kind: "Job", Name: "volume-durability-abc123", Controller: ptr.To(true)}
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{job}},
			Spec:       corev1.PodSpec{Containers: containers},
		}
	}
	for name, tc := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"the only container":       {&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{proxy}}}, "theirs"},
		"after a sidecar":          {of(proxy, named), "ours"},
		"before a sidecar":         {of(named, proxy), "ours"},
		"with another name":        {of(proxy, renamed), "ours"},
		"among unknown ones":       {of(proxy, proxy), ""},
		"the pod was not readable": {&corev1.Pod{}, ""},
	} {
		assert.Equal(t, tc.want, (&Experiment{pod: tc.pod}).Image(), name)
	}
}

func TestReadOwnPod_LogsPodThatCannotBeRead(t *testing.T) {
	log, logged := logtest.NewNullLogger()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no permission", http.StatusForbidden)
	}))
	defer server.Close()
	api, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	e := &Experiment{clients: clients.ClientSets{KubeClient: api}, log: log, chaos: types.ChaosDetails{Timeout: 1}}
	require.NoError(t, e.readOwnPod(t.Context()))
	require.NotNil(t, logged.LastEntry())
	assert.Equal(t, logrus.WarnLevel, logged.LastEntry().Level)
	assert.Contains(t, logged.LastEntry().Message, "LIB_IMAGE must be set")
	assert.Empty(t, e.Image())
	assert.Empty(t, e.JobUID())

	stopped, stop := context.WithCancel(t.Context())
	stop()
	assert.Error(t, e.readOwnPod(stopped))
}

func TestPodSettings_AreThoseOfOwnContainer(t *testing.T) {
	limits := corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
	e := &Experiment{pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"team": "storage"}},
		Spec: corev1.PodSpec{PriorityClassName: "high", Containers: []corev1.Container{
			{Name: "istio-proxy"},
			{
				Name: "x", Env: []corev1.EnvVar{{Name: "CHAOSENGINE"}},
				Resources: corev1.ResourceRequirements{Limits: limits},
			},
		}},
	}}
	assert.Equal(t, "high", e.PodSettings().PriorityClassName)
	assert.Equal(t, limits, e.PodSettings().Resources.Limits)
	assert.Equal(t, map[string]string{"team": "storage"}, e.PodAnnotations())
	assert.Empty(t, (&Experiment{pod: &corev1.Pod{}}).PodSettings())
}
