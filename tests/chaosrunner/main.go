// Command runner stands in for Litmus's chaos-runner, in tests and demo only:
// the real one cannot be had as a Go module. It keeps to the real one's contract
// with the operator and with the experiment: the environment, the Job, the
// statuses in the ChaosEngine, the clean-up policy. It leaves out side-cars,
// config maps, secrets and host files, which it refuses, and events, analytics
// and the time-out for a Job that does not start. It waits for the Job to end,
// retries included, where the real one stops at the first pod that fails.
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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// The operator takes an exit status of 0 for the end of the run, whatever came of
	// it, and starts the runner again after any other.
	if err := run(ctx); err != nil {
		logrus.WithError(err).Error("Not every experiment of the engine could be run")
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
	r := &runner{kube: kube, litmus: litmus, namespace: os.Getenv("CHAOS_NAMESPACE"), engine: os.Getenv("CHAOSENGINE"), getenv: os.Getenv}
	return r.all(ctx, strings.Split(os.Getenv("EXPERIMENT_LIST"), ","))
}

type runner struct {
	kube              kubernetes.Interface
	litmus            versioned.Interface
	namespace, engine string
	getenv            func(string) string
}

// all runs one experiment after the other. One that cannot be run is skipped.
func (r *runner) all(ctx context.Context, names []string) error {
	for _, name := range names {
		if err := r.report(ctx, name, status(name, r.engine, "Yet to be launched", chaosv1alpha1.ExperimentStatusWaiting, "N/A")); err != nil {
			return err
		}
	}
	var failures []error
	for _, name := range names {
		if err := r.one(ctx, name); err != nil {
			failures = append(failures, fmt.Errorf("experiment %s: %w", name, err),
				r.report(ctx, name, status(name, r.engine, "N/A", chaosv1alpha1.ExperimentSkipped, "Fail")))
		}
	}
	return errors.Join(failures...)
}

func (r *runner) one(ctx context.Context, name string) error {
	engine, err := r.litmus.LitmuschaosV1alpha1().ChaosEngines(r.namespace).Get(ctx, r.engine, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the engine: %w", err)
	}
	experiment, err := r.litmus.LitmuschaosV1alpha1().ChaosExperiments(r.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the ChaosExperiment: %w", err)
	}
	if err := supported(engine, experiment); err != nil {
		return err
	}
	job, err := r.kube.BatchV1().Jobs(r.namespace).Create(ctx, buildJob(engine, experiment, r.getenv), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("creating the Job: %w", err)
	}
	if err := r.report(ctx, name, status(name, r.engine, job.Name, chaosv1alpha1.ExperimentStatusRunning, "Awaited")); err != nil {
		return err
	}
	if err := r.await(ctx, job); err != nil {
		return err
	}
	result, err := r.litmus.LitmuschaosV1alpha1().ChaosResults(r.namespace).Get(ctx, resultName(r.engine, name, job), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading the ChaosResult: %w", err)
	}
	if err := r.report(ctx, name, status(name, r.engine, job.Name, chaosv1alpha1.ExperimentStatusCompleted, string(result.Status.ExperimentStatus.Verdict))); err != nil {
		return err
	}
	return r.cleanUp(ctx, engine, job)
}

// await returns once the Job has completed or given up.
func (r *runner) await(ctx context.Context, job *batchv1.Job) error {
	_, err := watchtools.UntilWithSync(ctx, chaosengine.ByName(job.Name, r.kube.BatchV1().Jobs(r.namespace)), &batchv1.Job{}, nil, func(event watch.Event) (bool, error) {
		now, ok := event.Object.(*batchv1.Job)
		if event.Type == watch.Deleted {
			return false, errors.New("the Job was deleted")
		}
		return ok && now.UID == job.UID && ended(now), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for Job %s: %w", job.Name, err)
	}
	return nil
}

func ended(job *batchv1.Job) bool {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == "True" {
			return true
		}
	}
	return false
}

// report sets an experiment's status in the engine. The engine has no status
// subresource: it is updated whole.
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

func withStatus(all []chaosv1alpha1.ExperimentStatuses, s chaosv1alpha1.ExperimentStatuses) []chaosv1alpha1.ExperimentStatuses {
	for i := range all {
		if all[i].Name == s.Name {
			all[i] = s
			return all
		}
	}
	return append(all, s)
}

func status(name, engine, pod string, state chaosv1alpha1.ExperimentStatus, verdict string) chaosv1alpha1.ExperimentStatuses {
	return chaosv1alpha1.ExperimentStatuses{Name: name, Runner: engine + "-runner", ExpPod: pod, Status: state, Verdict: verdict, LastUpdateTime: metav1.Now()}
}

func (r *runner) cleanUp(ctx context.Context, engine *chaosv1alpha1.ChaosEngine, job *batchv1.Job) error {
	if engine.Spec.JobCleanUpPolicy != chaosv1alpha1.CleanUpPolicyDelete {
		return nil
	}
	foreground := metav1.DeletePropagationForeground
	if err := r.kube.BatchV1().Jobs(r.namespace).Delete(ctx, job.Name, metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		return fmt.Errorf("deleting Job %s: %w", job.Name, err)
	}
	return nil
}
