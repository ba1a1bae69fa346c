package kube

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
)

func TestDiagnose_ReportsConditionsEventsAndNode(t *testing.T) {
	c := newTestClient(t)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"},
		Status: corev1.PodStatus{
			Conditions: []corev1.PodCondition{
				{
					Type:    corev1.PodScheduled,
					Status:  corev1.ConditionFalse,
					Reason:  "Unschedulable",
					Message: "0/2 nodes are available",
				},
			},
			ContainerStatuses: []corev1.ContainerStatus{
				{
					State: corev1.ContainerState{
						Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"},
					},
				},
			},
		},
	}
	d := c.diagnose(pod)
	assert.Equal(t, "Unschedulable: 0/2 nodes are available; ImagePullBackOff: no such image", d.reason)
	assert.False(t, d.volumeUnavailable)

	_, err := c.API.CoreV1().Events("stig").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name: "e",
		},
		InvolvedObject: corev1.ObjectReference{Name: "write-pod", UID: "u"},
		Type:           "Warning",
		Reason:         "FailedAttachVolume",
		Message:        "in use elsewhere",
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	d = c.diagnose(pod)
	assert.Contains(t, d.reason, "FailedAttachVolume: in use elsewhere")
	assert.False(t, d.volumeUnavailable, "its volume is mounted, it waits for its image")
	pod.Status.ContainerStatuses[0].State.Waiting.Reason = "ContainerCreating"
	d = c.diagnose(pod)
	assert.True(t, d.volumeUnavailable)

	pod.Spec.NodeName = "n1"
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "n1"},
		Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{
				{
					Type:    corev1.NodeReady,
					Status:  corev1.ConditionUnknown,
					Reason:  "NodeStatusUnknown",
					Message: "Kubelet stopped posting node status.",
				},
			},
		},
	}
	node, err = c.API.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
	require.NoError(t, err)
	d = c.diagnose(pod)
	assert.False(t, d.volumeUnavailable, "the kubelet no longer reports whether the volume is mounted")
	assert.Contains(t, d.reason, "node n1 is not ready: NodeStatusUnknown: Kubelet stopped posting node status.")
	node.Status.Conditions[0].Status = corev1.ConditionTrue
	_, err = c.API.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{})
	require.NoError(t, err)
	d = c.diagnose(pod)
	assert.True(t, d.volumeUnavailable)

	pod.Status.Phase = corev1.PodFailed
	d = c.diagnose(pod)
	assert.False(t, d.volumeUnavailable, "it failed for another reason")
}

func TestDiagnose_DecidesWhetherVolumeIsUnavailable(t *testing.T) {
	const multiAttach = `Multi-Attach error for volume "pvc-1" Volume is already `
	const attached = multiAttach + "exclusively attached to one node and can't be attached to another"
	warning := func(reason, message string, at int64) corev1.Event {
		return corev1.Event{
			ObjectMeta: metav1.ObjectMeta{
				Name: reason,
			},
			InvolvedObject: corev1.ObjectReference{Name: "read-pod", UID: "u"},
			Type:           "Warning",
			Reason:         reason,
			Message:        message,
			LastTimestamp:  metav1.Unix(at, 0),
		}
	}
	sandbox := []corev1.PodCondition{{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue}}
	for name, tc := range map[string]struct {
		events     []corev1.Event
		conditions []corev1.PodCondition
		volume     bool
	}{
		"pending": {
			events: []corev1.Event{warning("FailedAttachVolume", attached, 1)},
			volume: true,
		},
		"sandbox is ready": {
			events:     []corev1.Event{warning("FailedAttachVolume", attached, 1)},
			conditions: sandbox,
		},
		"sandbox failed after the volume event": {events: []corev1.Event{
			warning("FailedAttachVolume", attached, 1),
			warning("FailedCreatePodSandBox", "no IPs available", 2),
		}},
		"sandbox failed before the volume event": {
			events: []corev1.Event{
				warning("FailedMount", "stale handle", 2),
				warning("FailedCreatePodSandBox", "no IPs available", 1),
			},
			volume: true,
		},
		"another pod uses the volume, mount timed out later": {events: []corev1.Event{
			warning("FailedAttachVolume", multiAttach+"used by 1 pod(s) in different namespaces", 1),
			warning("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[log-storage]: "+
				"context deadline exceeded", 120),
		}},
		"another pod uses the volume": {events: []corev1.Event{
			warning("FailedAttachVolume", multiAttach+"used by pod(s) app-0", 1),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t)
			for _, e := range tc.events {
				_, err := c.API.CoreV1().Events("stig").Create(t.Context(), &e, metav1.CreateOptions{})
				require.NoError(t, err)
			}
			d := c.diagnose(&corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "read-pod", UID: "u"},
				Spec:       corev1.PodSpec{NodeName: "n2"},
				Status: corev1.PodStatus{
					Phase:      corev1.PodPending,
					Conditions: tc.conditions,
					ContainerStatuses: []corev1.ContainerStatus{
						{
							State: corev1.ContainerState{
								Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"},
							},
						},
					},
				},
			})
			assert.Equal(t, tc.volume, d.volumeUnavailable)
		})
	}
}

