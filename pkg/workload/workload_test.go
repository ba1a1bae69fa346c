package workload

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
)

func namespace(t *testing.T) Namespace {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	return Namespace{Client: fake.NewClientset(), Name: "stig", Labels: map[string]string{RunLabel: "r"}, Timeout: time.Minute, Log: log}
}

func spec() PodSpec {
	return PodSpec{Name: "write-pod", Image: "i", Path: "/data", Claim: "stig-pvc", OwnVolume: true, Command: []string{"c"}}
}

func TestAPodHasNoMoreThanItNeeds(t *testing.T) {
	pod := namespace(t).Pod(spec())
	assert.False(t, *pod.Spec.AutomountServiceAccountToken)
	assert.True(t, *pod.Spec.SecurityContext.RunAsNonRoot)
	assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.Spec.SecurityContext.SeccompProfile.Type)
	container := pod.Spec.Containers[0].SecurityContext
	assert.True(t, *container.ReadOnlyRootFilesystem)
	assert.False(t, *container.AllowPrivilegeEscalation)
	assert.Equal(t, []corev1.Capability{"ALL"}, container.Capabilities.Drop)
	assert.Equal(t, "/data", pod.Spec.Containers[0].VolumeMounts[0].MountPath)
	assert.Equal(t, "stig-pvc", pod.Spec.Volumes[0].PersistentVolumeClaim.ClaimName)
	assert.Equal(t, "r", pod.Labels[RunLabel])
	assert.Equal(t, corev1.RestartPolicyNever, pod.Spec.RestartPolicy)
}

func TestTheGroupOfSomebodyElsesFilesStays(t *testing.T) {
	own := spec()
	assert.NotNil(t, namespace(t).Pod(own).Spec.SecurityContext.FSGroup)
	own.OwnVolume = false
	assert.Nil(t, namespace(t).Pod(own).Spec.SecurityContext.FSGroup)
}

func TestWithoutAClaimTheVolumeDiesWithThePod(t *testing.T) {
	s := spec()
	s.Claim = ""
	assert.NotNil(t, namespace(t).Pod(s).Spec.Volumes[0].EmptyDir)
}

func TestPlacementIsRequired(t *testing.T) {
	s := spec()
	assert.Nil(t, namespace(t).Pod(s).Spec.Affinity)
	s.Placement = Placement{NotOn: "n1"}
	term := namespace(t).Pod(s).Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0]
	assert.Equal(t, []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpNotIn, Values: []string{"n1"}}}, term.MatchFields)
}

func TestWhenAPodHasStarted(t *testing.T) {
	waiting := func(reason string) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}}}}
	}
	ended := []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}}
	for name, c := range map[string]struct {
		gone    bool
		pod     *corev1.Pod
		started bool
		fails   string
	}{
		"running":             {false, &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodRunning}}, true, ""},
		"over already":        {false, &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: ended}}, true, ""},
		"refused by its node": {false, &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}}, false, "Evicted"},
		"pulling":             {false, waiting("ContainerCreating"), false, ""},
		"back-off":            {false, waiting("ImagePullBackOff"), false, ""},
		"never":               {false, waiting("ErrImageNeverPull"), false, "image cannot be had"},
		"deleted":             {true, waiting(""), false, "deleted by somebody else"},
	} {
		started, err := hasStarted(c.gone, c.pod)
		assert.Equal(t, c.started, started, name)
		if c.fails == "" {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, c.fails, name)
		}
	}
}

