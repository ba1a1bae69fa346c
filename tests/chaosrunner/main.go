// Command runner replaces Litmus's chaos-runner in tests and in the demo, because the real
// one is not available as a Go module. It has the same contract with the operator and the
// experiment: the environment, the Job, the statuses in the ChaosEngine, the clean-up
// policy. It rejects an engine or an experiment that declares sidecars, ConfigMaps, Secrets or
// host files, and has no events, no analytics and no timeout for a Job that does not start. It
// waits for the Job to end, including retries; the real one stops at the first failed pod.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/litmuschaos/chaos-operator/pkg/client/clientset/versioned"
	"github.com/sirupsen/logrus"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/client-go/util/retry"

	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// For the operator an exit status of 0 is the end of the run, whatever its outcome.
	// After any other it starts the runner again.
	if err := run(ctx); err != nil {
		logrus.WithError(err).Error("Some experiments of the engine could not be run")
	}
	if ctx.Err() != nil {
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	litmus, err := versioned.NewForConfig(config)
	if err != nil {
		return err
	}
	r := &runner{
		kube: kube, litmus: litmus, getenv: os.Getenv,
		namespace: os.Getenv("CHAOS_NAMESPACE"), engine: os.Getenv("CHAOSENGINE"),
	}
	return r.runAll(ctx, strings.Split(os.Getenv("EXPERIMENT_LIST"), ","))
}

type runner struct {
	kube              kubernetes.Interface
	litmus            versioned.Interface
	namespace, engine string
	getenv            func(string) string
}

// runAll runs the experiments one after the other. It skips those that cannot be run.
func (r *runner) runAll(ctx context.Context, names []string) error {
	for _, name := range names {
		waiting := status(name, r.engine, "Yet to be launched", chaosv1alpha1.ExperimentStatusWaiting, "N/A")
		if err := r.report(ctx, name, waiting); err != nil {
			return err
		}
	}
	var failures []error
	for _, name := range names {
		if err := r.runOne(ctx, name); err != nil {
			skipped := status(name, r.engine, "N/A", chaosv1alpha1.ExperimentSkipped, "Fail")
			failures = append(failures, fmt.Errorf("experiment %s: %w", name, err), r.report(ctx, name, skipped))
		}
	}
	return errors.Join(failures...)
}

func (r *runner) runOne(ctx context.Context, name string) error {
	litmus := r.litmus.LitmuschaosV1alpha1()
	engine, err := litmus.ChaosEngines(r.namespace).Get(ctx, r.engine, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the engine: %w", err)
	}
	experiment, err := litmus.ChaosExperiments(r.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the ChaosExperiment: %w", err)
	}
	if err := validate(engine, experiment); err != nil {
		return err
	}
	job := buildJob(engine, experiment, r.getenv)
	job, err = r.kube.BatchV1().Jobs(r.namespace).Create(ctx, job, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating the Job: %w", err)
	}
	running := status(name, r.engine, job.Name, chaosv1alpha1.ExperimentStatusRunning, "Awaited")
	if err := r.report(ctx, name, running); err != nil {
		return err
	}
	if err := r.await(ctx, job); err != nil {
		return err
	}
	result, err := litmus.ChaosResults(r.namespace).Get(ctx, resultName(r.engine, name, job), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the ChaosResult: %w", err)
	}
	verdict := string(result.Status.ExperimentStatus.Verdict)
	completed := status(name, r.engine, job.Name, chaosv1alpha1.ExperimentStatusCompleted, verdict)
	if err := r.report(ctx, name, completed); err != nil {
		return err
	}
	return r.cleanUp(ctx, engine, job)
}

// maxFailures is the number of failed pods after which Kubernetes ends a Job without a backoffLimit.
const maxFailures = 7

// await waits until a pod of the Job has succeeded, or so many have failed that the Job creates no other one. It
// watches the pods, because the service account of the chart may watch them, but not Jobs.
func (r *runner) await(ctx context.Context, job *batchv1.Job) error {
	failed := map[types.UID]bool{}
	hasEnded := func(event watch.Event) (bool, error) {
		pod, ok := event.Object.(*corev1.Pod)
		if !ok || !metav1.IsControlledBy(pod, job) {
			return false, nil
		}
		if pod.Status.Phase == corev1.PodFailed {
			failed[pod.UID] = true
		}
		return pod.Status.Phase == corev1.PodSucceeded || len(failed) >= maxFailures, nil
	}
	pods := chaosengine.OfJob(job.Name, r.kube.CoreV1().Pods(r.namespace))
	if _, err := watchtools.UntilWithSync(ctx, pods, &corev1.Pod{}, nil, hasEnded); err != nil {
		return fmt.Errorf("waiting for the pods of Job %s to end: %w", job.Name, err)
	}
	return nil
}

// report sets an experiment's status in the engine. It updates the whole engine, because
// the engine has no status subresource.
func (r *runner) report(ctx context.Context, name string, s chaosv1alpha1.ExperimentStatuses) error {
	engines := r.litmus.LitmuschaosV1alpha1().ChaosEngines(r.namespace)
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		engine, err := engines.Get(ctx, r.engine, metav1.GetOptions{})
		if err != nil {
			return err
		}
		engine.Status.Experiments = withStatus(engine.Status.Experiments, s)
		_, err = engines.Update(ctx, engine, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return fmt.Errorf("reporting the status of %s: %w", name, err)
	}
	return nil
}

// withStatus replaces the status of an experiment, or appends it.
func withStatus(
	all []chaosv1alpha1.ExperimentStatuses, s chaosv1alpha1.ExperimentStatuses,
) []chaosv1alpha1.ExperimentStatuses {
	for i := range all {
		if all[i].Name == s.Name {
			all[i] = s
			return all
		}
	}
	return append(all, s)
}

func status(
	name, engine, pod string, state chaosv1alpha1.ExperimentStatus, verdict string,
) chaosv1alpha1.ExperimentStatuses {
	return chaosv1alpha1.ExperimentStatuses{
		Name: name, Runner: engine + "-runner", ExpPod: pod, Status: state, Verdict: verdict,
		LastUpdateTime: metav1.Now(),
	}
}

func (r *runner) cleanUp(ctx context.Context, engine *chaosv1alpha1.ChaosEngine, job *batchv1.Job) error {
	if engine.Spec.JobCleanUpPolicy != chaosv1alpha1.CleanUpPolicyDelete {
		return nil
	}
	foreground := metav1.DeletePropagationForeground
	withPods := metav1.DeleteOptions{PropagationPolicy: &foreground}
	if err := r.kube.BatchV1().Jobs(r.namespace).Delete(ctx, job.Name, withPods); err != nil {
		return fmt.Errorf("deleting Job %s: %w", job.Name, err)
	}
	return nil
}
