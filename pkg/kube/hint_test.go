package kube

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The reason that decides is not always the first one in the message.
func TestHint_NamesTheReasonThatDecides(t *testing.T) {
	const volume = "2 node(s) didn't match PersistentVolume's node affinity"
	const none = "Unschedulable: 0/3 nodes are available: "
	for message, want := range map[string]string{
		none + "1 Insufficient cpu, " + volume + ".":                              "kubectl describe nodes",
		none + "1 node(s) had untolerated taint(s), " + volume + ".":              "set TOLERATIONS",
		none + "1 node(s) were unschedulable, " + volume + ".":                    "uncordon a node",
		none + "1 x.csi CSI driver is not installed on the node, " + volume + ".": "start the driver",
		none + "1 node(s) exceed max volume count, " + volume + ".":               "detach volumes",
		none + "1 node(s) did not have enough free storage, " + volume + ".":      "CLAIM_SIZE",
		none + "1 node(s) didn't match Pod's node affinity/selector, " + volume:   "set READER_NODE to a node",
		none + "3 node(s) didn't satisfy plugin(s) [NodeAffinity].":               "set READER_NODE to a node",
		none + "pod has unbound immediate PersistentVolumeClaims.":                "kubectl describe pvc",
		none + "3 Insufficient cpu.; TriggeredScaleUp: pod triggered scale-up: [x]": "raise STATUS_CHECK_TIMEOUT (" +
			engineTimeout + ")",
		outOfReach + ": " + none + "1 node(s) had untolerated taint {a: b}, " + volume + ".": "set READER_NODE to a node",
		none + "pod has unbound immediate PersistentVolumeClaims.; ProvisioningFailed: rpc error: code = OutOfRange desc = " +
			"too small; ProvisioningFailed: rpc error: code = Unavailable desc = x": "set CLAIM_SIZE",
		none + "pod has unbound immediate PersistentVolumeClaims.; ProvisioningFailed: " +
			`storageclass.storage.k8s.io "x" not found`: "set STORAGE_CLASS",
		"ErrImagePull: manifest unknown":       "LIB_IMAGE",
		"something that Kubernetes never says": "",
	} {
		hint := Hint(strings.TrimSuffix(message, "."))
		if want == "" {
			assert.Empty(t, hint)
			continue
		}
		assert.Contains(t, hint, ". To fix this: ")
		assert.Contains(t, hint, want, message)
	}
}

func TestHint_FollowsOneFullStop(t *testing.T) {
	const scheduler = "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: " +
		"1 Preemption is not helpful for scheduling."
	for _, err := range []error{
		&UnsupportedError{Object: "pod stig/write-pod", Message: scheduler},
		&PodNotRunningError{Namespace: "stig", Pod: "write-pod", Reason: scheduler, Err: context.DeadlineExceeded},
	} {
		assert.Contains(t, err.Error(), ". To fix this: make room")
		assert.NotContains(t, err.Error(), "..")
		assert.NotContains(t, err.Error(), ". (")
	}
}