func TestANameThatIsTakenIsRefused(t *testing.T) {
	ns := namespace(t)
	_, err := ns.Client.CoreV1().PersistentVolumeClaims("stig").Create(t.Context(), &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = ns.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	assert.ErrorIs(t, err, ErrTaken)
	assert.ErrorContains(t, err, "claim stig/stig-pvc exists already")
}

func TestAPodThatDoesNotRunIsExplained(t *testing.T) {
	ns := namespace(t)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"},
		Status: corev1.PodStatus{
			Conditions:        []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/2 nodes are available"}},
			ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}}}},
		},
	}
	reason, volume := ns.whyNotRunning(pod)
	assert.Equal(t, "Unschedulable: 0/2 nodes are available; ImagePullBackOff: no such image", reason)
	assert.False(t, volume)

	_, err := ns.Client.CoreV1().Events("stig").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "e"}, InvolvedObject: corev1.ObjectReference{Name: "write-pod", UID: "u"}, Type: "Warning", Reason: "FailedAttachVolume", Message: "in use elsewhere",
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	reason, volume = ns.whyNotRunning(pod)
	assert.Contains(t, reason, "FailedAttachVolume: in use elsewhere")
	assert.False(t, volume, "it has its volume by now, and waits for its image")
	pod.Status.ContainerStatuses[0].State.Waiting.Reason = "ContainerCreating"
	_, volume = ns.whyNotRunning(pod)
	assert.True(t, volume)

	pod.Spec.NodeName = "n1"
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status."}}}}
	node, err = ns.Client.CoreV1().Nodes().Create(t.Context(), node, metav1.CreateOptions{})
	require.NoError(t, err)
	reason, volume = ns.whyNotRunning(pod)
	assert.False(t, volume, "it may have its volume by now: nobody says so any more")
	assert.Contains(t, reason, "node n1 is not ready: NodeStatusUnknown: Kubelet stopped posting node status.")
	node.Status.Conditions[0].Status = corev1.ConditionTrue
	_, err = ns.Client.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{})
	require.NoError(t, err)
	_, volume = ns.whyNotRunning(pod)
	assert.True(t, volume)

	pod.Status.Phase = corev1.PodFailed
	_, volume = ns.whyNotRunning(pod)
	assert.False(t, volume, "it failed for another reason")
}

// A volume that let a pod wait, and came, is not to blame for what comes after it; nor
// is one that somebody else uses.
func TestAVolumeThatCameIsNotBlamed(t *testing.T) {
	const attached = `Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can't be attached to another`
	warning := func(reason, message string, at int64) corev1.Event {
		return corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: reason}, InvolvedObject: corev1.ObjectReference{Name: "read-pod", UID: "u"}, Type: "Warning",
			Reason: reason, Message: message, LastTimestamp: metav1.Unix(at, 0),
		}
	}
	sandbox := []corev1.PodCondition{{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue}}
	for name, c := range map[string]struct {
		events     []corev1.Event
		conditions []corev1.PodCondition
		volume     bool
	}{
		"it waits for its volume":        {events: []corev1.Event{warning("FailedAttachVolume", attached, 1)}, volume: true},
		"it pulls its image":             {events: []corev1.Event{warning("FailedAttachVolume", attached, 1)}, conditions: sandbox},
		"it gets no address":             {events: []corev1.Event{warning("FailedAttachVolume", attached, 1), warning("FailedCreatePodSandBox", "no IPs available", 2)}},
		"it got none, and lost a volume": {events: []corev1.Event{warning("FailedMount", "stale handle", 2), warning("FailedCreatePodSandBox", "no IPs available", 1)}, volume: true},
		"it uses it for long": {events: []corev1.Event{
			warning("FailedAttachVolume", `Multi-Attach error for volume "pvc-1" Volume is already used by 1 pod(s) in different namespaces`, 1),
			warning("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[log-storage]: context deadline exceeded", 120),
		}},
		"somebody else's pod uses it": {events: []corev1.Event{warning("FailedAttachVolume", `Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) app-0`, 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			ns := namespace(t)
			for _, e := range c.events {
				_, err := ns.Client.CoreV1().Events("stig").Create(t.Context(), &e, metav1.CreateOptions{})
				require.NoError(t, err)
			}
			_, volume := ns.whyNotRunning(&corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "read-pod", UID: "u"}, Spec: corev1.PodSpec{NodeName: "n2"},
				Status: corev1.PodStatus{Phase: corev1.PodPending, Conditions: c.conditions, ContainerStatuses: []corev1.ContainerStatus{{
					State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
				}}},
			})
			assert.Equal(t, c.volume, volume)
		})
	}
}

func TestWhatAScheduledPodOnceWaitedForExplainsNothing(t *testing.T) {
	ns := namespace(t)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such image"}},
		}}},
	}
	_, err := ns.Client.CoreV1().Events("stig").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "e"}, InvolvedObject: corev1.ObjectReference{Name: "write-pod", UID: "u"}, Type: "Warning",
		Reason: "FailedScheduling", Message: "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	reason, _ := ns.whyNotRunning(pod)
	assert.Contains(t, Hint(reason), "provisioner")
	pod.Spec.NodeName = "n1"
	reason, _ = ns.whyNotRunning(pod)
	assert.Equal(t, "ErrImagePull: no such image", reason)
	assert.Contains(t, Hint(reason), "LIB_IMAGE")
}

func TestATimeOutSaysWhatWasWaitedFor(t *testing.T) {
	ns := namespace(t)
	ns.Timeout = time.Millisecond
	ctx, cancel := ns.within(t.Context(), "pod %s to run", "x")
	defer cancel()
	<-ctx.Done()
	assert.ErrorContains(t, context.Cause(ctx), "waited 1ms for pod x to run")
	assert.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
}

