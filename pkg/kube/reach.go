package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/scheduling"
)

// volumeReach is where the volume of a pod can be used.
type volumeReach struct {
	scheduling.Reach
	// volume is the name of the PersistentVolume.
	volume string
}

// isEmpty reports whether the volume can be used on none of the nodes on which the pod may run.
func (r volumeReach) isEmpty() bool { return len(r.Volume) > 0 && len(r.Pod) > 0 && len(r.Both) == 0 }

// readReach returns the reach of a pod's volume. It returns nil if the claim is not bound, or if the PersistentVolume
// or the nodes cannot be read, for which rbac-optional.yaml is needed.
func (c Client) readReach(ctx context.Context, pod *corev1.Pod) *volumeReach {
	ctx, cancel := context.WithTimeout(ctx, diagnosisTimeout)
	defer cancel()
	for _, name := range claimsOf(pod) {
		claim := c.readClaim(name)
		if claim == nil || claim.Spec.VolumeName == "" {
			continue
		}
		volume, err := c.API.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
		if err != nil {
			return nil
		}
		nodes, err := c.API.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil || len(nodes.Items) == 0 {
			return nil
		}
		var required *corev1.NodeSelector
		if volume.Spec.NodeAffinity != nil {
			required = volume.Spec.NodeAffinity.Required
		}
		return &volumeReach{Reach: scheduling.ReachOf(pod, required, nodes.Items), volume: volume.Name}
	}
	return nil
}

// claimsOf returns the names of a pod's claims.
func claimsOf(pod *corev1.Pod) []string {
	var names []string
	for _, v := range pod.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			names = append(names, v.PersistentVolumeClaim.ClaimName)
		}
	}
	return names
}

// readClaimObstacle returns why a claim of a pod cannot be used any more; empty if all can be used, or cannot be read.
func (c Client) readClaimObstacle(pod *corev1.Pod) string {
	for _, name := range claimsOf(pod) {
		if claim := c.readClaim(name); claim != nil {
			if obstacle := ClaimObstacle(claim); obstacle != "" {
				return obstacle
			}
		}
	}
	return ""
}
