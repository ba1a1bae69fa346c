package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/volume-durability/volume-durability/pkg/provisioning"
)

// PodTimes are the times at which the states of a pod were first observed, by the clock of this program. A time is
// zero if the state was not observed.
type PodTimes struct {
	CreatedAt, ScheduledAt, MountedAt, StartedAt, DeletedAt time.Time
}

// Attachment is a VolumeAttachment: a volume that is attached to a node.
type Attachment struct {
	Name string
	UID  types.UID
	Node string
	// AttachedAt is when the volume was first observed to be attached, DeletedAt when the VolumeAttachment was first
	// observed to be deleted. Both are zero if that was not observed.
	AttachedAt, DeletedAt time.Time
	// DeletionMissed is set if the deletion happened while nothing was watched. It happened at DeletedAt or earlier.
	DeletionMissed bool
}

// observer watches the objects of all runs in a namespace, with one watch per kind of object. It records when their
// states changed.
type observer struct {
	api     kubernetes.Interface
	log     logrus.FieldLogger
	watches sync.WaitGroup

	mu sync.Mutex
	// waits has the waits that a change to a subject wakes, by the subject.
	waits  map[subject]map[wakeUp]bool
	pods   map[types.UID]*observedPod
	claims map[types.UID]*observedClaim
	// existing has the claims that exist, by name. A claim is not in it if only an event about it was observed.
	existing map[string]*observedClaim
	// bound has the names of the claims that were bound to a volume, by the name of the volume.
	bound map[string]string
	// attachments has the attachments of each volume.
	attachments map[string]map[types.UID]*observedAttachment
	// events are the events about pods and claims, by the UID of the object and that of the event.
	events map[types.UID]map[types.UID]corev1.Event
	// attachmentsVisible is set if the service account may watch VolumeAttachments.
	attachmentsVisible bool
	// gaps are the times without a watch, by kind of object and in chronological order.
	gaps map[string][]gap
	// logged has the kinds of objects whose failing watch was logged.
	logged map[string]bool
	// watchErrors has the last error of each watch.
	watchErrors map[string]error
}

type observedPod struct {
	latest *corev1.Pod
	health healthRecord
	PodTimes
}

type observedClaim struct {
	name string
	// latest is nil if only an event about the claim was observed.
	latest  *corev1.PersistentVolumeClaim
	deleted bool
	// boundAt is when the claim was first observed to be bound.
	boundAt time.Time
	// rejection is the message with which the provisioner rejected the claim for good.
	rejection string
	use       claimUse
	health    healthRecord
}

type observedAttachment struct {
	latest *storagev1.VolumeAttachment
	Attachment
}

// The kinds of objects that are watched, as errors and log messages name them.
const (
	kindPods        = "pods"
	kindClaims      = "claims"
	kindPodEvents   = "events of pods"
	kindClaimEvents = "events of claims"
	kindAttachments = "VolumeAttachments"
)

// WithObserver starts to watch the namespace and returns a client that can wait for changes. It returns once the
// existing objects are known, or with an error at once if the objects may not be listed. The caller must call stop,
// which ends the watches and waits for their goroutines.
func (c Client) WithObserver(ctx context.Context) (observed Client, stop func(), err error) {
	if err := c.requireListable(ctx); err != nil {
		return c, nil, err
	}
	o := newObserver(c.Log)
	o.api = c.API
	c.observer = o
	pods, claims, others, err := o.informers(ctx, c)
	if err != nil {
		return c, nil, err
	}
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop = func() {
		cancel()
		o.watches.Wait()
	}
	for _, i := range append(others, pods, claims) {
		o.watches.Go(func() { i.RunWithContext(watching) })
	}
	if err := o.awaitSync(ctx, c, pods.HasSynced, claims.HasSynced); err != nil {
		stop()
		return c, nil, err
	}
	return c, stop, nil
}

func newObserver(log logrus.FieldLogger) *observer {
	return &observer{
		log:         log,
		waits:       map[subject]map[wakeUp]bool{},
		pods:        map[types.UID]*observedPod{},
		claims:      map[types.UID]*observedClaim{},
		existing:    map[string]*observedClaim{},
		bound:       map[string]string{},
		attachments: map[string]map[types.UID]*observedAttachment{},
		events:      map[types.UID]map[types.UID]corev1.Event{},
		gaps:        map[string][]gap{},
		logged:      map[string]bool{},
		watchErrors: map[string]error{},
	}
}

// requireListable returns an error if pods or claims may not be listed. The informers would retry without end.
func (c Client) requireListable(ctx context.Context) error {
	describe := func(kind string, err error) error {
		if err == nil {
			return nil
		}
		return fmt.Errorf("listing %s in namespace %s: %w%s", kind, c.Namespace, err, Hint(err.Error()))
	}
	return errors.Join(
		describe(kindPods, tryList(ctx, c, kindPods, c.API.CoreV1().Pods(c.Namespace))),
		describe(kindClaims, tryList(ctx, c, kindClaims, c.API.CoreV1().PersistentVolumeClaims(c.Namespace))))
}

