package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/scheduling"
)

const (
	// patience is how long a failure may last that rarely disappears, such as a missing image, before the wait ends. The
	// kubelet tries again after about ten seconds.
	patience = 20 * time.Second
	// pullPatience is how long the pull of an image may fail for another reason, such as a registry that cannot be
	// reached. The kubelet tries about three times in this time.
	pullPatience = time.Minute
	// autoscalerPatience is how long an autoscaler may take to report that it adds a node. cluster-autoscaler looks for
	// pods without a node every ten seconds, Karpenter more often.
	autoscalerPatience = 15 * time.Second
)

// outOfReach is the reason of an UnsupportedError about a pod.
const outOfReach = "its volume cannot be used on any node on which the pod may run"

// finalError ends the wait for a pod that cannot start any more.
type finalError struct {
	// what is the cause in a few words, message what Kubernetes reports about it.
	what, message string
	// image is set if the image of a container cannot be had, volume if the pod's volume cannot be used.
	image, volume bool
}

func (e *finalError) Error() string { return e.what }

// errReachUnknown interrupts a wait, so that the pod's claim and the reach of its volume are read.
var errReachUnknown = errors.New("the nodes of the volume are not known yet")

// podStart waits for one pod to start. Its methods that take no context are called with the observer locked.
type podStart struct {
	Client
	name   string
	latest *corev1.Pod
	// lasting has when a state that is final if it lasts was first seen, and the timer that wakes the wait then.
	lasting map[string]lastingState
	// logged has the reasons that were logged.
	logged map[string]bool
	// step and reason are those that were reported last.
	step, reason string
	// reach is where the pod's volume can be used, as of the message reachAt; nil if it could not be read. claimGone is
	// why the pod's claim cannot be used any more; empty if it can, or could not be read.
	reach              *volumeReach
	reachAt, claimGone string
}

type lastingState struct {
	since time.Time
	timer *time.Timer
}

func (c Client) newPodStart(pod *corev1.Pod) *podStart {
	return &podStart{
		Client: c, name: pod.Name, latest: pod, lasting: map[string]lastingState{}, logged: map[string]bool{},
	}
}

// await returns once the pod has started, or with an error if it cannot start or the context has ended.
func (s *podStart) await(ctx context.Context) error {
	defer func() {
		for _, state := range s.lasting {
			state.timer.Stop()
		}
	}()
	uid, subjects := s.latest.UID, []subject{podNamed(s.name)}
	for _, claim := range claimsOf(s.latest) {
		subjects = append(subjects, claimNamed(claim))
	}
	s.report("scheduling", "")
	for {
		err := s.observer.waitUntil(ctx, func() (bool, error) {
			observed := s.observer.pods[uid]
			if observed == nil {
				return false, nil
			}
			s.latest = observed.latest
			s.logReason()
			s.reportStep()
			if err := s.obstacle(); err != nil {
				return false, err
			}
			return hasStarted(!observed.DeletedAt.IsZero(), s.latest)
		}, subjects...)
		if !errors.Is(err, errReachUnknown) {
			return s.unsupportedAtTimeout(ctx, err)
		}
		s.claimGone = s.readClaimObstacle(s.latest)
		s.reach, s.reachAt = s.readReach(ctx, s.latest), unschedulable(s.latest)
	}
}

// obstacle returns an error if the pod cannot start: its claim will have no volume, there is no node for it, or its
// image is missing.
func (s *podStart) obstacle() error {
	if err := s.observer.provisioningError(s.latest); err != nil {
		return err
	}
	if err := s.classError(); err != nil {
		return err
	}
	if err := s.unschedulableError(); err != nil {
		return err
	}
	return s.containerError()
}

// classError returns an error if the pod's claim names no StorageClass, and the cluster has had no default one for some
// time. Kubernetes gives the claim a default StorageClass that is created later.
func (s *podStart) classError() error {
	const key = "class"
	for _, claim := range s.observer.unboundClaims(s.latest) {
		for _, e := range s.observer.eventsOf(claim.latest.UID) {
			if claim.latest.Spec.StorageClassName != nil || !strings.Contains(e.Message, noDefaultClass) {
				continue
			}
			if s.lasts(key, patience) {
				return &finalError{
					what: fmt.Sprintf("its claim has had no StorageClass for %s", patience), message: e.Reason + ": " + e.Message,
				}
			}
			return nil
		}
	}
	s.over(key)
	return nil
}