func TestDiagnose_IgnoresOutdatedSchedulingEvents(t *testing.T) {
	c := newTestClient(t)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{
				State: corev1.ContainerState{
					Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such image"},
				},
			},
		}},
	}
	_, err := c.API.CoreV1().Events("stig").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{
			Name: "e",
		},
		InvolvedObject: corev1.ObjectReference{Name: "write-pod", UID: "u"},
		Type:           "Warning",
		Reason:         "FailedScheduling",
		Message:        "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	d := c.diagnose(pod)
	assert.Contains(t, Hint(d.reason), "provisioner")
	pod.Spec.NodeName = "n1"
	d = c.diagnose(pod)
	assert.Equal(t, "ErrImagePull: no such image", d.reason)
	assert.Contains(t, Hint(d.reason), "LIB_IMAGE")
}

// The kubelet of 1.37 reports why a pod has no sandbox (kubelet/types/constants.go).
func TestDiagnose_ReportsMissingSandbox(t *testing.T) {
	d := newTestClient(t).diagnose(&corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
		{
			Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse,
			Reason: "PodSandboxNotReady", Message: "no pod sandbox exists",
		},
	}}})
	assert.Equal(t, "PodSandboxNotReady: no pod sandbox exists", d.reason)
	d = newTestClient(t).diagnose(&corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
		{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionFalse},
	}}})
	assert.Equal(t, "Kubernetes reports no reason", d.reason, "an older kubelet gives none")
}

func TestDiagnose_IgnoresEventsOfEarlierObjects(t *testing.T) {
	created := metav1.Unix(1000, 0)
	claim := func(labels map[string]string, phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig", UID: "claim", Labels: labels},
			Status:     corev1.PersistentVolumeClaimStatus{Phase: phase},
		}
	}
	ours := map[string]string{RunLabel: "r"}
	event := func(uid types.UID, at int64) corev1.Event {
		return corev1.Event{
			ObjectMeta:     metav1.ObjectMeta{Name: "e"},
			InvolvedObject: corev1.ObjectReference{Kind: "PersistentVolumeClaim", Name: "stig-pvc", UID: uid},
			Type:           corev1.EventTypeWarning, Reason: "ProvisioningFailed", Message: "not found",
			EventTime: metav1.NewMicroTime(time.Unix(at, 0)),
		}
	}
	for name, tc := range map[string]struct {
		claim *corev1.PersistentVolumeClaim
		event corev1.Event
		want  bool
	}{
		"of this claim":                       {claim(ours, corev1.ClaimPending), event("claim", 1010), true},
		"of this claim, before the pod":       {claim(ours, corev1.ClaimPending), event("claim", 990), true},
		"of a claim of an earlier run":        {claim(ours, corev1.ClaimPending), event("earlier", 1010), false},
		"of an existing claim":                {claim(nil, corev1.ClaimPending), event("claim", 1010), true},
		"of an existing claim before the run": {claim(nil, corev1.ClaimPending), event("claim", 990), false},
		"of a claim that is bound by now":     {claim(ours, corev1.ClaimBound), event("claim", 1010), false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t)
			c.API = fake.NewClientset(tc.claim)
			_, err := c.API.CoreV1().Events("stig").Create(t.Context(), &tc.event, metav1.CreateOptions{})
			require.NoError(t, err)
			pod := c.NewPod(spec())
			pod.UID, pod.CreationTimestamp = "pod", created
			assert.Equal(t, tc.want, c.diagnose(pod).reason == "ProvisioningFailed: not found")
		})
	}
}

func TestDiagnose_SortsEventsByLastOccurrence(t *testing.T) {
	c := newTestClient(t)
	at := func(reason string, e corev1.Event) {
		e.Name, e.Reason, e.Message, e.Type = strings.ToLower(reason), reason, "x", corev1.EventTypeWarning
		e.InvolvedObject = corev1.ObjectReference{Kind: "Pod", Name: "write-pod", UID: "u"}
		_, err := c.API.CoreV1().Events("stig").Create(t.Context(), &e, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	at("FailedMount", corev1.Event{LastTimestamp: metav1.Unix(20, 0)})
	at("FailedScheduling", corev1.Event{EventTime: metav1.NewMicroTime(time.Unix(10, 0)), Series: &corev1.EventSeries{
		LastObservedTime: metav1.NewMicroTime(time.Unix(30, 0)),
	}})
	d := c.diagnose(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}})
	assert.Equal(t, "FailedScheduling: x; FailedMount: x", d.reason)
}