// informers creates the informers of pods and of claims, without which a run is not possible, and the others.
func (o *observer) informers(ctx context.Context, c Client) (
	pods, claims cache.SharedIndexInformer, others []cache.SharedIndexInformer, err error,
) {
	ofRuns := func(l *metav1.ListOptions) { l.LabelSelector = RunLabel }
	about := func(kind string) func(*metav1.ListOptions) {
		selector := fields.OneTermEqualSelector("involvedObject.kind", kind).String()
		return func(l *metav1.ListOptions) { l.FieldSelector = selector }
	}
	all := func(*metav1.ListOptions) {}
	pods, podErr := newInformer(o, kindPods, c.API.CoreV1().Pods(c.Namespace), ofRuns, o.podChanged, o.podDeleted)
	claims, claimErr := newInformer(o, kindClaims, c.API.CoreV1().PersistentVolumeClaims(c.Namespace), ofRuns,
		o.claimChanged, o.claimDeleted)
	events := c.API.CoreV1().Events(c.Namespace)
	ofPods, podEventErr := newInformer(o, kindPodEvents, events, about("Pod"), o.eventChanged, o.eventDeleted)
	ofClaims, claimEventErr := newInformer(o, kindClaimEvents, events, about("PersistentVolumeClaim"),
		o.eventChanged, o.eventDeleted)
	eventErr := errors.Join(podEventErr, claimEventErr)
	others = []cache.SharedIndexInformer{ofPods, ofClaims}
	if err := tryList(ctx, c, kindAttachments, c.API.StorageV1().VolumeAttachments()); err != nil {
		c.Log.WithError(err).Info("Could not list VolumeAttachments; it will be unknown whether a volume was detached")
		return pods, claims, others, errors.Join(podErr, claimErr, eventErr)
	}
	o.attachmentsVisible = true
	attachments, attachmentErr := newInformer(o, kindAttachments, c.API.StorageV1().VolumeAttachments(), all,
		o.attachmentChanged, o.attachmentDeleted)
	return pods, claims, append(others, attachments), errors.Join(podErr, claimErr, eventErr, attachmentErr)
}

// awaitSync returns once the existing objects are known.
func (o *observer) awaitSync(ctx context.Context, c Client, synced ...cache.InformerSynced) error {
	ctx, cancel := c.withTimeout(ctx, "the list of objects in namespace %s", c.Namespace)
	defer cancel()
	if cache.WaitForCacheSync(ctx.Done(), synced...) {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return errors.Join(context.Cause(ctx), o.watchErrors[kindPods], o.watchErrors[kindClaims])
}

// update calls a function with the observer locked. It ignores objects of another type.
func update[T any](o *observer, object any, f func(T)) {
	typed, ok := object.(T)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f(typed)
}

// knows reports whether the observer has seen a pod or a claim.
func (o *observer) knows(uid types.UID) bool {
	if o == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	claim := o.claims[uid]
	return o.pods[uid] != nil || claim != nil && claim.latest != nil
}

// existingClaim returns the existing claim with a name; nil if the observer has not seen it.
func (o *observer) existingClaim(name string) *corev1.PersistentVolumeClaim {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.existing[name]; c != nil {
		return c.latest
	}
	return nil
}

// podOf returns the record of a pod, which it creates if necessary.
func (o *observer) podOf(p *corev1.Pod) *observedPod {
	observed := o.pods[p.UID]
	if observed == nil {
		observed = &observedPod{PodTimes: PodTimes{CreatedAt: time.Now().UTC()}}
		o.pods[p.UID] = observed
	}
	observed.latest = p
	o.notify(podNamed(p.Name))
	return observed
}

// podState reports whether a pod's container has ended or the pod was deleted, and whether the pod was deleted. The
// observer must be locked.
func (o *observer) podState(uid types.UID) (ended, deleted bool) {
	observed := o.pods[uid]
	if observed == nil {
		return false, false
	}
	deleted = !observed.DeletedAt.IsZero()
	return deleted || hasContainerEnded(observed.latest), deleted
}

func (o *observer) podChanged(p *corev1.Pod) {
	observed, now := o.podOf(p), time.Now().UTC()
	observed.health.addPod(p)
	setOnce(&observed.ScheduledAt, p.Spec.NodeName != "", now)
	setOnce(&observed.MountedAt, isTrue(p, corev1.PodReadyToStartContainers), now)
	setOnce(&observed.StartedAt, hasContainerStarted(p), now)
}

func (o *observer) podDeleted(p *corev1.Pod, _ bool) {
	observed := o.podOf(p)
	observed.latest, observed.DeletedAt = shortened(p), time.Now().UTC()
}

// maxArgument is the length in bytes to which the arguments of a deleted pod are shortened.
const maxArgument = 1 << 10

// shortened returns a copy of a deleted pod that needs little memory, because a run keeps all its pods. It shortens
// long arguments: those of a writer list the last records of all earlier writers, which are also in the ledger.
func shortened(p *corev1.Pod) *corev1.Pod {
	p = p.DeepCopy()
	for _, container := range p.Spec.Containers {
		for i, argument := range container.Command {
			if len(argument) > maxArgument {
				container.Command[i] = fmt.Sprintf("%s… (%d bytes)", argument[:maxArgument], len(argument))
			}
		}
	}
	return p
}

// setOnce sets a milestone that is reached for the first time.
func setOnce(milestone *time.Time, reached bool, now time.Time) {
	if reached && milestone.IsZero() {
		*milestone = now
	}
}

func isTrue(p *corev1.Pod, conditionType corev1.PodConditionType) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == conditionType && c.Status == corev1.ConditionTrue
	})
}

