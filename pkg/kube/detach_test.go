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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

// The messages of the attach-detach controller up to 1.36 and since 1.37
// (k8s.io/kubernetes/pkg/controller/volume/attachdetach/reconciler/reconciler.go), and those of drivers.
var elsewhere = map[string]string{
	"kubernetes-sigs/aws-ebs-csi-driver#542": `Multi-Attach error for volume "pvc-16293fb9-4a67-4508-b112-178e5c4455cd" ` +
		`Volume is already exclusively attached to one node and can't be attached to another`,
	"reconciler.go@v1.37.2": `Waiting for detach for volume "pvc-1" Volume is already exclusively attached to one node, ` +
		`waiting on detach before it can be attached to another node`,
	"longhorn/longhorn-manager controller/volume_attachment_controller.go@5ddaa369": `AttachVolume.Attach failed for ` +
		`volume "pvc-1" : rpc error: code = Internal desc = the volume is currently attached to different node n1 `,
}

// leaving returns states of the node n1 in which it does not detach a volume by itself.
func leaving() map[string][]runtime.Object {
	node := func(name string, change func(*corev1.Node)) []runtime.Object {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		change(n)
		return []runtime.Object{n}
	}
	return map[string][]runtime.Object{
		"which is not ready: NodeStatusUnknown: Kubelet stopped posting node status.": node("n1", func(n *corev1.Node) {
			n.Status.Conditions = []corev1.NodeCondition{{
				Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown",
				Message: "Kubelet stopped posting node status.",
			}}
		}),
		"which no longer exists": node("n3", func(*corev1.Node) {}),
		"which is being drained": node("n1", func(n *corev1.Node) { n.Spec.Unschedulable = true }),
	}
}

// attachedTo lets the observer know that the volume of the claim is attached to a node.
func (w waiter) attachedTo(node string) {
	volume := "pvc-1"
	w.observer.attachmentsVisible = true
	update(w.observer, &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "csi-1", UID: "attachment"},
		Spec: storagev1.VolumeAttachmentSpec{
			NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume},
		},
	}, w.observer.attachmentChanged)
}

// unattachable is the state of a pod whose volume is still attached to another node.
func (w waiter) unattachable(t *testing.T, message string) {
	t.Helper()
	e := podEvent("FailedAttachVolume", message)
	e.Name = "e"
	_, err := w.API.CoreV1().Events("stig").Create(t.Context(), &e, metav1.CreateOptions{})
	require.NoError(t, err)
	w.observe(waitingFor("ContainerCreating", ""), e)
}

func boundClaim() *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig", UID: "claim"},
		Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: "pvc-1"},
		Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
	}
}

func TestAwaitRunning_VolumeOfLeavingNodeIsNotUnavailable(t *testing.T) {
	for source, message := range elsewhere {
		for state, objects := range leaving() {
			t.Run(source+" "+state, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWaiter(t, append(objects, boundClaim())...)
					w.attachedTo("n1")
					w.unattachable(t, message)
					_, err := w.awaited(t)
					var unready *PodNotRunningError
					require.ErrorAs(t, err, &unready)
					assert.False(t, unready.VolumeUnavailable)
					assert.ErrorContains(t, err, "the volume is still attached to node n1, "+state)
					assert.ErrorContains(t, err, "To fix this: set STATUS_CHECK_TIMEOUT to more than 360")
				})
			})
		}
	}
}

func TestAwaitRunning_VolumeThatIsNotDetachedIsUnavailable(t *testing.T) {
	ready := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
	gone := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n3"}}
	for name, tc := range map[string]struct {
		node    *corev1.Node
		timeout time.Duration
		volume  bool
	}{
		"the node is ready":                {ready, time.Minute, true},
		"the node is gone for one minute":  {gone, time.Minute, false},
		"the node is gone for six minutes": {gone, ForcedDetachAfter, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWaiter(t, tc.node, boundClaim())
				w.Timeout = tc.timeout
				w.attachedTo("n1")
				w.unattachable(t, elsewhere["reconciler.go@v1.37.2"])
				_, err := w.awaited(t)
				var unready *PodNotRunningError
				require.ErrorAs(t, err, &unready)
				assert.Equal(t, tc.volume, unready.VolumeUnavailable)
			})
		})
	}
}

// Without rbac-optional.yaml, the volume was last on the node of the run's earlier pod, and that node may be gone.
func TestAwaitRunning_VolumeOfUnknownNodeIsNotUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t, boundClaim())
		w.API.(*fake.Clientset).PrependReactor("list", "nodes", forbidden)
		writer := w.pod.DeepCopy()
		writer.UID, writer.Spec.NodeName = "writer", "n1"
		update(w.observer, writer, w.observer.podChanged)
		w.unattachable(t, elsewhere["reconciler.go@v1.37.2"])
		_, err := w.awaited(t)
		var unready *PodNotRunningError
		require.ErrorAs(t, err, &unready)
		assert.False(t, unready.VolumeUnavailable)
		assert.ErrorContains(t, err, "node n1, whose state is not known without rbac-optional.yaml")
	})
}