func TestClassify_ChecksCausesInOrder(t *testing.T) {
	failed := podFacts{messages: []string{"FailedMount: x"}, volumeFailed: true, volumePending: true}
	with := func(change func(*podFacts)) podFacts {
		f := failed
		change(&f)
		return f
	}
	for name, tc := range map[string]struct {
		facts podFacts
		want  diagnosis
	}{
		"no messages": {podFacts{}, diagnosis{"Kubernetes reports no reason", false}},
		"no volume event": {
			with(func(f *podFacts) { f.volumeFailed = false }), diagnosis{"FailedMount: x", false},
		},
		"mounted later": {
			with(func(f *podFacts) { f.volumePending = false }), diagnosis{"FailedMount: x", false},
		},
		"in use": {
			with(func(f *podFacts) { f.volumeInUse = true }), diagnosis{"FailedMount: x", false},
		},
		"in use, on a node that is not ready": {
			with(func(f *podFacts) { f.volumeInUse, f.nodeNotReady = true, "node n1 is not ready" }),
			diagnosis{"FailedMount: x", false},
		},
		"node not ready": {
			with(func(f *podFacts) { f.nodeNotReady = "node n1 is not ready" }),
			diagnosis{"FailedMount: x; node n1 is not ready", false},
		},
		"attached to a node that leaves": {
			with(func(f *podFacts) { f.nodeLeaving = "node n1 is being drained" }),
			diagnosis{"FailedMount: x; node n1 is being drained", false},
		},
		"volume unavailable": {failed, diagnosis{"FailedMount: x", true}},
		"repeated message": {
			with(func(f *podFacts) { f.messages = []string{"FailedMount: x", "FailedMount: x"} }),
			diagnosis{"FailedMount: x", true},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, classify(tc.facts)) })
	}
}

// The messages are those of the kubelet of Kubernetes 1.37: pkg/kubelet/kubelet.go wraps the error of its volume
// manager (WaitForAttachAndMount), which joins those of its caches.
func TestDiagnose_SELinuxConflictIsNotAFailureOfTheVolume(t *testing.T) {
	const prefix = "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], " +
		"failed to process volumes=[data]: "
	for name, message := range map[string]string{
		"another pod of the node has another label": `conflicting SELinux labels of volume pvc-1: ` +
			`"system_u:object_r:container_file_t:s0:c1,c2" and "system_u:object_r:container_file_t:s0:c3,c4"`,
		"the volume is mounted with another label": `waiting for unmount of volume "kubernetes.io/csi/csi.test^1", ` +
			`because it is already mounted to a different pod with a different SELinux label`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t)
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}}
			_, err := c.API.CoreV1().Events("stig").Create(t.Context(), &corev1.Event{
				ObjectMeta:     metav1.ObjectMeta{Name: "e"},
				InvolvedObject: corev1.ObjectReference{Name: "write-pod", UID: "u"},
				Type:           corev1.EventTypeWarning,
				Reason:         "FailedMount",
				Message:        prefix + message,
			}, metav1.CreateOptions{})
			require.NoError(t, err)
			d := c.diagnose(pod)
			assert.Equal(t, "FailedMount: "+prefix+message, d.reason)
			assert.False(t, d.volumeUnavailable, "another pod uses the volume")
			assert.Contains(t, Hint(d.reason), "the same seLinuxOptions")
		})
	}
}

func TestWithoutRepetitions_KeepsEachCauseOnce(t *testing.T) {
	const cause = `failed to resolve reference "registry/i:1": registry/i:1: not found`
	waiting := `ImagePullBackOff: Back-off pulling image "registry/i:1": ErrImagePull: ` + cause
	other := "FailedMount: stale file handle"
	assert.Equal(t, []string{"ErrImagePull: " + cause, other}, withoutRepetitions([]string{
		waiting, `BackOff: Back-off pulling image "registry/i:1"`, "Failed: Error: ImagePullBackOff",
		`Failed: Failed to pull image "registry/i:1": ` + cause, "Failed: Error: ErrImagePull", other, other,
	}))
	failed := `Failed: Failed to pull image "i": i/o timeout`
	assert.Equal(t, []string{"ErrImagePull: unauthorized", failed},
		withoutRepetitions([]string{"ErrImagePull: unauthorized", failed}), "another cause")
	attempt := func(id string) string {
		return `failed to generate container "` + strings.Repeat(id, 64) + `" spec: transport endpoint is not connected`
	}
	assert.Equal(t, []string{"CreateContainerError: " + attempt("a")}, withoutRepetitions([]string{
		"CreateContainerError: " + attempt("a"), "Failed: Error: " + attempt("b"), "Failed: Error: " + attempt("a"),
	}))
	final := &finalError{message: waiting}
	again := "ErrImagePull: " + cause
	assert.Equal(t, again, withMessage(final, again), "the kubelet tried again meanwhile")
}
