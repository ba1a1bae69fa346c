package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/utils/ptr"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
	"github.com/volume-durability/volume-durability/tests/detection/baseline"
	"github.com/volume-durability/volume-durability/tests/detection/expect"
	"github.com/volume-durability/volume-durability/tests/detection/faultvolume"
	"github.com/volume-durability/volume-durability/tests/faultfs/event"
)

// Time-outs: of each step of the experiment in the cluster, in seconds, of a
// trial's work until there is a verdict, and of tidying up.
const (
	stepTimeout    = 25
	verdictTimeout = 5 * time.Minute
	tidyTimeout    = 2 * time.Minute
)

// engineName is that of the one engine in a trial's namespace.
const engineName = "detection"

// trial is one scenario on the cluster.
type trial struct {
	scenario
	settings settings
	cluster  *chaosengine.Cluster

	ns     *chaosengine.Namespace
	volume *faultvolume.Volume
	before *baseline.Before
}

// run tries the scenario and takes away what it made.
func (t *trial) run(ctx context.Context) row {
	r, err := t.try(ctx)
	if err := errors.Join(err, t.tidy(context.WithoutCancel(ctx))); err != nil {
		return row{scenario: t.scenario, failed: err}
	}
	return r
}

func (t *trial) try(ctx context.Context) (row, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, verdictTimeout, fmt.Errorf("there was no verdict within %s", verdictTimeout))
	defer cancel()
	if err := t.prepare(ctx); err != nil {
		return row{}, err
	}
	claim := options.Defaults().ClaimName
	probe := baseline.Probe(t.settings.byHandImage, claim, options.Defaults().JournalFile)
	if err := t.ns.Start(ctx, chaosengine.Engine{
		Name: engineName, Env: t.env(), Probes: []chaosv1alpha1.ProbeAttributes{probe}, StatusTimeout: stepTimeout,
	}); err != nil {
		return row{}, err
	}
	outcome, result, err := t.await(ctx)
	if err != nil {
		return row{}, err
	}
	answers, err := t.before.Ask(ctx, t.settings.byHandImage, claim, result)
	if err != nil {
		return row{}, fmt.Errorf("looking by hand: %w", err)
	}
	return t.compare(outcome, answers)
}

func (t *trial) prepare(ctx context.Context) error {
	name := "detection-" + rand.String(6)
	var err error
	if t.ns, err = t.cluster.NewNamespace(ctx, name, chaosengine.Baseline); err != nil {
		return err
	}
	defaults := options.Defaults()
	if t.volume, err = faultvolume.Make(ctx, t.cluster.Kube, t.settings.faultfs, t.settings.volumes, name, defaults.ClaimName, t.fault); err != nil {
		return err
	}
	t.before, err = baseline.Note(ctx, t.ns, defaults.JournalFile)
	return err
}

func (t *trial) env() map[string]string {
	env := map[string]string{
		"STORAGE_CLASS": faultvolume.Class, "CLAIM_SIZE": faultvolume.Size, "RECORD_SIZE": fmt.Sprint(recordSize), "WRITE_RATE": "200",
		"TOTAL_CHAOS_DURATION": "9", "CHAOS_INTERVAL": "3", "KEEP": "true",
	}
	for name, value := range t.inputs {
		env[name] = value
	}
	return env
}

// await returns what the experiment's log and its ChaosResult say in the end.
func (t *trial) await(ctx context.Context) (result.Result, *chaosv1alpha1.ChaosResult, error) {
	chaosResult, err := t.ns.Await(ctx, engineName)
	if err != nil {
		return result.Result{}, nil, err
	}
	// The node may still be about to write down the last that was said before.
	if _, err := t.ns.AwaitCompleted(ctx, engineName); err != nil {
		return result.Result{}, nil, err
	}
	log, err := t.ns.Log(ctx, engineName)
	if err != nil {
		return result.Result{}, nil, err
	}
	outcome, err := chaosengine.ParseResult(log)
	return outcome, chaosResult, err
}

// compare holds what was found against what must be found.
func (t *trial) compare(outcome result.Result, answers baseline.Answers) (row, error) {
	if len(outcome.Cells) != 1 {
		return row{}, fmt.Errorf("the run ended early: %s", outcome.Reason)
	}
	cell := outcome.Cells[0]
	done, happened := t.volume.Happened(event.Fault)
	if refused, was := t.volume.Happened(event.Error); was || t.fault.What != "" && !happened {
		return row{}, fmt.Errorf("the fault did not take place: %s", refused.Detail)
	}
	damage := expect.Damage{Event: done, RecordSize: recordSize}
	for _, p := range cell.Acks {
		damage.Acknowledged = append(damage.Acknowledged, p.Seq)
	}
	r := row{scenario: t.scenario, want: t.want(damage), found: expect.Of(cell.Findings), verdict: cell.Verdict, reason: cell.Reason, today: answers}
	if dropped, happened := t.volume.Happened(event.Dropped); happened {
		done = dropped
	}
	if lost := done.SizeBefore - done.SizeAfter; len(r.want) == 0 && lost > 0 {
		r.unpromised = fmt.Sprintf(" (%d un-synced bytes lost)", lost)
	}
	r.right = slices.Equal(r.want, r.found) && r.verdict == t.verdict
	return r, nil
}

// tidy takes everything away that the trial made.
func (t *trial) tidy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tidyTimeout)
	defer cancel()
	var failures []error
	if t.before != nil {
		failures = append(failures, t.before.Forget(ctx))
	}
	if t.volume != nil {
		failures = append(failures, t.volume.Heal())
	}
	if t.ns != nil {
		// The pods of command probes ignore that they are asked to end.
		pods := t.cluster.Kube.CoreV1().Pods(t.ns.Name)
		failures = append(failures, pods.DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](1)}, metav1.ListOptions{}), t.ns.Remove(ctx))
	}
	if t.volume != nil {
		failures = append(failures, t.volume.Remove(ctx))
	}
	return errors.Join(failures...)
}
