package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/volume-durability/volume-durability/pkg/outage"
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

// gap is a time for which what happened on the cluster was not seen, by this
// program's clock: it was seen afterwards, if at all.
type gap struct {
	from time.Time
	// to is zero while it lasts.
	to time.Time
}

// observer sees every object that runs have made in a namespace, and when what
// happened to it: one watch for each kind of object, however many cells there are.
type observer struct {
	client  kubernetes.Interface
	log     logrus.FieldLogger
	watches sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed with the next change
	pods    map[types.UID]*observedPod
	claims  map[types.UID]*observedClaim
	// gaps are those of each watch, in order.
	gaps map[string][]gap
	// said are those of which it was said that they cannot be had.
	said map[string]bool
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
//
// The error says what may not be seen; it comes at once.
func (n Namespace) Observed(ctx context.Context) (observed Namespace, stop func(), err error) {
	if err := n.maySee(ctx); err != nil {
		return n, nil, err
	}
	o := newObserver(n.Log)
	o.client = n.Client
	n.observer = o
	made := func(l *metav1.ListOptions) { l.LabelSelector = RunLabel }
	ofClaims := fields.Set{"type": corev1.EventTypeWarning, "involvedObject.kind": "PersistentVolumeClaim"}.AsSelector().String()
	pods, err := informer(o, "pods", n.Client.CoreV1().Pods(n.Name), made, o.pod, func(p *corev1.Pod, _ bool) { o.podOf(p).Gone = time.Now().UTC() })
	if err != nil {
		return n, nil, err
	}
	claims, err := informer(o, "claims", n.Client.CoreV1().PersistentVolumeClaims(n.Name), made, o.claim, func(c *corev1.PersistentVolumeClaim, _ bool) { o.claim(c); o.claims[c.UID].gone = true })
	if err != nil {
		return n, nil, err
	}
	events, err := informer(o, "events", n.Client.CoreV1().Events(n.Name), func(l *metav1.ListOptions) { l.FieldSelector = ofClaims }, o.event, func(*corev1.Event, bool) {})
	if err != nil {
		return n, nil, err
	}
	all := []cache.SharedIndexInformer{pods, claims, events}
	if n.maySeeAttachments(ctx) {
		o.attachmentsSeen = true
		attachments, err := informer(o, "volume attachments", n.Client.StorageV1().VolumeAttachments(), func(*metav1.ListOptions) {}, o.attachment, o.detached)
		if err != nil {
			return n, nil, err
		}
		all = append(all, attachments)
	}
	observing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop = func() {
		cancel()
		o.watches.Wait()
	}
	for _, i := range all {
		o.watches.Go(func() { i.RunWithContext(observing) })
	}
	if err := o.synced(ctx, n, pods.HasSynced, claims.HasSynced); err != nil {
		stop()
		return n, nil, err
	}
	return n, stop, nil
}

func newObserver(log logrus.FieldLogger) *observer {
	return &observer{
		log: log, changed: make(chan struct{}), gaps: map[string][]gap{}, said: map[string]bool{}, denied: map[string]error{},
		pods: map[types.UID]*observedPod{}, claims: map[types.UID]*observedClaim{}, attachments: map[types.UID]*observedAttachment{},
	}
}

// maySee asks for what is to be observed: client-go's watches never give up one that
// is refused.
func (n Namespace) maySee(ctx context.Context) error {
	return errors.Join(
		n.required("pods", mayList(ctx, n, "pods", n.Client.CoreV1().Pods(n.Name))),
		n.required("claims", mayList(ctx, n, "claims", n.Client.CoreV1().PersistentVolumeClaims(n.Name))))
}

func (n Namespace) required(what string, refused error) error {
	if refused == nil {
		return nil
	}
	return fmt.Errorf("looking for %s in namespace %s: %w%s", what, n.Name, refused, Hint(refused.Error()))
}

// maySeeAttachments says whether VolumeAttachments may be seen. They are the
// cluster's, and a run can do without.
func (n Namespace) maySeeAttachments(ctx context.Context) bool {
	err := mayList(ctx, n, "volume attachments", n.Client.StorageV1().VolumeAttachments())
	if err != nil {
		n.Log.WithError(err).Info("Volume attachments cannot be seen: whether a volume was detached and attached anew stays unknown")
	}
	return err == nil
}

// mayList is an error where the API server does not show such objects.
func mayList[L runtime.Object](ctx context.Context, n Namespace, what string, of lists[L]) error {
	return n.insist(ctx, "looking for "+what, func(ctx context.Context) error {
		_, err := of.List(ctx, metav1.ListOptions{Limit: 1})
		return err
	})
}

// lists is any of client-go's typed clients.
type lists[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// informer hands all that it sees of the objects that are selected to the observer.
func informer[L runtime.Object, T any, O interface {
	*T
	metav1.Object
	runtime.Object
}](o *observer, what string, objects lists[L], selected func(*metav1.ListOptions), there func(O), gone func(object O, missed bool)) (cache.SharedIndexInformer, error) {
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, l metav1.ListOptions) (runtime.Object, error) {
			selected(&l)
			list, err := objects.List(ctx, l)
			if err != nil {
				o.broken(ctx, what, err)
			}
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, l metav1.ListOptions) (watch.Interface, error) {
			selected(&l)
			w, err := objects.Watch(ctx, l)
			if err != nil {
				o.broken(ctx, what, err)
				return nil, err
			}
			o.whole(what)
			return &noticed{w, func() { o.blind(ctx, what) }}, nil
		},
	}
	// A client that cannot stream the first list says so: the informer lists then.
	i := cache.NewSharedIndexInformer(cache.ToListWatcherWithWatchListSemantics(lw, o.client), O(new(T)), 0, cache.Indexers{})
	err := i.SetWatchErrorHandlerWithContext(func(ctx context.Context, r *cache.Reflector, err error) {
		o.mu.Lock()
		o.denied[what] = err
		o.mu.Unlock()
		cache.DefaultWatchErrorHandler(ctx, r, err)
	})
	if err == nil {
		_, err = i.AddEventHandler(handlers(o, there, gone))
	}
	if err != nil {
		return nil, fmt.Errorf("observing %s: %w", what, err)
	}
	return i, nil
}

