package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	durability "github.com/volume-durability/volume-durability/pkg/run"
)

// The check has names of its own: one run at a time can have them.
func TestTheSTIGCheck(t *testing.T) {
	t.Parallel()
	t.Run("the defaults are the check", theDefaultsAreTheSTIGCheck)
	t.Run("an emptied journal repeats the check's fix", anEmptiedJournalRepeatsTheChecksFix)
}

// theDefaultsAreTheSTIGCheck takes the check's own steps, with its own names: only
// the time is shorter.
func theDefaultsAreTheSTIGCheck(t *testing.T) {
	requireTestCluster(t)
	ns := namespace(t, options.Defaults().Namespace)
	o := run(t, ns, several(map[string]string{"READER_NODE": "other", "KEEP": "true"}))

	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	assert.Equal(t, chaosv1alpha1.ResultPhaseCompleted, o.Status.ExperimentStatus.Phase)
	assert.Equal(t, "100", o.Status.ExperimentStatus.ProbeSuccessPercentage)
	assert.Equal(t, &chaosv1alpha1.HistoryDetails{PassedRuns: 1, Targets: []chaosv1alpha1.TargetDetails{{Name: "write-pod", Kind: "pod", ChaosStatus: "targeted"}}}, o.Status.History)
	assert.Equal(t, chaosv1alpha1.ProbeStatus{Verdict: "Passed", Description: "Pod write-pod writes to claim stig-pvc (StorageClass shared), and its records are acknowledged"}, o.probe(t, "write"))
	assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify").Verdict)
	assert.Regexp(t, `^[\d ]+ acknowledged records verified after [2-9] deletions, 0 lost; read on n[12], written on n[12], bypassing the page cache$`, o.probe(t, "verify").Description)

	cell := o.result.Cells[0]
	assert.Contains(t, o.result.Reason, "V-260932: log data is present")
	assert.NotEqual(t, cell.Epochs[len(cell.Epochs)-1].Node, cell.Reader.Node, "read on the other node")
	for i, e := range cell.Epochs[1:] {
		require.NotNil(t, e.InitialRead)
		assert.Empty(t, e.InitialRead.Judgement.Findings, "what epoch %d found", i+2)
		assert.NotZero(t, e.InitialRead.Judgement.Acknowledged)
	}

	engineEvents, resultEvents := eventsOn(t, ns, "ChaosEngine"), eventsOn(t, ns, "ChaosResult")
	for _, reason := range []string{"PreChaosCheck", "ChaosInject", "PostChaosCheck", "Summary"} {
		assert.Contains(t, engineEvents, reason)
	}
	assert.Contains(t, resultEvents, "Awaited")
	assert.Contains(t, resultEvents["Pass"], "0 lost")

	content, err := ns.Exec(within(t), "read-pod", "cat", "/data/logs.log")
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(content))), cell.Reader.ScanResult.SHA256)
	lines := strings.SplitAfter(strings.TrimSuffix(content, "\n"), "\n")
	assert.GreaterOrEqual(t, uint64(len(lines)), ledger.CountRecords(cell.Acks))
	dated := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z `)
	for _, line := range lines {
		require.Regexp(t, dated, line)
	}
}

func TestForcedDeletions(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	o := run(t, ns, several(map[string]string{"FORCE": "true", "READER_NODE": "same", "WRITE_RATE": "500"}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	cell := o.result.Cells[0]
	assert.Equal(t, len(cell.Epochs), cell.Deletions())
	assert.GreaterOrEqual(t, cell.Deletions(), 2)
	assert.Equal(t, cell.Epochs[len(cell.Epochs)-1].Node, cell.Reader.Node)
	assert.Contains(t, strings.Join(cell.NotShown, ""), "the reader ran on the writer's node", "that proves less")
	assert.Contains(t, strings.Join(cell.NotShown, ""), "the nodes' labels could not be read", "the Role does not allow it")
	requireNothingLeft(t, ns)
}

func TestStorageThatForgetsFails(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	o := run(t, ns, several(map[string]string{"VOLUME_SOURCE": "emptyDir"}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	assert.Equal(t, chaosv1alpha1.ResultPhaseCompletedWithProbeFailure, o.Status.ExperimentStatus.Phase)
	assert.Equal(t, "50", o.Status.ExperimentStatus.ProbeSuccessPercentage)
	assert.Equal(t, 1, o.Status.History.FailedRuns)
	cell := o.result.Cells[0]
	acknowledged := ledger.CountRecords(cell.Acks)
	require.Len(t, cell.Findings, 1)
	assert.Equal(t, judge.Missing, cell.Findings[0].Class)
	assert.Equal(t, acknowledged, cell.Findings[0].Records)
	assert.Equal(t, chaosv1alpha1.ProbeVerdictFailed, o.probe(t, "verify").Verdict)
	assert.Contains(t, o.probe(t, "verify").Description, fmt.Sprintf("missing: %s acknowledged records, epoch 1 sequence 1 to epoch ", judge.FormatCount(acknowledged)))
	require.GreaterOrEqual(t, len(cell.Epochs), 2)
	require.NotNil(t, cell.Epochs[1].InitialRead)
	assert.Equal(t, judge.Missing, cell.Epochs[1].InitialRead.Judgement.Findings[0].Class, "the second writer found it gone already")
	assert.Contains(t, eventsOn(t, ns, "ChaosResult")["Fail"], "missing")
	requireNothingLeft(t, ns)
	requireEvidence(t, ns, o)
}

const recordSize = 256

// The journal is cut behind the experiment's back, after the writer is gone and
// before the reader is.
func TestATruncatedJournalIsALostTail(t *testing.T) {
	t.Parallel()
	const kept = 100
	ns := someNamespace(t)
	beforeReader(t, ns, func(file string) error { return os.Truncate(file, kept*recordSize) })
	o := run(t, ns, short(map[string]string{"WORKLOAD_NAMESPACE": ns.Name, "READER_NODE": "other"}))

	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	cell := o.result.Cells[0]
	acknowledged := ledger.CountRecords(cell.Acks)
	require.Greater(t, acknowledged, uint64(kept))
	assert.Equal(t, []judge.Finding{{
		Class: judge.LostTail, Epoch: 1, First: kept + 1, Last: acknowledged, Records: acknowledged - kept, Offset: kept * recordSize, End: kept * recordSize,
	}}, cell.Findings)
	assert.Contains(t, o.probe(t, "verify").Description, fmt.Sprintf("lost-tail: %s acknowledged records, epoch 1 sequence 101 to %d", judge.FormatCount(acknowledged-kept), acknowledged))
	requireNothingLeft(t, ns)
}

func TestAFlippedByteIsCorruption(t *testing.T) {
	t.Parallel()
	const record = 57
	ns := someNamespace(t)
	beforeReader(t, ns, func(file string) error { return flipByte(file, (record-1)*recordSize+140) })
	o := run(t, ns, short(nil))

	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	assert.Equal(t, []judge.Finding{{
		Class: judge.Corrupt, Epoch: 1, First: record, Last: record, Records: 1, Offset: (record - 1) * recordSize, End: record * recordSize,
	}}, o.result.Cells[0].Findings)
	assert.Contains(t, o.probe(t, "verify").Description, "corrupt: 1 acknowledged record, epoch 1 sequence 57 to 57")
}

func flipByte(file string, at int64) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 0x04
	_, err = f.WriteAt(b, at)
	return err
}

// anEmptiedJournalRepeatsTheChecksFix: in the check's own setting the message
// repeats the check's own words.
func anEmptiedJournalRepeatsTheChecksFix(t *testing.T) {
	ns := namespace(t, options.Defaults().Namespace)
	beforeReader(t, ns, func(file string) error { return os.Truncate(file, 0) })
	o := run(t, ns, short(nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	assert.Contains(t, o.probe(t, "verify").Description, "missing")
	assert.Contains(t, o.probe(t, "verify").Description, "V-260932: there is no log data, this is a finding. "+durability.STIGFix)
}

// A kubelet that is started again ends every log stream of its node.
func TestABrokenLogStreamChangesNoVerdict(t *testing.T) {
	requireTestCluster(t)
	ns := someNamespace(t)
	start(t, ns, map[string]string{"TOTAL_CHAOS_DURATION": "20", "CHAOS_INTERVAL": "20"})
	writer := inChaos(t, ns)
	kubelet := "kubelet-" + writer.Spec.NodeName
	cluster(t, "stop", kubelet)
	before, err := os.Stat(volumeFile(t, ns))
	require.NoError(t, err)
	cluster(t, "start", kubelet)
	o := await(t, ns)
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	assert.Regexp(t, "The log stream (failed|ended while the pod is running)", o.log, "the stream must have been interrupted")
	assert.Greater(t, ledger.CountRecords(o.result.Cells[0].Acks), uint64(before.Size())/recordSize, "what was acknowledged afterwards was heard too")
	requireNothingLeft(t, ns)
}

func TestMistakesInTheInputsAreAllNamedAndNothingIsCreated(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	o := run(t, ns, map[string]string{"FORCE": "perhaps", "RECORD_SIZE": "12", "CLAIM_SIZE": "five"})
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.Equal(t, chaosv1alpha1.ResultPhaseError, o.Status.ExperimentStatus.Phase)
	require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
	for _, name := range []string{`FORCE="perhaps"`, `RECORD_SIZE="12"`, `CLAIM_SIZE="five"`} {
		assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, name+": want ")
		assert.Contains(t, o.log, strings.ReplaceAll(name, `"`, `\"`))
	}
	assert.NotContains(t, o.log, "created")
	requireNothingLeft(t, ns)
	requireEvidence(t, ns, o)
}

