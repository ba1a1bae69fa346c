package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// Milestones are when the parts of a pod were first seen to be there, by this
// program's clock; zero where that was not seen.
type Milestones struct {
	Created, Scheduled, Mounted, Started, Gone time.Time
}

// Attachment is that of a volume to a node, as the cluster's VolumeAttachment shows it.
type Attachment struct {
	Name string
	UID  types.UID
	Node string
	// Attached and Gone are when it was first seen so; zero where it was not.
	Attached, Gone time.Time
	// Missed says that it was not seen to go, only that it was no more: it was Gone then
	// or at any time before.
	Missed bool
}

// observer sees every object that runs have made in a namespace, and when what
// happened to it: one watch for each kind of object, however many cells there are.
type observer struct {
	informers []informers.SharedInformerFactory

	mu      sync.Mutex
	changed chan struct{} // closed with the next change
	pods    map[types.UID]*observedPod
	claims  map[types.UID]*observedClaim
	// attachments holds those of all volumes, attachmentsSeen says whether they may be seen.
	attachments     map[types.UID]*observedAttachment
	attachmentsSeen bool
	// denied is the last error of each watch.
	denied map[string]error
}

type observedPod struct {
	latest *corev1.Pod
	Milestones
}

type observedClaim struct {
	name   string
	latest *corev1.PersistentVolumeClaim // nil where only an event named it
	gone   bool
	// refusal is what the provisioner says that it cannot do.
	refusal string
}

type observedAttachment struct {
	volume string
	latest *storagev1.VolumeAttachment
	Attachment
}

// Observed begins to observe the namespace and returns it, once what is there is
// known. The observation ends with stop, which waits for it.
func (n Namespace) Observed(ctx context.Context) (observed Namespace, stop func(), err error) {
	o := &observer{
		changed: make(chan struct{}), pods: map[types.UID]*observedPod{}, claims: map[types.UID]*observedClaim{},
		attachments: map[types.UID]*observedAttachment{}, denied: map[string]error{},
	}
	n.observer = o
	made := informers.NewSharedInformerFactoryWithOptions(n.Client, 0, informers.WithNamespace(n.Name), informers.WithTweakListOptions(func(l *metav1.ListOptions) { l.LabelSelector = RunLabel }))
	warned := informers.NewSharedInformerFactoryWithOptions(n.Client, 0, informers.WithNamespace(n.Name), informers.WithTweakListOptions(func(l *metav1.ListOptions) {
		l.FieldSelector = fields.Set{"type": corev1.EventTypeWarning, "involvedObject.kind": "PersistentVolumeClaim"}.AsSelector().String()
	}))
	o.informers = []informers.SharedInformerFactory{made, warned}
	pods, claims, events := made.Core().V1().Pods().Informer(), made.Core().V1().PersistentVolumeClaims().Informer(), warned.Core().V1().Events().Informer()
	err = errors.Join(
		handle(o, pods, "pods", o.pod, func(p *corev1.Pod, _ bool) { o.podOf(p).Gone = time.Now().UTC() }),
		handle(o, claims, "claims", o.claim, func(c *corev1.PersistentVolumeClaim, _ bool) { o.claim(c); o.claims[c.UID].gone = true }),
		handle(o, events, "events", o.event, func(*corev1.Event, bool) {}),
	)
	if n.mayList(ctx) {
		everywhere := informers.NewSharedInformerFactory(n.Client, 0)
		o.informers = append(o.informers, everywhere)
		o.attachmentsSeen = true
		err = errors.Join(err, handle(o, everywhere.Storage().V1().VolumeAttachments().Informer(), "volumeattachments", o.attachment, o.detached))
	}
	if err != nil {
		return n, nil, fmt.Errorf("observing namespace %s: %w", n.Name, err)
	}
	observing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop = func() {
		cancel()
		for _, f := range o.informers {
			f.Shutdown()
		}
	}
	for _, f := range o.informers {
		f.Start(observing.Done())
	}
	if err := o.synced(ctx, n, pods.HasSynced, claims.HasSynced); err != nil {
		stop()
		return n, nil, err
	}
	return n, stop, nil
}

// mayList says whether VolumeAttachments may be seen. They are the cluster's, and
// a run can do without.
func (n Namespace) mayList(ctx context.Context) bool {
	err := n.insist(ctx, "looking for volume attachments", func(ctx context.Context) error {
		_, err := n.Client.StorageV1().VolumeAttachments().List(ctx, metav1.ListOptions{Limit: 1})
		return err
	})
	if err != nil {
		n.Log.WithError(err).Info("Volume attachments cannot be seen: whether a volume was detached and attached anew stays unknown")
	}
	return err == nil
}

// handle hands everything that an informer sees to the observer.
func handle[T metav1.Object](o *observer, informer cache.SharedIndexInformer, what string, there func(T), gone func(object T, missed bool)) error {
	err := informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		o.mu.Lock()
		o.denied[what] = err
		o.mu.Unlock()
		cache.DefaultWatchErrorHandler(ctx, r, err)
	})
	_, handleErr := informer.AddEventHandler(handlers(o, there, gone))
	return errors.Join(err, handleErr)
}

