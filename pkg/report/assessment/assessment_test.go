package assessment

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/report/rule"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func mke(t *testing.T) rule.Rule {
	t.Helper()
	to, err := rule.Find(rule.Default)
	require.NoError(t, err)
	return to
}

func TestAssess_AnErrorIsNeitherAPassNorOpen(t *testing.T) {
	want := map[string]Status{
		"pass": NotAFinding, "fail": Open, "empty": Open, "matrix": Open, "overwrite": Open,
		"error": NotReviewed, "undetected": NotReviewed, "stopped": NotReviewed, "not-applicable": NotApplicable,
		"too-slow": NotAFinding, // a rule is about data, not about speed
	}
	for _, s := range samples.All() {
		a := Assess(s.Result, mke(t), Metadata{})
		assert.Equal(t, want[s.Name], a.Status, s.Name)
		assert.NotEmpty(t, a.Reason, s.Name)
		assert.Contains(t, a.Details, a.Reason, s.Name)
	}
}

func TestAssess_StatusNeedsACellWithAVerdict(t *testing.T) {
	of := func(change func(*result.Result)) Status {
		r := samples.Pass()
		change(&r)
		return Assess(r, mke(t), Metadata{}).Status
	}
	for name, change := range map[string]func(*result.Result){
		"a Pass without a cell": func(r *result.Result) { r.Cells = nil },
		"a Pass with a cell that ended in Error": func(r *result.Result) {
			r.Cells = append(r.Cells, samples.Error().Cells...)
		},
		"a Pass of the control alone":                     func(r *result.Result) { r.Cells[0].Spec.Control = true },
		"a Pass with only a skipped cell":                 func(r *result.Result) { r.Cells[0].Verdict = judge.Skipped },
		"a Fail of a user's probe, without a failed cell": func(r *result.Result) { r.Verdict = judge.Fail },
		"a Fail of the control alone": func(r *result.Result) {
			r.Verdict, r.Cells[0].Verdict, r.Cells[0].Spec.Control = judge.Fail, judge.Fail, true
		},
		"N/A without a reason": func(r *result.Result) {
			r.Verdict, r.Cells, r.Cluster.Orchestrator = judge.NotApplicable, nil, ""
		},
		"a Fail because of a threshold, and a cell that ended in Error": func(r *result.Result) {
			*r = samples.TooSlow()
			r.Cells = append(r.Cells, samples.Error().Cells...)
		},
		"an unknown verdict": func(r *result.Result) { r.Verdict = "Perhaps" },
		"no verdict":         func(r *result.Result) { *r = result.Result{} },
	} {
		assert.Equal(t, NotReviewed, of(change), name)
	}
	skipped := func(r *result.Result) {
		c := r.Cells[0]
		c.Verdict = judge.Skipped
		r.Cells = append(r.Cells, c)
	}
	assert.Equal(t, NotAFinding, of(skipped), "a skipped cell does not count")
}

func TestAssess_SwarmIsNotApplicableOnlyIfTheRuleNamesIt(t *testing.T) {
	to, err := rule.Find("V-233123")
	require.NoError(t, err)
	assert.Equal(t, NotReviewed, Assess(samples.NotApplicable(), to, Metadata{}).Status)
}

func TestAssess_ReportsTheCriterionSeparately(t *testing.T) {
	all := samples.All()
	for name, want := range map[string]string{
		"pass": "log data present", "fail": "log data present", "empty": "log data not present",
		"error": "the log was not read back", "stopped": "the log was not read back",
		"not-applicable": "the log was not read back",
	} {
		for _, s := range all {
			if s.Name == name {
				assert.Equal(t, want, Assess(s.Result, mke(t), Metadata{}).Criterion, name)
			}
		}
	}
	assessed := func(r result.Result) Assessment { return Assess(r, mke(t), Metadata{}) }
	failed := assessed(samples.Fail()).Details
	assert.Contains(t, failed, `1. The check's own criterion ("If there is no log data, this is a finding."): `+
		"log data present. By this criterion alone, this is not a finding\n")
	assert.Contains(t, failed, "2. Byte-for-byte verification, a stricter criterion: "+
		"torn: 1 acknowledged record, epoch 3 sequence 691; lost-tail: 209")
	assert.Contains(t, assessed(samples.Empty()).Details,
		"log data not present. By this criterion alone, this is a finding\n")
	assert.Contains(t, assessed(samples.Error()).Details, "By this criterion alone, there is no result\n")
	several := assessed(samples.Matrix()).Criterion
	assert.Contains(t, several, "log data present (ceph-rbd/graceful, local-path/graceful")
	assert.NotContains(t, several, "control")
}

