package kube

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// waiter is a client whose observer is told by the test what it observes.
type waiter struct {
	Client
	pod *corev1.Pod
	log *logtest.Hook
}

func newWaiter(t *testing.T, objects ...runtime.Object) waiter {
	t.Helper()
	c := newTestClient(t)
	log, hook := logtest.NewNullLogger()
	c.Log = log
	c.API = fake.NewClientset(objects...)
	c.observer = newObserver(log)
	pod := c.NewPod(spec())
	pod.UID, pod.Namespace = "reader", "stig"
	return waiter{Client: c, pod: pod, log: hook}
}

// observe tells the observer the state of the pod, and the events about it and about its claim.
func (w waiter) observe(change func(*corev1.Pod), events ...corev1.Event) {
	pod := w.pod.DeepCopy()
	change(pod)
	update(w.observer, pod, w.observer.podChanged)
	for _, e := range events {
		e.UID = types.UID(e.Reason + e.Message)
		update(w.observer, &e, w.observer.eventChanged)
	}
}

func unscheduled(message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message,
		}}
	}
}

func waitingFor(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.NodeName = "n2"
		p.Status.ContainerStatuses = []corev1.ContainerStatus{named(ContainerName, waiting(reason, message))}
	}
}

func running(p *corev1.Pod) {
	p.Spec.NodeName, p.Status.Phase = "n2", corev1.PodRunning
	p.Status.ContainerStatuses = []corev1.ContainerStatus{named(ContainerName, runningState())}
}

// awaited returns the error of the wait and how long it took, by the clock of the bubble.
func (w waiter) awaited(t *testing.T) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	_, err := w.awaitRunning(t.Context(), w.pod)
	return time.Since(began), err
}

// clusterWith returns a cluster of nodes with a claim whose volume can be used on one of them.
func clusterWith(key, value string, nodes ...string) []runtime.Object {
	required := &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
		MatchExpressions: []corev1.NodeSelectorRequirement{
			{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}},
		},
	}}}
	objects := []runtime.Object{
		&corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig", UID: "claim"},
			Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: "pvc-1"},
			Status:     corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
		},
		&corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{Name: "pvc-1"},
			Spec:       corev1.PersistentVolumeSpec{NodeAffinity: &corev1.VolumeNodeAffinity{Required: required}},
		},
	}
	for i, name := range nodes {
		zone := map[bool]string{true: "a", false: "b"}[i == 0]
		objects = append(objects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{
				corev1.LabelHostname: name, corev1.LabelTopologyZone: zone, corev1.LabelOSStable: string(corev1.Linux),
			},
		}})
	}
	return objects
}

func (w waiter) onOtherNodeThan(node string) {
	place(&w.pod.Spec, Placement{ExcludeNode: node})
}

const (
	// mixed hides by a taint and by a lack of resources that the volume is on one node.
	mixed = "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector, " +
		"1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/3 nodes are available: " +
		"3 Preemption is not helpful for scheduling."
	onlyVolume = "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 2 node(s) didn't match " +
		"PersistentVolume's node affinity. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
)

// A volume that is bound to one node keeps the reader from all others, whatever the scheduler says about them first.
func TestAwaitRunning_VolumeOfOneNodeIsUnsupportedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t, clusterWith(corev1.LabelHostname, "n1", "n1", "n2", "n3")...)
		w.onOtherNodeThan("n1")
		w.observe(unscheduled(mixed), podEvent("TriggeredScaleUp", "pod triggered scale-up: [{g 1->2 (max: 3)}]"))
		took, err := w.awaited(t)
		var unsupported *UnsupportedError
		require.ErrorAs(t, err, &unsupported)
		assert.Zero(t, took, "a new node cannot use the volume either")
		assert.ErrorContains(t, err, "its volume cannot be used on any node on which the pod may run (volume pvc-1: n1)")
		assert.ErrorContains(t, err, "To fix this: set READER_NODE to a node")
	})
}

// READER_NODE names no node of the cluster, or there is no other node. That is not a matter of the volume.
func TestAwaitRunning_NoNodeForThePodIsNotUnsupported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t, clusterWith(corev1.LabelHostname, "n1", "n1")...)
		w.onOtherNodeThan("n1")
		w.observe(unscheduled("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."))
		_, err := w.awaited(t)
		assert.ErrorContains(t, err, "timed out after 1m0s")
		assert.ErrorContains(t, err, "set READER_NODE to a node")
	})
}