// noticed is a watch of which it is noticed when it ends: client-go stops each.
type noticed struct {
	watch.Interface
	ended func()
}

func (n *noticed) Stop() {
	n.Interface.Stop()
	n.ended()
}

// broken takes note that a watch cannot be had for now. client-go tries again, less
// and less often, and says nothing of it.
func (o *observer) broken(ctx context.Context, what string, err error) {
	o.blind(ctx, what)
	o.mu.Lock()
	defer o.mu.Unlock()
	if ctx.Err() == nil && outage.Is(err) && !o.said[what] {
		o.said[what] = true
		outage.Warn(o.log, "watching "+what, err)
	}
}

// blind takes note that something is not watched, until it is whole. Each watch is
// ended by the API server after some minutes, and had again at once.
func (o *observer) blind(ctx context.Context, what string) {
	if ctx.Err() != nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if all := o.gaps[what]; len(all) == 0 || !all[len(all)-1].to.IsZero() {
		o.gaps[what] = append(all, gap{from: time.Now().UTC()})
	}
}

// whole takes note that a watch is there.
func (o *observer) whole(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.said, what)
	if all := o.gaps[what]; len(all) > 0 && all[len(all)-1].to.IsZero() {
		all[len(all)-1].to = time.Now().UTC()
	}
}

// Unseen is for how long, of a time, what happened to pods was not seen.
func (n Namespace) Unseen(from, to time.Time) time.Duration {
	n.observer.mu.Lock()
	defer n.observer.mu.Unlock()
	var unseen time.Duration
	for _, g := range n.observer.gaps["pods"] {
		began, ended := g.from, g.to
		if began.Before(from) {
			began = from
		}
		if ended.IsZero() || ended.After(to) {
			ended = to
		}
		unseen += max(0, ended.Sub(began))
	}
	return unseen
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