// claimOf returns the record of a claim, which it creates if necessary.
func (o *observer) claimOf(uid types.UID, name string) *observedClaim {
	if o.claims[uid] == nil {
		o.claims[uid] = &observedClaim{name: name}
	}
	return o.claims[uid]
}

func (o *observer) claimChanged(c *corev1.PersistentVolumeClaim) {
	observed := o.claimOf(c.UID, c.Name)
	observed.latest = c
	o.existing[c.Name] = observed
	if volume := c.Spec.VolumeName; volume != "" {
		o.bound[volume] = c.Name
	}
	o.notify(claimNamed(c.Name))
	setOnce(&observed.boundAt, c.Status.Phase == corev1.ClaimBound, time.Now().UTC())
	observed.use.record(c, time.Now().UTC())
	observed.health.addClaim(c)
}

func (o *observer) claimDeleted(c *corev1.PersistentVolumeClaim, _ bool) {
	o.claimChanged(c)
	o.claims[c.UID].deleted = true
	delete(o.existing, c.Name)
}

func (o *observer) eventChanged(e *corev1.Event) {
	about := e.InvolvedObject.UID
	o.notify(involved(e))
	if o.events[about] == nil {
		o.events[about] = map[types.UID]corev1.Event{}
	}
	o.events[about][e.UID] = *e
	if e.Reason == "ProvisioningFailed" && provisioning.CauseOf(e.Message).Final() {
		o.claimOf(about, e.InvolvedObject.Name).rejection = e.Reason + ": " + e.Message
	}
}

func (o *observer) eventDeleted(e *corev1.Event, _ bool) {
	o.notify(involved(e))
	delete(o.events[e.InvolvedObject.UID], e.UID)
}

// eventsOf returns the events about the object with a UID, newest first.
func (o *observer) eventsOf(object types.UID) []corev1.Event {
	events := slices.Collect(maps.Values(o.events[object]))
	sortNewestFirst(events)
	return events
}

// provisioningError returns the error with which the provisioner rejected the claim that a pod waits for. It ignores
// rejections of a deleted claim with the same name, and of a claim that was bound later.
func (o *observer) provisioningError(pod *corev1.Pod) error {
	for _, c := range o.unboundClaims(pod) {
		switch {
		case c.latest.Status.Phase == corev1.ClaimLost:
			return &finalError{what: "its claim has lost its volume", message: "claim " + c.name + " is Lost"}
		case c.rejection == "":
		case provisioning.CauseOf(c.rejection) == provisioning.Unsupported:
			return &UnsupportedError{Object: "claim " + pod.Namespace + "/" + c.name, Message: c.rejection}
		default:
			return &finalError{what: "its claim cannot get a volume", message: c.rejection}
		}
	}
	return nil
}

// unboundClaims returns the existing claims of a pod that have no volume.
func (o *observer) unboundClaims(pod *corev1.Pod) []*observedClaim {
	var unbound []*observedClaim
	for _, name := range claimsOf(pod) {
		if c := o.existing[name]; c != nil && c.latest.Status.Phase != corev1.ClaimBound {
			unbound = append(unbound, c)
		}
	}
	return unbound
}

// PodTimes returns when the states of a pod were first observed.
func (c Client) PodTimes(pod types.UID) PodTimes {
	if c.observer == nil {
		return PodTimes{}
	}
	c.observer.mu.Lock()
	defer c.observer.mu.Unlock()
	if observed := c.observer.pods[pod]; observed != nil {
		return observed.PodTimes
	}
	return PodTimes{}
}

// ClaimBoundAt returns when a claim was first observed to be bound; zero if it was not.
func (c Client) ClaimBoundAt(claim types.UID) time.Time {
	if c.observer == nil {
		return time.Time{}
	}
	c.observer.mu.Lock()
	defer c.observer.mu.Unlock()
	if observed := c.observer.claims[claim]; observed != nil {
		return observed.boundAt
	}
	return time.Time{}
}
