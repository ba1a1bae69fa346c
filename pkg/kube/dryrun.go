package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dryRun makes the API server check a request without storing the object.
var dryRun = metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}

// DryRunClaim returns a claim as the API server would create it, with the defaults of the cluster, or the error with
// which it would refuse the claim. It creates nothing.
func (c Client) DryRunClaim(
	ctx context.Context, claim *corev1.PersistentVolumeClaim,
) (*corev1.PersistentVolumeClaim, error) {
	admitted, err := c.API.CoreV1().PersistentVolumeClaims(c.Namespace).Create(ctx, claim, dryRun)
	if err != nil {
		return nil, c.createError("claim", claim.Name, err)
	}
	return admitted, nil
}

// DryRunPod returns a pod as the API server would create it, with the defaults of the namespace's LimitRanges, or the
// error with which it would refuse the pod. It creates nothing.
func (c Client) DryRunPod(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	pod = pod.DeepCopy()
	pod.Namespace = c.Namespace
	admitted, err := c.API.CoreV1().Pods(c.Namespace).Create(ctx, pod, dryRun)
	if err != nil {
		return nil, c.createError("pod", pod.Name, err)
	}
	return admitted, nil
}
