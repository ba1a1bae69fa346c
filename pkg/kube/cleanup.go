package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/utils/ptr"
)

// RemovePreviousAttempts removes what earlier attempts of the same Job left behind, but what
// is to be spared by its name, and returns what that was. Nothing else bears that
// Job's label.
func (n Client) RemovePreviousAttempts(ctx context.Context, spare ...string) (removed []string, err error) {
	if n.Labels[JobLabel] == "" {
		return nil, nil
	}
	return n.removeWhere(ctx, selection.NotEquals, spare)
}

// RemoveRun removes what this run has made, but what is to be spared by its name: an
// object that was made while the answer was lost is nowhere else known.
func (n Client) RemoveRun(ctx context.Context, spare ...string) error {
	_, err := n.removeWhere(ctx, selection.Equals, spare)
	return err
}

// removeWhere removes what bears this run's label, or this Job's and another run's.
// Pods go soon: nobody listens to them any more.
func (n Client) removeWhere(ctx context.Context, run selection.Operator, spare []string) (removed []string, err error) {
	selector, err := n.selector(run)
	if err != nil {
		return nil, err
	}
	var pods *corev1.PodList
	var claims *corev1.PersistentVolumeClaimList
	err = n.insist(ctx, "looking for what was left behind", func(ctx context.Context) error {
		var podErr, claimErr error
		pods, podErr = n.API.CoreV1().Pods(n.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		claims, claimErr = n.API.CoreV1().PersistentVolumeClaims(n.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		return errors.Join(podErr, claimErr)
	})
	if err != nil {
		return nil, fmt.Errorf("looking for what was left behind: %w", err)
	}
	var removals []func() error
	for _, p := range pods.Items {
		if !slices.Contains(spare, p.Name) {
			removed = append(removed, "pod "+p.Name)
			removals = append(removals, func() error { return n.DeletePod(ctx, p.Name, p.UID, ptr.To[int64](1)) })
		}
	}
	for _, c := range claims.Items {
		if !slices.Contains(spare, c.Name) {
			removed = append(removed, "claim "+c.Name)
			removals = append(removals, func() error { return n.DeleteClaim(ctx, c.Name, c.UID) })
		}
	}
	return removed, RunConcurrently(removals...)
}

// RunConcurrently removes all at once: what one removal waits for, a node that is away for
// example, must not keep the others from being asked. The error joins theirs.
func RunConcurrently(removals ...func() error) error {
	failures := make([]error, len(removals))
	var all sync.WaitGroup
	for i, remove := range removals {
		all.Go(func() { failures[i] = remove() })
	}
	all.Wait()
	return errors.Join(failures...)
}

// selector selects this run's objects, or this Job's of other runs.
func (n Client) selector(run selection.Operator) (string, error) {
	ofRun, err := labels.NewRequirement(RunLabel, run, []string{n.Labels[RunLabel]})
	if err != nil || run == selection.Equals {
		return labels.NewSelector().Add(*ofRun).String(), err
	}
	ofJob, err := labels.NewRequirement(JobLabel, selection.Equals, []string{n.Labels[JobLabel]})
	if err != nil {
		return "", err
	}
	return labels.NewSelector().Add(*ofRun, *ofJob).String(), nil
}
