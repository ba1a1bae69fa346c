package kube

import (
	"testing"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
)

func TestIsPermanent_ByCodeOrText(t *testing.T) {
	for message, want := range map[string]bool{
		"rpc error: code = InvalidArgument desc = multi-node access is not possible": true,
		"rpc error: code = Unimplemented desc = x":                                   true,
		"NodePath only supports ReadWriteOnce and ReadWriteOncePod access modes":     true,
		"Only support ReadWriteOnce access mode":                                     true,
		"rpc error: code = ResourceExhausted desc = no space":                        false,
		"rpc error: code = DeadlineExceeded desc = context deadline exceeded":        false,
		`rpc error: code = Internal desc = Get "": unsupported protocol scheme ""`:   false,
		"rpc error: code = Unknown desc = ReadWriteMany is not supported":            true,
		"rpc error: code = Unavailable desc = tls: unsupported certificate":          false,
		"storageclass.storage.k8s.io \"x\" not found":                                false,
	} {
		assert.Equal(t, want, isPermanent(message), message)
	}
}

func TestVolumeNodeConflict_OnlyPlacementReasons(t *testing.T) {
	for message, want := range map[string]bool{
		"0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.": true,
		"0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity.":                                                        true,
		"0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) had untolerated taint {x: }. preemption: no.": false,
		"0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match PersistentVolume's node affinity.":                                 false,
		"0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.":                                                            false,
		// A driver that is missing on a node may be installed there later.
		"0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 csi.example.com CSI driver is not installed on the node.": false,
		"no nodes available to schedule pods": false,
	} {
		pod := &corev1.Pod{
			Status: corev1.PodStatus{
				Conditions: []corev1.PodCondition{
					{
						Type:    corev1.PodScheduled,
						Status:  corev1.ConditionFalse,
						Reason:  corev1.PodReasonUnschedulable,
						Message: message,
					},
				},
			},
		}
		_, is := volumeNodeConflict(pod)
		assert.Equal(t, want, is, message)
	}
}
