package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// An application with an SELinux level uses the claim. The nodes need no SELinux: the labels in
// the pods decide.
func TestSELinux_RunBesideAnApplicationIsRefusedUnlessAsked(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	claimOf(t, ns, "shared", corev1.ReadWriteOnce, corev1.PersistentVolumeFilesystem)
	client := kube.Client{Namespace: ns.Name, Labels: map[string]string{"app": "database"}}
	app := client.NewPod(kube.PodSpec{
		Name: "database-0", Image: "volume-durability.test/busybox:test", ImagePullPolicy: corev1.PullNever,
		Command: []string{"sleep", "1000"}, Path: "/data", Claim: "claim", Identity: kube.Identity{User: ptr.To[int64](1234)},
	})
	app.Spec.SecurityContext.SELinuxOptions = &corev1.SELinuxOptions{Level: "s0:c1,c2"}
	app.Spec.TerminationGracePeriodSeconds = ptr.To[int64](0)
	_, err := ns.Kube.CoreV1().Pods(ns.Name).Create(within(t), app, metav1.CreateOptions{})
	require.NoError(t, err)
	awaitRunning(t, ns, "database-0")
	at := newTerminal(t, ns)

	const refusal = "pod database-0 uses claim claim with the SELinux label s0:c1,c2"
	code, out, _ := at.exec("doctor", "--existing-claim", "claim")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, refusal)
	code, out, errOut := at.exec(shortRun("--existing-claim", "claim", "--writer-node", "claim")...)
	assert.Equal(t, 2, code)
	assert.Contains(t, out+errOut, refusal)
	pods, err := ns.Kube.CoreV1().Pods(ns.Name).List(within(t), metav1.ListOptions{LabelSelector: kube.RunLabel})
	require.NoError(t, err)
	assert.Empty(t, pods.Items, "nothing was created")

	code, out, _ = at.exec(shortRun("--existing-claim", "claim", "--writer-node", "claim", "--allow-relabel=true")...)
	assert.Equal(t, 0, code, out)
}
