package kube

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// ContainerName is the name of the container of the run in its pods.
const ContainerName = "durability"

// volumeName is the name of the volume in the pods of a run.
const volumeName = "log-storage"

// Placement restricts the nodes on which a pod may run.
type Placement struct {
	// Node is the only node on which the pod may run; empty for any.
	Node string
	// ExcludeNode is a node on which the pod must not run; empty for none.
	ExcludeNode string
	// Labels are labels that the node must have.
	Labels map[string]string
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
	// JournalInOwnFolder is the path of the journal if it is in a folder that the run creates; empty otherwise.
	JournalInOwnFolder string
	Placement          Placement
	Identity           Identity
	Settings           PodSettings
	// Template is merged into the pod; nil for none.
	Template *PodTemplate
}

// NewPod returns the pod that a spec describes. Unless the settings or the template differ, it satisfies the restricted
// Pod Security Standard. It has no permission that it does not need.
func (c Client) NewPod(spec PodSpec) *corev1.Pod {
	pod := c.newPod(spec)
	if spec.Template != nil {
		pod = spec.Template.mergeInto(pod)
	}
	place(&pod.Spec, spec.Placement)
	return pod
}

// newPod returns the pod without the template and the placement.
func (c Client) newPod(spec PodSpec) *corev1.Pod {
	settings := spec.Settings
	pod := &corev1.Pod{
		ObjectMeta: c.podMeta(spec),
		Spec: corev1.PodSpec{
			RestartPolicy:                corev1.RestartPolicyNever,
			AutomountServiceAccountToken: ptr.To(false),
			EnableServiceLinks:           ptr.To(false),
			DNSPolicy:                    corev1.DNSDefault, // The helper resolves no names.
			SecurityContext:              podSecurityContext(spec),
			ImagePullSecrets:             settings.ImagePullSecrets,
			Tolerations:                  settings.Tolerations,
			NodeSelector:                 mergeMaps(settings.NodeSelector, isLinux),
			PriorityClassName:            settings.PriorityClassName,
			RuntimeClassName:             settings.RuntimeClassName,
			Volumes:                      []corev1.Volume{{Name: volumeName, VolumeSource: volumeSource(spec)}},
			Containers: []corev1.Container{{
				Name:            ContainerName,
				Image:           spec.Image,
				ImagePullPolicy: spec.ImagePullPolicy,
				Command:         spec.Command,
				Resources:       containerResources(settings.Resources),
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
	if settings.NodeAffinity != nil {
		pod.Spec.Affinity = &corev1.Affinity{NodeAffinity: settings.NodeAffinity.DeepCopy()}
	}
	return pod
}

func (c Client) podMeta(spec PodSpec) metav1.ObjectMeta {
	meta := c.objectMeta(spec.Name)
	meta.Labels = mergeMaps(spec.Settings.Labels, meta.Labels)
	meta.Annotations = maps.Clone(spec.Settings.Annotations)
	if spec.JournalInOwnFolder != "" {
		meta.Annotations = mergeMaps(meta.Annotations, map[string]string{JournalAnnotation: spec.JournalInOwnFolder})
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

// place adds the requirements of a placement to those that the pod already has for its node.
func place(pod *corev1.PodSpec, p Placement) {
	var fields, labels []corev1.NodeSelectorRequirement
	requireNode := func(operator corev1.NodeSelectorOperator, node string) {
		if node != "" {
			fields = append(fields, requirement(metav1.ObjectNameField, operator, node))
		}
	}
	requireNode(corev1.NodeSelectorOpIn, p.Node)
	requireNode(corev1.NodeSelectorOpNotIn, p.ExcludeNode)
	for _, name := range slices.Sorted(maps.Keys(p.Labels)) {
		labels = append(labels, requirement(name, corev1.NodeSelectorOpIn, p.Labels[name]))
	}
	if fields == nil && labels == nil {
		return
	}
	required := requiredNodes(pod)
	// A node must meet one of the terms, so each of them gets the requirements.
	for i, term := range required.NodeSelectorTerms {
		required.NodeSelectorTerms[i].MatchFields = append(term.MatchFields, fields...)
		required.NodeSelectorTerms[i].MatchExpressions = append(term.MatchExpressions, labels...)
	}
}

func requirement(key string, operator corev1.NodeSelectorOperator, value string) corev1.NodeSelectorRequirement {
	return corev1.NodeSelectorRequirement{Key: key, Operator: operator, Values: []string{value}}
}

// requiredNodes returns the pod's requirements for its node, which have at least one term.
func requiredNodes(pod *corev1.PodSpec) *corev1.NodeSelector {
	if pod.Affinity == nil {
		pod.Affinity = &corev1.Affinity{}
	}
	if pod.Affinity.NodeAffinity == nil {
		pod.Affinity.NodeAffinity = &corev1.NodeAffinity{}
	}
	node := pod.Affinity.NodeAffinity
	if node.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		node.RequiredDuringSchedulingIgnoredDuringExecution = &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{}},
		}
	}
	return node.RequiredDuringSchedulingIgnoredDuringExecution
}

// isLinux is the node selector of all pods of a run: a node with Windows cannot run the helper.
var isLinux = map[string]string{corev1.LabelOSStable: string(corev1.Linux)}
