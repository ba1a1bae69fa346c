package run

import (
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
)

// besideAnApplication is a run on a claim that a pod with an SELinux level uses.
func besideAnApplication(t *testing.T, allow string) Run {
	t.Helper()
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "theirs", Namespace: "stig"}}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "stig"}}
	app := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "stig"},
		Spec: corev1.PodSpec{
			NodeName:        "n1",
			SecurityContext: &corev1.PodSecurityContext{SELinuxOptions: &corev1.SELinuxOptions{Level: "s0:c1,c2"}},
			Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "theirs"},
			}}},
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	env := map[string]string{"EXISTING_CLAIM": "theirs", "ALLOW_RELABEL": allow, "ORCHESTRATOR": "kubernetes"}
	values, err := options.Parse(func(name string) string { return env[name] })
	require.NoError(t, err)
	log := logrus.New()
	log.SetOutput(t.Output())
	return Run{
		ID: "run", Options: values, Image: "image", Hooks: &planHooks{}, Log: log,
		Kube: kube.Client{
			API: fake.NewClientset(namespace, claim, app), Namespace: "stig", Labels: map[string]string{kube.RunLabel: "run"},
			Timeout: time.Minute, Log: log,
		},
	}
}

func TestExecute_RefusesToRelabelAClaimInUse(t *testing.T) {
	r := besideAnApplication(t, "")
	result, err := r.Execute(t.Context())
	require.NoError(t, err)
	assert.Equal(t, judge.Error, result.Verdict)
	assert.Contains(t, result.Reason, "pod app uses claim theirs with the SELinux label s0:c1,c2")
	assert.Empty(t, result.Cells, "nothing was created")
}

func TestCheckSELinux_CanBeAllowed(t *testing.T) {
	assert.Error(t, besideAnApplication(t, "false").CheckSELinux(t.Context()))
	assert.NoError(t, besideAnApplication(t, "true").CheckSELinux(t.Context()))
}