func TestAwaitRunning_VolumeOfZoneWaitsForAutoscaler(t *testing.T) {
	for name, tc := range map[string]struct {
		events []corev1.Event
		took   time.Duration
		fails  string
	}{
		"no autoscaler": {nil, autoscalerPatience, "not supported by this cluster"},
		"no node can be added": {
			[]corev1.Event{podEvent("NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached")},
			0, "not supported by this cluster",
		},
		"a node is added": {
			[]corev1.Event{podEvent("Nominated", "Pod should schedule on: nodeclaim/default-cvkcv")},
			time.Minute, "timed out after 1m0s waiting for pod stig/write-pod to run",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWaiter(t, clusterWith(corev1.LabelTopologyZone, "a", "n1", "n2", "n3")...)
				w.onOtherNodeThan("n1")
				w.observe(unscheduled(onlyVolume), tc.events...)
				took, err := w.awaited(t)
				assert.ErrorContains(t, err, tc.fails)
				assert.Equal(t, tc.took, took)
			})
		})
	}
}

// Without rbac-optional.yaml, only the scheduler's message is known.
func TestAwaitRunning_WithoutReadingNodes(t *testing.T) {
	const none = "0/2 nodes are available: "
	for message, unsupported := range map[string]bool{
		onlyVolume: true,
		none + "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, " +
			"1 node(s) didn't match PersistentVolume's node affinity.": true,
		none + "1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, " +
			"1 node(s) didn't match PersistentVolume's node affinity.": false,
		none + "1 node(s) had untolerated taint(s), 1 node(s) didn't match PersistentVolume's node affinity.": false,
		none + "1 Insufficient memory, 1 node(s) didn't match PersistentVolume's node affinity.":              false,
		none + "1 ebs.csi.aws.com CSI driver is not installed on the node, " +
			"1 node(s) didn't match PersistentVolume's node affinity.": false,
		none + "2 node(s) didn't match Pod's node affinity/selector.": false,
		mixed: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWaiter(t, clusterWith(corev1.LabelHostname, "n1", "n1", "n2")...)
			w.API.(*fake.Clientset).PrependReactor("list", "nodes", forbidden)
			w.observe(unscheduled(message))
			_, err := w.awaited(t)
			var is *UnsupportedError
			assert.Equal(t, unsupported, errors.As(err, &is), message)
		})
	}
}

func forbidden(clienttesting.Action) (bool, runtime.Object, error) {
	return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "", nil)
}

// A run that is shorter than the patience with autoscalers still gets the right verdict.
func TestAwaitRunning_UnsupportedAtTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		w.Timeout = autoscalerPatience / 2
		w.observe(unscheduled(onlyVolume))
		took, err := w.awaited(t)
		var unsupported *UnsupportedError
		require.ErrorAs(t, err, &unsupported)
		assert.Equal(t, w.Timeout, took)
	})
}

// An autoscaler may have added a node without an event.
func TestAwaitRunning_ScheduledPodIsSupported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		w.observe(unscheduled(onlyVolume))
		time.AfterFunc(autoscalerPatience/2, func() { w.observe(waitingFor("ContainerCreating", "")) })
		_, err := w.awaited(t)
		var unsupported *UnsupportedError
		assert.False(t, errors.As(err, &unsupported))
		assert.ErrorContains(t, err, "timed out after 1m0s")
	})
}

