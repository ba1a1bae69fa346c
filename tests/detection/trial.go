package main

import (
	"context"
	"errors"
	"fmt"
	"path"
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

const (
	// stepTimeout limits each step of the experiment in the cluster, in seconds.
	stepTimeout = 25
	// verdictTimeout limits each of the two runs of a trial, that on the cluster and that of local.
	verdictTimeout = 5 * time.Minute
	cleanUpTimeout = 2 * time.Minute
)

// engineName is the name of the only engine in a trial's namespace.
const engineName = "detection"

// trial runs one scenario on the cluster.
type trial struct {
	scenario
	flags   flags
	cluster *chaosengine.Cluster

	ns       *chaosengine.Namespace
	volume   *faultvolume.Volume
	mount    *faultvolume.Mount // for the command line's local run
	baseline *baseline.Baseline
}

// run runs the scenario and removes what it created.
func (t *trial) run(ctx context.Context) row {
	r, err := t.execute(ctx)
	if err == nil {
		r.local, err = t.runLocal(ctx)
	}
	if err := errors.Join(err, t.cleanUp(context.WithoutCancel(ctx))); err != nil {
		return row{scenario: t.scenario, failed: err}
	}
	return r
}

// execute runs the experiment on the cluster and applies the other methods.
func (t *trial) execute(ctx context.Context) (row, error) {
	ctx, cancel := withVerdictTimeout(ctx)
	defer cancel()
	if err := t.prepare(ctx); err != nil {
		return row{}, err
	}
	claim := options.Defaults().ClaimName
	engine := chaosengine.Engine{Name: engineName, Env: t.env(), StatusTimeout: stepTimeout}
	engine.Probes = []chaosv1alpha1.ProbeAttributes{baseline.Probe(t.flags.busyboxImage, claim, t.data())}
	if err := t.ns.Start(ctx, engine); err != nil {
		return row{}, err
	}
	outcome, chaosResult, err := t.await(ctx)
	if err != nil {
		return row{}, err
	}
	answers, err := t.baseline.Check(ctx, t.flags.busyboxImage, claim, chaosResult)
	if err != nil {
		return row{}, fmt.Errorf("applying the baseline methods: %w", err)
	}
	r := row{scenario: t.scenario, answers: answers}
	r.experiment, err = t.compare(t.volume.Mount, outcome)
	return r, err
}

func withVerdictTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, verdictTimeout, fmt.Errorf("no verdict within %s", verdictTimeout))
}

func (t *trial) prepare(ctx context.Context) error {
	name := "detection-" + rand.String(6)
	var err error
	if t.ns, err = t.cluster.NewNamespace(ctx, name, chaosengine.Baseline); err != nil {
		return err
	}
	defaults := options.Defaults()
	t.volume, err = faultvolume.Create(ctx, faultvolume.Config{
		Kube: t.cluster.Kube, Program: t.flags.faultfs, Folder: t.flags.volumes,
		Namespace: name, Claim: defaults.ClaimName, File: path.Base(defaults.JournalFile), Fault: t.fault,
	})
	if err != nil {
		return err
	}
	t.baseline, err = baseline.Prepare(ctx, t.ns, t.data())
	return err
}

func (t *trial) env() map[string]string {
	env := map[string]string{
		"STORAGE_CLASS": faultvolume.Class, "CLAIM_SIZE": faultvolume.Size,
		"RECORD_SIZE": fmt.Sprint(recordSize), "WRITE_RATE": "200",
		"TOTAL_CHAOS_DURATION": "9", "CHAOS_INTERVAL": "3", "KEEP": "true",
	}
	for name, value := range t.options {
		env[name] = value
	}
	return env
}

// await returns the result in the experiment's log, and the ChaosResult.
func (t *trial) await(ctx context.Context) (result.Result, *chaosv1alpha1.ChaosResult, error) {
	chaosResult, err := t.ns.Await(ctx, engineName)
	if err != nil {
		return result.Result{}, nil, err
	}
	// The kubelet may not have written the last lines of the log before this.
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

// compare compares the findings of a run on a mount with the expected ones.
func (t *trial) compare(mount *faultvolume.Mount, run result.Result) (outcome, error) {
	if len(run.Cells) != 1 {
		return outcome{}, fmt.Errorf("the run ended early: %s", run.Reason)
	}
	cell := run.Cells[0]
	done, injected := mount.FirstEvent(event.Fault)
	if failure, failed := mount.FirstEvent(event.Error); failed || t.fault.What != "" && !injected {
		return outcome{}, fmt.Errorf("the fault was not injected: %s", failure.Detail)
	}
	damage := expect.Damage{Event: done, RecordSize: recordSize}
	for _, ack := range cell.Acks {
		damage.Acknowledged = append(damage.Acknowledged, ack.Seq)
	}
	o := outcome{
		want: t.want(damage), found: expect.Reduce(cell.Findings), verdict: cell.Verdict, reason: cell.Reason,
	}
	if t.classOnly {
		o.found = expect.Classes(o.found)
	}
	if dropped, ok := mount.FirstEvent(event.Dropped); ok {
		done = dropped
	}
	if lost := done.SizeBefore - done.SizeAfter; len(o.want) == 0 && lost > 0 {
		o.unacknowledged = fmt.Sprintf(" (%d unsynced bytes lost)", lost)
	}
	o.correct = slices.Equal(o.want, o.found) && o.verdict == t.verdict
	return o, nil
}

// cleanUp removes everything that the trial created.
func (t *trial) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cleanUpTimeout)
	defer cancel()
	var failures []error
	if t.baseline != nil {
		failures = append(failures, t.baseline.Close(ctx))
	}
	if t.volume != nil {
		failures = append(failures, t.volume.Heal())
	}
	if t.mount != nil {
		failures = append(failures, t.mount.Heal(), t.mount.Remove(ctx))
	}
	if t.ns != nil {
		// The pods of command probes ignore SIGTERM.
		pods := t.cluster.Kube.CoreV1().Pods(t.ns.Name)
		grace := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](1)}
		failures = append(failures, pods.DeleteCollection(ctx, grace, metav1.ListOptions{}), t.ns.Remove(ctx))
	}
	if t.volume != nil {
		failures = append(failures, t.volume.Remove(ctx))
	}
	return errors.Join(failures...)
}
