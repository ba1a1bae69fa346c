package run

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// silentHooks do nothing.
type silentHooks struct{ runningHooks }

func (silentHooks) CellsPlanned([]options.CellSpec)                   {}
func (silentHooks) WritersReady(context.Context, []result.Cell) error { return nil }
func (silentHooks) BeforeChaos(context.Context) error                 { return nil }
func (silentHooks) PhaseChanged(string)                               {}
func (silentHooks) RecordsAcknowledged(options.CellSpec, ledger.Ack)  {}
func (silentHooks) BeforeDeletion(options.CellSpec, result.Pod)       {}
func (silentHooks) BeforeRead(options.CellSpec)                       {}
func (silentHooks) CellJudged(result.Cell)                            {}
func (silentHooks) AllCellsJudged(context.Context) error              { return nil }

// newTestRun returns a run on a fake cluster. The state of each created pod is set by setState.
func newTestRun(t *testing.T, setState func(*corev1.Pod)) Run {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	api := fake.NewClientset(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "stig"}})
	api.PrependReactor("create", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		switch object := a.(clienttesting.CreateAction).GetObject().(type) {
		case *corev1.Pod:
			object.UID = types.UID("uid of " + object.Name)
			setState(object)
		case *corev1.PersistentVolumeClaim:
			object.UID = types.UID("uid of " + object.Name)
			object.Status.Phase = corev1.ClaimBound
		}
		return false, nil, nil
	})
	opts := options.Defaults()
	opts.StatusTimeout = 300 * time.Millisecond
	labels := map[string]string{kube.RunLabel: "run"}
	client := kube.Client{API: api, Namespace: "stig", Labels: labels, Timeout: opts.StatusTimeout, Log: log}
	return Run{ID: "run", Options: opts, Kube: client, Hooks: silentHooks{}, Log: log}
}

// checkSteps checks that the phases of a run have no gap, and that the steps of each cell have none and lie within it.
func checkSteps(t *testing.T, r result.Result) {
	t.Helper()
	require.NotEmpty(t, r.Phases)
	next := r.StartedAt
	for _, p := range r.Phases {
		assert.Equal(t, next, p.StartedAt, p.Name)
		next = p.EndedAt
	}
	assert.Equal(t, r.EndedAt, next)
	for _, c := range r.Cells {
		require.NotNil(t, c.Trace)
		steps := c.Trace.Steps
		first, last := steps[0], steps[len(steps)-1]
		assert.False(t, first.StartedAt.Before(r.StartedAt))
		assert.False(t, last.EndedAt.After(r.EndedAt))
		var sum time.Duration
		for i, s := range steps {
			assert.NotEmpty(t, s.Name.Description(), s.Name)
			if i > 0 {
				assert.Equal(t, steps[i-1].EndedAt, s.StartedAt, s.Name)
			}
			sum += s.Took()
		}
		assert.Equal(t, last.EndedAt.Sub(first.StartedAt), sum)
	}
}

func phaseNames(r result.Result) (names []result.PhaseName) {
	for _, p := range r.Phases {
		names = append(names, p.Name)
	}
	return names
}

func stepNames(c result.Cell) (names []result.StepName) {
	for _, s := range c.Trace.Steps {
		names = append(names, s.Name)
	}
	return names
}

func TestExecute_RecordsTheStepsOfACellThatEndsInError(t *testing.T) {
	started := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	for name, tc := range map[string]struct {
		setState func(*corev1.Pod)
		want     result.StepName
	}{
		"no node":   {func(*corev1.Pod) {}, result.Scheduling},
		"no volume": {func(p *corev1.Pod) { p.Spec.NodeName = "n1" }, result.Mounting},
		"no message": {func(p *corev1.Pod) {
			p.Spec.NodeName = "n1"
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: p.Spec.Containers[0].Name, State: started}}
		}, result.FirstAck},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := newTestRun(t, tc.setState).Execute(t.Context())
			require.NoError(t, err)
			require.Equal(t, judge.Error, res.Verdict, res.Reason)
			checkSteps(t, res)
			assert.Equal(t, []result.PhaseName{
				result.Planning, result.PreChaos, result.PostChaos, result.Removal,
			}, phaseNames(res))
			c := res.Cells[0]
			names := stepNames(c)
			assert.Equal(t, []result.StepName{result.CreatingClaim, result.Provisioning, result.CreatingPod}, names[:3])
			assert.Equal(t, []result.StepName{tc.want, result.Waiting, result.Removing}, names[len(names)-3:])
			assert.False(t, c.Claim.BoundAt.IsZero())
			for _, s := range c.Trace.Steps {
				if s.Name == result.CreatingPod {
					assert.Equal(t, c.Epochs[0].CreatedAt, s.EndedAt)
				}
			}
		})
	}
}

func TestExecute_HasThePlanningOfARunThatPlansNothing(t *testing.T) {
	r := newTestRun(t, func(*corev1.Pod) {})
	r.Options.Orchestrator = options.Swarm
	res, err := r.Execute(t.Context())
	require.NoError(t, err)
	checkSteps(t, res)
	assert.Equal(t, []result.PhaseName{result.Planning}, phaseNames(res))
}

func TestRunPhase_ACellWithAVerdictWaits(t *testing.T) {
	b := newTestBatch(t, 1)
	c := b.cells[0]
	require.NoError(t, b.runPhase(t.Context(), "before the chaos", func(c *cell, _ context.Context) error {
		c.begin(result.CreatingClaim)
		return errors.New("no such class")
	}))
	c.begin(result.Removing)
	c.trace.End(time.Now())
	c.recordTrace()
	assert.Equal(t, []result.StepName{result.CreatingClaim, result.Waiting, result.Removing}, stepNames(*c.result))
}

// The first word of what kube.Client reports is the name of a step.
func TestStepNameOf_KnowsTheStepsOfPods(t *testing.T) {
	for _, step := range []string{"provisioning", "scheduling", "attaching to n1", "mounting on n1", "starting on n1"} {
		assert.NotEmpty(t, stepNameOf(step).Description(), step)
	}
	assert.Equal(t, result.Mounting, stepNameOf("mounting on n1"))
}
