package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/apiretry"
	"github.com/volume-durability/volume-durability/pkg/bundle"
	"github.com/volume-durability/volume-durability/pkg/bundlestore"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/litmus"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// newExperiment returns the command that the Job of a ChaosEngine runs. Users do not
// need it.
func newExperiment(streams Streams) *cobra.Command {
	return &cobra.Command{
		Use: "experiment", Short: "Run the experiment in the Job of a ChaosEngine", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// The log and the result share one stream: with two, the container runtime
			// may write the lines of one into a long line of the other.
			log := newLog(streams.Out, logrus.InfoLevel)
			// Once the ChaosResult has the verdict, the Job has succeeded, whatever the
			// verdict is: Kubernetes would retry a Job that failed.
			if err := experiment(c.Context(), streams, log); err != nil {
				log.WithError(err).Error("Could not write the ChaosResult")
				return &terminal.Exit{Code: 1}
			}
			return nil
		},
	}
}

// experiment executes the run that the environment asks for, and writes the ChaosResult.
func experiment(ctx context.Context, streams Streams, log *logrus.Logger) error {
	id, err := litmus.IdentityFrom(os.Getenv)
	if err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("loading the cluster's configuration: %w", err)
	}
	cluster, err := connectTo(config)
	if err != nil {
		return err
	}
	e, err := litmus.Start(ctx, config, id, log)
	if err != nil {
		return err
	}
	var live liveMetrics
	defer func() {
		if err := live.close(); err != nil {
			log.WithError(err).Warn("Could not end the server of the metrics")
		}
	}()
	outcome, probeErr := executeForEngine(ctx, e, cluster, id, &live, log)
	live.finish(outcome)
	if len(outcome.Cells) > 1 {
		for line := range strings.Lines(outcome.Table()) {
			log.Info(strings.TrimRight(line, " \n"))
		}
	}
	log.WithField("verdict", outcome.Verdict).Info(outcome.Reason)
	saveBundle(ctx, e, cluster, outcome, log)
	if err := json.NewEncoder(streams.Out).Encode(outcome); err != nil {
		log.WithError(err).Warn("Could not print the result")
	}
	return e.Finish(outcome, probeErr)
}

// saveBundle saves the bundle in the cluster and records in the ChaosResult where it is.
// A failure does not change the verdict: the result is in the log too.
func saveBundle(
	ctx context.Context, e *litmus.Experiment, cluster connection, outcome result.Result, log *logrus.Logger,
) {
	name := outcome.Options.BundleConfigMap
	if name == options.NoBundle {
		return
	}
	if name == "" {
		name = bundlestore.Name(outcome.Engine.Name, outcome.RunID)
	}
	ctx, stop := run.WithCleanupTimeout(ctx, run.BundleTimeout)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, max(run.BundleTimeout, outcome.Options.StatusTimeout))
	defer cancel()
	namespace := outcome.Engine.Namespace
	where := "ConfigMap " + namespace + "/" + name
	b, err := bundle.Make(outcome, bundle.Options{Location: where})
	if err == nil {
		labels := map[string]string{kube.RunLabel: outcome.RunID}
		store := bundlestore.Store{Client: cluster.client, Namespace: namespace, Labels: labels}
		err = saveWithRetry(ctx, store, name, b, log)
	}
	if err != nil {
		log.WithError(err).Warn("Could not save the evidence bundle in the cluster")
		return
	}
	e.SetBundleLocation(where)
	log.Infof("Evidence bundle saved in %s. To open it: volume-durability report open -n %s %s", where, namespace, name)
}

// saveWithRetry saves a bundle in the cluster. While the API server is unavailable, it
// retries until the context ends.
func saveWithRetry(
	ctx context.Context, store bundlestore.Store, name string, b bundle.Bundle, log logrus.FieldLogger,
) error {
	save := func(ctx context.Context) error { return store.Save(ctx, name, b) }
	return apiretry.Do(ctx, store.Client, log, "saving the evidence bundle", save)
}

// executeForEngine reads the options and executes the run. Invalid options end the run
// in Error before it creates anything.
func executeForEngine(
	ctx context.Context, e *litmus.Experiment, cluster connection, id litmus.Identity, live *liveMetrics,
	log *logrus.Logger,
) (result.Result, error) {
	started := time.Now().UTC()
	spec, err := newRunSpec(os.Getenv)
	spec.cluster, spec.engine, spec.image = cluster, e.Engine(), e.Image()
	spec.inherited, spec.ownAnnotations = e.PodSettings(), e.PodAnnotations()
	spec.hooks, spec.log = e, log
	err = errors.Join(err, spec.validateImage(), e.ValidateEngine())
	if err == nil {
		err = live.start(ctx, &spec)
	}
	if err != nil {
		return spec.describe(result.Result{
			Schema: result.Schema, RunID: spec.id, StartedAt: started, EndedAt: time.Now().UTC(),
			Verdict: judge.Error, Reason: err.Error(), Options: spec.options,
		}), nil
	}
	e.SetTimeouts(spec.options.StatusTimeout, spec.options.Duration)
	if url := live.url(); url != "" {
		log.Infof("Serving metrics at %s", url)
	}
	spec.isRetry, spec.owner = e.IsRetry(ctx), e.OwnerReference(spec.options.Namespace)
	spec.logSettings()
	spec.labels = map[string]string{kube.JobLabel: e.JobUID(), kube.ChaosUIDLabel: string(id.UID)}
	return spec.execute(ctx)
}