func TestAwaitRunning_EndsOnceCauseIsFinal(t *testing.T) {
	claim := func(phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
		c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
			Name: "stig-pvc", Namespace: "stig", UID: "claim", Labels: map[string]string{RunLabel: "r"},
		}}
		c.Status.Phase = phase
		return c
	}
	// The answer of Docker's registry: kubevela/kubevela#981.
	const missing = `rpc error: code = Unknown desc = Error response from daemon: manifest for oamdev/vela-core:0.3.1 ` +
		`not found: manifest unknown: manifest unknown`
	const unbound = "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims."
	for name, tc := range map[string]struct {
		claim  *corev1.PersistentVolumeClaim
		state  func(*corev1.Pod)
		events []corev1.Event
		took   time.Duration
		says   []string
	}{
		"the class does not exist": {
			claim(corev1.ClaimPending), unscheduled(unbound),
			[]corev1.Event{claimEvent("ProvisioningFailed", `storageclass.storage.k8s.io "none" not found`)}, 0,
			[]string{"pod stig/write-pod did not start", `"none" not found`, "set STORAGE_CLASS to an existing StorageClass"},
		},
		"the claim is too small": {
			claim(corev1.ClaimPending), unscheduled(unbound),
			[]corev1.Event{claimEvent("ProvisioningFailed", "rpc error: code = OutOfRange desc = bad capacity: requested "+
				"minimum size (20971520 bytes) is less than the minimum volume size (51118080 bytes)")}, 0,
			[]string{"its claim cannot get a volume", "To fix this: set CLAIM_SIZE"},
		},
		"the claim is Lost": {
			claim(corev1.ClaimLost), unscheduled(unbound), nil, 0, []string{"claim stig-pvc is Lost"},
		},
		"an existing claim is Lost": {
			nil, unscheduled(`0/2 nodes are available: persistentvolumeclaim "stig-pvc" bound to non-existent ` +
				`persistentvolume "pvc-1". preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.`),
			nil, patience, []string{"its claim has had no volume for 20s", "use a claim that has a volume"},
		},
		"the image must not be pulled": {
			nil, waitingFor("ErrImageNeverPull", `Container image "i" is not present with pull policy of Never`),
			nil, 0, []string{"ErrImageNeverPull", "LIB_IMAGE_PULL_POLICY"},
		},
		"the image's name is invalid": {
			nil, waitingFor("InvalidImageName", `Failed to apply default image tag "!"`), nil, 0, []string{"InvalidImageName"},
		},
		"a secret is missing": {
			nil, waitingFor("CreateContainerConfigError", `secret "x" not found`), nil, patience,
			[]string{`CreateContainerConfigError: secret "x" not found`},
		},
		"a container cannot be created": {
			nil, waitingFor("CreateContainerError", "failed to generate spec"), nil, patience,
			[]string{"its container has not been created for 20s", "CreateContainerError: failed to generate spec"},
		},
		"the registry has no such image": {
			nil, waitingFor("ErrImagePull", missing), nil, patience,
			[]string{"its container has not been created for 20s", "manifest unknown", "can pull LIB_IMAGE"},
		},
		"the registry cannot be reached": {
			nil, waitingFor("ErrImagePull", "dial tcp 10.0.0.1:443: i/o timeout"), nil, pullPatience,
			[]string{"its image could not be pulled for 1m0s", "i/o timeout", "can pull LIB_IMAGE"},
		},
		"the back-off of a pull": {
			nil, waitingFor("ImagePullBackOff", `Back-off pulling image "i"`), nil, pullPatience,
			[]string{"its image could not be pulled for 1m0s", "can pull LIB_IMAGE"},
		},
		"no StorageClass is the default": {
			claim(corev1.ClaimPending), unscheduled(unbound),
			[]corev1.Event{claimEvent("FailedBinding", "no persistent volumes available for this claim and no storage "+
				"class is set")}, patience,
			[]string{"its claim has had no StorageClass for 20s", "make one the default"},
		},
		"the provisioner may succeed later": {
			claim(corev1.ClaimPending), unscheduled(unbound),
			[]corev1.Event{claimEvent("ProvisioningFailed", "rpc error: code = Unavailable desc = no connection")},
			3 * time.Minute, []string{"timed out after 3m0s", "kubectl describe pvc"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWaiter(t)
				w.Timeout = 3 * time.Minute
				if tc.claim != nil {
					update(w.observer, tc.claim, w.observer.claimChanged)
				}
				w.observe(tc.state, tc.events...)
				took, err := w.awaited(t)
				for _, text := range tc.says {
					assert.ErrorContains(t, err, text)
				}
				assert.Equal(t, tc.took, took)
			})
		})
	}
}

// The claim is not one of the run, so the run does not watch it.
func TestAwaitRunning_ExistingClaimThatIsGoneEndsItAtOnce(t *testing.T) {
	existing := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", Namespace: "stig"}}
	lost, deleted := existing.DeepCopy(), existing.DeepCopy()
	lost.Status.Phase = corev1.ClaimLost
	deleted.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	deleted.Finalizers = []string{"kubernetes.io/pvc-protection"}
	for want, claim := range map[string]*corev1.PersistentVolumeClaim{
		"claim stig-pvc is Lost": lost, "claim stig-pvc is being deleted": deleted,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWaiter(t, claim)
			w.observe(unscheduled(`0/2 nodes are available: persistentvolumeclaim "stig-pvc" is being deleted.`))
			took, err := w.awaited(t)
			assert.ErrorContains(t, err, want)
			assert.Zero(t, took)
		})
	}
}

