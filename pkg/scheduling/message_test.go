package scheduling

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// preempt is the end of a message, as kube-scheduler 1.26 to 1.33 write it.
const preempt = " preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."

// The source of a message is an issue that quotes it, or the files of a version of Kubernetes whose formats it has:
// pkg/scheduler/framework/types.go for the sentence, and the plugin for the reason.
func TestParse_RealMessages(t *testing.T) {
	for _, tc := range []struct {
		source, message    string
		nodes              int
		want               []Reason
		unreachable, guess bool
		deciding           Kind
	}{
		{
			source: "radondb/radondb-mysql-kubernetes#395 (before 1.24)",
			message: "0/3 nodes are available: 1 node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't " +
				"tolerate, 2 node(s) had volume node affinity conflict.",
			nodes: 3,
			want: []Reason{
				{PermanentTaint, 1, "node(s) had taint {node-role.kubernetes.io/master: }, that the pod didn't tolerate"},
				{Volume, 2, "node(s) had volume node affinity conflict"},
			},
			guess: true, deciding: PermanentTaint,
		},
		{
			source: "aws/karpenter-provider-aws#1887 (1.22)",
			message: "0/8 nodes are available: 1 Insufficient memory, 1 node(s) had volume node affinity conflict, 2 node(s) " +
				"didn't match pod topology spread constraints, 2 node(s) had taint {company.com/dedicated: ingress}, that the " +
				"pod didn't tolerate, 2 node(s) had taint {company.com/dedicated: monitoring}, that the pod didn't tolerate.",
			nodes: 8,
			want: []Reason{
				{Resources, 1, "Insufficient memory"},
				{Volume, 1, "node(s) had volume node affinity conflict"},
				{Unknown, 2, "node(s) didn't match pod topology spread constraints"},
				{PermanentTaint, 2, "node(s) had taint {company.com/dedicated: ingress}, that the pod didn't tolerate"},
				{PermanentTaint, 2, "node(s) had taint {company.com/dedicated: monitoring}, that the pod didn't tolerate"},
			},
			deciding: Resources,
		},
		{
			source: "hwameistor/hwameistor#1448 (1.26)",
			message: "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated " +
				"taint {node-role.kubernetes.io/control-plane: }, 3 node(s) didn't match pod affinity rules." + preempt,
			nodes: 3,
			want: []Reason{
				{Placement, 1, "node(s) didn't match Pod's node affinity/selector"},
				{PermanentTaint, 1, "node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"},
				{Unknown, 3, "node(s) didn't match pod affinity rules"},
			},
			deciding: Unknown,
		},
		{
			source: "kubernetes-sigs/karpenter#932 (1.27)",
			message: "0/8 nodes are available: 1 Insufficient memory, 1 node(s) didn't find available persistent volumes to " +
				"bind, 2 node(s) had untolerated taint {eks.amazonaws.com/compute-type: fargate}, 4 node(s) had untolerated " +
				"taint {im-a-sparklike: true}. preemption: 0/8 nodes are available: 1 No preemption victims found for incoming " +
				"pod, 7 Preemption is not helpful for scheduling..",
			nodes: 8,
			want: []Reason{
				{Resources, 1, "Insufficient memory"},
				{NoSpace, 1, "node(s) didn't find available persistent volumes to bind"},
				{PermanentTaint, 2, "node(s) had untolerated taint {eks.amazonaws.com/compute-type: fargate}"},
				{PermanentTaint, 4, "node(s) had untolerated taint {im-a-sparklike: true}"},
			},
			deciding: NoSpace,
		},
		{
			source: "kubernetes/kubernetes#119967 (1.27)",
			message: "0/12 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 3 node(s) " +
				"didn't match pod anti-affinity rules, 8 node(s) didn't match Pod's node affinity/selector. preemption: 0/12 " +
				"nodes are available: 3 No preemption victims found for incoming pod, 9 Preemption is not helpful for " +
				"scheduling.",
			nodes: 12,
			want: []Reason{
				{TemporaryTaint, 1, "node(s) had untolerated taint {node.kubernetes.io/unreachable: }"},
				{Unknown, 3, "node(s) didn't match pod anti-affinity rules"},
				{Placement, 8, "node(s) didn't match Pod's node affinity/selector"},
			},
			deciding: TemporaryTaint,
		},
		{
			source: "pkg/scheduler/schedule_one.go@v1.27.0: a reader with READER_NODE=same",
			message: "0/3 nodes are available: 1 node(s) were unschedulable, 2 node is filtered out by the prefilter result." +
				preempt,
			nodes: 3,
			want: []Reason{
				{Cordoned, 1, "node(s) were unschedulable"},
				{Placement, 2, "node is filtered out by the prefilter result"},
			},
			deciding: Cordoned,
		},
		{
			source: "pkg/scheduler/framework/runtime/framework.go@v1.34.4: plugins whose nodes do not intersect",
			message: "0/3 nodes are available: node(s) didn't satisfy plugin(s) [NodeAffinity VolumeBinding] simultaneously." +
				preempt,
			nodes: 3,
			want: []Reason{
				{Volume, 3, "node(s) didn't satisfy plugin(s) [NodeAffinity VolumeBinding] simultaneously"},
			},
			unreachable: true, guess: true, deciding: Volume,
		},
		{
			source: "pkg/scheduler/schedule_one.go, volumebinding/binder.go@v1.34.4: READER_NODE=n2, volume on n1",
			message: "0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) didn't satisfy " +
				"plugin(s) [NodeAffinity]. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
			nodes: 2,
			want: []Reason{
				{Volume, 1, "node(s) didn't match PersistentVolume's node affinity"},
				{Placement, 1, "node(s) didn't satisfy plugin(s) [NodeAffinity]"},
			},
			unreachable: true, guess: true, deciding: Volume,
		},
		{
			source: "volumebinding/volume_binding.go, dynamicresources.go@v1.34.4",
			message: "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. no new claims to deallocate, " +
				"preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
			nodes:    2,
			want:     []Reason{{Unbound, 2, "pod has unbound immediate PersistentVolumeClaims"}},
			deciding: Unbound,
		},
		{
			source: "tainttoleration/taint_toleration.go, dynamicresources.go@v1.35.4",
			message: "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to " +
				"deallocate, preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption " +
				"victims found for incoming pod.",
			nodes: 3,
			want: []Reason{
				{TemporaryTaint, 1, "node(s) had untolerated taint(s)"},
				{Resources, 2, "Insufficient cpu"},
			},
			deciding: Resources,
		},
		{
			source: "tainttoleration/taint_toleration.go, volumebinding/binder.go@v1.35.4: the taint hides the volume",
			message: "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match PersistentVolume's " +
				"node affinity. no new claims to deallocate," + preempt,
			nodes: 3,
			want: []Reason{
				{TemporaryTaint, 1, "node(s) had untolerated taint(s)"},
				{Volume, 2, "node(s) didn't match PersistentVolume's node affinity"},
			},
			deciding: TemporaryTaint,
		},
		{
			source: "nodevolumelimits/csi.go@v1.36.3: preventPodSchedulingIfMissing",
			message: "0/2 nodes are available: 1 ebs.csi.aws.com CSI driver is not installed on the node, 1 node(s) didn't match " +
				"PersistentVolume's node affinity. no new claims to deallocate," + preempt,
			nodes: 2,
			want: []Reason{
				{Driver, 1, "ebs.csi.aws.com CSI driver is not installed on the node"},
				{Volume, 1, "node(s) didn't match PersistentVolume's node affinity"},
			},
			deciding: Driver,
		},
		{
			source: "volumebinding/volume_binding.go@v1.37.2: a claim that is Lost",
			message: `0/2 nodes are available: persistentvolumeclaim "data" bound to non-existent persistentvolume "pvc-1".` +
				preempt,
			nodes:    2,
			want:     []Reason{{ClaimGone, 2, `persistentvolumeclaim "data" bound to non-existent persistentvolume "pvc-1"`}},
			deciding: ClaimGone,
		},
		{
			source: "volumerestrictions/volume_restrictions.go, nodevolumelimits/csi.go@v1.37.2",
			message: "0/4 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) exceed max volume count, 1 " +
				"node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another " +
				"pod, 1 node(s) had no available volume zone.",
			nodes: 4,
			want: []Reason{
				{Resources, 1, "Insufficient cpu"},
				{Resources, 1, "Insufficient memory"},
				{VolumeLimit, 1, "node(s) exceed max volume count"},
				{InUse, 1, "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use " +
					"by another pod"},
				{Volume, 1, "node(s) had no available volume zone"},
			},
			deciding: InUse,
		},
		{
			source: "taints whose texts have commas, colons and a sentence's end in the braces",
			message: "0/3 nodes are available: 1 node(s) had untolerated taint {a.b/c: d, 2 e. f}, 2 node(s) didn't match " +
				"PersistentVolume's node affinity." + preempt,
			nodes: 3,
			want: []Reason{
				{PermanentTaint, 1, "node(s) had untolerated taint {a.b/c: d, 2 e. f}"},
				{Volume, 2, "node(s) didn't match PersistentVolume's node affinity"},
			},
			guess: true, deciding: PermanentTaint,
		},
	} {
		t.Run(tc.source, func(t *testing.T) {
			m, ok := Parse(tc.message)
			require.True(t, ok)
			assert.Equal(t, tc.nodes, m.Nodes)
			assert.Equal(t, tc.want, m.Reasons)
			assert.Equal(t, tc.unreachable, m.VolumeOutOfReach(false), "out of reach")
			assert.Equal(t, tc.guess, m.VolumeOutOfReach(true), "out of reach, if taints count")
			assert.Equal(t, tc.deciding, m.Deciding().Kind, "deciding: %s", m.Deciding().Text)
		})
	}
}

func TestParse_PartOfALongerText(t *testing.T) {
	m, ok := Parse("Unschedulable: 0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.; " +
		"ProvisioningFailed: 2 storage. errors")
	require.True(t, ok)
	assert.Equal(t, []Reason{{Unbound, 1, "pod has unbound immediate PersistentVolumeClaims"}}, m.Reasons)
}

func TestParse_RejectsOtherTexts(t *testing.T) {
	for _, text := range []string{
		"", "no nodes available to schedule pods", "0/2 nodes are available", "0/2 nodes are available: ",
		"running PreBind plugin \"VolumeBinding\": binding volumes: context deadline exceeded",
		`Failed to schedule pod, incompatible with nodepool "default", daemonset overhead={"cpu":"675m"}`,
	} {
		_, ok := Parse(text)
		assert.False(t, ok, text)
	}
}
