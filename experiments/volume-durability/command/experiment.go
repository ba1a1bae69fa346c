package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
// A failure does not change the verdict: the result is in the log too. Before the run,
// executeForEngine has checked that the bundle can be saved.
func saveBundle(
	ctx context.Context, e *litmus.Experiment, cluster connection, outcome result.Result, log *logrus.Logger,
) {
	name := engineBundleName(outcome.Options, outcome.Engine.Name, outcome.RunID)
	if name == options.NoBundle {
		return
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
		log.WithError(err).Error("Could not save the evidence bundle in the cluster. The last line of this log is the " +
			"result: save it as result.json, and volume-durability report makes a bundle of it")
		return
	}
	e.SetBundleLocation(where)
	log.Infof("Evidence bundle saved in %s. To open it: volume-durability report open -n %s %s", where, namespace, name)
}

// engineBundleName returns the name of the ConfigMap for the bundle of an engine's run, or options.NoBundle.
func engineBundleName(opts options.Values, engine, runID string) string {
	return cmp.Or(opts.BundleConfigMap, bundlestore.Name(engine, runID))
}

// checkStore returns an error if the evidence bundle of a run cannot be saved in the cluster after the run. If the API
// server is unavailable, it returns nil, because the server may be available again by then.
func checkStore(
	ctx context.Context, store bundlestore.Store, name string, timeout time.Duration, log logrus.FieldLogger,
) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	check := func(ctx context.Context) error { return store.Check(ctx, name) }
	err := apiretry.Do(ctx, store.Client, log, "checking whether the evidence bundle can be saved", check)
	if !isRejection(err) {
		return nil
	}
	return fmt.Errorf("the evidence bundle of the run cannot be saved: %w", err)
}

// isRejection reports whether the API server would also reject the same request later. Other errors, such as that of a
// webhook that does not support dry runs, do not show that.
func isRejection(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsAlreadyExists(err) ||
		apierrors.IsNotFound(err)
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
	if err := errors.Join(err, spec.validateImage(), e.ValidateEngine()); err != nil {
		return spec.notStarted(started, err), nil
	}
	e.SetTimeouts(spec.options.StatusTimeout, spec.options.Duration)
	spec.isRetry = e.IsRetry(ctx)
	// A retry removes what the killed attempt created, whether its bundle can be saved or not.
	if !spec.isRetry {
		if err := spec.checkEngineBundle(ctx, log); err != nil {
			return spec.notStarted(started, err), nil
		}
	}
	spec.owner, spec.hooks, spec.log = e.OwnerReference(spec.options.Namespace), e, log
	if err := live.listen(ctx, spec.options); err != nil {
		return spec.notStarted(started, err), nil
	}
	live.start(ctx, &spec)
	if url := live.url(); url != "" {
		log.Infof("Serving metrics at %s", url)
	}
	spec.logSettings()
	spec.labels = map[string]string{kube.JobLabel: e.JobUID(), kube.ChaosUIDLabel: string(id.UID)}
	return spec.execute(ctx)
}

// notStarted returns the result of a run that could not start.
func (s runSpec) notStarted(at time.Time, err error) result.Result {
	return s.describe(result.Result{
		Schema: result.Schema, RunID: s.id, StartedAt: at, EndedAt: time.Now().UTC(),
		Verdict: judge.Error, Reason: err.Error(), Options: s.options,
	})
}

// checkEngineBundle checks whether the evidence bundle of an engine's run can be saved.
func (s runSpec) checkEngineBundle(ctx context.Context, log logrus.FieldLogger) error {
	name := engineBundleName(s.options, s.engine.Name, s.id)
	if name == options.NoBundle {
		return nil
	}
	store := bundlestore.Store{Client: s.cluster.client, Namespace: s.engine.Namespace}
	if err := checkStore(ctx, store, name, s.options.StatusTimeout, log); err != nil {
		return fmt.Errorf("%w. To run without it: set BUNDLE_CONFIGMAP=%s", err, options.NoBundle)
	}
	return nil
}
