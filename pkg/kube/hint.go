package kube

import (
	"strings"

	"github.com/volume-durability/volume-durability/pkg/advice"
	"github.com/volume-durability/volume-durability/pkg/provisioning"
	"github.com/volume-durability/volume-durability/pkg/scheduling"
)

const (
	placementHint = "set READER_NODE to a node that can run the pod and reach the volume; for the writer, set WRITER_NODE"
	taintHint     = "make sure that a node is ready, and set TOLERATIONS to its taints: kubectl describe nodes"
)

// DoctorAdvice ends the advice about missing permissions. doctor itself leaves it out.
const DoctorAdvice = "; volume-durability doctor lists the missing ones"

// engineTimeout is where a ChaosEngine sets STATUS_CHECK_TIMEOUT. chaos-runner overwrites the variable.
const engineTimeout = "in a ChaosEngine: statusCheckTimeouts.timeout"

// hints has advice for errors, in the imperative. The first hint whose text is part of the error applies.
var hints = []struct{ text, hint string }{
	{"storageclass.storage.k8s.io", provisioning.NoClass.Hint()},
	{"ErrImageNeverPull", "load the image onto the node, or set LIB_IMAGE_PULL_POLICY so that it is pulled"},
	{"ImagePull", "make sure that the nodes can pull LIB_IMAGE, or the experiment's image if LIB_IMAGE is empty"},
	{"InvalidImageName", "set LIB_IMAGE to a valid image reference"},
	{"bound to non-existent pv", schedulingHints[scheduling.ClaimGone]},
	{"exceeded quota", "raise the quota of the namespace, or free some of it: kubectl describe quota"},
	{"must specify", "set RESOURCE_REQUESTS and RESOURCE_LIMITS to what the namespace's quota requires: " +
		"kubectl describe quota"},
	{"violates PodSecurity", "use a namespace that admits pods of the restricted Pod Security Standard: " +
		"kubectl get namespace --show-labels"},
	{"denied request",
		"change the admission policy, or use another namespace: kubectl get validatingadmissionpolicies"},
	{"denied the request", "change the configuration of the admission webhook, or use another namespace: " +
		"kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"},
	{"is forbidden: User ", "grant the permissions in rbac.yaml" + DoctorAdvice},
	{"usage per", "choose a value that the namespace's LimitRange allows: kubectl describe limitrange"},
	{seLinuxConflict, seLinuxHint},
	{seLinuxMismatch, seLinuxHint},
	{forcedDetachText, "set STATUS_CHECK_TIMEOUT to more than 360 (" + engineTimeout + "), or make the node ready: " +
		"kubectl get nodes"},
	{deadMount, "check whether the FUSE daemon of the volume has died, or no server can be reached: the log of the CSI " +
		"driver's node plugin. If the daemon has died, delete every pod on the node that uses the volume, so that the " +
		"driver mounts it again"},
	{"FailedAttachVolume", "check whether the volume is still attached to another node: kubectl get volumeattachment"},
	{"FailedMount", "check why the node cannot mount the volume: kubectl describe pod, and the log of the CSI driver"},
	{"no space left on device", "use a larger volume or write less (CLAIM_SIZE, WRITE_RATE, RECORD_SIZE)"},
	{"read-only file system",
		"check why the volume is mounted read-only: kubectl describe pv, and the node's kernel log"},
}

// noDefaultClass is part of what Kubernetes reports about a claim without a StorageClass, if no StorageClass is the
// default (k8s.io/kubernetes/pkg/controller/volume/persistentvolume).
const noDefaultClass = "no storage class is set"

const seLinuxHint = "give all pods that use the volume the same seLinuxOptions, or stop the application during the run"

// schedulingHints has advice for the reason that keeps a pod from being scheduled.
var schedulingHints = map[scheduling.Kind]string{
	scheduling.ClaimGone: "use a claim that has a volume and is not being deleted: kubectl describe pvc",
	scheduling.Unbound:   provisioning.Temporary.Hint(),
	scheduling.Driver:    "start the driver's node plugin on a node that can run the pod: kubectl get csinodes",
	scheduling.InUse:     "stop the pod that uses the claim: kubectl describe pvc",
	scheduling.NoSpace: "make room on a node that can run the pod, or set CLAIM_SIZE to a smaller size: " +
		"kubectl get csistoragecapacities -A",
	scheduling.VolumeLimit:    "detach volumes from a node that can run the pod: kubectl get volumeattachment",
	scheduling.Resources:      "make room on a node that can run the pod: kubectl describe nodes",
	scheduling.Cordoned:       "uncordon a node that can run the pod: kubectl get nodes",
	scheduling.TemporaryTaint: taintHint,
	scheduling.PermanentTaint: taintHint,
	scheduling.Volume:         placementHint,
	scheduling.Placement:      placementHint,
}

// Hint returns advice for an error message of Kubernetes or of a volume, as the end of a sentence. It returns an empty
// string if there is no advice.
func Hint(message string) string {
	return advice.After(message, hintOf(message))
}

// hintOf returns the advice about the reason that decides: what keeps a claim from getting a volume comes before what
// keeps the pod from getting a node, and that before what keeps a container from being created.
func hintOf(message string) string {
	if _, failure, found := strings.Cut(message, "ProvisioningFailed: "); found {
		failure, _, _ = strings.Cut(failure, "; ") // the next message
		return provisioning.CauseOf(failure).Hint()
	}
	if strings.Contains(message, noDefaultClass) {
		return "set STORAGE_CLASS to an existing StorageClass, or make one the default: kubectl get storageclass"
	}
	if m, ok := scheduling.Parse(message); ok {
		if hint := hintOfScheduler(m, message); hint != "" {
			return hint
		}
	}
	for _, h := range hints {
		if strings.Contains(message, h.text) {
			return h.hint
		}
	}
	return ""
}

func hintOfScheduler(m scheduling.Message, message string) string {
	switch {
	case strings.Contains(message, outOfReach):
		return placementHint
	case strings.Contains(message, "TriggeredScaleUp: "), strings.Contains(message, "Nominated: "):
		return "raise STATUS_CHECK_TIMEOUT (" + engineTimeout + "), because an autoscaler is adding a node"
	}
	return schedulingHints[m.Deciding().Kind]
}