func TestSwarmIsNotApplicable(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	o := run(t, ns, map[string]string{"ORCHESTRATOR": "swarm"})
	assert.Equal(t, chaosv1alpha1.ResultVerdict("N/A"), o.verdict())
	assert.Equal(t, "Awaited", o.Status.ExperimentStatus.ProbeSuccessPercentage, "for chaos center that is 0")
	assert.Equal(t, chaosv1alpha1.ProbeStatus{Verdict: "N/A", Description: "Not Applicable: the orchestrator is Swarm, according to the option ORCHESTRATOR"}, o.probe(t, "verify"))
	assert.NotContains(t, o.log, "created")
	requireNothingLeft(t, ns)
	requireNotApplicable(t, requireEvidence(t, ns, o))
}

func TestTheUsersProbesRunBesideOurs(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	o := run(t, ns, short(nil),
		command("before", "SOT", "echo 1", "1"), command("during", "OnChaos", "echo 1", "1"),
		command("always", "Continuous", "echo 1", "1"),
		command("around", "Edge", "echo 1", "1"), command("after", "EOT", "echo 1", "1"))
	assert.Equal(t, chaosv1alpha1.ResultVerdictPassed, o.verdict())
	var names []string
	for _, p := range o.Status.ProbeStatuses {
		names = append(names, p.Name)
		assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, p.Status.Verdict, p.Name)
		if p.Type == "cmdProbe" {
			assert.Equal(t, "Actual value: '1'. Expected value: '1'", p.Status.Description, "%s was run", p.Name)
		}
	}
	assert.Equal(t, []string{"before", "during", "always", "around", "after", "write", "verify"}, names, "the engine's own come first")
	assert.Equal(t, "100", o.Status.ExperimentStatus.ProbeSuccessPercentage)
}

