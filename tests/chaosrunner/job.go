package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// buildJob returns the Job that chaos-runner creates for an engine and an experiment: no
// backoff limit, no deadline, pods that are not restarted.
func buildJob(
	engine *chaosv1alpha1.ChaosEngine, experiment *chaosv1alpha1.ChaosExperiment, getenv func(string) string,
) *batchv1.Job {
	definition := experiment.Spec.Definition
	components := componentsOf(engine, experiment.Name)
	labels := maps.Clone(definition.Labels)
	maps.Copy(labels, engine.Labels)
	labels["chaosUID"] = string(engine.UID)
	name := experiment.Name + "-" + rand.String(6)
	image := definition.Image
	if components.ExperimentImage != "" {
		image = components.ExperimentImage
	}
	pod := corev1.PodSpec{
		ServiceAccountName: engine.Spec.ChaosServiceAccount,
		RestartPolicy:      corev1.RestartPolicyNever,
		NodeSelector:       components.NodeSelector,
		Tolerations:        components.Tolerations,
		ImagePullSecrets:   components.ExperimentImagePullSecrets,
		HostPID:            definition.HostPID,
		Containers: []corev1.Container{{
			Name: name, Image: image, ImagePullPolicy: pullPolicy(definition),
			Command: definition.Command, Args: definition.Args, Resources: components.Resources,
			Env: environment(engine, experiment, components, getenv),
		}},
	}
	if grace := engine.Spec.TerminationGracePeriodSeconds; grace != 0 {
		pod.TerminationGracePeriodSeconds = &grace
	}
	security := definition.SecurityContext
	if !reflect.DeepEqual(security.PodSecurityContext, corev1.PodSecurityContext{}) {
		pod.SecurityContext = &security.PodSecurityContext
	}
	if !reflect.DeepEqual(security.ContainerSecurityContext, corev1.SecurityContext{}) {
		pod.Containers[0].SecurityContext = &security.ContainerSecurityContext
	}
	annotations := components.ExperimentAnnotations
	meta := metav1.ObjectMeta{Name: name, Namespace: engine.Namespace, Labels: labels, Annotations: annotations}
	return &batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations}, Spec: pod,
	}}}
}

// validate returns an error for what the real runner rejects, and for what this one does
// not support.
func validate(engine *chaosv1alpha1.ChaosEngine, experiment *chaosv1alpha1.ChaosExperiment) error {
	d, c := experiment.Spec.Definition, componentsOf(engine, experiment.Name)
	mounts := len(d.ConfigMaps) + len(d.Secrets) + len(d.HostFileVolumes) + len(c.ConfigMaps) + len(c.Secrets)
	switch {
	case d.Image == "":
		return errors.New("definition.image is empty")
	case len(d.Command) == 0:
		return errors.New("definition.command is empty")
	case len(d.Args) == 0:
		return errors.New("definition.args is empty")
	case d.Labels == nil:
		return errors.New("definition.labels is empty")
	case mounts > 0 || len(engine.Spec.Components.Sidecar) > 0:
		return errors.New("configMaps, secrets, hostFileVolumes and sidecars are not supported by the test chaos-runner")
	}
	return nil
}

func pullPolicy(d chaosv1alpha1.ExperimentDef) corev1.PullPolicy {
	if d.ImagePullPolicy == "" {
		return corev1.PullAlways
	}
	return d.ImagePullPolicy
}

func componentsOf(engine *chaosv1alpha1.ChaosEngine, experiment string) chaosv1alpha1.ExperimentComponents {
	for _, e := range engine.Spec.Experiments {
		if e.Name == experiment {
			return e.Spec.Components
		}
	}
	return chaosv1alpha1.ExperimentComponents{}
}

// environment returns the variables of the runner, the experiment and the engine; later
// ones override earlier ones. Nothing overrides the limits of the status check and the
// clean-up policy.
func environment(
	engine *chaosv1alpha1.ChaosEngine, experiment *chaosv1alpha1.ChaosExperiment,
	components chaosv1alpha1.ExperimentComponents, getenv func(string) string,
) []corev1.EnvVar {
	env := map[string]corev1.EnvVar{}
	set := func(name, value string) {
		if value != "" {
			env[name] = corev1.EnvVar{Name: name, Value: value}
		}
	}
	set("CHAOSENGINE", engine.Name)
	set("TARGETS", getenv("TARGETS"))
	set("CHAOS_NAMESPACE", engine.Namespace)
	set("AUXILIARY_APPINFO", getenv("AUXILIARY_APPINFO"))
	set("CHAOS_UID", string(engine.UID))
	set("EXPERIMENT_NAME", experiment.Name)
	set("LIB_IMAGE_PULL_POLICY", string(pullPolicy(experiment.Spec.Definition)))
	set("TERMINATION_GRACE_PERIOD_SECONDS", strconv.FormatInt(engine.Spec.TerminationGracePeriodSeconds, 10))
	set("DEFAULT_HEALTH_CHECK", strconv.FormatBool(engine.Spec.DefaultHealthCheck))
	set("CHAOS_SERVICE_ACCOUNT", engine.Spec.ChaosServiceAccount)
	for _, e := range slices.Concat(experiment.Spec.Definition.ENVList, components.ENV) {
		env[e.Name] = e
	}
	delay, timeout := 2, 180
	if components.StatusCheckTimeouts.Delay != 0 {
		delay = components.StatusCheckTimeouts.Delay
	}
	if components.StatusCheckTimeouts.Timeout != 0 {
		timeout = components.StatusCheckTimeouts.Timeout
	}
	set("STATUS_CHECK_DELAY", strconv.Itoa(delay))
	set("STATUS_CHECK_TIMEOUT", strconv.Itoa(timeout))
	env["JOB_CLEANUP_POLICY"] = corev1.EnvVar{Name: "JOB_CLEANUP_POLICY", Value: string(engine.Spec.JobCleanUpPolicy)}
	podName := &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"}
	env["POD_NAME"] = corev1.EnvVar{Name: "POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: podName}}
	return slices.Collect(maps.Values(env))
}

// resultName returns the name of the experiment's ChaosResult.
func resultName(engine, experiment string, job *batchv1.Job) string {
	name := fmt.Sprintf("%s-%s", engine, experiment)
	for _, e := range job.Spec.Template.Spec.Containers[0].Env {
		if e.Name == "INSTANCE_ID" && e.Value != "" {
			return name + "-" + e.Value
		}
	}
	return name
}
