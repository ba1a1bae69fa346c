package kube

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
)

// Snapshot returns every object of this run as it was last seen, those that are gone
// too, in the order of their making, and what the cluster said of them in events.
// Events that cannot be had are nil.
func (n Client) Snapshot(ctx context.Context) ([]runtime.Object, []corev1.Event) {
	ours, objects := map[types.UID]bool{}, []runtime.Object{}
	for _, o := range n.observer.seen(n.Labels[RunLabel]) {
		ours[o.GetUID()] = true
		objects = append(objects, o)
	}
	var list *corev1.EventList
	err := n.insist(ctx, "listing events", func(ctx context.Context) (err error) {
		list, err = n.API.CoreV1().Events(n.Namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		n.Log.WithError(err).Warn("Events cannot be read: the evidence is without them")
		return objects, nil
	}
	events := []corev1.Event{}
	for _, e := range list.Items {
		if ours[e.InvolvedObject.UID] {
			e.ManagedFields = nil
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b).Time) })
	return objects, events
}

// eventTime is when an event happened first: one of two fields says so.
func eventTime(e corev1.Event) *metav1.Time {
	if !e.FirstTimestamp.IsZero() {
		return &e.FirstTimestamp
	}
	return &metav1.Time{Time: e.EventTime.Time}
}

// object is one of Kubernetes's, with its metadata.
type object interface {
	runtime.Object
	metav1.Object
}

// seen are copies of all objects of a run that were seen, the first one made first.
func (o *observer) seen(run string) []object {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []object
	for _, p := range o.pods {
		if p.latest.Labels[RunLabel] == run {
			all = append(all, p.latest.DeepCopy())
		}
	}
	volumes := map[string]bool{}
	for _, c := range o.claims {
		if c.latest != nil && c.latest.Labels[RunLabel] == run {
			all = append(all, c.latest.DeepCopy())
			volumes[c.latest.Spec.VolumeName] = true
		}
	}
	for _, a := range o.attachments {
		if volumes[a.volume] {
			all = append(all, a.latest.DeepCopy())
		}
	}
	for _, one := range all {
		one.SetManagedFields(nil)
		// What informers hold does not say what it is.
		if kinds, _, err := scheme.Scheme.ObjectKinds(one); err == nil {
			one.GetObjectKind().SetGroupVersionKind(kinds[0])
		}
	}
	slices.SortFunc(all, func(a, b object) int {
		return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time), cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(a.GetUID(), b.GetUID()))
	})
	return all
}
