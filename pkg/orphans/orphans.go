// Package orphans finds the objects that runs created and did not delete, and determines which of these runs are still
// running. Objects of a run that is still running are not orphans.
//
// A run of a ChaosEngine is running as long as its Job exists and has not ended. The state of a run
// that a user started cannot be read from the cluster. It may be available on the machine on which the run was started.
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

// State is the state of a run.
type State string

const (
	// Running means that the run still needs its objects.
	Running State = "running"
	// Ended means that the run has ended, and its objects are orphans.
	Ended State = "ended"
	// Unknown means that the state cannot be read from the cluster.
	Unknown State = "unknown"
)

// Object is an object that a run created.
type Object struct {
	Kind      string    `json:"kind"`
	Name      string    `json:"name"`
	UID       types.UID `json:"uid"`
	CreatedAt time.Time `json:"createdAt"`
}

// Run is a run that has objects in a namespace.
type Run struct {
	ID        string   `json:"run"`
	Namespace string   `json:"namespace"`
	Objects   []Object `json:"objects"`
	// StartedBy is the ChaosEngine or the user that started the run.
	StartedBy string `json:"startedBy"`
	// Host is the machine on which a user started the run; empty for a run of a ChaosEngine.
	Host string `json:"host,omitempty"`
	// Kept is set if the run was started with KEEP=true.
	Kept  bool  `json:"kept,omitempty"`
	State State `json:"state"`
	// Reason explains the state.
	Reason string `json:"reason"`

	job types.UID
	// engineInNamespace is set if the run's ChaosEngine is in the same namespace.
	engineInNamespace bool
	// folders are the run's folders on existing claims.
	folders []folder
}

// LastCreated returns the creation time of the run's newest object.
func (r Run) LastCreated() time.Time {
	var last time.Time
	for _, o := range r.Objects {
		if o.CreatedAt.After(last) {
			last = o.CreatedAt
		}
	}
	return last
}

// Find returns the runs that have objects in a namespace, or in all namespaces if it is empty. It returns
// only runs whose ID begins with prefix.
func Find(ctx context.Context, client kubernetes.Interface, namespace, prefix string) ([]Run, error) {
	options := metav1.ListOptions{LabelSelector: kube.RunLabel}
	pods, podErr := client.CoreV1().Pods(namespace).List(ctx, options)
	claims, claimErr := client.CoreV1().PersistentVolumeClaims(namespace).List(ctx, options)
	if err := errors.Join(podErr, claimErr); err != nil {
		return nil, fmt.Errorf("listing the pods and claims of runs: %w", err)
	}
	found := runIndex{}
	for _, p := range pods.Items {
		if strings.HasPrefix(p.Labels[kube.RunLabel], prefix) {
			found.add("pod", p.ObjectMeta).addFolder(p)
		}
	}
	for _, c := range claims.Items {
		if strings.HasPrefix(c.Labels[kube.RunLabel], prefix) {
			found.add("claim", c.ObjectMeta)
		}
	}
	runs := found.sorted()
	for i := range runs {
		if runs[i].job == "" {
			runs[i].State = Unknown
			runs[i].Reason = "a user started it, so the cluster does not know whether it is running"
			continue
		}
		if runs[i].State, runs[i].Reason = jobState(ctx, client, runs[i]); ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return runs, nil
}

type runKey struct{ namespace, id string }

// runIndex has the runs by namespace and ID.
type runIndex map[runKey]*Run

// add adds an object to its run, and returns the run.
func (index runIndex) add(kind string, meta metav1.ObjectMeta) *Run {
	key := runKey{meta.Namespace, meta.Labels[kube.RunLabel]}
	r := index[key]
	if r == nil {
		r = &Run{Namespace: key.namespace, ID: key.id}
		index[key] = r
	}
	r.Objects = append(r.Objects, Object{kind, meta.Name, meta.UID, meta.CreationTimestamp.Time})
	r.Kept = r.Kept || meta.Labels[kube.KeepLabel] != ""
	r.job, r.Host = types.UID(meta.Labels[kube.JobLabel]), meta.Labels[kube.HostLabel]
	r.StartedBy = startedBy(meta)
	r.engineInNamespace = len(meta.OwnerReferences) > 0 && meta.OwnerReferences[0].Kind == "ChaosEngine"
	return r
}

// startedBy returns who started the run of an object.
func startedBy(meta metav1.ObjectMeta) string {
	for _, o := range meta.OwnerReferences {
		return o.Kind + " " + o.Name
	}
	switch {
	case meta.Labels[kube.ChaosUIDLabel] != "":
		return "ChaosEngine in another namespace"
	case meta.Labels[kube.HostLabel] != "":
		return "user on " + meta.Labels[kube.HostLabel]
	}
	return "unknown"
}

// sorted returns the runs by namespace and ID. The pods of each run come before its claims.
func (index runIndex) sorted() []Run {
	var runs []Run
	for _, r := range index {
		runs = append(runs, *r)
	}
	slices.SortFunc(runs, func(a, b Run) int {
		return strings.Compare(a.Namespace+"/"+a.ID, b.Namespace+"/"+b.ID)
	})
	return runs
}

// jobState returns the state of a run's Job. The Job is in the namespace of the ChaosEngine, which may not be the
// namespace of the run's objects.
func jobState(ctx context.Context, client kubernetes.Interface, r Run) (state State, reason string) {
	jobs, err := client.BatchV1().Jobs(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) && r.engineInNamespace {
		jobs, err = client.BatchV1().Jobs(r.Namespace).List(ctx, metav1.ListOptions{})
	}
	if err != nil {
		return Unknown, fmt.Sprintf("could not list Jobs: %v", err)
	}
	for _, j := range jobs.Items {
		if j.UID != r.job {
			continue
		}
		if hasEnded(j) {
			return Ended, fmt.Sprintf("Job %s/%s has ended", j.Namespace, j.Name)
		}
		return Running, fmt.Sprintf("Job %s/%s is running", j.Namespace, j.Name)
	}
	return Ended, "its Job no longer exists"
}

func hasEnded(j batchv1.Job) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
}

// Delete deletes the objects and folders of a run. The error names those that could not be deleted.
func Delete(ctx context.Context, client kube.Client, r Run) error {
	client.Namespace, client.Labels = r.Namespace, map[string]string{kube.RunLabel: r.ID}
	observed, stop, err := client.WithObserver(ctx)
	if err != nil {
		return err
	}
	defer stop()
	if err := observed.DeleteRun(ctx); err != nil {
		return err
	}
	for _, f := range r.folders {
		if err := f.remove(ctx, observed); err != nil {
			return err
		}
	}
	return nil
}
