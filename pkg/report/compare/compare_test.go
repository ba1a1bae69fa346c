package compare_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/compare"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

func TestCompare_TheSameRunHasNoChanges(t *testing.T) {
	for _, s := range samples.All() {
		c := compare.Compare(s.Result, s.Result)
		assert.False(t, c.Regression, s.Name)
		assert.Empty(t, c.Changes, s.Name)
		assert.Empty(t, append(c.OnlyBefore, c.OnlyAfter...), s.Name)
		require.Len(t, c.Cells, len(s.Result.Cells), s.Name)
		for _, cell := range c.Cells {
			assert.Empty(t, cell.Changes, "%s: %s", s.Name, cell.Name)
			for _, f := range cell.Figures {
				assert.Equal(t, f.Before, f.After)
			}
		}
	}
}

// upgraded returns the sample Pass after an upgrade of the cluster and a change of its StorageClass.
func upgraded() (before, after result.Result) {
	before, after = samples.Pass(), samples.Pass()
	before.Cells[0].Epochs[0].Kernel, after.Cells[0].Epochs[0].Kernel = "6.8.0-45", "6.8.0-50"
	before.Cluster.StorageClasses = []result.StorageClass{
		{Name: before.Cells[0].Claim.StorageClass, Parameters: map[string]string{"pool": "a", "fsType": "ext4"}},
	}
	after.Cluster.StorageClasses = []result.StorageClass{
		{Name: after.Cells[0].Claim.StorageClass, Parameters: map[string]string{"pool": "b", "fsType": "ext4"}},
	}
	driver := before.Cells[0].Claim.Provisioner
	before.Cluster.CSIDrivers = []result.CSIDriver{{Name: driver, Images: []string{"registry.example/driver:v1"}}}
	after.Cluster.CSIDrivers = []result.CSIDriver{{Name: driver, Images: []string{"registry.example/driver:v2"}}}
	after.Cells[0].Claim.MountOptions = []string{"noatime", "discard"}
	before.Cells[0].Epochs[0].Mount.SuperOptions = "rw,clientaddr=10.0.0.1"
	after.Cells[0].Epochs[0].Mount.SuperOptions = "rw,clientaddr=10.0.0.2"
	after.RunID, after.StartedAt, after.Cluster.Version = "0123", before.StartedAt.Add(time.Hour), "v1.37.0"
	after.Options.WriteRate, after.Options.Interval = 500, 5*time.Second
	after.Options.Thresholds.MaxRecovery, after.Options.Image = 30*time.Second, "registry.example/helper"
	after.Options.ReaderNodes = []options.ReaderNode{options.OtherNode}
	after.Cells[0].Latency.P99 *= 2
	return before, after
}

func TestCompare_FindsWhatChanged(t *testing.T) {
	before, after := upgraded()
	c := compare.Compare(before, after)
	assert.False(t, c.Regression)
	assert.Equal(t, []compare.Change{
		{Name: "Kubernetes", Before: "v1.34.4", After: "v1.37.0"},
		{Name: "CHAOS_INTERVAL", Before: "10s", After: "5s"},
		{Name: "LIB_IMAGE", After: "registry.example/helper"},
		{Name: "MAX_RECOVERY", After: "30s"},
		{Name: "READER_NODE", Before: "any", After: "other"},
		{Name: "WRITE_RATE", Before: "100", After: "500"},
	}, c.Changes)
	require.Len(t, c.Cells, 1)
	assert.Equal(t, []compare.Change{
		{Name: "images of the CSI driver", Before: "registry.example/driver:v1", After: "registry.example/driver:v2"},
		{Name: "mount options", After: "noatime,discard"},
		{Name: "parameter pool", Before: "a", After: "b"},
		{Name: "writer kernels", Before: "6.8.0-45", After: "6.8.0-50"},
	}, c.Cells[0].Changes)
	p99 := before.Cells[0].Latency.P99.Seconds()
	found := false
	for _, f := range c.Cells[0].Figures {
		if f.Name == "commit p99" {
			found = true
			assert.InDelta(t, p99, *f.Before, 1e-9)
			assert.InDelta(t, 2*p99, *f.After, 1e-9)
		}
	}
	assert.True(t, found)
	text := c.Text(table)
	lines := strings.Split(text, "\n")
	assert.Equal(t, strings.Index(lines[0], "AFTER"), strings.Index(lines[1], "0123"), "the columns are aligned")
	for _, want := range []string{
		`run +8f3a5c7e9b1d2f40 +0123\n`, `Kubernetes +v1.34.4 +v1.37.0 +changed\n`, `ceph-rbd +verdict +Pass +Pass\n`,
		`\n--reader-node +any +other +changed\n`, `\nNo regression: no verdict got worse\.\n$`,
		`ceph-rbd +lost +0 +0\n`, `ceph-rbd +commit p99 +[\d.]+ms +[\d.]+ms +\+100 %\n`,
		`ceph-rbd +parameter pool +a +b +changed\n`, `ceph-rbd +mount options +- +noatime,discard +changed\n`,
	} {
		assert.Regexp(t, want, text)
	}
}

