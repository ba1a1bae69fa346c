package scheduling

import (
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Scaling is what an autoscaler does about a pod.
type Scaling int

const (
	// NoAutoscaler means that no autoscaler has reported anything.
	NoAutoscaler Scaling = iota
	// AddingNode means that an autoscaler adds a node for the pod, or has one for it.
	AddingNode
	// NotAddingNode means that an autoscaler cannot add a node on which the pod could run.
	NotAddingNode
)

// Autoscaler returns what an autoscaler reported last in the events about a pod, and its message.
func Autoscaler(events []corev1.Event) (Scaling, string) {
	scaling, message := NoAutoscaler, ""
	var latest time.Time
	for _, e := range events {
		s := scalingOf(e)
		if at := LastSeen(e); s != NoAutoscaler && !at.Before(latest) {
			scaling, message, latest = s, e.Reason+": "+e.Message, at
		}
	}
	return scaling, message
}

// scalingOf returns what an event of cluster-autoscaler or Karpenter says. Karpenter and kube-scheduler use the same
// reason for their failures.
func scalingOf(e corev1.Event) Scaling {
	switch e.Reason {
	case "TriggeredScaleUp", "Nominated":
		return AddingNode
	case "NotTriggerScaleUp", "FailedScaleUp":
		return NotAddingNode
	case "FailedScheduling":
		if e.Source.Component == "karpenter" || e.ReportingController == "karpenter" {
			return NotAddingNode
		}
	}
	return NoAutoscaler
}

// LastSeen returns when an event occurred last. Which field has the time depends on the version of the API that its
// source uses.
func LastSeen(e corev1.Event) time.Time {
	latest := e.CreationTimestamp.Time
	times := []time.Time{e.FirstTimestamp.Time, e.LastTimestamp.Time, e.EventTime.Time}
	if e.Series != nil {
		times = append(times, e.Series.LastObservedTime.Time)
	}
	for _, t := range times {
		if t.After(latest) {
			latest = t
		}
	}
	return latest
}