// containerError returns an error if a container has not been created for some time, for a reason that rarely
// disappears.
func (s *podStart) containerError() error {
	w, likelyFinal := waitingContainer(s.latest)
	const key, keyPull, keyDeadMount = "container", "pull", "dead mount"
	if w == nil || !isCreationFailure(w.Reason) {
		s.over(key)
		s.over(keyPull)
		s.over(keyDeadMount)
		return nil
	}
	message := w.Reason + ": " + w.Message
	if isOnDeadMount(s.latest) {
		if !s.lasts(keyDeadMount, patience) {
			return nil
		}
		return &finalError{
			what: fmt.Sprintf("the mount of its volume has been dead for %s", patience), message: message, volume: true,
		}
	}
	// The kubelet does not repeat the cause while it backs off.
	if (likelyFinal || s.isLasting(key)) && s.lasts(key, patience) {
		return &finalError{
			what: fmt.Sprintf("its container has not been created for %s", patience), message: message, image: isPull(w),
		}
	}
	if isPull(w) && s.lasts(keyPull, pullPatience) {
		return &finalError{
			what: fmt.Sprintf("its image could not be pulled for %s", pullPatience), message: message, image: true,
		}
	}
	return nil
}

// unschedulableError returns an error if the pod cannot be scheduled.
func (s *podStart) unschedulableError() error {
	text := unschedulable(s.latest)
	message, ok := scheduling.Parse(text)
	if err := s.claimError(message, text); err != nil {
		return err
	}
	switch {
	case !ok:
		s.over(keyNodes)
		return nil
	case s.reachAt != text:
		return errReachUnknown
	}
	return s.nodeError(message, text)
}

// claimError returns an error if the scheduler reports that the pod's claim has no volume any more. At first, it may
// still see an earlier claim with the same name. The claim itself decides at once, if it can be read.
func (s *podStart) claimError(message scheduling.Message, text string) error {
	const key = "claim"
	if !message.Has(scheduling.ClaimGone) {
		s.over(key)
		return nil
	}
	switch {
	case s.reachAt != text:
		return errReachUnknown
	case s.claimGone != "":
		return &finalError{what: "its claim cannot be used any more", message: s.claimGone}
	case s.lasts(key, patience):
		return &finalError{what: fmt.Sprintf("its claim has had no volume for %s", patience), message: text}
	}
	return nil
}

// keyNodes is the state of a pod that no node can run.
const keyNodes = "nodes"

// nodeError returns an error if no node can run the pod. Only a volume that is bound to nodes by their names decides
// that at once. For another one, an autoscaler may add a node.
func (s *podStart) nodeError(message scheduling.Message, text string) error {
	if s.reach != nil && s.reach.isEmpty() && s.reach.Fixed {
		return s.unsupported(text)
	}
	scaling, _ := scheduling.Autoscaler(s.observer.eventsOf(s.latest.UID))
	switch {
	case !s.isOutOfReach(message) || scaling == scheduling.AddingNode:
		s.over(keyNodes)
	case scaling == scheduling.NotAddingNode || s.lasts(keyNodes, autoscalerPatience):
		return s.unsupported(text)
	}
	return nil
}

// isOutOfReach reports whether the pod cannot be scheduled unless a node is added.
func (s *podStart) isOutOfReach(message scheduling.Message) bool {
	if s.reach == nil {
		return message.VolumeOutOfReach(true)
	}
	return s.reach.isEmpty() || message.VolumeOutOfReach(false)
}

func (s *podStart) unsupported(text string) error {
	where := outOfReach
	if s.reach != nil && s.reach.isEmpty() {
		where += fmt.Sprintf(" (volume %s: %s)", s.reach.volume, strings.Join(s.reach.Volume, ", "))
	}
	return &UnsupportedError{Object: fmt.Sprintf("pod %s/%s", s.Namespace, s.name), Message: where + ": " + text}
}