func TestOnlyWholeLinesAreHeard(t *testing.T) {
	var heard []string
	f := follower{Namespace: namespace(t), hear: func(line []byte) { heard = append(heard, string(line)) }}
	require.NoError(t, f.read(strings.NewReader("2026-11-24T12:00:00.5Z one line\nno time\n2026-11-24T12:00:01Z another\n2026-11-24T12:00:02Z half a li")))
	assert.Equal(t, []string{"one line", "another"}, heard)
	assert.Equal(t, "2026-11-24T12:00:01Z", f.since.Format(time.RFC3339), "where to take the log up again")
}

func TestWhoHearsIsToldWhenTheLogCanBeRead(t *testing.T) {
	ns := namespace(t)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", Namespace: "stig", UID: "u"}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}}}
	ns.Client = fake.NewClientset(pod)
	var told []bool
	require.NoError(t, ns.FollowLog(t.Context(), pod, func([]byte) {}, func(is bool) { told = append(told, is) }))
	assert.Equal(t, []bool{true, false}, told)
}

func TestWhoHearsIsToldThatTheLogCannotBeHad(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"write-pod","uid":"u"},"status":{"containerStatuses":[{"state":{"terminated":{}}}]}}`)
			return
		}
		if requests++; requests == 1 {
			http.Error(w, "the kubelet is away", http.StatusBadGateway)
		}
	}))
	defer server.Close()
	ns := namespace(t)
	var err error
	ns.Client, err = kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	require.NoError(t, err)
	var told []bool
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}}
	require.NoError(t, ns.FollowLog(t.Context(), pod, func([]byte) {}, func(is bool) { told = append(told, is) }))
	assert.Equal(t, []bool{false, true, false}, told)
}

func TestATooLongLineIsAnErrorAndNotEndless(t *testing.T) {
	f := follower{Namespace: namespace(t), hear: func([]byte) {}}
	assert.Error(t, f.read(strings.NewReader(strings.Repeat("x", maxLine+1))))
}

func TestWhatIsGone(t *testing.T) {
	ns := namespace(t)
	require.NoError(t, ns.DeletePod(t.Context(), "write-pod", "u", nil), "a pod that is gone already")
	assert.False(t, isGone(errors.New("other")))
}

// observing observes a namespace that is changed by hand.
func observing(t *testing.T) Namespace {
	t.Helper()
	ns, stop, err := namespace(t).Observed(t.Context())
	require.NoError(t, err)
	t.Cleanup(stop)
	return ns
}

func TestWhatHappensToAPodIsSeen(t *testing.T) {
	ns := observing(t)
	pods := ns.Client.CoreV1().Pods("stig")
	pod := ns.Pod(spec())
	pod.UID = "u"
	pod.Namespace = "stig"
	running := pod.DeepCopy()
	running.Spec.NodeName, running.Status.Phase = "n1", corev1.PodRunning
	running.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue}}
	running.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}
	go func() {
		for {
			if _, err := pods.Update(t.Context(), running, metav1.UpdateOptions{}); err == nil || t.Context().Err() != nil {
				return
			}
		}
	}()
	started, err := ns.RunPod(t.Context(), pod)
	require.NoError(t, err)
	assert.Equal(t, "n1", started.Spec.NodeName)
	require.NoError(t, ns.DeletePod(t.Context(), pod.Name, "u", nil))
	m := ns.Milestones("u")
	for _, at := range []time.Time{m.Created, m.Scheduled, m.Mounted, m.Started} {
		assert.False(t, at.IsZero())
	}
	objects, _ := ns.Snapshot(t.Context())
	require.Len(t, objects, 1, "it is gone, and still known")
	assert.Equal(t, "Pod", objects[0].GetObjectKind().GroupVersionKind().Kind)
}

func TestWhatABrokenWatchMissed(t *testing.T) {
	of := func(uid types.UID, node string, attached bool) *storagev1.VolumeAttachment {
		volume := "pv"
		return &storagev1.VolumeAttachment{
			ObjectMeta: metav1.ObjectMeta{Name: "a", UID: uid},
			Spec:       storagev1.VolumeAttachmentSpec{NodeName: node, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &volume}},
			Status:     storagev1.VolumeAttachmentStatus{Attached: attached},
		}
	}
	for name, c := range map[string]struct {
		happens func(cache.ResourceEventHandlerFuncs)
		missed  bool
	}{
		"seen to go": {func(h cache.ResourceEventHandlerFuncs) { h.OnDelete(of("1", "n1", true)) }, false},
		"no more there": {func(h cache.ResourceEventHandlerFuncs) {
			h.OnDelete(cache.DeletedFinalStateUnknown{Obj: of("1", "n1", true)})
		}, true},
		"another of its name in its stead": {func(h cache.ResourceEventHandlerFuncs) { h.OnUpdate(of("1", "n1", true), of("2", "n1", true)) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newObserver(logrus.New())
			h := handlers(o, o.attachment, o.detached)
			h.OnAdd(of("1", "n1", true), true)
			c.happens(h)
			all, _ := Namespace{observer: o}.Attachments("pv")
			assert.False(t, all[0].Gone.IsZero(), "it is known to be gone")
			assert.Equal(t, c.missed, all[0].Missed)
		})
	}
}

// An API server that is away breaks the watches; client-go has them back by itself.
func TestAWatchThatIsBrokenIsSaid(t *testing.T) {
	ns := namespace(t)
	log, said := logtest.NewNullLogger()
	ns.Log = log
	client := ns.Client.(*fake.Clientset)
	away, back := true, make(chan struct{})
	client.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		if away {
			away = false
			return true, nil, syscall.ECONNREFUSED
		}
		close(back)
		return true, watch.NewFake(), nil
	})
	began := time.Now()
	observed, stop, err := ns.Observed(t.Context())
	require.NoError(t, err)
	<-back
	stop()
	ended := time.Now()
	assert.Equal(t, "The API server does not answer, trying again: watching pods", said.LastEntry().Message)
	assert.Positive(t, observed.Unseen(began, ended))
	assert.Zero(t, observed.Unseen(ended, ended.Add(time.Hour)), "it was over by then")
	assert.Zero(t, observed.Unseen(began.Add(-time.Hour), began), "it had not begun")
}

func TestWhatMayNotBeSeenIsSaidAtOnce(t *testing.T) {
	ns := namespace(t)
	ns.Timeout = time.Hour
	client := ns.Client.(*fake.Clientset)
	for _, resource := range []string{"pods", "persistentvolumeclaims"} {
		client.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New(`User "nobody" cannot list resource`))
		})
	}
	_, _, err := ns.Observed(t.Context())
	assert.ErrorContains(t, err, "looking for pods in namespace stig: pods is forbidden")
	assert.ErrorContains(t, err, "looking for claims in namespace stig: persistentvolumeclaims is forbidden")
	assert.ErrorContains(t, err, "What to do: the account needs the rights of rbac.yaml")
}

// What happened is not seen from when a watch ends, until there is another, whatever
// is in the way: an API server that has just started knows no roles, for example.
func TestNothingIsSeenBetweenTwoWatches(t *testing.T) {
	ns := namespace(t)
	client := ns.Client.(*fake.Clientset)
	first, watches, back := watch.NewFake(), 0, make(chan struct{})
	var refused, seenAgain time.Time
	client.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		switch watches++; watches {
		case 1:
			return true, first, nil
		case 2:
			refused = time.Now()
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New(`RBAC: role.rbac.authorization.k8s.io "x" not found`))
		}
		seenAgain = time.Now()
		close(back)
		return true, watch.NewFake(), nil
	})
	observed, stop, err := ns.Observed(t.Context())
	require.NoError(t, err)
	first.Add(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "write-pod", UID: "u"}}) // it was heard
	ended := time.Now()
	first.Stop()
	<-back
	stop()
	assert.Positive(t, observed.Unseen(ended, refused), "it had ended before another was asked for")
	assert.Equal(t, seenAgain.Sub(refused), observed.Unseen(refused, seenAgain), "all of it")
}

func TestAProvisionerThatRefusesIsBelievedAtOnce(t *testing.T) {
	ns := observing(t)
	claim, err := ns.CreateClaim(t.Context(), ClaimSpec{Name: "stig-pvc"})
	require.NoError(t, err)
	_, err = ns.Client.CoreV1().Events("stig").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "e"}, InvolvedObject: corev1.ObjectReference{Kind: "PersistentVolumeClaim", Name: claim.Name, UID: claim.UID},
		Type: "Warning", Reason: "ProvisioningFailed", Message: "rpc error: code = InvalidArgument desc = no such mode",
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = ns.RunPod(t.Context(), ns.Pod(spec()))
	var refused *Unsupported
	require.ErrorAs(t, err, &refused)
	assert.ErrorContains(t, err, "claim stig/stig-pvc: the cluster cannot do this: ProvisioningFailed: rpc error: code = InvalidArgument desc = no such mode")
}

func TestARefusalIsOfTheClaimThatWaits(t *testing.T) {
	claim := func(name string, phase corev1.PersistentVolumeClaimPhase) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.PersistentVolumeClaimStatus{Phase: phase}}
	}
	pod := namespace(t).Pod(spec())
	for name, c := range map[string]struct {
		claim *observedClaim
		want  bool
	}{
		"it waits":                      {&observedClaim{name: "stig-pvc", latest: claim("stig-pvc", corev1.ClaimPending), refusal: "no"}, true},
		"it has its volume by now":      {&observedClaim{name: "stig-pvc", latest: claim("stig-pvc", corev1.ClaimBound), refusal: "no"}, false},
		"an earlier claim of its name":  {&observedClaim{name: "stig-pvc", refusal: "no"}, false},
		"a claim of its name that went": {&observedClaim{name: "stig-pvc", latest: claim("stig-pvc", corev1.ClaimPending), gone: true, refusal: "no"}, false},
		"another claim":                 {&observedClaim{name: "other", latest: claim("other", corev1.ClaimPending), refusal: "no"}, false},
		"nothing was refused":           {&observedClaim{name: "stig-pvc", latest: claim("stig-pvc", corev1.ClaimPending)}, false},
	} {
		o := &observer{claims: map[types.UID]*observedClaim{"u": c.claim}}
		assert.Equal(t, c.want, o.refusalOf(pod) != nil, name)
	}
}

func TestWhatLasts(t *testing.T) {
	for message, want := range map[string]bool{
		"rpc error: code = InvalidArgument desc = multi-node access is not possible": true,
		"rpc error: code = Unimplemented desc = x":                                   true,
		"NodePath only supports ReadWriteOnce and ReadWriteOncePod access modes":     true,
		"Only support ReadWriteOnce access mode":                                     true,
		"rpc error: code = ResourceExhausted desc = no space":                        false,
		"rpc error: code = DeadlineExceeded desc = context deadline exceeded":        false,
		`rpc error: code = Internal desc = Get "": unsupported protocol scheme ""`:   false,
		"rpc error: code = Unknown desc = ReadWriteMany is not supported":            true,
		"rpc error: code = Unavailable desc = tls: unsupported certificate":          false,
		"storageclass.storage.k8s.io \"x\" not found":                                false,
	} {
		assert.Equal(t, want, isRefusal(message), message)
	}
}

func TestWhatIsBoundToANode(t *testing.T) {
	for message, want := range map[string]bool{
		"0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.": true,
		"0/2 nodes are available: 2 node(s) didn't match PersistentVolume's node affinity.":                                                        true,
		"0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) had untolerated taint {x: }. preemption: no.": false,
		"0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match PersistentVolume's node affinity.":                                 false,
		"0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.":                                                            false,
		// A driver that is away may be on its way back.
		"0/2 nodes are available: 1 node(s) didn't match PersistentVolume's node affinity, 1 csi.example.com CSI driver is not installed on the node.": false,
		"no nodes available to schedule pods": false,
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message}}}}
		_, is := isBoundToNode(pod)
		assert.Equal(t, want, is, message)
	}
}

func TestACellsClaimOverridesItsTemplate(t *testing.T) {
	template, err := ReadTemplate([]byte(`{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: x, annotations: {a: b}, labels: {c: d}}, spec: {storageClassName: slow, accessModes: [ReadOnlyMany], dataSource: {kind: VolumeSnapshot, name: s}}}`))
	require.NoError(t, err)
	claim := namespace(t).claim(ClaimSpec{Name: "stig-pvc", Class: "fast", Mode: corev1.ReadWriteOnce, Size: resource.MustParse("1Gi"), Template: template})
	assert.Equal(t, "stig-pvc", claim.Name)
	assert.Equal(t, map[string]string{"a": "b"}, claim.Annotations)
	assert.Equal(t, map[string]string{"c": "d", RunLabel: "r"}, claim.Labels)
	assert.Equal(t, "fast", *claim.Spec.StorageClassName)
	assert.Equal(t, "s", claim.Spec.DataSource.Name)
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, claim.Spec.AccessModes)
	assert.Equal(t, "1Gi", claim.Spec.Resources.Requests.Storage().String())
	assert.Equal(t, []corev1.PersistentVolumeAccessMode{corev1.ReadOnlyMany}, template.Spec.AccessModes, "the template is for the next cell too")

	for _, wrong := range []string{"", "kind: Pod", "{apiVersion: v1, kind: PersistentVolumeClaim, spec: {size: 1}}"} {
		_, err := ReadTemplate([]byte(wrong))
		assert.Error(t, err, wrong)
	}
}
