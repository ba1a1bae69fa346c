package kube

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NodeOfClaim returns the node of a pod that uses a claim and does not belong to this run. If there are several such
// pods, it returns the node of the oldest one; if there is none, it returns an empty string.
func (c Client) NodeOfClaim(ctx context.Context, claim string) (string, error) {
	users, err := c.usersOf(ctx, claim)
	if err != nil || len(users) == 0 {
		return "", err
	}
	oldest := slices.MinFunc(users, func(a, b corev1.Pod) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	return oldest.Spec.NodeName, nil
}

// usersOf returns the pods on nodes that use a claim and do not belong to this run.
func (c Client) usersOf(ctx context.Context, claim string) ([]corev1.Pod, error) {
	var pods *corev1.PodList
	err := c.retry(ctx, "listing the pods that use claim "+claim, func(ctx context.Context) (err error) {
		pods, err = c.API.CoreV1().Pods(c.Namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the pods that use claim %s/%s: %w", c.Namespace, claim, err)
	}
	return slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool {
		return p.Spec.NodeName == "" || c.isOfThisRun(&p) || !UsesClaim(&p, claim)
	}), nil
}

// UsesClaim reports whether a pod that has not ended uses a claim.
func UsesClaim(pod *corev1.Pod, claim string) bool {
	hasEnded := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	return !hasEnded && slices.Contains(claimsOf(pod), claim)
}
