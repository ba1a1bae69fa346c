package kube

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// VolumeHealth is an adverse condition that a CSI driver has reported for a volume: its controller in the status of the
// claim, or its node plugin in the status of a pod. Kubernetes has both since 1.37, behind the feature gate
// CSIVolumeHealth.
type VolumeHealth struct {
	// Object is the claim or the pod.
	Object    string
	Condition corev1.VolumeHealthCondition
	// Since is when the current set of conditions first appeared, by the clock of the control plane or of the node.
	Since time.Time
}

func (h VolumeHealth) String() string {
	s := fmt.Sprintf("the CSI driver reported the volume of %s as %s since %s: %s", h.Object, h.Condition.Status,
		h.Since.UTC().Format(time.TimeOnly+"Z"), h.Condition.Reason)
	if h.Condition.Message != "" {
		s += ": " + h.Condition.Message
	}
	return s
}

// healthRecord has each condition of an object once.
type healthRecord []VolumeHealth

func (r *healthRecord) add(object string, conditions []corev1.VolumeHealthCondition, since time.Time) {
	for _, c := range conditions {
		isKnown := slices.ContainsFunc(*r, func(h VolumeHealth) bool {
			return h.Condition.Status == c.Status && h.Condition.Reason == c.Reason
		})
		if !isKnown {
			*r = append(*r, VolumeHealth{Object: object, Condition: c, Since: since})
		}
	}
}

func (r *healthRecord) addClaim(c *corev1.PersistentVolumeClaim) {
	if health := c.Status.HealthStatus; health != nil {
		r.add("claim "+c.Name, health.HealthConditions, health.LastTransitionTime.Time)
	}
}

func (r *healthRecord) addPod(p *corev1.Pod) {
	for _, health := range p.Status.VolumeHealth {
		r.add("pod "+p.Name, health.HealthConditions, health.LastTransitionTime.Time)
	}
}

// VolumeHealth returns the adverse conditions that were observed on claims and pods of a run, in chronological order.
func (c Client) VolumeHealth(objects ...types.UID) []VolumeHealth {
	o := c.observer
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []VolumeHealth
	for _, uid := range objects {
		if claim := o.claims[uid]; claim != nil {
			all = append(all, claim.health...)
		}
		if pod := o.pods[uid]; pod != nil {
			all = append(all, pod.health...)
		}
	}
	slices.SortStableFunc(all, func(a, b VolumeHealth) int { return a.Since.Compare(b.Since) })
	return all
}
