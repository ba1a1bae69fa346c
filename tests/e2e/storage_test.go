package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// eventually returns once a condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	holds := func(context.Context) (bool, error) { return condition(), nil }
	require.NoError(t, wait.PollUntilContextCancel(within(t), 200*time.Millisecond, true, holds))
}

// claimOf creates a claim of a class with the name claim.
func claimOf(
	t *testing.T, ns *chaosengine.Namespace, class string,
	access corev1.PersistentVolumeAccessMode, mode corev1.PersistentVolumeMode,
) {
	t.Helper()
	claim := chaosengine.NewClaim("claim", resource.MustParse("64Mi"))
	claim.Spec.StorageClassName, claim.Spec.VolumeMode = ptr.To(class), ptr.To(mode)
	claim.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{access}
	_, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Create(within(t), claim, metav1.CreateOptions{})
	require.NoError(t, err)
}

func TestBlockDevice_IsWritableByANonRootUser(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	claimOf(t, ns, "csi-block", corev1.ReadWriteOnce, corev1.PersistentVolumeBlock)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pod"},
		Spec: corev1.PodSpec{
			NodeSelector:                  map[string]string{corev1.LabelHostname: "n1"}, // see layout.Node.DeviceOwnership
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsUser: ptr.To[int64](65532), RunAsGroup: ptr.To[int64](65532), RunAsNonRoot: ptr.To(true),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Volumes: []corev1.Volume{{Name: "device", VolumeSource: corev1.VolumeSource{
				PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "claim"},
			}}},
			Containers: []corev1.Container{{
				Name: "pod", Image: "volume-durability.test/busybox:test", ImagePullPolicy: corev1.PullNever,
				Command:       []string{"sh", "-c", "echo kept | dd of=/dev/volume conv=sync,fsync && exec sleep 1000"},
				VolumeDevices: []corev1.VolumeDevice{{Name: "device", DevicePath: "/dev/volume"}},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
	_, err := ns.Kube.CoreV1().Pods(ns.Name).Create(within(t), pod, metav1.CreateOptions{})
	require.NoError(t, err)
	awaitRunning(t, ns, "pod")
	eventually(t, func() bool {
		content, err := ns.Exec(within(t), "pod", "head", "-n", "1", "/dev/volume")
		return err == nil && strings.TrimSpace(content) == "kept"
	})
}

func TestCSIDriver_ReportsAnUnsupportedAccessMode(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	claimOf(t, ns, "csi-ext4", corev1.ReadWriteMany, corev1.PersistentVolumeFilesystem)
	eventually(t, func() bool {
		message := eventsOn(t, ns, "PersistentVolumeClaim")["ProvisioningFailed"]
		return strings.Contains(message, "backend ext4 is used on one node at a time")
	})
}
