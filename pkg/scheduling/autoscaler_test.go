package scheduling

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func event(source, reason, message string, second int64) corev1.Event {
	return corev1.Event{
		Source: corev1.EventSource{Component: source}, Reason: reason, Message: message,
		LastTimestamp: metav1.Unix(second, 0),
	}
}

func TestAutoscaler_LatestReportCounts(t *testing.T) {
	const noNode = "0/3 nodes are available: 1 node(s) had untolerated taint {CriticalAddonsOnly: true}, 2 Too many pods."
	// Events of cluster-autoscaler on AKS with Kubernetes 1.33.
	rejected := event("cluster-autoscaler", "NotTriggerScaleUp",
		"pod didn't trigger scale-up: 1 node(s) had untolerated taint {CriticalAddonsOnly: true}", 2)
	triggered := event("cluster-autoscaler", "TriggeredScaleUp",
		"pod triggered scale-up: [{aks-mynodepool-15339926-vmss 1->2 (max: 3)}]", 3)
	// Events of Karpenter: aws/karpenter-provider-aws#5406, and the format of
	// pkg/controllers/provisioning/scheduling/events.go in kubernetes-sigs/karpenter@22664681.
	nominated := event("karpenter", "Nominated", "Pod should schedule on: machine/bottlerocket-prov-4m5qp", 3)
	failed := event("karpenter", "FailedScheduling", `Failed to schedule pod, incompatible with nodepool "default", `+
		`daemonset overhead={"cpu":"675m"}, incompatible requirements, label "nodegroup" does not have known values`, 4)
	scheduler := event("default-scheduler", "FailedScheduling", noNode, 9)
	for name, tc := range map[string]struct {
		events []corev1.Event
		want   Scaling
		says   string
	}{
		"none":                      {nil, NoAutoscaler, ""},
		"only the scheduler":        {[]corev1.Event{scheduler}, NoAutoscaler, ""},
		"cluster-autoscaler, no":    {[]corev1.Event{rejected, scheduler}, NotAddingNode, rejected.Message},
		"cluster-autoscaler, later": {[]corev1.Event{triggered, rejected, scheduler}, AddingNode, triggered.Message},
		"Karpenter":                 {[]corev1.Event{nominated}, AddingNode, nominated.Message},
		"Karpenter, no":             {[]corev1.Event{failed, nominated}, NotAddingNode, failed.Message},
	} {
		scaling, message := Autoscaler(tc.events)
		assert.Equal(t, tc.want, scaling, name)
		assert.Contains(t, message, tc.says, name)
	}
}

func TestLastSeen_AnyField(t *testing.T) {
	at := time.Unix(10, 0)
	old := metav1.Unix(1, 0)
	for name, e := range map[string]corev1.Event{
		"core":    {FirstTimestamp: old, LastTimestamp: metav1.NewTime(at)},
		"created": {ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(at)}, FirstTimestamp: old},
		"new API": {FirstTimestamp: old, EventTime: metav1.NewMicroTime(at)},
		"series": {
			EventTime: metav1.NewMicroTime(old.Time),
			Series:    &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(at)},
		},
	} {
		assert.True(t, at.Equal(LastSeen(e)), name)
	}
}
