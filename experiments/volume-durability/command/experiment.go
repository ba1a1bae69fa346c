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

// newExperiment is what the Job of a ChaosEngine runs. It is of no use to a person.
func newExperiment(streams Streams) *cobra.Command {
	return &cobra.Command{
		Use: "experiment", Short: "Be the experiment of a ChaosEngine, in its Job", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			// The log and the result share one stream: of two, a node's log splices long lines.
			log := newLog(streams.Out, logrus.InfoLevel)
			// Once the ChaosResult says what came of it the Job is done, whatever the
			// verdict: Kubernetes would try a failed one again.
			if err := experiment(c.Context(), streams, log); err != nil {
				log.WithError(err).Error("No ChaosResult could be written")
				return &exit{code: 1}
			}
			return nil
		},
	}
}

// experiment runs what the environment asks for, and writes the ChaosResult.
func experiment(ctx context.Context, streams Streams, log *logrus.Logger) error {
	id, err := litmus.IdentityFrom(os.Getenv)
	if err != nil {
		return err
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return fmt.Errorf("finding the cluster: %w", err)
	}
	cluster, err := connectTo(config)
	if err != nil {
		return err
	}
	e, err := litmus.Begin(ctx, config, id, log)
	if err != nil {
		return err
	}
	outcome, probeErr := ofEngine(ctx, e, cluster, id, log)
	if len(outcome.Cells) > 1 {
		for line := range strings.Lines(outcome.Table()) {
			log.Info(strings.TrimRight(line, " \n"))
		}
	}
	log.WithField("verdict", outcome.Verdict).Info(outcome.Reason)
	keepEvidence(ctx, e, cluster, outcome, log)
	if err := json.NewEncoder(streams.Out).Encode(outcome); err != nil {
		log.WithError(err).Warn("The result could not be printed")
	}
	return e.Finish(outcome, probeErr)
}

// lastWords is how long a run that is stopped may take to keep its evidence: it has 30
// seconds for everything.
const lastWords = 5 * time.Second

// keepEvidence keeps the evidence in the cluster, and says in the ChaosResult where.
// Evidence that cannot be kept changes no verdict: the result is in the log too.
func keepEvidence(ctx context.Context, e *litmus.Experiment, cluster connection, outcome result.Result, log *logrus.Logger) {
	name := outcome.Options.BundleConfigMap
	if name == options.NoBundle {
		return
	}
	if name == "" {
		name = bundlestore.Name(outcome.Engine.Name, outcome.RunID)
	}
	leave, left := run.WithCleanupTimeout(ctx, lastWords)
	defer left()
	leave, cancel := context.WithTimeout(leave, max(lastWords, outcome.Options.StatusTimeout))
	defer cancel()
	where := "ConfigMap " + outcome.Engine.Namespace + "/" + name
	b, err := bundle.Make(outcome, bundle.Options{Where: where})
	if err == nil {
		a := bundlestore.Store{Client: cluster.client, Namespace: outcome.Engine.Namespace, Labels: map[string]string{kube.RunLabel: outcome.RunID}}
		err = keep(leave, a, name, b, log)
	}
	if err != nil {
		log.WithError(err).Warn("The evidence could not be kept in the cluster")
		return
	}
	e.SetBundleLocation(where)
	log.Info("Evidence: " + where + ". To see it: volume-durability report open -n " + outcome.Engine.Namespace + " " + name)
}

// keep keeps a bundle in the cluster, however long the API server is away.
func keep(ctx context.Context, a bundlestore.Store, name string, b bundle.Bundle, log logrus.FieldLogger) error {
	return apiretry.Do(ctx, a.Client, log, "keeping the evidence", func(ctx context.Context) error { return a.Save(ctx, name, b) })
}

// ofEngine reads the inputs and does the run. Mistakes in the inputs are an outcome
// too, before anything is created.
func ofEngine(ctx context.Context, e *litmus.Experiment, cluster connection, id litmus.Identity, log *logrus.Logger) (result.Result, error) {
	began := time.Now().UTC()
	t, err := read(os.Getenv)
	t.cluster, t.engine, t.image = cluster, e.Engine(), e.Image()
	if err := errors.Join(err, e.Check()); err != nil {
		return t.sign(result.Result{Schema: result.Schema, RunID: t.id, Started: began, Ended: time.Now().UTC(), Verdict: judge.Error, Reason: err.Error(), Options: t.settings}), nil
	}
	e.Bound(t.settings.StatusTimeout, t.settings.Duration)
	t.again, t.owner, t.companion, t.log = e.Again(ctx), e.Owner(t.settings.Namespace), e, log
	t.labels = map[string]string{kube.JobLabel: e.Job(), kube.ChaosUIDLabel: string(id.UID)}
	return t.carryOut(ctx)
}
