package litmus

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/kube"
)

// readOwnPod reads the pod that this program runs in. A pod that cannot be read is only logged: a run is possible
// without it if LIB_IMAGE is set.
func (e *Experiment) readOwnPod(ctx context.Context) error {
	err := e.retry(ctx, "reading the experiment's own pod", func(ctx context.Context) (err error) {
		pods := e.clients.KubeClient.CoreV1().Pods(e.chaos.ChaosNamespace)
		e.pod, err = pods.Get(ctx, e.chaos.ChaosPodName, metav1.GetOptions{})
		return err
	})
	if ctx.Err() != nil {
		return fmt.Errorf("reading the experiment's own pod: %w", context.Cause(ctx))
	}
	if err != nil {
		e.log.WithError(err).Warnf("Could not read the experiment's own pod %s/%s: the pods of the run have none of its "+
			"settings, and LIB_IMAGE must be set", e.chaos.ChaosNamespace, e.chaos.ChaosPodName)
		e.pod = &corev1.Pod{}
	}
	return nil
}

// Image returns the image of the container that this program runs in; an empty string if it is unknown.
func (e *Experiment) Image() string {
	if c := ownContainer(e.pod); c != nil {
		return c.Image
	}
	return ""
}

// PodSettings returns the settings of the pod that this program runs in.
func (e *Experiment) PodSettings() kube.PodSettings {
	return kube.SettingsOf(e.pod, ownContainer(e.pod))
}

// PodAnnotations returns the annotations of the pod that this program runs in.
func (e *Experiment) PodAnnotations() map[string]string { return e.pod.Annotations }

// ownContainer returns the container that this program runs in, and nil if it is unknown. Admission webhooks may have
// added others before it. chaos-runner names the container after the Job, and passes it the name of the engine.
func ownContainer(pod *corev1.Pod) *corev1.Container {
	containers := pod.Spec.Containers
	for _, isOwn := range []func(corev1.Container) bool{
		func(c corev1.Container) bool { return c.Name == jobName(pod) },
		func(c corev1.Container) bool {
			return slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == "CHAOSENGINE" })
		},
		func(corev1.Container) bool { return len(containers) == 1 },
	} {
		if i := slices.IndexFunc(containers, isOwn); i >= 0 {
			return &containers[i]
		}
	}
	return nil
}

// jobName returns the name of the Job that created a pod; an empty string if there is none.
func jobName(pod *corev1.Pod) string {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind != "Job" {
		return ""
	}
	return owner.Name
}
