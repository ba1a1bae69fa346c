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
	corev1 "k8s.io/api/core/v1"
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
	// client-go's own limit, 5 requests a second, is for controllers; a run of many
	// cells asks in bursts. The API server has its own way to keep order.
	config.QPS, config.Burst = 50, 100
	e, err := litmus.Begin(ctx, config, id, log)
	if err != nil {
		return err
	}
	outcome, probeErr := carryOut(ctx, e, config, id, log)
	if len(outcome.Cells) > 1 {
		for line := range strings.Lines(outcome.Table()) {
			log.Info(strings.TrimRight(line, " \n"))
		}
	}
	log.WithField("verdict", outcome.Verdict).Info(outcome.Reason)
	if err := json.NewEncoder(os.Stdout).Encode(outcome); err != nil {
		log.WithError(err).Warn("The result could not be printed")
	}
	return e.Finish(outcome, probeErr)
}

// carryOut reads the inputs and does the run. Mistakes in the inputs are an
// outcome too, before anything is created.
func carryOut(ctx context.Context, e *litmus.Experiment, config *rest.Config, id litmus.Identity, log *logrus.Logger) (evidence.Result, error) {
	began := time.Now().UTC()
	settings, err := inputs.Parse(os.Getenv)
	template, templateErr := claimTemplate(settings.ClaimTemplate)
	if err := errors.Join(err, templateErr, e.Check()); err != nil {
		return evidence.Result{Schema: evidence.Schema, Began: began, Ended: time.Now().UTC(), Verdict: judge.Error, Reason: err.Error(), Settings: settings, Engine: e.Engine()}, nil
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
	result, err := run.Run{
		ID: runID, Again: e.Again(ctx), Settings: settings, Image: image, Template: template, Companion: e, Log: log,
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
	result.Engine, result.Cluster.Server = e.Engine(), config.Host
	return result, err
}

// claimTemplate reads the manifest of the claims to make; nil where there is none.
func claimTemplate(file string) (*corev1.PersistentVolumeClaim, error) {
	if file == "" {
		return nil, nil
	}
	manifest, err := os.ReadFile(file)
	if err != nil {
		return nil, inputs.Problem{Name: "CLAIM_TEMPLATE", Value: file, Want: "a file in the experiment's pod: " + err.Error()}
	}
	claim, err := workload.ReadTemplate(manifest)
	if err != nil {
		return nil, inputs.Problem{Name: "CLAIM_TEMPLATE", Value: file, Want: err.Error()}
	}
	return claim, nil
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
