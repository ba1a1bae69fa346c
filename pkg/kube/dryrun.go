package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dryRun makes the API server check a request without storing the object.
var dryRun = metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}

// DryRunClaim returns the error with which the API server would refuse to create a claim. It creates nothing.
func (c Client) DryRunClaim(ctx context.Context, spec ClaimSpec) error {
	_, err := c.API.CoreV1().PersistentVolumeClaims(c.Namespace).Create(ctx, c.claim(spec), dryRun)
	if err != nil {
		return c.createError("claim", spec.Name, err)
	}
	return nil
}

// DryRunPod returns the error with which the API server would refuse to create a pod. It creates nothing.
func (c Client) DryRunPod(ctx context.Context, pod *corev1.Pod) error {
	pod.Namespace = c.Namespace
	_, err := c.API.CoreV1().Pods(c.Namespace).Create(ctx, pod, dryRun)
	if err != nil {
		return c.createError("pod", pod.Name, err)
	}
	return nil
}
