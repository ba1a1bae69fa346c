package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/tests/chaosengine"
)

// phase is a moment in a run.
type phase struct {
	name string
	env  map[string]string
	// It is when this happens to what is named.
	happens happening
	what    string
	// percentage is of the run's probes, those that had passed by then.
	percentage string
}

// happening is what happens: the run is about to begin, a pod is about to be created or
// deleted, the run has come so far that an event on its engine says so, or its evidence
// is about to be kept.
type happening int

const (
	creation happening = iota
	deletion
	event
	beginning
	keeping
)

// phases are one moment in each phase of a run, and long enough.
var phases = []phase{
	// Without a volume nothing is acknowledged, however long it takes to stop.
	{"before the writer is there", map[string]string{"STORAGE_CLASS": "no-such-class"}, creation, "write-pod", "0"},
	{"before the chaos", map[string]string{"RAMP_TIME": "600"}, event, "PreChaosCheck", "50"},
	{"during the chaos", map[string]string{"TOTAL_CHAOS_DURATION": "600", "CHAOS_INTERVAL": "600"}, event, "ChaosInject", "50"},
	{"while the reader is waited for", short(map[string]string{"READER_NODE": "n3"}), creation, "read-pod", "50"},
}

// interrupt begins a run and does something to it at a moment of it.
func (p phase) interrupt(t *testing.T, ns *chaosengine.Namespace, act func()) {
	t.Helper()
	switch p.happens {
	case beginning:
		act()
		start(t, ns, p.env)
	case event:
		start(t, ns, p.env)
		require.NoError(t, ns.AwaitEvent(within(t), "engine", p.what))
		act()
	default:
		p.foresee(t, ns, act)
		start(t, ns, p.env)
	}
}

// foresee has something done, once, when a pod is about to be created or deleted, or
// the evidence to be kept.
func (p phase) foresee(t *testing.T, ns *chaosengine.Namespace, act func()) {
	t.Helper()
	requireTestCluster(t) // its API server reaches the hook on this machine
	awaited := map[happening]admissionv1.Operation{creation: admissionv1.Create, deletion: admissionv1.Delete, keeping: admissionv1.Create}[p.happens]
	resource, is := "pods", func(name string) bool { return name == p.what }
	if p.happens == keeping {
		resource, is = "configmaps", func(name string) bool { return strings.HasPrefix(name, "engine-bundle-") }
	}
	var once sync.Once
	remove, err := ns.OnAdmission(within(t), resource, func(operation admissionv1.Operation, name string) {
		if operation == awaited && is(name) {
			once.Do(act)
		}
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove(within(t))) })
}

func TestAnEngineThatIsStoppedLeavesNothingBehind(t *testing.T) {
	for _, p := range phases {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			ns := someNamespace(t)
			p.interrupt(t, ns, func() { stop(t, ns) })
			result, err := ns.Await(within(t), "engine")
			require.NoError(t, err)
			assert.Equal(t, chaosv1alpha1.ResultVerdictStopped, result.Status.ExperimentStatus.Verdict)
			assert.Equal(t, 1, result.Status.History.StoppedRuns)
			assert.Equal(t, p.percentage, result.Status.ExperimentStatus.ProbeSuccessPercentage)
			requireNothingLeft(t, ns)
		})
	}
}

func stop(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	patch := []byte(`{"spec":{"engineState":"stop"}}`)
	_, err := ns.Litmus.LitmuschaosV1alpha1().ChaosEngines(ns.Name).Patch(within(t), "engine", types.MergePatchType, patch, metav1.PatchOptions{})
	assert.NoError(t, err)
}

// Kubernetes starts a Job's pod again that was killed. Its ledger is gone: there
// can be no Pass, nor a second writer, and nothing may be left.
func TestAnExperimentThatIsKilledEndsInError(t *testing.T) {
	for _, p := range phases {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			ns := someNamespace(t)
			p.interrupt(t, ns, func() { killExperiment(t, ns) })
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
			require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
			assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, "an earlier attempt of this run was killed")
			requireNothingLeft(t, ns)
		})
	}
}

// killExperiment kills the experiment's process, which on the test cluster is one of this machine.
func killExperiment(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	pids, err := experiments(ns.Name)
	if assert.NoError(t, err) && assert.Len(t, pids, 1) {
		assert.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
	}
}

// experiments are the processes of the experiment in a namespace.
func experiments(namespace string) ([]int, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, folder := range folders {
		command, _ := os.ReadFile(filepath.Join(folder, "cmdline")) // it may have ended meanwhile
		env, _ := os.ReadFile(filepath.Join(folder, "environ"))
		if !bytes.Equal(command, []byte("/usr/local/bin/volume-durability\x00experiment\x00")) {
			continue
		}
		if !bytes.Contains(append([]byte{0}, env...), fmt.Appendf(nil, "\x00CHAOS_NAMESPACE=%s\x00", namespace)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// While the API server is away, or etcd does not answer, the writer goes on; the
// deletion that is due then is made when it is back. It is away for as long as it
// takes to write 1000 records, at 100 a second: long enough for everything on the
// cluster to lose it, and no longer, for then it all waits ever longer before it
// looks again. Longer outages are tried where they are one run's own.
func TestAControlPlaneThatGoesAwayChangesNoVerdict(t *testing.T) {
	requireTestCluster(t)
	const written = 1000
	stopAPI := func(t *testing.T) (back func()) {
		cluster(t, "stop", "kube-apiserver")
		return func() { cluster(t, "start", "kube-apiserver") }
	}
	for name, away := range map[string]func(t *testing.T) (back func()){"the API server": stopAPI, "etcd": freezeEtcd} {
		t.Run(name, func(t *testing.T) {
			ns := someNamespace(t)
			start(t, ns, map[string]string{"TOTAL_CHAOS_DURATION": "16", "CHAOS_INTERVAL": "8"})
			inChaos(t, ns)
			file := volumeFile(t, ns)
			var once sync.Once
			back := away(t)
			t.Cleanup(func() { once.Do(back) })
			awaitGrowth(t, file, written*recordSize)
			once.Do(back)
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
			assert.Greater(t, ledger.CountRecords(o.result.Cells[0].Acks), uint64(written), "what was acknowledged meanwhile was heard afterwards")
			requireNothingLeft(t, ns)
		})
	}
}

// freezeEtcd stops etcd's process where it is, until it is let go.
func freezeEtcd(t *testing.T) (back func()) {
	t.Helper()
	content, err := os.ReadFile("/var/lib/volume-durability-cluster/processes/etcd.json")
	require.NoError(t, err)
	var etcd struct {
		PID int `json:"pid"`
	}
	require.NoError(t, json.Unmarshal(content, &etcd))
	require.NoError(t, syscall.Kill(etcd.PID, syscall.SIGSTOP))
	return func() { require.NoError(t, syscall.Kill(etcd.PID, syscall.SIGCONT)) }
}

// awaitGrowth returns once a file has grown by so many bytes.
func awaitGrowth(t *testing.T, file string, by int64) {
	t.Helper()
	before, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, wait.PollUntilContextCancel(within(t), 200*time.Millisecond, true, func(context.Context) (bool, error) {
		now, err := os.Stat(file)
		return err == nil && now.Size() >= before.Size()+by, err
	}))
}
