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

// Snapshot returns the last observed state of every object of this run, including deleted ones, sorted by creation
// time, and the events about them. Events are nil if they cannot be read.
func (c Client) Snapshot(ctx context.Context) ([]runtime.Object, []corev1.Event) {
	uids, objects := map[types.UID]bool{}, []runtime.Object{}
	for _, o := range c.observer.objectsOf(c.Labels[RunLabel]) {
		uids[o.GetUID()] = true
		objects = append(objects, o)
	}
	var list *corev1.EventList
	err := c.retry(ctx, "listing events", func(ctx context.Context) (err error) {
		list, err = c.API.CoreV1().Events(c.Namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		c.Log.WithError(err).Warn("Could not list events; the evidence bundle will contain no events")
		return objects, nil
	}
	events := []corev1.Event{}
	for _, e := range list.Items {
		if uids[e.InvolvedObject.UID] {
			e.ManagedFields = nil
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b).Time) })
	return objects, events
}

// eventTime returns the time of an event's first occurrence. Depending on the source,
// the time is in FirstTimestamp or in EventTime.
func eventTime(e corev1.Event) *metav1.Time {
	if !e.FirstTimestamp.IsZero() {
		return &e.FirstTimestamp
	}
	return &metav1.Time{Time: e.EventTime.Time}
}

// object is a Kubernetes object with its metadata.
type object interface {
	runtime.Object
	metav1.Object
}

// objectsOf returns copies of all observed objects of a run, sorted by creation time.
func (o *observer) objectsOf(run string) []object {
	o.mu.Lock()
	defer o.mu.Unlock()
	var objects []object
	for _, p := range o.pods {
		if p.latest.Labels[RunLabel] == run {
			objects = append(objects, p.latest.DeepCopy())
		}
	}
	volumes := map[string]bool{}
	for _, c := range o.claims {
		if c.latest != nil && c.latest.Labels[RunLabel] == run {
			objects = append(objects, c.latest.DeepCopy())
			volumes[c.latest.Spec.VolumeName] = true
		}
	}
	for volume := range volumes {
		for _, a := range o.attachments[volume] {
			objects = append(objects, a.latest.DeepCopy())
		}
	}
	for _, one := range objects {
		// Objects from informers have no kind and API version.
		if kinds, _, err := scheme.Scheme.ObjectKinds(one); err == nil {
			one.GetObjectKind().SetGroupVersionKind(kinds[0])
		}
	}
	slices.SortFunc(objects, func(a, b object) int {
		return cmp.Or(a.GetCreationTimestamp().Compare(b.GetCreationTimestamp().Time),
			cmp.Compare(a.GetName(), b.GetName()), cmp.Compare(a.GetUID(), b.GetUID()))
	})
	return objects
}
