package kube

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// attach tells the observer about the attachment of the volume pvc-1 to a node.
func (w waiter) attach(node string, attached bool) {
	volume := "pvc-1"
	update(w.observer, &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "to-" + node, UID: "to-" + "uid"},
		Spec: storagev1.VolumeAttachmentSpec{
			NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume},
		},
		Status: storagev1.VolumeAttachmentStatus{Attached: attached},
	}, w.observer.attachmentChanged)
}

func TestAwaitRunning_ReportsEachStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		var steps [][2]string
		w.OnStep = func(step, reason string) { steps = append(steps, [2]string{step, reason}) }
		claim := func(volume string, phase corev1.PersistentVolumeClaimPhase) {
			update(w.observer, &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", UID: "claim"},
				Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: volume},
				Status:     corev1.PersistentVolumeClaimStatus{Phase: phase},
			}, w.observer.claimChanged)
		}
		const noNode = "0/1 nodes are available: 1 Insufficient cpu."
		onNode := func(p *corev1.Pod) { p.Spec.NodeName = "n2" }
		created := func(p *corev1.Pod) {
			onNode(p)
			p.Status.Conditions = []corev1.PodCondition{
				{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue},
			}
		}
		for i, change := range []func(){
			func() { claim("", corev1.ClaimPending); w.observe(func(*corev1.Pod) {}) },
			func() { claim("pvc-1", corev1.ClaimBound) },
			func() { w.observe(unscheduled(noNode)) },
			func() { w.observe(onNode) },
			func() { w.attach("n2", false) },
			func() { w.attach("n2", true) },
			func() { w.observe(onNode) },
			func() { w.observe(onNode, podEvent("FailedMount", "stale file handle")) },
			func() { w.observe(created) },
			func() { w.observe(running) },
		} {
			time.AfterFunc(time.Duration(i)*time.Second, change)
		}
		_, err := w.awaited(t)
		require.NoError(t, err)
		assert.Equal(t, [][2]string{
			{"scheduling", ""}, {"provisioning", ""}, {"scheduling", ""}, {"scheduling", "Unschedulable: " + noNode},
			{"mounting on n2", ""}, {"attaching to n2", ""}, {"mounting on n2", ""},
			{"mounting on n2", "FailedMount: stale file handle"}, {"starting on n2", ""},
		}, steps)
	})
}
