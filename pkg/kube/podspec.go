package kube

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Container is the name of the only container in the pods of a run.
const Container = "durability"

// volumeName is the name of the volume in the pods of a run.
const volumeName = "log-storage"

// Placement restricts the nodes on which a pod may run.
type Placement struct {
	// Node is the only node on which the pod may run; empty for any.
	Node string
	// ExcludeNode is a node on which the pod must not run; empty for none.
	ExcludeNode string
}

// Identity is the user and the groups of the processes in a pod. The cluster assigns what is nil.
type Identity struct {
	User, Group        *int64
	SupplementalGroups []int64
	// FSGroup is the group of the files on a volume that was created for the run.
	FSGroup *int64
}

// IdentityOf returns the user and the groups of an existing pod.
func IdentityOf(pod *corev1.Pod) Identity {
	security := pod.Spec.SecurityContext
	if security == nil {
		return Identity{}
	}
	return Identity{
		User: security.RunAsUser, Group: security.RunAsGroup, SupplementalGroups: security.SupplementalGroups,
		FSGroup: security.FSGroup,
	}
}

// PodSpec describes a pod of a run.
type PodSpec struct {
	Name            string
	Image           string
	ImagePullPolicy corev1.PullPolicy
	Command         []string
	// Path is where the volume is mounted, or the path of the device if Block is set.
	Path     string
	Block    bool
	ReadOnly bool
	// Claim is the name of the claim to mount; empty for an emptyDir volume.
	Claim string
	// OwnVolume is set if the volume was created for this run. Only then may fsGroup change the group of its files.
	OwnVolume bool
	// OwnFolderJournal is the path of the journal if the run creates the folder that holds it; empty otherwise.
	OwnFolderJournal string
	Placement        Placement
	Identity         Identity
}

// Pod returns the pod that a spec describes. It satisfies the restricted Pod Security Standard and has no permission
// that it does not need.
func (c Client) Pod(spec PodSpec) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: c.podMeta(spec),
		Spec: corev1.PodSpec{
			RestartPolicy:                corev1.RestartPolicyNever,
			AutomountServiceAccountToken: ptr.To(false),
			EnableServiceLinks:           ptr.To(false),
			DNSPolicy:                    corev1.DNSDefault, // The helper resolves no names.
			SecurityContext:              podSecurityContext(spec),
			Affinity:                     affinity(spec.Placement),
			Volumes:                      []corev1.Volume{{Name: volumeName, VolumeSource: volumeSource(spec)}},
			Containers: []corev1.Container{{
				Name:            Container,
				Image:           spec.Image,
				ImagePullPolicy: spec.ImagePullPolicy,
				Command:         spec.Command,
				VolumeMounts:    volumeMounts(spec),
				VolumeDevices:   volumeDevices(spec),
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false),
					ReadOnlyRootFilesystem:   ptr.To(true),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

func (c Client) podMeta(spec PodSpec) metav1.ObjectMeta {
	meta := c.objectMeta(spec.Name)
	if spec.OwnFolderJournal != "" {
		meta.Annotations = map[string]string{JournalAnnotation: spec.OwnFolderJournal}
	}
	return meta
}

func volumeMounts(spec PodSpec) []corev1.VolumeMount {
	if spec.Block {
		return nil
	}
	return []corev1.VolumeMount{{Name: volumeName, MountPath: spec.Path, ReadOnly: spec.ReadOnly}}
}

func volumeDevices(spec PodSpec) []corev1.VolumeDevice {
	if !spec.Block {
		return nil
	}
	return []corev1.VolumeDevice{{Name: volumeName, DevicePath: spec.Path}}
}

func podSecurityContext(spec PodSpec) *corev1.PodSecurityContext {
	id := spec.Identity
	security := &corev1.PodSecurityContext{
		RunAsNonRoot:       ptr.To(ptr.Deref(id.User, -1) != 0),
		RunAsUser:          id.User,
		RunAsGroup:         id.Group,
		SupplementalGroups: id.SupplementalGroups,
		SeccompProfile:     &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if spec.OwnVolume && id.FSGroup != nil {
		security.FSGroup = id.FSGroup
		security.FSGroupChangePolicy = ptr.To(corev1.FSGroupChangeOnRootMismatch)
	}
	return security
}

func volumeSource(spec PodSpec) corev1.VolumeSource {
	if spec.Claim == "" {
		return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	}
	claim := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: spec.Claim}
	return corev1.VolumeSource{PersistentVolumeClaim: claim}
}

func affinity(p Placement) *corev1.Affinity {
	var requirements []corev1.NodeSelectorRequirement
	require := func(operator corev1.NodeSelectorOperator, node string) {
		if node != "" {
			requirements = append(requirements, corev1.NodeSelectorRequirement{
				Key: metav1.ObjectNameField, Operator: operator, Values: []string{node},
			})
		}
	}
	require(corev1.NodeSelectorOpIn, p.Node)
	require(corev1.NodeSelectorOpNotIn, p.ExcludeNode)
	if requirements == nil {
		return nil
	}
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: requirements}},
		},
	}}
}