func TestAUsersProbeThatFailsFailsTheRun(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	o := run(t, ns, short(nil), command("after", "EOT", "echo 2", "1"))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	assert.Equal(t, chaosv1alpha1.ProbeVerdictFailed, o.probe(t, "after").Verdict)
	assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify").Verdict, "the volume kept its promise all the same")
	assert.Equal(t, "66", o.Status.ExperimentStatus.ProbeSuccessPercentage)
	requireNothingLeft(t, ns)
}

// What such probes find is evaluated after the chaos, and ends nothing before it.
func TestUsersProbesThatFailDuringTheChaosFailTheRun(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	o := run(t, ns, short(nil), command("during", "OnChaos", "echo 2", "1"), command("always", "Continuous", "echo 2", "1"), command("after", "EOT", "echo 1", "1"))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict())
	for name, want := range map[string]chaosv1alpha1.ProbeVerdict{"during": "Failed", "always": "Failed", "after": "Passed", "verify": "Passed"} {
		assert.Equal(t, want, o.probe(t, name).Verdict, name)
	}
	requireNothingLeft(t, ns)
}

func TestAUsersProbeThatWasNeverRunIsNoPass(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	waits := command("during", "OnChaos", "echo 1", "1")
	waits.RunProperties.InitialDelay = "3s"
	o := run(t, ns, short(nil), waits)
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.Equal(t, chaosv1alpha1.ProbeVerdictNA, o.probe(t, "during").Verdict)
	assert.Equal(t, chaosv1alpha1.ProbeVerdictPassed, o.probe(t, "verify").Verdict)
	requireNothingLeft(t, ns)
}