func TestAwaitRunning_MarksAnUnavailableImage(t *testing.T) {
	for reason, image := range map[string]bool{
		"ErrImageNeverPull": true, "InvalidImageName": true, "ErrImagePull": true, "ImagePullBackOff": true,
		"CreateContainerError": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWaiter(t)
			w.Timeout = 3 * time.Minute
			w.observe(waitingFor(reason, "not found"))
			_, err := w.awaited(t)
			var unready *PodNotRunningError
			require.ErrorAs(t, err, &unready)
			assert.Equal(t, image, unready.ImageUnavailable, reason)
		})
	}
}

// The daemon of a FUSE filesystem is dead, and the CSI driver has not mounted the volume again.
func TestAwaitRunning_MarksADeadMount(t *testing.T) {
	const path = "/var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pvc-1/mount"
	for message, dead := range map[string]bool{
		"failed to stat \"" + path + "\": stat " + path + ": transport endpoint is not connected": true,
		"failed to stat \"" + path + "\": Transport endpoint is not connected":                    true,
		"failed to generate spec": false,
		"/var/lib/containerd/io.containerd.snapshotter.v1.stargz/1: transport endpoint is not connected": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWaiter(t)
			w.Timeout = 3 * time.Minute
			w.observe(waitingFor("CreateContainerError", message))
			took, err := w.awaited(t)
			var unready *PodNotRunningError
			require.ErrorAs(t, err, &unready)
			assert.Equal(t, dead, unready.VolumeUnavailable, message)
			if dead {
				assert.ErrorContains(t, err, "check whether the FUSE daemon of the volume has died")
			}
			assert.Equal(t, patience, took)
		})
	}
}

// The kubelet reports the cause only after an attempt, and not while it backs off.
func TestAwaitRunning_BackOffContinuesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		w.observe(waitingFor("ErrImagePull", "not found"))
		time.AfterFunc(patience/2, func() {
			w.observe(waitingFor("ImagePullBackOff", `Back-off pulling image "i"`))
		})
		took, err := w.awaited(t)
		assert.ErrorContains(t, err, "did not start")
		assert.Equal(t, patience, took)
	})
}

func TestAwaitRunning_PatienceEndsWithState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		w.observe(waitingFor("ErrImagePull", "not found"))
		time.AfterFunc(patience/2, func() { w.observe(waitingFor("ContainerCreating", "")) })
		time.AfterFunc(patience*2, func() { w.observe(running) })
		took, err := w.awaited(t)
		require.NoError(t, err)
		assert.Equal(t, patience*2, took)
	})
}

func TestAwaitRunning_LogsEachReasonOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		update(w.observer, &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", UID: "claim"},
		}, w.observer.claimChanged)
		// The claim stays unbound, so that what its provisioner reports comes before what the scheduler reports.
		const full = "0/1 nodes are available: 1 Insufficient cpu."
		steps := []func(){
			func() { w.observe(unscheduled(full)) },
			func() { w.observe(unscheduled(full), podEvent("TriggeredScaleUp", "pod triggered scale-up: [x]")) },
			func() {
				w.observe(unscheduled(full), claimEvent("ExternalProvisioning", "waiting for a volume to be created"))
			},
			func() {
				w.observe(unscheduled(full), claimEvent("ProvisioningFailed", "rpc error: code = Unavailable desc = x"))
			},
			func() { w.observe(waitingFor("ContainerCreating", ""), podEvent("FailedMount", "stale file handle")) },
			func() { w.observe(waitingFor("ErrImagePull", "i/o timeout")) },
			func() { w.observe(waitingFor("ImagePullBackOff", "back-off")) },
			func() { w.observe(waitingFor("ErrImagePull", "i/o timeout")) },
			func() { w.observe(running) },
		}
		for i, step := range steps {
			time.AfterFunc(time.Duration(i)*time.Second, step)
		}
		_, err := w.awaited(t)
		require.NoError(t, err)
		var reasons []string
		for _, entry := range w.log.AllEntries() {
			if entry.Message == "Pod is waiting" {
				assert.Equal(t, logrus.InfoLevel, entry.Level)
				assert.Equal(t, "write-pod", entry.Data["pod"])
				reasons = append(reasons, entry.Data["reason"].(string))
			}
		}
		assert.Equal(t, []string{
			"Unschedulable: " + full,
			"TriggeredScaleUp: pod triggered scale-up: [x]; Unschedulable: " + full,
			"ProvisioningFailed: rpc error: code = Unavailable desc = x",
			"FailedMount: stale file handle",
			"ErrImagePull: i/o timeout",
			"ImagePullBackOff: back-off",
		}, reasons)
	})
}

