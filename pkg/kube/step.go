package kube

import corev1 "k8s.io/api/core/v1"

// reportStep reports the step that the pod waits for.
func (s *podStart) reportStep() { s.report(s.nextStep(), s.waitingReason()) }

// report reports a step and the reason why it takes long, if one of them has changed.
func (s *podStart) report(step, reason string) {
	if s.OnStep == nil || s.step == step && s.reason == reason {
		return
	}
	s.step, s.reason = step, reason
	s.OnStep(step, reason)
}

// nextStep returns the step that the pod waits for.
func (s *podStart) nextStep() string {
	node := s.latest.Spec.NodeName
	switch {
	case node == "" && len(s.observer.unboundClaims(s.latest)) > 0:
		return "provisioning"
	case node == "":
		return "scheduling"
	case !isVolumePending(s.latest):
		return "starting on " + node
	case s.observer.isAttaching(s.observer.volumesOf(s.latest), node):
		return "attaching to " + node
	}
	return "mounting on " + node
}

// isAttaching reports whether one of the volumes is being attached to a node, or waits to be detached from another one.
func (o *observer) isAttaching(volumes []string, node string) bool {
	attaching := false
	for _, volume := range volumes {
		for _, a := range o.attachments[volume] {
			if !a.DeletedAt.IsZero() {
				continue
			}
			if a.Node == node && !a.AttachedAt.IsZero() {
				return false
			}
			attaching = true
		}
	}
	return attaching
}

// volumesOf returns the volumes to which the claims of a pod are bound, as far as the claims are observed.
func (o *observer) volumesOf(pod *corev1.Pod) []string {
	var volumes []string
	for _, name := range claimsOf(pod) {
		if c := o.existing[name]; c != nil && c.latest.Spec.VolumeName != "" {
			volumes = append(volumes, c.latest.Spec.VolumeName)
		}
	}
	return volumes
}