func TestAssess_HasWhatAnAssessorNeeds(t *testing.T) {
	r := samples.Pass()
	a := Assess(r, mke(t), Metadata{BundleLocation: "ConfigMap stig/evidence", ResultSHA256: "abc123"})
	c := r.Cells[0]
	for _, want := range []string{
		"2026-11-24T12:46:47.123Z", string(r.Cluster.UID), r.Cluster.Server, r.Cluster.Version, r.Cluster.Orchestrator,
		r.Tool.Version, r.Tool.Commit, r.Tool.Image,
		"SV-260932r966153_rule", "Version 2, Release: 1 Benchmark Date: 24 Jul 2024",
		"StorageClass: ceph-rbd", "Access modes: ReadWriteOnce",
		string(c.Claim.UID), c.Claim.Provisioner, c.Claim.Volume, c.Claim.Handle, string(c.Epochs[2].UID),
		string(c.Reader.UID), c.Reader.ScanResult.SHA256, "node node-b", c.Reader.ImageID,
		"with a grace period of 30 s, no longer existed", "2 700 acknowledged records",
		"2 709 intact records", "log data present", "other-machine", "kubectl -n stig delete pod write-pod\n",
		"kubectl -n stig exec read-pod -- sh -c 'cat /data/logs.log'\n", "storageClassName: ceph-rbd\n",
	} {
		assert.Contains(t, a.Details, want)
	}
	for _, want := range []string{
		r.RunID, r.Engine.ServiceAccount, string(r.Engine.UID), r.Engine.ChaosResult, string(r.Engine.ChaosResultUID),
		"ConfigMap stig/evidence", "abc123", "one of the 44 rules", "Merge it", c.NotShown[0],
	} {
		assert.Contains(t, a.Comments, want)
	}
}

func TestAssess_DescribesTheKillsOfALocalRun(t *testing.T) {
	assessed := func(r result.Result) Assessment { return Assess(r, mke(t), Metadata{}) }
	details := assessed(samples.Local()).Details
	assert.Contains(t, details, "\nWriter 1: writer (process 376), node node-c\nKilled with SIGKILL 2026-11-24T")
	for _, wrong := range []string{"grace period", "Deleted", "kubectl", "UID ,"} {
		assert.NotContains(t, details, wrong)
	}
	r := samples.Local()
	r.Cells[0].Spec.Force = false
	assert.Contains(t, assessed(r).Details, "\nKilled with SIGTERM 2026-11-24T")
}

func TestAssess_AFindingNamesItsLastByte(t *testing.T) {
	assessed := func(r result.Result) Assessment { return Assess(r, mke(t), Metadata{}) }
	r := samples.Fail()
	r.Cells[0].Findings = []judge.Finding{{Class: judge.Corrupt, Records: 1, Offset: 256, End: 512}}
	assert.Contains(t, assessed(r).Details, "\nFinding: corrupt: 1 acknowledged record, bytes 256 to 511 of /data/logs.log\n")
	assert.NotContains(t, assessed(samples.TooSlow()).Details, "bytes 0 to 0")
}

func TestAssess_LimitsTheLengthOfTexts(t *testing.T) {
	r := samples.Matrix()
	for range 6 {
		r.Cells = append(r.Cells, r.Cells...)
	}
	a := Assess(r, mke(t), Metadata{})
	for _, s := range []string{a.Details, a.Comments} {
		assert.LessOrEqual(t, len(s), MaxLength)
	}
	assert.True(t, strings.HasSuffix(a.Details, truncated))
}

func TestAsset_IsTheCluster(t *testing.T) {
	r := samples.Pass()
	assert.Equal(t, "kubernetes-1d4c33f0-61f9-4b0e-9c2a-5a4d2f6c7e10", Asset(r, Metadata{}))
	assert.Equal(t, "mke-1", Asset(r, Metadata{Asset: "mke-1"}))
	long := Asset(r, Metadata{Asset: strings.Repeat("ä", 200)})
	assert.LessOrEqual(t, len(long), 255)
	assert.True(t, utf8.ValidString(long))
	r.Cluster.UID = ""
	assert.Equal(t, "10.0.0.10", Asset(r, Metadata{}))
	assert.Equal(t, "kubernetes", Asset(result.Result{}, Metadata{}))
}