// handlers tell the observer what is there and what is gone. A watch that was broken for
// a while may have missed that something went, and that another of its name came.
func handlers[T metav1.Object](o *observer, there func(T), gone func(object T, missed bool)) cache.ResourceEventHandlerFuncs {
	missed := func(object T) { gone(object, true) }
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { see(o, object, there) },
		UpdateFunc: func(before, object any) {
			last, wasOne := before.(T)
			if now, is := object.(T); wasOne && is && last.GetUID() != now.GetUID() {
				see(o, before, missed)
			}
			see(o, object, there)
		},
		DeleteFunc: func(object any) {
			if last, ok := object.(cache.DeletedFinalStateUnknown); ok {
				see(o, last.Obj, missed)
				return
			}
			see(o, object, func(object T) { gone(object, false) })
		},
	}
}

func see[T any](o *observer, object any, do func(T)) {
	typed, ok := object.(T)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	do(typed)
	close(o.changed)
	o.changed = make(chan struct{})
}

// synced returns once everything that is there has been seen.
func (o *observer) synced(ctx context.Context, n Namespace, synced ...cache.InformerSynced) error {
	ctx, cancel := n.within(ctx, "what is in namespace %s to be known", n.Name)
	defer cancel()
	if cache.WaitForCacheSync(ctx.Done(), synced...) {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return errors.Join(context.Cause(ctx), o.denied["pods"], o.denied["claims"])
}

// until returns once a condition on what was observed holds. It is asked again at
// every change, with the observer locked.
func (o *observer) until(ctx context.Context, condition func() (bool, error)) error {
	for {
		o.mu.Lock()
		done, err := condition()
		changed := o.changed
		o.mu.Unlock()
		if done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (o *observer) podOf(p *corev1.Pod) *observedPod {
	seen := o.pods[p.UID]
	if seen == nil {
		seen = &observedPod{Milestones: Milestones{Created: time.Now().UTC()}}
		o.pods[p.UID] = seen
	}
	seen.latest = p
	return seen
}

func (o *observer) pod(p *corev1.Pod) {
	seen, now := o.podOf(p), time.Now().UTC()
	reached(&seen.Scheduled, p.Spec.NodeName != "", now)
	reached(&seen.Mounted, isTrue(p, corev1.PodReadyToStartContainers), now)
	for _, c := range p.Status.ContainerStatuses {
		reached(&seen.Started, c.State.Running != nil || c.State.Terminated != nil, now)
	}
}

func reached(milestone *time.Time, is bool, now time.Time) {
	if is && milestone.IsZero() {
		*milestone = now
	}
}

func isTrue(p *corev1.Pod, kind corev1.PodConditionType) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == kind && c.Status == corev1.ConditionTrue
	})
}

func (o *observer) claim(c *corev1.PersistentVolumeClaim) {
	if o.claims[c.UID] == nil {
		o.claims[c.UID] = &observedClaim{name: c.Name}
	}
	o.claims[c.UID].latest = c
}

func (o *observer) event(e *corev1.Event) {
	if e.Reason != "ProvisioningFailed" || !isRefusal(e.Message) {
		return
	}
	claim := o.claims[e.InvolvedObject.UID]
	if claim == nil {
		claim = &observedClaim{name: e.InvolvedObject.Name}
		o.claims[e.InvolvedObject.UID] = claim
	}
	claim.refusal = e.Reason + ": " + e.Message
}

func (o *observer) attachment(a *storagev1.VolumeAttachment) {
	if a.Spec.Source.PersistentVolumeName == nil {
		return
	}
	seen := o.attachments[a.UID]
	if seen == nil {
		seen = &observedAttachment{volume: *a.Spec.Source.PersistentVolumeName, Attachment: Attachment{Name: a.Name, UID: a.UID, Node: a.Spec.NodeName}}
		o.attachments[a.UID] = seen
	}
	seen.latest = a
	reached(&seen.Attached, a.Status.Attached, time.Now().UTC())
}

func (o *observer) detached(a *storagev1.VolumeAttachment, missed bool) {
	if seen := o.attachments[a.UID]; seen != nil && seen.Gone.IsZero() {
		seen.Missed = missed
		reached(&seen.Gone, true, time.Now().UTC())
	}
}

// Milestones are when the parts of a pod were first seen to be there.
func (n Namespace) Milestones(pod types.UID) Milestones {
	n.observer.mu.Lock()
	defer n.observer.mu.Unlock()
	if seen := n.observer.pods[pod]; seen != nil {
		return seen.Milestones
	}
	return Milestones{}
}

// Attachments are those of a PersistentVolume, the first one first, and whether
// they may be seen at all.
func (n Namespace) Attachments(volume string) (all []Attachment, mayBeSeen bool) {
	o := n.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, a := range o.attachments {
		if a.volume == volume {
			all = append(all, a.Attachment)
		}
	}
	slices.SortFunc(all, func(a, b Attachment) int { return a.Attached.Compare(b.Attached) })
	return all, o.attachmentsSeen
}

// AwaitDetached returns once a volume is attached nowhere. Where attachments
// cannot be seen there is nothing to wait for.
func (n Namespace) AwaitDetached(ctx context.Context, volume string) error {
	ctx, cancel := n.within(ctx, "volume %s to be detached", volume)
	defer cancel()
	return n.observer.until(ctx, func() (bool, error) {
		for _, a := range n.observer.attachments {
			if a.volume == volume && a.Gone.IsZero() {
				return false, nil
			}
		}
		return true, nil
	})
}