func TestCompare_AWorseVerdictIsARegression(t *testing.T) {
	worse := []judge.Verdict{judge.Pass, judge.Skipped, judge.Error, judge.Fail}
	of := func(v judge.Verdict) result.Result {
		r := samples.Pass()
		r.Verdict, r.Cells[0].Verdict = v, v
		return r
	}
	for i, before := range worse {
		for j, after := range worse {
			c := compare.Compare(of(before), of(after))
			assert.Equal(t, j > i, c.Regression, "%s to %s", before, after)
			assert.Equal(t, j > i, c.Cells[0].Regression, "%s to %s", before, after)
			marked := regexp.MustCompile(`(?m)^verdict .* worse$`).MatchString(c.Text(table))
			assert.Equal(t, j > i, marked, "%s to %s", before, after)
		}
	}
}

// The verdict of a run can hide that of a cell: a run in which another cell fails is a Fail as well.
func TestCompare_AWorseCellIsARegressionOfTheRun(t *testing.T) {
	before, after := samples.Matrix(), samples.Matrix()
	require.Equal(t, judge.Pass, after.Cells[0].Verdict)
	after.Cells[0].Verdict = judge.Fail
	c := compare.Compare(before, after)
	assert.True(t, c.Regression)
	assert.Contains(t, c.Text(table), "\nRegression: the verdict of cell ceph-rbd/graceful got worse.\n")
}

func TestCompare_AControlThatKeepsItsDataIsARegression(t *testing.T) {
	before, after := samples.Matrix(), samples.Matrix()
	require.True(t, before.Cells[6].Spec.Control)
	after.Cells[6].Verdict, after.Cells[6].Findings = judge.Pass, nil
	assert.True(t, compare.Compare(before, after).Cells[6].Regression)
	assert.False(t, compare.Compare(after, before).Cells[6].Regression)
}

func TestCompare_ListsCellsThatOnlyOneRunHas(t *testing.T) {
	before, after := samples.Matrix(), samples.Matrix()
	before.Cells, after.Cells = before.Cells[:2], after.Cells[1:3]
	c := compare.Compare(before, after)
	assert.Equal(t, []string{"ceph-rbd/graceful"}, c.OnlyBefore)
	assert.Equal(t, []string{"nfs-async/graceful"}, c.OnlyAfter)
	require.Len(t, c.Cells, 1)
	assert.Contains(t, c.Text(table), "Cells that only the run before has: ceph-rbd/graceful\n")
	assert.Contains(t, c.Text(table), "no verdict got worse. Cells that only one run has are not compared.\n")
}

func TestCompare_MatchesTheOnlyCellOfARun(t *testing.T) {
	before, after := samples.Pass(), samples.Pass()
	after.Cells[0].Spec.StorageClass = "another"
	c := compare.Compare(before, after)
	require.Len(t, c.Cells, 1, "the only cells of two runs match")
	assert.Equal(t, before.Cells[0].DisplayName(), c.Cells[0].Name)

	after.Cells[0].Spec.Name = "another"
	c = compare.Compare(before, after)
	assert.Equal(t, []string{before.Cells[0].DisplayName()}, c.OnlyBefore)
	assert.Equal(t, []string{"another"}, c.OnlyAfter)

	after.Cells[0].Spec.Name = before.Cells[0].DisplayName()
	c = compare.Compare(before, after)
	require.Len(t, c.Cells, 1, "the other run has a cell with the name of the volume")
	assert.Empty(t, c.OnlyBefore)
	assert.Empty(t, c.OnlyAfter)
}

