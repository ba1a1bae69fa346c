package kube

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Container is the name of the one container in the pods of a run.
const Container = "durability"

// UserID is the user and group that the pods of a run work as: the image's
// USER, the customary number for nobody in particular.
const UserID = 65532

// Placement says on which nodes a pod may run.
type Placement struct {
	// On names the only node, ExcludeNode a node to stay away from; empty for no matter.
	Node, ExcludeNode string
}

// PodSpec is what a pod of a run needs.
type PodSpec struct {
	Name            string
	Image           string
	ImagePullPolicy corev1.PullPolicy
	Command         []string
	// Path is where the volume is mounted, or the device is, where it is Block.
	Path     string
	Block    bool
	ReadOnly bool
	// Claim is the claim to mount; empty for a volume that dies with the pod.
	Claim string
	// OwnVolume says that the volume was made for this run, so that its group may
	// be set. The files on anybody else's volume keep theirs.
	OwnVolume bool
	Placement Placement
}

const volumeName = "log-storage"

// Pod is the pod that a spec describes. It satisfies the restricted Pod Security
// Standard: everything it does not need is taken from it.
func (n Client) Pod(spec PodSpec) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: n.meta(spec.Name),
		Spec: corev1.PodSpec{
			RestartPolicy:                corev1.RestartPolicyNever,
			AutomountServiceAccountToken: ptr.To(false),
			EnableServiceLinks:           ptr.To(false),
			DNSPolicy:                    corev1.DNSDefault, // no name is ever looked up
			SecurityContext:              podSecurity(spec),
			Affinity:                     affinity(spec.Placement),
			Volumes:                      []corev1.Volume{{Name: volumeName, VolumeSource: volumeSource(spec)}},
			Containers: []corev1.Container{{
				Name:            Container,
				Image:           spec.Image,
				ImagePullPolicy: spec.ImagePullPolicy,
				Command:         spec.Command,
				VolumeMounts:    mounts(spec),
				VolumeDevices:   devices(spec),
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false),
					ReadOnlyRootFilesystem:   ptr.To(true),
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

func mounts(spec PodSpec) []corev1.VolumeMount {
	if spec.Block {
		return nil
	}
	return []corev1.VolumeMount{{Name: volumeName, MountPath: spec.Path, ReadOnly: spec.ReadOnly}}
}

func devices(spec PodSpec) []corev1.VolumeDevice {
	if !spec.Block {
		return nil
	}
	return []corev1.VolumeDevice{{Name: volumeName, DevicePath: spec.Path}}
}

func podSecurity(spec PodSpec) *corev1.PodSecurityContext {
	security := &corev1.PodSecurityContext{
		RunAsNonRoot:   ptr.To(true),
		RunAsUser:      ptr.To[int64](UserID),
		RunAsGroup:     ptr.To[int64](UserID),
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	if spec.OwnVolume {
		security.FSGroup = ptr.To[int64](UserID)
		security.FSGroupChangePolicy = ptr.To(corev1.FSGroupChangeOnRootMismatch)
	}
	return security
}

func volumeSource(spec PodSpec) corev1.VolumeSource {
	if spec.Claim == "" {
		return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	}
	return corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: spec.Claim}}
}

func affinity(p Placement) *corev1.Affinity {
	var nodes []corev1.NodeSelectorRequirement
	if p.Node != "" {
		nodes = append(nodes, corev1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{p.Node}})
	}
	if p.ExcludeNode != "" {
		nodes = append(nodes, corev1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpNotIn, Values: []string{p.ExcludeNode}})
	}
	if nodes == nil {
		return nil
	}
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchFields: nodes}},
		},
	}}
}
