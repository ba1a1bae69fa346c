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
	"sync/atomic"
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

// phase is a phase of a run in which a test does something to the run.
type phase struct {
	name string
	env  map[string]string
	// trigger happens to the object when the phase begins.
	trigger trigger
	object  string
	// percentage is the probe success percentage if the run is stopped in this phase.
	percentage string
}

// trigger is how a test detects that a phase begins.
type trigger int

const (
	podCreation trigger = iota // before the pod is created
	podDeletion                // before the pod is deleted
	engineEvent                // once the engine has an event with this reason
	runStart                   // before the engine is created
	bundleSave                 // before the evidence bundle is saved
)

// phases has a moment in each phase of a run. Each phase lasts until the run is interrupted.
var phases = []phase{
	// Without a volume no record is acknowledged, also if the run is stopped late.
	{"before the writer is there", map[string]string{"STORAGE_CLASS": "no-such-class"}, podCreation, "write-pod", "0"},
	{"before the chaos", map[string]string{"RAMP_TIME": "600"}, engineEvent, "PreChaosCheck", "50"},
	{"during the chaos", longChaos(), engineEvent, "ChaosInject", "50"},
	{"while the run waits for the reader", short(map[string]string{"READER_NODE": "n3"}), podCreation, "read-pod", "50"},
}

// longChaos returns the options of a run whose chaos outlasts the test.
func longChaos() map[string]string {
	return map[string]string{"TOTAL_CHAOS_DURATION": "600", "CHAOS_INTERVAL": "600"}
}

// interrupt starts a run and calls act when the phase begins.
func (p phase) interrupt(t *testing.T, ns *chaosengine.Namespace, act func()) {
	t.Helper()
	switch p.trigger {
	case runStart:
		act()
		start(t, ns, p.env)
	case engineEvent:
		start(t, ns, p.env)
		require.NoError(t, ns.AwaitEvent(within(t), "engine", p.object))
		act()
	default:
		p.onAdmission(t, ns, act)
		start(t, ns, p.env)
	}
}

// onAdmission calls act, once, before a pod is created or deleted, or before the evidence
// bundle is saved.
func (p phase) onAdmission(t *testing.T, ns *chaosengine.Namespace, act func()) {
	t.Helper()
	awaited := admissionv1.Create
	if p.trigger == podDeletion {
		awaited = admissionv1.Delete
	}
	resource, matches := "pods", func(name string) bool { return name == p.object }
	if p.trigger == bundleSave {
		resource, matches = "configmaps", func(name string) bool { return strings.HasPrefix(name, "engine-bundle-") }
	}
	var once sync.Once
	var called atomic.Bool
	t.Cleanup(func() { assert.True(t, called.Load(), "the phase must begin") })
	onAdmission(t, ns, resource, func(operation admissionv1.Operation, name string) {
		if operation == awaited && matches(name) {
			called.Store(true)
			once.Do(act)
		}
	})
}

func TestStoppedEngine_LeavesNothingBehind(t *testing.T) {
	for _, p := range phases {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t)
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

// stop sets the state of the engine to stop.
func stop(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	patch := []byte(`{"spec":{"engineState":"stop"}}`)
	engines := ns.Litmus.LitmuschaosV1alpha1().ChaosEngines(ns.Name)
	_, err := engines.Patch(within(t), "engine", types.MergePatchType, patch, metav1.PatchOptions{})
	assert.NoError(t, err)
}

// Kubernetes restarts the container of a Job after it was killed. The ledger was lost, so the
// run must not pass or start a second writer, and it must remove all of its objects.
func TestKilledExperiment_EndsInError(t *testing.T) {
	for _, p := range phases {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			ns := newNamespace(t)
			p.interrupt(t, ns, func() { killExperiment(t, ns) })
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
			require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
			assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, "an earlier attempt of this run was killed")
			requireNothingLeft(t, ns)
		})
	}
}

// killExperiment kills the process of the experiment. The nodes of the test cluster are on this machine.
func killExperiment(t *testing.T, ns *chaosengine.Namespace) {
	t.Helper()
	pids, err := experiments(ns.Name)
	if assert.NoError(t, err) && assert.Len(t, pids, 1) {
		assert.NoError(t, syscall.Kill(pids[0], syscall.SIGKILL))
	}
}

// experiments returns the PIDs of the experiment in a namespace.
func experiments(namespace string) ([]int, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, folder := range folders {
		command, _ := os.ReadFile(filepath.Join(folder, "cmdline")) // the process may have ended
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

// While the API server or etcd is unavailable, the writer continues to write. A deletion that
// is due is done after the outage. The outage lasts for 1000 records, at 100 per second, so
// every client loses its connection. A longer one would delay other tests, because clients
// retry at growing intervals; TestVerdict_UnchangedByAnAPIServerOutage has outages that
// affect only one run.
func TestVerdict_UnchangedByAControlPlaneOutage(t *testing.T) {
	requireTestCluster(t)
	const written = 1000
	stopAPI := func(t *testing.T) (restore func()) {
		cluster(t, "stop", "kube-apiserver")
		return func() { cluster(t, "start", "kube-apiserver") }
	}
	for name, interrupt := range map[string]func(t *testing.T) (restore func()){
		"the API server": stopAPI, "etcd": freezeEtcd,
	} {
		t.Run(name, func(t *testing.T) {
			ns := newNamespace(t)
			start(t, ns, map[string]string{"TOTAL_CHAOS_DURATION": "16", "CHAOS_INTERVAL": "8"})
			awaitChaos(t, ns)
			file := volumeFile(t, ns)
			var once sync.Once
			restore := interrupt(t)
			t.Cleanup(func() { once.Do(restore) })
			awaitGrowth(t, file, written*recordSize)
			once.Do(restore)
			o := await(t, ns)
			assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
			assert.Greater(t, ledger.CountRecords(o.result.Cells[0].Acks), uint64(written),
				"acknowledgements from the outage must be in the ledger")
			requireNothingLeft(t, ns)
		})
	}
}

// freezeEtcd stops the process of etcd until restore is called.
func freezeEtcd(t *testing.T) (restore func()) {
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

// awaitGrowth returns once a file has grown by a number of bytes.
func awaitGrowth(t *testing.T, file string, by int64) {
	t.Helper()
	before, err := os.Stat(file)
	require.NoError(t, err)
	hasGrown := func(context.Context) (bool, error) {
		now, err := os.Stat(file)
		return err == nil && now.Size() >= before.Size()+by, err
	}
	require.NoError(t, wait.PollUntilContextCancel(within(t), 200*time.Millisecond, true, hasGrown))
}
