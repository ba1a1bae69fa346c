package workload

import "strings"

// hints say what to do, by a part of what Kubernetes says, or the system of a volume.
var hints = []struct{ said, do string }{
	{"storageclass.storage.k8s.io", "STORAGE_CLASS must name one that is there: kubectl get storageclass"},
	{"unbound immediate PersistentVolumeClaims", "the claim's storage class must have a provisioner that works: kubectl describe pvc"},
	{"ErrImageNeverPull", "the image must be on the node already, or LIB_IMAGE_PULL_POLICY allow to pull it"},
	{"ImagePull", "the nodes must be able to pull LIB_IMAGE, or the experiment's image where that is empty"},
	{"InvalidImageName", "LIB_IMAGE must be an image reference"},
	{"exceeded quota", "the namespace's quota must leave room: kubectl describe quota"},
	{"must specify", "the namespace's quota asks for limits: a LimitRange can set them for all its pods"},
	{"violates PodSecurity", "the namespace's level refuses a pod that passes the restricted standard: kubectl get namespace --show-labels"},
	{"denied request", "the cluster's policy must allow it, or the run go to another namespace: kubectl get validatingadmissionpolicies"},
	{"denied the request", "whoever keeps that webhook must allow it, or the run go to another namespace: kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"},
	{"is forbidden: User ", "the account needs the rights of rbac.yaml: volume-durability doctor names those that are missing"},
	{"usage per", "the namespace's LimitRange must allow it: kubectl describe limitrange"},
	{"NodeAffinity", "READER_NODE must name a node that can take the pod and reach the volume"},
	{"untolerated taint", "a node must be free of taints, or ready again: kubectl get nodes"},
	{"CSI driver is not installed on the node", "the driver's node plugin must run on a node that can take the pod: kubectl get csinodes"},
	{"conflicting SELinux labels", "all pods of a volume must have one SELinux label: run while the application is down, or with its seLinuxOptions"},
	{"FailedAttachVolume", "the volume may still be attached to another node: kubectl get volumeattachment"},
	{"FailedMount", "the node must be able to mount the volume: kubectl describe pod, and the driver's own log"},
	{"no space left on device", "the volume must have room for what is written (CLAIM_SIZE, WRITE_RATE, RECORD_SIZE)"},
	{"read-only file system", "the volume must be mounted so that it can be written: kubectl describe pv, and the node's kernel log"},
}

// Hint is what to do about what Kubernetes, or a volume, says, as a sentence's end; empty where
// nobody knows.
func Hint(said string) string {
	for _, h := range hints {
		if strings.Contains(said, h.said) {
			return ". What to do: " + h.do
		}
	}
	return ""
}
