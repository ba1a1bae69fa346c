package kube

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/pkg/options"
)

// PodSettings are the fields of a pod that depend on the cluster and its policies, not on the run.
type PodSettings struct {
	ImagePullSecrets  []corev1.LocalObjectReference
	Tolerations       []corev1.Toleration
	NodeSelector      map[string]string
	NodeAffinity      *corev1.NodeAffinity
	PriorityClassName string
	RuntimeClassName  *string
	// Resources are those of the container. A nil list has the defaults of a run, an empty one has no entries.
	Resources           corev1.ResourceRequirements
	Labels, Annotations map[string]string
}

// SettingsOf returns the settings of an existing pod that has this container. It returns no labels and annotations.
func SettingsOf(pod *corev1.Pod, container *corev1.Container) PodSettings {
	s := PodSettings{
		ImagePullSecrets: pod.Spec.ImagePullSecrets, Tolerations: pod.Spec.Tolerations,
		NodeSelector: pod.Spec.NodeSelector, PriorityClassName: pod.Spec.PriorityClassName,
		RuntimeClassName: pod.Spec.RuntimeClassName,
	}
	if pod.Spec.Affinity != nil {
		s.NodeAffinity = pod.Spec.Affinity.NodeAffinity
	}
	if container != nil {
		s.Resources = corev1.ResourceRequirements{
			Requests: container.Resources.Requests, Limits: container.Resources.Limits,
		}
	}
	return s
}

// WithoutOwnMetadata returns labels or annotations without those that a run sets.
func WithoutOwnMetadata(entries map[string]string) map[string]string {
	foreign := maps.Clone(entries)
	maps.DeleteFunc(foreign, func(name, _ string) bool { return options.IsReserved(name) })
	return foreign
}

// MinMemoryLimit is the lowest memory limit of the container. The helper was measured to use at most 14 MiB, whatever
// the size of the journal and of its records, and however damaged the journal is. Buffers of the kernel come on top.
var MinMemoryLimit = apiresource.MustParse("64Mi")

// The default resources of the container. A writer that is limited to 100 records per second uses little processor
// time; a request of 10m lets many cells fit into a small cluster. There is no limit on processor time, because
// throttling would lengthen commits.
var (
	defaultRequests = corev1.ResourceList{
		corev1.ResourceCPU: apiresource.MustParse("10m"), corev1.ResourceMemory: apiresource.MustParse("32Mi"),
	}
	defaultLimits = corev1.ResourceList{corev1.ResourceMemory: apiresource.MustParse("256Mi")}
)

// containerResources returns the resources of the container of a run.
func containerResources(r corev1.ResourceRequirements) corev1.ResourceRequirements {
	limits := withMinimum(r.Limits)
	requests := r.Requests
	if requests == nil {
		requests = maps.Clone(defaultRequests)
		for name, limit := range limits {
			if request, set := requests[name]; set && request.Cmp(limit) > 0 {
				requests[name] = limit
			}
		}
	}
	if limits == nil {
		limits = maps.Clone(defaultLimits)
		for name, limit := range limits {
			if request, set := requests[name]; set && request.Cmp(limit) > 0 {
				limits[name] = request
			}
		}
	}
	return corev1.ResourceRequirements{Requests: requests, Limits: limits}
}

// withMinimum returns the limits with at least the memory that the helper needs.
func withMinimum(limits corev1.ResourceList) corev1.ResourceList {
	memory, set := limits[corev1.ResourceMemory]
	if !set || memory.Cmp(MinMemoryLimit) >= 0 {
		return limits
	}
	limits = maps.Clone(limits)
	limits[corev1.ResourceMemory] = MinMemoryLimit
	return limits
}
