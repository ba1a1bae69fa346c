package preflight

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

const (
	// maxLogNodes is how many nodes are asked for the log of a pod.
	maxLogNodes = 10
	// maxLogPods is how many pods of a node are tried, maxLogFailures after how many failures no further pod is.
	maxLogPods     = 20
	maxLogFailures = 3
)

// logTimeout limits the wait for the log of a node.
const logTimeout = 20 * time.Second

// nodeLog is an attempt to read the log of a pod on a node.
type nodeLog struct {
	node string
	// pod is the name of the pod, empty if there is none whose log may be read.
	pod string
	err error
}

// checkLogs checks whether the API server can read logs from the kubelet of each node. A run reads the
// acknowledgements from logs. Nothing is created: the log is that of a pod that already runs on the node.
func checkLogs(ctx context.Context, client kubernetes.Interface, namespace string, names []string) Check {
	checked := names[:min(len(names), maxLogNodes)]
	logs := make([]nodeLog, len(checked))
	var all sync.WaitGroup
	for i, node := range checked {
		all.Go(func() {
			noAnswer := fmt.Errorf("no answer within %s", logTimeout)
			ctx, cancel := context.WithTimeoutCause(ctx, logTimeout, noAnswer)
			defer cancel()
			logs[i].node = node
			logs[i].pod, logs[i].err = readAnyLog(ctx, client, namespace, node)
			if logs[i].err != nil && ctx.Err() != nil {
				logs[i].err = context.Cause(ctx)
			}
		})
	}
	all.Wait()
	return judgeLogs(logs, names[len(checked):])
}

// judgeLogs returns the check for the logs of some nodes. The other nodes were not checked.
func judgeLogs(logs []nodeLog, others []string) Check {
	const check = "pod logs"
	var readable, failed, unchecked []string
	advice := ""
	for _, l := range logs {
		switch {
		case l.err != nil && l.pod != "":
			failed = append(failed, fmt.Sprintf("reading the log of pod %s on node %s: %v", l.pod, l.node, l.err))
			advice = kube.LogHint(l.err)
		case l.err != nil:
			unchecked = append(unchecked, fmt.Sprintf("%s (%v)", l.node, l.err))
		case l.pod == "":
			unchecked = append(unchecked, l.node+" (no pod runs there whose log you may read)")
		default:
			readable = append(readable, l.node)
		}
	}
	unchecked = append(unchecked, others...)
	switch {
	case len(failed) > 0:
		return Check{check, Failed, strings.Join(failed, "; ") + advice}
	case len(unchecked) > 0:
		message := "not checked on " + strings.Join(unchecked, ", ")
		if len(readable) > 0 {
			message = "can be read on " + strings.Join(readable, ", ") + "; " + message
		}
		return Check{check, Warning, message}
	}
	return Check{check, Passed, "can be read on " + strings.Join(readable, ", ")}
}

// readAnyLog reads the log of a pod that runs on a node. It returns the name of the pod, which is empty if there is
// none whose log may be read. The error is that of the first pod, if the logs of a few pods cannot be read: that of one
// pod may be because it is being deleted.
func readAnyLog(ctx context.Context, client kubernetes.Interface, namespace, node string) (pod string, err error) {
	pods, err := podsOn(ctx, client, namespace, node)
	if err != nil {
		return "", err
	}
	failures := 0
	for _, p := range pods {
		name := p.Namespace + "/" + p.Name
		switch logErr := readLog(ctx, client, p); {
		case logErr == nil:
			return name, nil
		case apierrors.IsForbidden(logErr), apierrors.IsNotFound(logErr), apierrors.IsBadRequest(logErr):
			// Not allowed, deleted, or the container has no log now. None of these is the fault of the kubelet.
			continue
		case failures == 0:
			pod, err = name, logErr
		}
		if failures++; failures == maxLogFailures {
			break
		}
	}
	return pod, err
}

// podsOn returns running pods of a node: those of all namespaces if they may be listed, or else those of one.
func podsOn(ctx context.Context, client kubernetes.Interface, namespace, node string) ([]corev1.Pod, error) {
	running := metav1.ListOptions{
		FieldSelector: fields.Set{"spec.nodeName": node, "status.phase": string(corev1.PodRunning)}.String(),
		Limit:         maxLogPods,
	}
	list, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, running)
	if apierrors.IsForbidden(err) {
		list, err = client.CoreV1().Pods(namespace).List(ctx, running)
	}
	if err != nil {
		return nil, fmt.Errorf("listing its pods: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool {
		return p.Spec.NodeName != node || p.Status.Phase != corev1.PodRunning || len(p.Spec.Containers) == 0
	}), nil
}

func readLog(ctx context.Context, client kubernetes.Interface, pod corev1.Pod) error {
	stream, err := client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: pod.Spec.Containers[0].Name, TailLines: ptr.To[int64](1), LimitBytes: ptr.To[int64](1),
	}).Stream(ctx)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, stream)
	if closeErr := stream.Close(); err == nil {
		err = closeErr
	}
	return err
}