func TestTrend_IsInTheOrderOfTheRuns(t *testing.T) {
	first, second, third := samples.Pass(), samples.Fail(), samples.Error()
	first.RunID, second.RunID, third.RunID = "first", "second", "third"
	second.StartedAt = first.StartedAt.Add(time.Hour)
	third.StartedAt = second.StartedAt.Add(time.Hour)
	points := compare.Trend([]result.Result{third, second, first}, "")
	require.Len(t, points, 3)
	assert.Equal(t, "first", points[0].ID)
	assert.Equal(t, 0.0, *points[0].Lost)
	assert.Equal(t, 210.0, *points[1].Lost)
	assert.InDelta(t, second.Cells[0].SlowestRecovery().Seconds(), *points[1].SlowestRecovery, 1e-9)
	assert.Nil(t, points[2].Lost, "nothing was verified")
	rows := compare.TrendRows(points)
	assert.Regexp(t, `second +2026-11-24 13:46:47 +Fail +1 +210 +[\d.]+s +[\d.]+ms +\d+`, strings.Join(rows[1], " "))
	assert.Regexp(t, `third +2026-11-24 14:46:47 +Error +1 +- +- +- +-$`, strings.Join(rows[2], " "))
}

func TestTrend_HasTheWorstFiguresOfTheCells(t *testing.T) {
	r := samples.Matrix()
	point := compare.Trend([]result.Result{r}, "")[0]
	assert.Equal(t, 5, point.Cells, "without the control and the skipped cell")
	var slowest time.Duration
	for _, c := range r.Tested() {
		slowest = max(slowest, c.SlowestRecovery())
	}
	assert.InDelta(t, slowest.Seconds(), *point.SlowestRecovery, 1e-9)

	one := compare.Trend([]result.Result{r, samples.Pass()}, r.Cells[0].Spec.Name)
	require.Len(t, one, 1, "the other run does not have the cell")
	assert.Equal(t, judge.Pass, one[0].Verdict)
	assert.Equal(t, 0.0, *one[0].Lost)
	assert.Empty(t, compare.Trend([]result.Result{r}, "no such cell"))
}

func TestCompare_FormatsOptionsAsUsersSetThem(t *testing.T) {
	before, after := samples.Pass(), samples.Pass()
	after.Options.Interval, after.Options.MinInterval = 10*time.Second, 2*time.Second
	after.Options.Serial, after.Options.StorageClasses = !before.Options.Serial, []string{"a", "b"}
	text := compare.Compare(before, after).Text(table)
	for _, want := range []string{
		`--chaos-interval +10s +2s-10s `, `--sequence +parallel +serial `, `--storage-classes +\S+ +a,b `,
	} {
		assert.Regexp(t, want, text)
	}
}

func TestCompare_ConclusionNamesEverythingThatGotWorse(t *testing.T) {
	before, after := samples.Pass(), samples.Fail()
	before.Cells[0].Spec, after.Cells[0].Spec = options.CellSpec{Name: "fast"}, options.CellSpec{Name: "fast"}
	text := compare.Compare(before, after).Text(table)
	assert.Contains(t, text, "\nRegression: the verdicts of the run, cell "+before.Cells[0].DisplayName()+" got worse.\n")
	before.Cells, after.Cells = nil, nil
	assert.Contains(t, compare.Compare(before, after).Text(table), "\nRegression: the verdict of the run got worse.\n")
}

func TestCompare_ASkippedCellHasNoFigures(t *testing.T) {
	before, after := samples.Pass(), samples.Pass()
	after.Cells[0].Verdict = judge.Skipped
	cell := compare.Compare(before, after).Cells[0]
	for _, f := range cell.Figures {
		assert.NotNil(t, f.Before, f.Name)
		assert.Nil(t, f.After, f.Name)
	}
}

// table aligns the columns of a table.
func table(titles []string, rows [][]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{titles}, rows...) {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // writing to memory does not fail
	return regexp.MustCompile(` +\n`).ReplaceAllString(text.String(), "\n")
}
