package workload

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/utils/ptr"
)

// RemoveEarlier removes what an earlier attempt of the same Job left behind, and
// returns what that was. Nothing else bears that Job's label. Pods go first, and
// soon: nobody listens to them any more.
func (n Namespace) RemoveEarlier(ctx context.Context) (removed []string, err error) {
	if n.Labels[JobLabel] == "" {
		return nil, nil
	}
	selector, err := n.earlier()
	if err != nil {
		return nil, err
	}
	var pods *corev1.PodList
	var claims *corev1.PersistentVolumeClaimList
	err = n.insist(ctx, "looking for what an earlier attempt left behind", func(ctx context.Context) error {
		var podErr, claimErr error
		pods, podErr = n.Client.CoreV1().Pods(n.Name).List(ctx, metav1.ListOptions{LabelSelector: selector})
		claims, claimErr = n.Client.CoreV1().PersistentVolumeClaims(n.Name).List(ctx, metav1.ListOptions{LabelSelector: selector})
		return errors.Join(podErr, claimErr)
	})
	if err != nil {
		return nil, fmt.Errorf("looking for what an earlier attempt left behind: %w", err)
	}
	var failures []error
	for _, p := range pods.Items {
		removed = append(removed, "pod "+p.Name)
		failures = append(failures, n.DeletePod(ctx, p.Name, p.UID, ptr.To[int64](1)))
	}
	for _, c := range claims.Items {
		removed = append(removed, "claim "+c.Name)
		failures = append(failures, n.DeleteClaim(ctx, c.Name, c.UID))
	}
	return removed, errors.Join(failures...)
}

// earlier selects this Job's objects of other runs than this one.
func (n Namespace) earlier() (string, error) {
	job, err := labels.NewRequirement(JobLabel, selection.Equals, []string{n.Labels[JobLabel]})
	if err != nil {
		return "", err
	}
	other, err := labels.NewRequirement(RunLabel, selection.NotEquals, []string{n.Labels[RunLabel]})
	if err != nil {
		return "", err
	}
	return labels.NewSelector().Add(*job, *other).String(), nil
}
