package preflight

import (
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

func TestCheckSELinux_RefusesToRelabelAClaimInUse(t *testing.T) {
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "theirs", Namespace: "stig"}}
	app := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "stig"},
		Spec: corev1.PodSpec{
			NodeName:        "n1",
			SecurityContext: &corev1.PodSecurityContext{SELinuxOptions: &corev1.SELinuxOptions{Level: "s0:c1,c2"}},
			Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "theirs"},
			}}},
		},
	}
	log := logrus.New()
	log.SetOutput(t.Output())
	opts := options.Defaults()
	r := run.Run{ID: "run", Options: opts, Image: "image", Log: log, Kube: kube.Client{
		API: fake.NewClientset(claim, app), Namespace: "stig", Labels: map[string]string{kube.RunLabel: "run"}, Log: log,
	}}
	assert.Empty(t, checkSELinux(t.Context(), r), "the run creates the claim")
	r.Options.ExistingClaim = "theirs"
	checks := checkSELinux(t.Context(), r)
	require.Len(t, checks, 1)
	assert.Equal(t, Failed, checks[0].Status)
	assert.Contains(t, checks[0].Message, "pod app uses claim theirs with the SELinux label s0:c1,c2")
	r.Options.AllowRelabel = true
	assert.Equal(t, Passed, checkSELinux(t.Context(), r)[0].Status)
}
