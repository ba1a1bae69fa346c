package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// dry has the API server do everything but keep the object.
var dry = metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}

// DryRunClaim says why the claim of a spec would not be made. It makes none.
func (n Client) DryRunClaim(ctx context.Context, spec ClaimSpec) error {
	_, err := n.API.CoreV1().PersistentVolumeClaims(n.Namespace).Create(ctx, n.claim(spec), dry)
	if err != nil {
		return n.taken("claim", spec.Name, err)
	}
	return nil
}

// DryRunPod says why a pod would not be made. It makes none.
func (n Client) DryRunPod(ctx context.Context, pod *corev1.Pod) error {
	pod.Namespace = n.Namespace
	_, err := n.API.CoreV1().Pods(n.Namespace).Create(ctx, pod, dry)
	if err != nil {
		return n.taken("pod", pod.Name, err)
	}
	return nil
}
