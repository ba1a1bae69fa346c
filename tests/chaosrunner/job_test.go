package main

import (
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func resources() (*chaosv1alpha1.ChaosEngine, *chaosv1alpha1.ChaosExperiment) {
	components := chaosv1alpha1.ExperimentComponents{ENV: []corev1.EnvVar{
		{Name: "B", Value: "engine"}, {Name: "CHAOSENGINE", Value: "mine"}, {Name: "STATUS_CHECK_TIMEOUT", Value: "5"},
	}}
	engine := &chaosv1alpha1.ChaosEngine{
		ObjectMeta: metav1.ObjectMeta{Name: "engine", Namespace: "stig", UID: "uid", Labels: map[string]string{"team": "a"}},
		Spec: chaosv1alpha1.ChaosEngineSpec{
			ChaosServiceAccount: "sa", JobCleanUpPolicy: chaosv1alpha1.CleanUpPolicyRetain, TerminationGracePeriodSeconds: 40,
			Experiments: []chaosv1alpha1.ExperimentList{
				{Name: "durability", Spec: chaosv1alpha1.ExperimentAttributes{Components: components}},
			},
		},
	}
	definition := chaosv1alpha1.ExperimentDef{
		Image: "image", Command: []string{"c"}, Args: []string{"a"}, Labels: map[string]string{"name": "durability"},
		ENVList: []corev1.EnvVar{{Name: "A", Value: "experiment"}, {Name: "B", Value: "experiment"}},
	}
	return engine, &chaosv1alpha1.ChaosExperiment{
		ObjectMeta: metav1.ObjectMeta{Name: "durability"},
		Spec:       chaosv1alpha1.ChaosExperimentSpec{Definition: definition},
	}
}

func TestBuildJob_MatchesChaosRunner(t *testing.T) {
	engine, experiment := resources()
	require.NoError(t, validate(engine, experiment))
	variables := map[string]string{"TARGETS": "deployment:ns:[x]"}
	job := buildJob(engine, experiment, func(name string) string { return variables[name] })
	assert.Regexp(t, "^durability-[a-z0-9]{6}$", job.Name)
	assert.Nil(t, job.Spec.BackoffLimit, "Kubernetes retries by default")
	assert.Equal(t, map[string]string{"name": "durability", "team": "a", "chaosUID": "uid"}, job.Spec.Template.Labels)
	pod := job.Spec.Template.Spec
	assert.Equal(t, corev1.RestartPolicyNever, pod.RestartPolicy)
	assert.Equal(t, "sa", pod.ServiceAccountName)
	assert.Equal(t, int64(40), *pod.TerminationGracePeriodSeconds)
	assert.Equal(t, job.Name, pod.Containers[0].Name)
	assert.Equal(t, corev1.PullAlways, pod.Containers[0].ImagePullPolicy)
	env := map[string]string{}
	for _, e := range pod.Containers[0].Env {
		env[e.Name] = e.Value
	}
	assert.Equal(t, "metadata.name", podName(pod.Containers[0].Env).FieldRef.FieldPath)
	delete(env, "POD_NAME")
	assert.Equal(t, map[string]string{
		"A": "experiment", "B": "engine",
		"CHAOSENGINE": "mine", "CHAOS_NAMESPACE": "stig", "CHAOS_UID": "uid", "EXPERIMENT_NAME": "durability",
		"TARGETS": "deployment:ns:[x]", "CHAOS_SERVICE_ACCOUNT": "sa", "DEFAULT_HEALTH_CHECK": "false",
		"LIB_IMAGE_PULL_POLICY": "Always", "TERMINATION_GRACE_PERIOD_SECONDS": "40",
		"STATUS_CHECK_DELAY": "2", "STATUS_CHECK_TIMEOUT": "180", "JOB_CLEANUP_POLICY": "retain",
	}, env)
}

func podName(env []corev1.EnvVar) *corev1.EnvVarSource {
	for _, e := range env {
		if e.Name == "POD_NAME" {
			return e.ValueFrom
		}
	}
	return nil
}

func TestValidate_RejectsInvalidAndUnsupportedFields(t *testing.T) {
	for want, change := range map[string]func(*chaosv1alpha1.ExperimentDef){
		"definition.image":   func(d *chaosv1alpha1.ExperimentDef) { d.Image = "" },
		"definition.command": func(d *chaosv1alpha1.ExperimentDef) { d.Command = nil },
		"definition.args":    func(d *chaosv1alpha1.ExperimentDef) { d.Args = nil },
		"definition.labels":  func(d *chaosv1alpha1.ExperimentDef) { d.Labels = nil },
		"not supported":      func(d *chaosv1alpha1.ExperimentDef) { d.Secrets = []chaosv1alpha1.Secret{{}} },
	} {
		engine, experiment := resources()
		change(&experiment.Spec.Definition)
		assert.ErrorContains(t, validate(engine, experiment), want)
	}
}

func TestWithStatus_ReplacesTheStatusOfAnExperiment(t *testing.T) {
	all := withStatus(nil, status("a", "e", "p", chaosv1alpha1.ExperimentStatusWaiting, "N/A"))
	all = withStatus(all, status("b", "e", "p", chaosv1alpha1.ExperimentStatusWaiting, "N/A"))
	all = withStatus(all, status("a", "e", "p", chaosv1alpha1.ExperimentStatusCompleted, "Pass"))
	require.Len(t, all, 2)
	assert.Equal(t, "Pass", all[0].Verdict)
	assert.Equal(t, "e-runner", all[0].Runner)
}
