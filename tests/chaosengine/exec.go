package chaosengine

import (
	"bytes"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// Exec runs a command in a pod, as kubectl exec does, and returns what it prints.
func (n *Namespace) Exec(ctx context.Context, pod string, command ...string) (string, error) {
	options := &corev1.PodExecOptions{Command: command, Stdout: true, Stderr: true}
	request := n.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(n.Name).Name(pod).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(n.Config, "POST", request.URL())
	if err != nil {
		return "", err
	}
	var stdout, stderr bytes.Buffer
	if err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr}); err != nil {
		return stdout.String(), fmt.Errorf("running %q in pod %s/%s: %w: %s", command, n.Name, pod, err, stderr.String())
	}
	return stdout.String(), nil
}
