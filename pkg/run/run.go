// Package run is one run from its beginning to its end: something is written and
// acknowledged, the fault strikes, what is left is read back and judged, and
// everything that was made is removed.
//
// It knows nothing of Litmus. Whoever starts a run may take part in it through
// a Companion: Litmus with its probes and events, a terminal with its progress.
package run

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"k8s.io/utils/clock"

	poddelete "github.com/volume-durability/volume-durability/chaoslib/pod-delete"
	"github.com/volume-durability/volume-durability/pkg/evidence"
	"github.com/volume-durability/volume-durability/pkg/inputs"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/workload"
)

// Companion takes part in a run. An error of any of its methods ends the run
// with the verdict Error.
type Companion interface {
	// Written is called when data is at stake, before the chaos.
	Written(ctx context.Context, cell evidence.Cell) error
	// ChaosBegins is called once, before the first deletion.
	ChaosBegins(ctx context.Context) error
	// Deleting is called before every deletion of a pod.
	Deleting(ctx context.Context, pod evidence.Pod) error
	// Judged is called when the cell has its verdict, with its pods still there.
	Judged(ctx context.Context, cell evidence.Cell) error
	// Stopping says whether the run's user wants it to stop: the run may see its pods
	// go before it is told.
	Stopping(ctx context.Context) bool
}

// Run is one run.
type Run struct {
	// ID is unique to the run: a DNS label.
	ID       string
	Settings inputs.Settings
	// Again says that an earlier attempt of the same run was made.
	Again bool
	// Image is that of the writer and the reader.
	Image     string
	Namespace workload.Namespace
	Companion Companion
	Log       logrus.FieldLogger
}

// removalTimeout bounds the removal of what a run made. It is shorter than the
// 30 seconds of grace that Kubernetes gives a pod by default.
const removalTimeout = 25 * time.Second

// STIGFix is the fix text of STIG check V-260932.
const STIGFix = "This is a catastrophic error, contact Mirantis support."

// Execute carries the run out. Whatever happens it returns a result, with a
// verdict and its reason. The error is the Companion's, where that is what ended
// the run.
func (r Run) Execute(ctx context.Context) (evidence.Result, error) {
	result := evidence.Result{Schema: evidence.Schema, Run: r.ID, Began: time.Now().UTC(), Settings: r.Settings}
	reason, unseen, err := r.notApplicable(ctx)
	if err != nil || reason != "" {
		return finish(result, judge.NotApplicable, reason, err), nil
	}
	if reason, err := r.interrupted(ctx); err != nil || reason != "" {
		return finish(result, judge.Error, reason, err), nil
	}
	c := newCell(r)
	if unseen != "" {
		c.NotShown = append(c.NotShown, unseen)
	}
	err = r.phases(ctx, c)
	switch {
	case err != nil && ctx.Err() != nil:
		err = fmt.Errorf("%w: %w", errStopped, context.Cause(ctx))
	case err != nil && r.Companion.Stopping(ctx):
		err = fmt.Errorf("%w: %w", errStopped, err)
	}
	c.conclude(err)
	result.LeftBehind = c.remove(ctx)
	if result.LeftBehind != "" {
		c.Reason += ". Left behind: " + result.LeftBehind
	}
	result.Cells = []evidence.Cell{c.Cell}
	result = finish(result, c.Verdict, c.Reason, nil)
	var companion *companionError
	if errors.As(err, &companion) {
		return result, companion.err
	}
	return result, nil
}

// interrupted says why there can be no verdict, where an earlier attempt of this
// run was killed. Its ledger died with it: what storage was told to keep is not
// known any more, and to begin anew would hide that.
func (r Run) interrupted(ctx context.Context) (reason string, err error) {
	removed, err := r.Namespace.RemoveEarlier(ctx, r.kept(r.Settings.Keep)...)
	if err != nil || len(removed) == 0 && !r.Again {
		return "", err
	}
	reason = "an earlier attempt of this run was killed, or could not leave its result, and what had been acknowledged is not known any more"
	if len(removed) > 0 {
		reason += ". Removed what it had made: " + strings.Join(removed, ", ")
	}
	return reason, nil
}

// kept are the names of what a run keeps that is to keep something.
func (r Run) kept(keep bool) []string {
	if !keep {
		return nil
	}
	return []string{r.Settings.ReaderPod, r.Settings.ClaimName}
}

var errStopped = errors.New("the run was stopped")

// companionError is an error of the Companion's.
type companionError struct{ err error }

func (e *companionError) Error() string { return e.err.Error() }
func (e *companionError) Unwrap() error { return e.err }

func companion(err error) error {
	if err == nil {
		return nil
	}
	return &companionError{err}
}

func finish(result evidence.Result, verdict judge.Verdict, reason string, err error) evidence.Result {
	result.Ended = time.Now().UTC()
	result.Verdict, result.Reason = verdict, reason
	if err != nil {
		result.Verdict, result.Reason = judge.Error, err.Error()
	}
	return result
}

// phases are those of a chaos experiment, in order.
func (r Run) phases(ctx context.Context, c *cell) error {
	if err := r.preChaos(ctx, c); err != nil {
		return fmt.Errorf("before the chaos: %w", err)
	}
	if err := r.chaos(ctx, c); err != nil {
		return fmt.Errorf("during the chaos: %w", err)
	}
	if err := r.postChaos(ctx, c); err != nil {
		return fmt.Errorf("after the chaos: %w", err)
	}
	return nil
}

func (r Run) preChaos(ctx context.Context, c *cell) error {
	r.Log.Info("Pre-chaos: the writer starts")
	if err := c.prepare(ctx); err != nil {
		return err
	}
	c.Promises = c.ledger.Promises()
	r.Log.Info(c.Written())
	if err := companion(r.Companion.Written(ctx, c.Cell)); err != nil {
		return err
	}
	return r.ramp(ctx)
}

// chaos ends early, without an error, when the volume lets the writer down or
// refuses it: what is left is still read back.
func (r Run) chaos(ctx context.Context, c *cell) error {
	r.Log.WithFields(logrus.Fields{"duration": r.Settings.Duration, "interval": r.Settings.Interval, "force": r.Settings.Force}).Info("Chaos: the writer is deleted while it writes")
	if err := companion(r.Companion.ChaosBegins(ctx)); err != nil {
		return err
	}
	fault := poddelete.Fault{
		Duration: r.Settings.Duration, Least: r.Settings.LeastInterval, Interval: r.Settings.Interval,
		Clock: clock.RealClock{}, Random: rand.Int64N,
	}
	_, err := fault.Inject(ctx, c)
	switch {
	case errors.Is(err, errRefused):
		c.cutShort = err
		r.Log.WithError(err).Warn("The chaos ends early")
	case err != nil && !errors.Is(err, errLetDown):
		return err
	}
	return r.ramp(ctx)
}

func (r Run) postChaos(ctx context.Context, c *cell) error {
	r.Log.Info("Post-chaos: the journal is read back")
	if err := c.verify(ctx); err != nil {
		return err
	}
	return companion(r.Companion.Judged(ctx, c.Cell))
}

func (r Run) ramp(ctx context.Context) error {
	timer := time.NewTimer(r.Settings.RampTime)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
