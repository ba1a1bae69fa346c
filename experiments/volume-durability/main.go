// Command volume-durability is the experiment: it runs in the Job that
// chaos-runner makes for a ChaosEngine, and leaves a ChaosResult.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/sirupsen/logrus"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/litmus"
	"github.com/volume-durability/volume-durability/pkg/run"
	"github.com/volume-durability/volume-durability/pkg/workload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := logrus.New()
	klog.SetLogger(funcr.New(kubernetesSays(log), funcr.Options{}))
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: time.RFC3339Nano, DisableColors: true})
	if len(os.Args) != 2 || os.Args[1] != "experiment" {
		log.Fatalf("usage: %s experiment, in the Job of a ChaosEngine", os.Args[0])
	}
	// Once the ChaosResult says what came of it the Job is done, whatever the
	// verdict: Kubernetes would try a failed one again.
	if err := experiment(ctx, log); err != nil {
		log.WithError(err).Error("No ChaosResult could be written")
		stop()
		os.Exit(1)
	}
}

// experiment runs what the environment asks for, and writes the ChaosResult.
func experiment(ctx context.Context, log *logrus.Logger) error {
	id, err := litmus.IdentityFrom(os.Getenv)
	if err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	e, err := litmus.Begin(ctx, config, id, log)
	if err != nil {
		return err
	}
	outcome, probeErr := carryOut(ctx, e, config, id, log)
	log.WithField("verdict", outcome.Verdict).Info(outcome.Reason)
	if err := json.NewEncoder(os.Stdout).Encode(outcome); err != nil {
		log.WithError(err).Warn("The result could not be printed")
	}
	return e.Finish(outcome, probeErr)
}

// carryOut reads the inputs and does the run. Mistakes in the inputs are an
// outcome too, before anything is created.
func carryOut(ctx context.Context, e *litmus.Experiment, config *rest.Config, id litmus.Identity, log *logrus.Logger) (evidence.Result, error) {
	settings, err := inputs.Parse(os.Getenv)
	if err := errors.Join(err, e.Check()); err != nil {
		now := time.Now().UTC()
		return evidence.Result{Schema: evidence.Schema, Began: now, Ended: now, Verdict: judge.Error, Reason: err.Error(), Settings: settings}, nil
	}
	e.Bound(settings.StatusTimeout, settings.Duration)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return evidence.Result{Verdict: judge.Error, Reason: err.Error()}, nil
	}
	runID := string(uuid.NewUUID())
	image := settings.Image
	if image == "" {
		image = e.Image()
	}
	return run.Run{
		ID: runID, Again: e.Again(ctx), Settings: settings, Image: image, Companion: e, Log: log,
		Namespace: workload.Namespace{
			Client: client, Name: settings.Namespace, Timeout: settings.StatusTimeout, Log: log, Owner: e.Owner(settings.Namespace),
			Labels: map[string]string{
				workload.RunLabel:           runID,
				workload.JobLabel:           e.Job(),
				workload.ChaosUIDLabel:      string(id.UID),
				"app.kubernetes.io/part-of": "volume-durability",
			},
		},
	}.Execute(ctx)
}

// kubernetesSays takes what client-go says on its own into the one log.
func kubernetesSays(log *logrus.Logger) func(prefix, args string) {
	return func(_, args string) {
		level := logrus.WarnLevel
		if strings.Contains(args, context.Canceled.Error()) {
			level = logrus.DebugLevel // a watch that has seen what it waited for
		}
		log.Log(level, args)
	}
}
