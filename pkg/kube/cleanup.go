package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/utils/ptr"
)

// DeletePreviousAttempts deletes what previous attempts of the same Job did not delete, except the objects with the
// names in keep. It returns what it deleted.
func (c Client) DeletePreviousAttempts(ctx context.Context, keep ...string) (deleted []string, err error) {
	if c.Labels[JobLabel] == "" {
		return nil, nil
	}
	return c.removeMatching(ctx, selection.NotEquals, keep)
}

// DeleteRun deletes every object with this run's label, except the objects with the names in keep. It also finds an
// object that was created although the answer to the request was lost.
func (c Client) DeleteRun(ctx context.Context, keep ...string) error {
	_, err := c.removeMatching(ctx, selection.Equals, keep)
	return err
}

// removeMatching deletes the objects of this run (Equals), or those of other runs of the same Job (NotEquals).
func (c Client) removeMatching(ctx context.Context, run selection.Operator, keep []string) ([]string, error) {
	selector, err := c.selector(run)
	if err != nil {
		return nil, err
	}
	options := metav1.ListOptions{LabelSelector: selector}
	var pods *corev1.PodList
	var claims *corev1.PersistentVolumeClaimList
	err = c.retry(ctx, "listing objects to delete", func(ctx context.Context) error {
		var podErr, claimErr error
		pods, podErr = c.API.CoreV1().Pods(c.Namespace).List(ctx, options)
		claims, claimErr = c.API.CoreV1().PersistentVolumeClaims(c.Namespace).List(ctx, options)
		return errors.Join(podErr, claimErr)
	})
	if err != nil {
		return nil, fmt.Errorf("listing pods and claims to delete in namespace %s: %w", c.Namespace, err)
	}
	// The logs of these pods are no longer needed: they get the shortest grace period, 1 second.
	grace := ptr.To[int64](1)
	var deleted []string
	var removals []func() error
	for _, pod := range pods.Items {
		if !slices.Contains(keep, pod.Name) {
			deleted = append(deleted, "pod "+pod.Name)
			removals = append(removals, func() error { return c.DeletePod(ctx, pod.Name, pod.UID, grace) })
		}
	}
	for _, claim := range claims.Items {
		if !slices.Contains(keep, claim.Name) {
			deleted = append(deleted, "claim "+claim.Name)
			removals = append(removals, func() error { return c.DeleteClaim(ctx, claim.Name, claim.UID) })
		}
	}
	return deleted, RunConcurrently(removals...)
}

// selector selects the objects of this run (Equals), or those of other runs of the same Job (NotEquals).
func (c Client) selector(run selection.Operator) (string, error) {
	ofRun, err := labels.NewRequirement(RunLabel, run, []string{c.Labels[RunLabel]})
	if err != nil || run == selection.Equals {
		return labels.NewSelector().Add(*ofRun).String(), err
	}
	ofJob, err := labels.NewRequirement(JobLabel, selection.Equals, []string{c.Labels[JobLabel]})
	if err != nil {
		return "", err
	}
	return labels.NewSelector().Add(*ofRun, *ofJob).String(), nil
}
