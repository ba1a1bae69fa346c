package kube

import "strings"

// hints say what to do about an error. The first one whose text is part of the error applies.
var hints = []struct{ text, hint string }{
	{"storageclass.storage.k8s.io", "set STORAGE_CLASS to an existing StorageClass: kubectl get storageclass"},
	{"unbound immediate PersistentVolumeClaims",
		"check that the provisioner of the claim's StorageClass works: kubectl describe pvc"},
	{"ErrImageNeverPull", "load the image onto the node, or set LIB_IMAGE_PULL_POLICY so that it is pulled"},
	{"ImagePull", "the nodes must be able to pull LIB_IMAGE, or the experiment's image if LIB_IMAGE is empty"},
	{"InvalidImageName", "set LIB_IMAGE to a valid image reference"},
	{"exceeded quota", "make room in the namespace's quota: kubectl describe quota"},
	{"must specify", "the namespace's quota requires limits; create a LimitRange that sets defaults for its pods"},
	{"violates PodSecurity", "use a namespace that admits pods of the restricted Pod Security Standard: " +
		"kubectl get namespace --show-labels"},
	{"denied request",
		"change the admission policy, or use another namespace: kubectl get validatingadmissionpolicies"},
	{"denied the request", "change the configuration of the admission webhook, or use another namespace: " +
		"kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"},
	{"is forbidden: User ", "grant the permissions in rbac.yaml; volume-durability doctor lists the missing ones"},
	{"usage per", "choose a value that the namespace's LimitRange allows: kubectl describe limitrange"},
	{"NodeAffinity", "READER_NODE must name a node that can run the pod and reach the volume"},
	{"untolerated taint", "make sure that a node is ready and has no taints: kubectl get nodes"},
	{
		"CSI driver is not installed on the node",
		"start the driver's node plugin on a node that can run the pod: kubectl get csinodes",
	},
	{
		"conflicting SELinux labels",
		"give all pods of a volume one SELinux label, or stop the application during the run",
	},
	{"FailedAttachVolume", "check whether the volume is still attached to another node: kubectl get volumeattachment"},
	{"FailedMount", "check why the node cannot mount the volume: kubectl describe pod, and the log of the CSI driver"},
	{"no space left on device", "use a larger volume or write less (CLAIM_SIZE, WRITE_RATE, RECORD_SIZE)"},
	{"read-only file system",
		"check why the volume is mounted read-only: kubectl describe pv, and the node's kernel log"},
}

// Hint returns what to do about an error message of Kubernetes or a volume, as the end of a sentence. It returns an
// empty string if there is no advice.
func Hint(message string) string {
	for _, h := range hints {
		if strings.Contains(message, h.text) {
			return ". What to do: " + h.hint
		}
	}
	return ""
}