func TestAwaitRunning_AWaitForTheProvisionerIsUnusualOnlyAfterSomeTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		start := time.Now()
		reasons := map[string]time.Duration{}
		w.OnStep = func(_, reason string) {
			if reason != "" {
				reasons[reason] = time.Since(start)
			}
		}
		update(w.observer, &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc", UID: "claim"},
		}, w.observer.claimChanged)
		const unbound = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
		w.observe(unscheduled(unbound), claimEvent("ExternalProvisioning", "Waiting for a volume to be created"))
		time.AfterFunc(patience+10*time.Second, func() { w.observe(running) })
		_, err := w.awaited(t)
		require.NoError(t, err)
		const unusual = "ExternalProvisioning: Waiting for a volume to be created"
		assert.Equal(t, map[string]time.Duration{unusual: patience}, reasons)
	})
}

// The kubelet reports the cause of a failed pull again while it waits for the next one.
func TestAwaitRunning_ReportsTheCauseOfAFailedPullOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		var reasons []string
		w.OnStep = func(_, reason string) {
			if reason != "" {
				reasons = append(reasons, reason)
			}
		}
		const cause = `failed to pull image "i": i/o timeout`
		for i, state := range []func(*corev1.Pod){
			waitingFor("ErrImagePull", cause),
			waitingFor("ImagePullBackOff", `Back-off pulling image "i": ErrImagePull: `+cause),
			waitingFor("ErrImagePull", cause),
			running,
		} {
			time.AfterFunc(time.Duration(i)*time.Second, func() { w.observe(state) })
		}
		_, err := w.awaited(t)
		require.NoError(t, err)
		assert.Equal(t, []string{"ErrImagePull: " + cause}, reasons)
	})
}

func TestAwaitRunning_TimersEndWithTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		w.observe(waitingFor("ErrImagePull", "not found"))
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(context.Canceled) })
		_, err := w.awaitRunning(ctx, w.pod)
		require.ErrorIs(t, err, context.Canceled)
		changed := w.observer.subscribe([]subject{podNamed(w.pod.Name)})
		time.Sleep(2 * patience) // by the clock of the bubble
		assert.Empty(t, changed, "no timer wakes a wait")
	})
}

func podEvent(reason, message string) corev1.Event {
	return corev1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "write-pod", UID: "reader"},
		Reason:         reason, Message: message, Type: eventType(reason),
	}
}

func claimEvent(reason, message string) corev1.Event {
	return corev1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: "PersistentVolumeClaim", Name: "stig-pvc", UID: "claim"},
		Reason:         reason, Message: message, Type: eventType(reason),
	}
}

func eventType(reason string) string {
	switch reason {
	case "TriggeredScaleUp", "NotTriggerScaleUp", "Nominated", "FailedBinding", "ExternalProvisioning":
		return corev1.EventTypeNormal
	}
	return corev1.EventTypeWarning
}

// A kubelet that has just started cannot create containers for another reason.
func TestAwaitRunning_ADeadMountMustLast(t *testing.T) {
	const dead = "stat /var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pvc-1/mount: transport endpoint is not connected"
	synctest.Test(t, func(t *testing.T) {
		w := newWaiter(t)
		w.Timeout = 3 * time.Minute
		w.observe(waitingFor("CreateContainerConfigError", "services have not yet been read"))
		time.AfterFunc(patience-time.Second, func() { w.observe(waitingFor("CreateContainerError", dead)) })
		took, err := w.awaited(t)
		var unready *PodNotRunningError
		require.ErrorAs(t, err, &unready)
		assert.True(t, unready.VolumeUnavailable)
		assert.Equal(t, 2*patience-time.Second, took)
	})
}

// The volume of an injected sidecar is not the volume under test.
func TestIsOnDeadMount_OnlyOfTheRunsContainer(t *testing.T) {
	const dead = "stat /var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pvc-1/mount: transport endpoint is not connected"
	for _, name := range []string{ContainerName, "sidecar"} {
		pod := &corev1.Pod{Status: corev1.PodStatus{
			ContainerStatuses: []corev1.ContainerStatus{named(name, waiting("CreateContainerError", dead))},
		}}
		assert.Equal(t, name == ContainerName, isOnDeadMount(pod), name)
	}
}
