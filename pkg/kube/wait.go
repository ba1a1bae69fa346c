package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
)

// subject is an object that a wait is about.
type subject struct{ kind, name string }

func podNamed(name string) subject    { return subject{"pod", name} }
func claimNamed(name string) subject  { return subject{"claim", name} }
func volumeNamed(name string) subject { return subject{"volume", name} }

// involved returns the pod or the claim that an event is about.
func involved(e *corev1.Event) subject {
	if e.InvolvedObject.Kind == "Pod" {
		return podNamed(e.InvolvedObject.Name)
	}
	return claimNamed(e.InvolvedObject.Name)
}

// wakeUp is the channel that wakes a wait. It has a value if one of the wait's subjects has changed.
type wakeUp chan struct{}

// waitUntil returns once a condition holds. It evaluates the condition after every change to one of the subjects, with
// the observer locked.
func (o *observer) waitUntil(ctx context.Context, condition func() (bool, error), subjects ...subject) error {
	changed := o.subscribe(subjects)
	defer o.unsubscribe(changed, subjects)
	for {
		o.mu.Lock()
		done, err := condition()
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

// subscribe returns a channel that gets a value when one of the subjects changes.
func (o *observer) subscribe(subjects []subject) wakeUp {
	o.mu.Lock()
	defer o.mu.Unlock()
	changed := make(wakeUp, 1)
	for _, s := range subjects {
		if o.waits[s] == nil {
			o.waits[s] = map[wakeUp]bool{}
		}
		o.waits[s][changed] = true
	}
	return changed
}

func (o *observer) unsubscribe(changed wakeUp, subjects []subject) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range subjects {
		delete(o.waits[s], changed)
		if len(o.waits[s]) == 0 {
			delete(o.waits, s)
		}
	}
}

// notify wakes the waits that are about a subject. The observer must be locked.
func (o *observer) notify(s subject) {
	for changed := range o.waits[s] {
		select {
		case changed <- struct{}{}:
		default: // it has been woken already
		}
	}
}