// A misspelt mode or type is refused by the API server where Litmus's CRDs say how
// they are spelt. They say less than what litmus-go can run.
func TestMistakesInTheUsersProbesAreAllNamedAndNothingIsCreated(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	passedOver, zero := command("after", "EOT", "echo 1", "1"), command("before", "SOT", "echo none", "kept")
	passedOver.Type = "sloProbe"
	zero.CmdProbeInputs.Comparator.Type, zero.CmdProbeInputs.Comparator.Criteria = "int", "=="
	o := run(t, ns, short(map[string]string{"FORCE": "perhaps"}), passedOver, zero)
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	require.NotNil(t, o.Status.ExperimentStatus.ErrorOutput)
	for _, want := range []string{`FORCE="perhaps": want `, `probe "after": type="sloProbe": want cmdProbe, httpProbe, k8sProbe or promProbe`, `probe "before": comparator.value="kept": want numbers of type int`} {
		assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, want)
	}
	assert.NotContains(t, o.log, "created")
	requireNothingLeft(t, ns)
	requireEvidence(t, ns, o)
}

// command is a command probe that runs in the experiment's own image.
func command(name, mode, cmd, want string) chaosv1alpha1.ProbeAttributes {
	return chaosv1alpha1.ProbeAttributes{
		Name: name, Type: "cmdProbe", Mode: mode,
		CmdProbeInputs: &chaosv1alpha1.CmdProbeInputs{Command: cmd, Comparator: chaosv1alpha1.ComparatorInfo{Type: "string", Criteria: "equal", Value: want}},
		RunProperties:  chaosv1alpha1.RunProperty{ProbeTimeout: "5s", Interval: "1s", ProbePollingInterval: "1s", Retry: 1},
	}
}

func TestANameThatIsTakenIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	ns := someNamespace(t)
	theirs := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "stig-pvc"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: options.Defaults().ClaimSize}},
	}}
	before, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Create(within(t), theirs, metav1.CreateOptions{})
	require.NoError(t, err)
	o := run(t, ns, short(nil))
	assert.Equal(t, chaosv1alpha1.ResultVerdictError, o.verdict())
	assert.Contains(t, o.Status.ExperimentStatus.ErrorOutput.Reason, "claim "+ns.Name+"/stig-pvc already exists and was not created by this run")
	after, err := ns.Kube.CoreV1().PersistentVolumeClaims(ns.Name).Get(within(t), "stig-pvc", metav1.GetOptions{})
	require.NoError(t, err)
	assert.Equal(t, before.UID, after.UID)
	assert.Nil(t, after.DeletionTimestamp)
}
