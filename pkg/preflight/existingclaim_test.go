package preflight

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

// claimInUse returns a claim, its volume and its driver, and a pod on node n1 that uses the claim.
func claimInUse(mode corev1.PersistentVolumeAccessMode, attaches bool) []runtime.Object {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "stig", Name: name} }
	user := &corev1.Pod{ObjectMeta: meta("app"), Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	user.Spec = corev1.PodSpec{NodeName: "n1", Volumes: []corev1.Volume{{VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "theirs"},
	}}}}
	return []runtime.Object{
		user,
		&corev1.PersistentVolumeClaim{ObjectMeta: meta("theirs"), Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{mode}, VolumeName: "pv",
		}},
		&corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: "pv"},
			Spec: corev1.PersistentVolumeSpec{PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: "driver"},
			}},
		},
		&storagev1.CSIDriver{
			ObjectMeta: metav1.ObjectMeta{Name: "driver"}, Spec: storagev1.CSIDriverSpec{AttachRequired: ptr.To(attaches)},
		},
	}
}

func TestExistingClaim_InUse(t *testing.T) {
	const rwo, rwop, rwx = corev1.ReadWriteOnce, corev1.ReadWriteOncePod, corev1.ReadWriteMany
	for name, tc := range map[string]struct {
		mode     corev1.PersistentVolumeAccessMode
		env      map[string]string
		attaches bool
		status   Status
		says     string
	}{
		"many pods may use it": {rwx, nil, true, Passed, "ReadWriteMany lets other pods use it too"},
		"one pod may use it": {
			rwop, map[string]string{"WRITER_NODE": "claim"}, true, Failed, "ReadWriteOncePod lets only one pod use it",
		},
		"any node": {rwo, nil, true, Failed, "may run on n2. To fix this: set WRITER_NODE=claim"},
		"any node, without attaching": {
			rwo, nil, false, Warning, "its CSI driver does not attach volumes to nodes",
		},
		"the node of the claim": {rwo, map[string]string{"WRITER_NODE": "claim"}, true, Passed, "can only run there"},
		"the same node": {
			rwo, map[string]string{"WRITER_NODE": "n1", "READER_NODE": "same"}, true, Passed, "can only run there",
		},
		"the same node, another reader": {
			rwo, map[string]string{"WRITER_NODE": "n1"}, true, Failed, "may run on n2",
		},
		"another node": {
			rwo, map[string]string{"WRITER_NODE": "n2", "READER_NODE": "same"}, true, Failed, "may run on n2",
		},
		"a reader on another node": {
			rwo, map[string]string{"WRITER_NODE": "claim", "READER_NODE": "n2"}, true, Failed, "may run on n2",
		},
		"READER_NODE=other": {
			rwo, map[string]string{"WRITER_NODE": "claim", "READER_NODE": "other"}, true, Failed,
			"READER_NODE=other needs another",
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"EXISTING_CLAIM": "theirs"}
			for option, value := range tc.env {
				env[option] = value
			}
			by := checks(t, env, allowAll, append(cluster("n1", "n2"), claimInUse(tc.mode, tc.attaches)...)...)
			check := by["use of claim theirs"]
			assert.Equal(t, tc.status, check.Status, check.Message)
			assert.Contains(t, check.Message, tc.says)
		})
	}
}

// The volume is bound to the node of its user.
func TestExistingClaim_InUseOnTheOnlyNodeOfItsVolume(t *testing.T) {
	objects := claimInUse(corev1.ReadWriteOnce, true)
	objects[2].(*corev1.PersistentVolume).Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: []corev1.NodeSelectorRequirement{
			{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{"n1"}},
		}}},
	}}
	nodes := cluster("n1", "n2")
	for _, o := range nodes {
		if n, is := o.(*corev1.Node); is {
			n.Labels = map[string]string{corev1.LabelOSStable: "linux"}
		}
	}
	check := checks(t, map[string]string{"EXISTING_CLAIM": "theirs"}, allowAll, append(nodes, objects...)...)
	assert.Equal(t, Passed, check["use of claim theirs"].Status, check["use of claim theirs"].Message)
}

func TestExistingClaim_ThatIsGoneIsAFailure(t *testing.T) {
	objects := claimInUse(corev1.ReadWriteMany, true)
	objects[1].(*corev1.PersistentVolumeClaim).Status.Phase = corev1.ClaimLost
	by := checks(t, map[string]string{"EXISTING_CLAIM": "theirs"}, allowAll, append(cluster("n1"), objects...)...)
	assert.Equal(t, Failed, by["use of claim theirs"].Status)
	assert.Contains(t, by["use of claim theirs"].Message, "claim theirs is Lost")
	assert.Equal(t, Failed, by["create existing claim theirs"].Status)
}

func TestExistingClaim_OfAnotherVolumeModeIsAFailure(t *testing.T) {
	objects := claimInUse(corev1.ReadWriteMany, true)
	options := map[string]string{"EXISTING_CLAIM": "theirs", "VOLUME_MODE": "Block"}
	check := checks(t, options, allowAll, append(cluster("n1"), objects...)...)["create existing claim theirs"]
	assert.Equal(t, Failed, check.Status)
	assert.Contains(t, check.Message, "claim theirs has the volume mode Filesystem, not Block. "+
		"To fix this: set VOLUME_MODE to Filesystem")
}