// unsupportedAtTimeout returns an UnsupportedError instead of a timeout if no node was possible until the end.
func (s *podStart) unsupportedAtTimeout(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.observer.mu.Lock()
	defer s.observer.mu.Unlock()
	if s.isLasting(keyNodes) {
		return s.unsupported(unschedulable(s.latest))
	}
	return err
}

// lasts reports whether a state has lasted for some time. The wait is woken when it has.
func (s *podStart) lasts(key string, enough time.Duration) bool {
	state, is := s.lasting[key]
	if !is {
		state = lastingState{since: time.Now(), timer: time.AfterFunc(enough, s.wake)}
		s.lasting[key] = state
	}
	return time.Since(state.since) >= enough
}

// wake makes the wait evaluate its condition.
func (s *podStart) wake() {
	s.observer.mu.Lock()
	defer s.observer.mu.Unlock()
	s.observer.notify(podNamed(s.name))
}

func (s *podStart) isLasting(key string) bool {
	_, is := s.lasting[key]
	return is
}

// over records that a state has ended.
func (s *podStart) over(key string) {
	if state, is := s.lasting[key]; is {
		state.timer.Stop()
		delete(s.lasting, key)
	}
}

// logReason logs why the pod has not started, once for each reason.
func (s *podStart) logReason() {
	reason := s.waitingReason()
	if reason == "" || s.logged[withoutContainerID(reason)] {
		return
	}
	s.logged[withoutContainerID(reason)] = true
	s.Log.WithField("pod", s.name).WithField("reason", reason).Info("Pod is waiting")
}

// waitingReason returns why the pod has not started; empty if there is nothing unusual.
func (s *podStart) waitingReason() string {
	if s.latest.Spec.NodeName == "" {
		return s.schedulingReason()
	}
	if w, _ := waitingContainer(s.latest); w != nil && isCreationFailure(w.Reason) {
		return strings.TrimSuffix(withoutBackOff(w.Reason+": "+w.Message), ": ")
	}
	if isVolumePending(s.latest) {
		return latestWarning(s.observer.eventsOf(s.latest.UID), "FailedScheduling")
	}
	return ""
}

// withoutBackOff returns the cause of a failed pull. While the kubelet waits before the next pull, it reports that it
// waits, followed by the same cause.
func withoutBackOff(message string) string {
	const cause = ": ErrImagePull: "
	if _, text, found := strings.Cut(message, cause); found && strings.HasPrefix(message, "ImagePullBackOff: ") {
		return "ErrImagePull: " + text
	}
	return message
}

// keyProvisioning is the state of a pod whose claim gets its volume.
const keyProvisioning = "provisioning"

// schedulingReason returns why the pod has no node: what the provisioner, an autoscaler or the scheduler reports. That
// a claim waits for its provisioner is unusual only after some time.
func (s *podStart) schedulingReason() string {
	unbound := s.observer.unboundClaims(s.latest)
	var progress string
	for _, claim := range unbound {
		events := s.observer.eventsOf(claim.latest.UID)
		if warning := latestWarning(events); warning != "" {
			return warning
		}
		for _, e := range events {
			switch {
			case e.Reason == externalProvisioning:
				progress = e.Reason + ": " + e.Message
			case slices.Contains(informative, e.Reason):
				return e.Reason + ": " + e.Message
			}
		}
	}
	text := unschedulable(s.latest)
	if len(unbound) > 0 && (text == "" || isUnboundOnly(text)) {
		if s.lasts(keyProvisioning, patience) {
			return cmp.Or(progress, text)
		}
		return ""
	}
	s.over(keyProvisioning)
	if _, scaling := scheduling.Autoscaler(s.observer.eventsOf(s.latest.UID)); scaling != "" && text != "" {
		return scaling + "; " + text
	}
	return text
}

// externalProvisioning is the reason of the event that a claim waits for its provisioner.
const externalProvisioning = "ExternalProvisioning"

// isUnboundOnly reports whether a pod cannot be scheduled only because its claim has no volume yet.
func isUnboundOnly(text string) bool {
	m, ok := scheduling.Parse(text)
	return ok && m.Deciding().Kind == scheduling.Unbound
}
