// Package orphans finds what runs have made in a cluster and not removed, and tells
// which of these runs are still alive: what a live run has made is no leftover.
//
// A run that a ChaosEngine has started is alive while the Job of its experiment is
// there and has not ended. Of a run that a person has started the cluster does not
// know that; the machine that it was started on may (see State).
package orphans

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// State is whether a run is alive.
type State string

// The states. What the cluster does not know is Unknown.
const (
	Running State = "running"
	Ended   State = "ended"
	Unknown State = "unknown"
)

// Object is one that a run has made.
type Object struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	UID     types.UID `json:"uid"`
	Created time.Time `json:"created"`
}

// Run is a run that has objects in a namespace.
type Run struct {
	ID        string   `json:"run"`
	Namespace string   `json:"namespace"`
	Objects   []Object `json:"objects"`
	// Owner says who started it.
	StartedBy string `json:"startedBy"`
	// Host is the machine on which a person did; empty for an engine's.
	Host string `json:"host,omitempty"`
	// Kept says that it was asked to keep what it made.
	Kept   bool   `json:"kept,omitempty"`
	State  State  `json:"state"`
	Reason string `json:"reason"`

	job types.UID
	// folders are those that it has made on claims that are somebody else's.
	folders []folder
}

// LastCreated is when the youngest of its objects was made.
func (r Run) LastCreated() time.Time {
	var newest time.Time
	for _, o := range r.Objects {
		if o.Created.After(newest) {
			newest = o.Created
		}
	}
	return newest
}

// Find finds all runs that have objects in a namespace, or in all where it is empty;
// only the one of an id, where that is not empty.
func Find(ctx context.Context, client kubernetes.Interface, namespace, id string) ([]Run, error) {
	selector := kube.RunLabel
	if id != "" {
		selector += "=" + id
	}
	pods, podErr := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	claims, claimErr := client.CoreV1().PersistentVolumeClaims(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err := errors.Join(podErr, claimErr); err != nil {
		return nil, fmt.Errorf("looking for what runs have left: %w", err)
	}
	found := finding{}
	for _, p := range pods.Items {
		found.add("pod", p.ObjectMeta).makes(p)
	}
	for _, c := range claims.Items {
		found.add("claim", c.ObjectMeta)
	}
	runs := found.runs()
	for i := range runs {
		if runs[i].job == "" {
			runs[i].State, runs[i].Reason = Unknown, "a person started it, and the cluster does not know whether it still runs"
			continue
		}
		if runs[i].State, runs[i].Reason = jobState(ctx, client, runs[i]); ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return runs, nil
}

// finding collects objects by run and namespace.
type finding map[[2]string]*Run

func (f finding) add(kind string, meta metav1.ObjectMeta) *Run {
	key := [2]string{meta.Namespace, meta.Labels[kube.RunLabel]}
	r := f[key]
	if r == nil {
		r = &Run{Namespace: key[0], ID: key[1]}
		f[key] = r
	}
	r.Objects = append(r.Objects, Object{kind, meta.Name, meta.UID, meta.CreationTimestamp.Time})
	r.Kept = r.Kept || meta.Labels[kube.KeepLabel] != ""
	r.job, r.Host = types.UID(meta.Labels[kube.JobLabel]), meta.Labels[kube.HostLabel]
	r.StartedBy = owner(meta)
	return r
}

// owner says who started the run that an object is of.
func owner(meta metav1.ObjectMeta) string {
	for _, o := range meta.OwnerReferences {
		return o.Kind + " " + o.Name
	}
	switch {
	case meta.Labels[kube.ChaosUIDLabel] != "":
		return "ChaosEngine of another namespace"
	case meta.Labels[kube.HostLabel] != "":
		return "a person on " + meta.Labels[kube.HostLabel]
	}
	return "nobody known"
}

// runs are all, by namespace and id, the pods of each before its claims.
func (f finding) runs() []Run {
	var all []Run
	for _, r := range f {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b Run) int {
		return strings.Compare(a.Namespace+"/"+a.ID, b.Namespace+"/"+b.ID)
	})
	return all
}

// jobState is whether the Job of a run's experiment still runs. An engine in another
// namespace has its Job there.
func jobState(ctx context.Context, client kubernetes.Interface, r Run) (State, string) {
	jobs, err := client.BatchV1().Jobs(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	owned := strings.HasPrefix(r.StartedBy, "ChaosEngine ") && r.StartedBy != "ChaosEngine of another namespace"
	if apierrors.IsForbidden(err) && owned {
		jobs, err = client.BatchV1().Jobs(r.Namespace).List(ctx, metav1.ListOptions{})
	}
	if err != nil {
		return Unknown, fmt.Sprintf("whether its experiment still runs cannot be seen: %v", err)
	}
	for _, j := range jobs.Items {
		if j.UID != r.job {
			continue
		}
		if hasEnded(j) {
			return Ended, fmt.Sprintf("its Job %s/%s has ended", j.Namespace, j.Name)
		}
		return Running, fmt.Sprintf("its Job %s/%s still runs", j.Namespace, j.Name)
	}
	return Ended, "its Job is gone"
}

func hasEnded(j batchv1.Job) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
}

// Remove removes what a run has made, and returns an error that names what it could not.
func Remove(ctx context.Context, namespace kube.Client, r Run) error {
	namespace.Namespace, namespace.Labels = r.Namespace, map[string]string{kube.RunLabel: r.ID}
	observed, stop, err := namespace.WithObserver(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := observed.RemoveRun(ctx); err != nil {
		return err
	}
	for _, f := range r.folders {
		if err := f.remove(ctx, observed); err != nil {
			return err
		}
	}
	return nil
}
