package html

import (
	"bytes"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// pages returns the results of each test page: each sample alone, and several together.
func pages() map[string][]result.Result {
	all := map[string][]result.Result{}
	var together []result.Result
	for _, s := range samples.All() {
		all[s.Name] = []result.Result{s.Result}
		together = append(together, s.Result)
	}
	all["two runs"] = []result.Result{samples.Pass(), samples.Empty()}
	all["the same run twice"] = []result.Result{samples.Matrix(), samples.Matrix()}
	all["all"] = together
	return all
}

// rendered returns the page of results and its tree.
func rendered(t *testing.T, results ...result.Result) (page string, tree *html.Node) {
	t.Helper()
	out, err := RenderAll(results...)
	require.NoError(t, err)
	tree, err = html.Parse(bytes.NewReader(out))
	require.NoError(t, err)
	return string(out), tree
}

// every calls do for every element with a name; an empty name matches all.
func every(tree *html.Node, name string, do func(*html.Node)) {
	for n := range tree.Descendants() {
		if n.Type == html.ElementNode && (name == "" || n.Data == name) {
			do(n)
		}
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var s strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			s.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(s.String())
}

func within(n *html.Node, name string) *html.Node {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == name {
			return p
		}
	}
	return nil
}

func has(n *html.Node, name string) bool {
	found := false
	every(n, name, func(*html.Node) { found = true })
	return found
}

func TestRender_LoadsNothing(t *testing.T) {
	for name, results := range pages() {
		page, tree := rendered(t, results...)
		every(tree, "", func(n *html.Node) {
			assert.NotContains(t, []string{"script", "img", "link", "iframe", "object", "embed", "form", "base"}, n.Data, name)
			for _, a := range n.Attr {
				switch a.Key {
				case "src", "srcset", "style", "action", "poster":
					t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
				case "href":
					assert.True(t, strings.HasPrefix(a.Val, "#"), "%s: %s", name, a.Val)
				}
				assert.False(t, strings.HasPrefix(a.Key, "on"), "%s: %s", name, a.Key)
			}
		})
		for _, reference := range regexp.MustCompile(`url\([^)]*\)|@import|@font-face`).FindAllString(page, -1) {
			assert.Regexp(t, `^url\(#[a-z-]+\)$`, reference)
		}
		assert.Contains(t, page, `content="default-src &#39;none&#39;; style-src &#39;sha256-`)
	}
}

func TestRender_LinksAndIDsAreConsistent(t *testing.T) {
	for name, results := range pages() {
		_, tree := rendered(t, results...)
		ids := map[string]int{}
		every(tree, "", func(n *html.Node) {
			if id := attribute(n, "id"); id != "" {
				ids[id]++
			}
		})
		for id, times := range ids {
			assert.Equal(t, 1, times, "%s: %s", name, id)
		}
		every(tree, "", func(n *html.Node) {
			for _, key := range []string{"href", "aria-labelledby"} {
				for _, to := range strings.Fields(attribute(n, key)) {
					assert.Contains(t, ids, strings.TrimPrefix(to, "#"), name)
				}
			}
		})
	}
}

func TestRender_ChartsHaveATextAndATable(t *testing.T) {
	pictures := 0
	for name, results := range pages() {
		_, tree := rendered(t, results...)
		every(tree, "svg", func(n *html.Node) {
			if attribute(n, "aria-hidden") == "true" || within(n, "svg") != nil {
				return
			}
			pictures++
			assert.Equal(t, "img", attribute(n, "role"))
			assert.NotEmpty(t, attribute(n, "aria-label"))
			figure := within(n, "figure")
			if assert.NotNil(t, figure, name) {
				complete := has(figure, "table") && has(figure, "figcaption") && has(figure, "td")
				assert.True(t, complete, "%s: %s", name, attribute(n, "aria-label"))
			}
		})
	}
	assert.Greater(t, pictures, 20)
}

func TestRender_HeadingsAreInOrder(t *testing.T) {
	for name, results := range pages() {
		_, tree := rendered(t, results...)
		last, titles := 0, 0
		every(tree, "", func(n *html.Node) {
			if len(n.Data) != 2 || n.Data[0] != 'h' || n.Data[1] < '1' || n.Data[1] > '6' {
				return
			}
			level := int(n.Data[1] - '0')
			assert.LessOrEqual(t, level, last+1, "%s: %s", name, text(n))
			assert.NotEmpty(t, text(n))
			last = level
			if level == 1 {
				titles++
			}
		})
		assert.Equal(t, 1, titles, name)
		for _, landmark := range []string{"header", "main", "footer"} {
			assert.True(t, has(tree, landmark), "%s: %s", name, landmark)
		}
	}
}

func TestRender_EscapesNames(t *testing.T) {
	const harm = `"><script>alert(1)</script><b onclick='x'>&amp;{{.}}`
	r := samples.Fail()
	c := &r.Cells[0]
	r.Reason, r.RunID, r.Options.Namespace, r.NotRemoved = harm, harm, harm, harm
	r.Cluster.Server, r.Tool.Image = harm, harm
	c.Spec.Name, c.Reason, c.JournalFile, c.Claim.Name, c.Claim.StorageClass = harm, harm+"cell", harm, harm, harm
	c.Notes, c.NotShown = []string{harm}, []string{harm}
	c.Provenance.NotReachedReason, c.Provenance.SameVolume.Reason, c.Provenance.Writer.Mount.Source = harm, harm, harm
	c.Findings[0].Detail, c.Findings[0].Class = harm, judge.Class(harm)
	c.Epochs[0].Name, c.Epochs[0].Node, c.Reader.Node = harm, harm, harm
	c.Reader.ScanResult.Foreign = []journal.Foreign{{ID: harm, Records: 1, Offset: 1, End: 2}}
	r.Cells = append(r.Cells, *c) // a second cell adds the comparisons
	page, tree := rendered(t, r)
	every(tree, "", func(n *html.Node) {
		assert.NotEqual(t, "script", n.Data)
		assert.Empty(t, attribute(n, "onclick"))
	})
	assert.NotContains(t, page, "<script")
	assert.Greater(t, strings.Count(page, "&lt;script&gt;"), 20)
}

func TestRender_ShowsTheResult(t *testing.T) {
	r := samples.Matrix()
	page, tree := rendered(t, r)
	shown := strings.ReplaceAll(text(tree), space, " ")
	for _, want := range []string{
		"2026-11-24 12:46:47 to 12:47:42 UTC (55.3 s)", "Kubernetes v1.34.4", string(r.Cluster.UID),
		"2 of 6 cells lost acknowledged records: nfs-async/graceful, nfs-async/forced.",
		"the CSI driver does not use VolumeAttachments", "This is the negative control", "did not test whether",
		"kubectl -n stig delete pod write-pod-nfs-async-forced --grace-period=0 --force",
	} {
		assert.Contains(t, shown, want)
	}
	for _, c := range r.Cells {
		assert.Contains(t, shown, c.Reason)
		assert.Contains(t, shown, c.Provenance.Level.String())
	}
	var rows []string
	every(tree, "tr", func(n *html.Node) {
		if has(n, "th") && attribute(within(n, "table"), "class") == "matrix" {
			var cells []string
			every(n, "td", func(n *html.Node) { cells = append(cells, text(n)) })
			rows = append(rows, strings.Join(cells, "|"))
		}
	})
	require.Len(t, rows, len(r.Cells), "the head, and a row for each cell that was not skipped")
	latency := r.Cells[2].Latency
	row := []string{
		"Fail", "remounted", "2\u00a0700", "118", "3.82\u00a0s",
		formatDuration(latency.P50), formatDuration(latency.P99), formatDuration(latency.Max), "100",
	}
	assert.Equal(t, strings.Join(row, "|"), rows[1])
	assert.True(t, strings.HasPrefix(rows[6], "Fail, as expected|none|1\u00a0800|1\u00a0800|"), rows[6])
	assert.NotContains(t, page, "<nil>")
	assert.NotContains(t, page, "%!")
}

func TestHeadline_OfEachVerdict(t *testing.T) {
	want := map[string]string{
		"pass":           "All 2 700 acknowledged records were intact and in order after 3 deletions.",
		"fail":           "210 of 2 700 acknowledged records were lost.",
		"empty":          "2 700 of 2 700 acknowledged records were lost.",
		"matrix":         "2 of 6 cells lost acknowledged records: nfs-async/graceful, nfs-async/forced.",
		"error":          "The run ended without a Pass or a Fail.",
		"undetected":     "The run ended without a Pass or a Fail.",
		"stopped":        "The run was stopped before the storage could be judged.",
		"not-applicable": "The check does not apply to this cluster.",
		"overwrite":      "3 of 2 700 acknowledged records were lost.",
		"too-slow":       "No acknowledged record was lost, but a threshold was not met.",
	}
	for _, s := range samples.All() {
		assert.Equal(t, want[s.Name], strings.ReplaceAll(headline(s.Result), space, " "), s.Name)
	}
}

func TestHeadline_OfAPassByWritePattern(t *testing.T) {
	for name, want := range map[pattern.Name]string{
		pattern.Append: "were intact and in order after", pattern.Create: "were intact after",
		pattern.Replace: "were intact, or replaced by later ones, after",
		pattern.Remove:  "were intact, or replaced or removed by later operations, after",
	} {
		r := samples.Pass()
		r.Cells[0].Layout.Pattern = name
		assert.Contains(t, strings.ReplaceAll(headline(r), space, " "), want)
	}
}

func TestRender_CountsTheRemovedFiles(t *testing.T) {
	r := samples.Pass()
	r.Cells[0].Layout = pattern.Layout{Pattern: pattern.Remove, Objects: 32}
	r.Cells[0].Reader.Judgement.Removed = 1200
	_, tree := rendered(t, r)
	assert.Contains(t, strings.ReplaceAll(text(tree), space, " "), "Removed1 200 files, by acknowledged operations")
}

// failed returns a failed cell with 100 acknowledged records.
func failed(name string, findings ...judge.Finding) result.Cell {
	return result.Cell{
		Spec: options.CellSpec{Name: name}, Verdict: judge.Fail, Findings: findings,
		Acks: []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: 100}}},
	}
}

func TestRender_ShowsTheSlotsOfAWritePattern(t *testing.T) {
	_, tree := rendered(t, samples.Overwrite())
	shown := strings.ReplaceAll(text(tree), space, " ")
	for _, want := range []string{
		"Write patternoverwrite", "Objects512 slots", "Superseded2 188 acknowledged records, which later ones replaced",
		"509 slots have an intact record and no finding", "3 slots have a finding", "slot 40", "slot 200", "slot 300",
		"has the record of epoch 2", "has no record, only zeros", "which belongs to slot 301",
		"Findings of this cell",
	} {
		assert.Contains(t, shown, want)
	}
	assert.NotContains(t, shown, "The bytes of the journal")
	assert.NotContains(t, shown, "Repeat this check with kubectl")
	squares := map[string]int{}
	every(tree, "rect", func(n *html.Node) {
		if title := text(n); strings.HasPrefix(title, "slot") {
			squares[attribute(n, "class")]++
		}
	})
	assert.Equal(t, 3, squares["lost"])
	assert.Positive(t, squares["part-acked"])
	assert.Positive(t, squares["part-unacked"])
}

func TestRender_ALocalRunHasProcessesAndKills(t *testing.T) {
	r := samples.Local()
	page, tree := rendered(t, r)
	shown := strings.ReplaceAll(text(tree), space, " ")
	for _, want := range []string{
		"Writer 1 is killed with SIGKILL; ", "Writer 1 starts: writer (process 376)",
		"Reader starts: reader (process 379)",
		"3 kills", "kill of the writer", "being killed", "Processes", "Kill of", "Signal to the writerSIGKILL",
		"Interval between kills", "whole run", "starting-process", "journal removed",
	} {
		assert.Contains(t, shown+page, want)
	}
	for _, wrong := range []string{"grace period", "eletion", "pod", "Pod", "StorageClass", "for –", "kubectl "} {
		assert.NotContains(t, strings.NewReplacer(style, "", "a new pod or process", "").Replace(shown), wrong)
	}
	assert.Equal(t, "2 490 of 2 700 acknowledged records intact", strings.ReplaceAll(
		readOutcome(r.Cells[0], *r.Cells[0].Reader), space, " "))
}

func TestTraceFigure_HasEveryStepAndPhase(t *testing.T) {
	r := samples.Pass()
	f := traceFigure(r)
	require.NotNil(t, f)
	all := r.Cells[0].Trace.Steps
	require.Len(t, f.Data.Rows, len(r.Phases)+len(all))
	assert.Equal(t, len(f.Data.Rows), strings.Count(string(f.Chart), "<rect"), "a shape for each")
	first, last := f.Data.Rows[0], f.Data.Rows[len(f.Data.Rows)-1]
	assert.Equal(t, []string{"whole run", "planning", dash, "0\u00a0s", "600\u00a0ms"}, first)
	assert.Equal(t, []string{"ceph-rbd", "removing", dash, "46.7\u00a0s", "2.20\u00a0s"}, last)
	assert.Contains(t, string(f.Chart), "<title>attaching: 620\u00a0ms</title>")
	assert.Contains(t, f.Legend, legendEntry{"trace-writing", "writing"})
	r.Phases = nil
	assert.Nil(t, traceFigure(r), "an older result has no trace")
	assert.Nil(t, traceFigure(samples.NotApplicable()), "nothing was tested")
}

func TestStepGroups_HaveEveryStepOnce(t *testing.T) {
	count := map[result.StepName]int{}
	for _, g := range stepGroups {
		for _, s := range g.steps {
			count[s]++
		}
	}
	for _, s := range result.StepNames() {
		assert.Equal(t, 1, count[s], s)
	}
	assert.Len(t, count, len(result.StepNames()))
}

func TestRenderAll_CountsKillsOfLocalRuns(t *testing.T) {
	_, tree := rendered(t, samples.Pass(), samples.Local())
	assert.Contains(t, text(tree), "Deletions or kills")
	_, tree = rendered(t, samples.Pass(), samples.Fail())
	assert.NotContains(t, text(tree), "Deletions or kills")
}

func TestRender_ADeletionHasTheGracePeriodOfThePod(t *testing.T) {
	c := samples.Pass().Cells[0]
	e := c.Epochs[0]
	e.GracePeriodSeconds = nil
	assert.Equal(t, "deleted with the pod's own grace period", deletionPhrase(c, e))
	e.GracePeriodSeconds = new(int64)
	assert.Equal(t, "deleted by force", deletionPhrase(c, e))
	*e.GracePeriodSeconds = 90
	assert.Equal(t, "deleted with a grace period of 90 s", strings.ReplaceAll(deletionPhrase(c, e), space, " "))
}

func TestRender_AFigureHasNoPlaceInTheJournal(t *testing.T) {
	c := samples.TooSlow().Cells[0]
	findings, _ := newFindingViews(c)
	require.Len(t, findings, 1)
	assert.Equal(t, dash, findings[0].Bytes)
	strip := stripFigure(c)
	assert.NotContains(t, string(strip.Chart), `class="lost"`)
	assert.NotContains(t, string(strip.Chart), "byte 0")
	lost := judge.Finding{Class: judge.LostTail, Epoch: 1, First: 1, Last: 3, Records: 3}
	assert.Equal(t, "expected at byte 0", strings.ReplaceAll(findingBytes(lost), space, " "))
}

func TestRender_SupersededRecordsAreNotIntact(t *testing.T) {
	c := samples.Overwrite().Cells[0]
	assert.Contains(t, readOutcome(c, *c.Reader), " intact or replaced")
	_, tree := rendered(t, samples.Overwrite())
	assert.Contains(t, text(tree), "found intact or replaced when it was read")
}

func TestFindingRecords_NamesRecords(t *testing.T) {
	f := judge.Finding{Epoch: 1, First: 1, LastEpoch: 3, Last: 379, Records: 9}
	assert.Equal(t, "epoch 1, record 1 to epoch 3, record 379", findingRecords(f))
	assert.Equal(t, "epoch 3, record 719", findingRecords(judge.Finding{Epoch: 3, First: 719, Last: 719}))
	assert.Equal(t, "epoch 3, records 7 to 19", findingRecords(judge.Finding{Epoch: 3, First: 7, Last: 19}))
}

func TestRender_LimitsThePageOfManyObjects(t *testing.T) {
	r := samples.Overwrite()
	c := &r.Cells[0]
	const many = pattern.MaxObjects / 8
	c.Layout.Objects = many
	c.Acks = []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: many}}}
	c.Reader.ScanResult.Objects = &journal.ObjectReport{
		Current: []journal.RecordRange{{Epoch: 1, First: 9, Last: 100_000}},
	}
	page, _ := rendered(t, r)
	assert.Less(t, len(page), 1<<20)
	c.Layout = pattern.Layout{Pattern: pattern.Create}
	page, tree := rendered(t, r)
	assert.Less(t, len(page), 1<<20)
	assert.Contains(t, text(tree), "file-00001-000000000001")
	assert.Contains(t, strings.ReplaceAll(text(tree), space, " "), "more objects.")
}

func TestHeadline_OfAVolumeThatCouldNotBeUsed(t *testing.T) {
	for want, findings := range map[string][]judge.Finding{
		"The volume could no longer be used.": {{Class: judge.ReadOnly}, {Class: judge.Unavailable}},
		"The volume could not be read completely: 5 of 100 acknowledged records could not be read.": {
			{Class: judge.Unavailable, Records: 5},
		},
		"No acknowledged record was lost, but the journal has other damage.": {
			{Class: judge.ReadOnly}, {Class: judge.Reordered, Records: 2},
		},
		"7 of 100 acknowledged records were lost.": {{Class: judge.Unavailable}, {Class: judge.LostTail, Records: 7}},
	} {
		r := result.Result{Verdict: judge.Fail, Cells: []result.Cell{failed("a", findings...)}}
		assert.Equal(t, want, strings.ReplaceAll(headline(r), space, " "))
	}
}

func TestHeadline_CountsOnlyCellsThatLostRecords(t *testing.T) {
	lost := failed("lost", judge.Finding{Class: judge.Torn, Records: 1})
	readOnly := failed("read-only", judge.Finding{Class: judge.ReadOnly})
	reordered := failed("reordered", judge.Finding{Class: judge.Reordered, Records: 2})
	passed := result.Cell{Spec: options.CellSpec{Name: "passed"}, Verdict: judge.Pass}
	for want, cells := range map[string][]result.Cell{
		"1 of 2 cells lost acknowledged records: lost.":                                 {lost, passed},
		"1 of 3 cells lost acknowledged records: lost. 1 other cell failed: read-only.": {lost, readOnly, passed},
		"1 of 3 cells lost acknowledged records: lost. 2 other cells failed: read-only, reordered.": {
			readOnly, lost, reordered,
		},
		"2 of 3 cells failed: read-only, reordered.": {passed, readOnly, reordered},
	} {
		r := result.Result{Verdict: judge.Fail, Cells: cells}
		assert.Equal(t, want, strings.ReplaceAll(headline(r), space, " "))
	}
}

func TestCellBadge_OfAControl(t *testing.T) {
	lost := []judge.Finding{{Class: judge.Missing, Records: 100}}
	unavailable := []judge.Finding{{Class: judge.Unavailable}}
	for _, c := range []struct {
		verdict  judge.Verdict
		findings []judge.Finding
		want     badge
	}{
		{judge.Fail, lost, badge{"Fail, as expected", "none"}},
		{judge.Fail, unavailable, badge{"Loss not detected", "error"}},
		{judge.Pass, nil, badge{"Loss not detected", "error"}},
		{judge.Error, nil, badge{"Error", "error"}},
	} {
		cell := result.Cell{Spec: options.CellSpec{Control: true}, Verdict: c.verdict, Findings: c.findings}
		assert.Equal(t, c.want, newCellBadge(cell), "%s %v", c.verdict, c.findings)
	}
}

func TestRender_MarksOnlyListedFindings(t *testing.T) {
	r := samples.Fail()
	c := &r.Cells[0]
	for len(c.Findings) < 150 {
		c.Findings = append(c.Findings, c.Findings[0])
	}
	figure := stripFigure(*c)
	require.NotNil(t, figure)
	assert.True(t, strings.Contains(string(figure.Chart), "<title>100</title>"), "finding 100 is marked")
	assert.False(t, strings.Contains(string(figure.Chart), "<title>101</title>"), "finding 101 is not marked")
}

func TestFormatDuration_HasOneFormForEachDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		999_400 * time.Nanosecond: "999 µs", 999_600 * time.Nanosecond: "1.00 ms", 9_996 * time.Microsecond: "10.0 ms",
		999_600 * time.Microsecond: "1.00 s", 59_940 * time.Millisecond: "59.9 s", 59_960 * time.Millisecond: "1 min",
		3_599_600 * time.Millisecond: "1 h", time.Hour + 20*time.Second: "1 h", 61 * time.Second: "1 min 1 s",
	} {
		assert.Equal(t, want, strings.ReplaceAll(formatDuration(d), space, " "), d)
	}
}

func TestFirstNames_CountsTheOthers(t *testing.T) {
	assert.Equal(t, "a, b, c, d", listNames([]string{"a", "b", "c", "d"}))
	assert.Equal(t, "a, b, c and 2 more", listNames([]string{"a", "b", "c", "d", "e"}))
}

// A result lacks what its run could not observe.
func TestRender_OfAnIncompleteResult(t *testing.T) {
	at := time.Unix(1, 0)
	for name, r := range map[string]result.Result{
		"nothing":         {},
		"a verdict alone": {Verdict: judge.Fail, Cells: []result.Cell{{Verdict: judge.Fail}}},
		"unknown verdict": {Verdict: "Maybe"},
		"no times": {Verdict: judge.Pass, Cells: []result.Cell{{
			Verdict: judge.Pass, Epochs: []result.Epoch{{Number: 1}, {Number: 2}}, Reader: &result.JournalRead{},
			Acks:    []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: 3}}},
			Latency: &result.Latency{}, Findings: []judge.Finding{{Class: "new"}},
		}}},
		"never came back": {Verdict: judge.Fail, Cells: []result.Cell{{
			Verdict: judge.Fail,
			Epochs: []result.Epoch{
				{Number: 1, DeletionRequestedAt: at, Acks: []result.AckSample{{ReceivedAt: at, Seq: 1}}},
				{Number: 2, Pod: result.Pod{CreatedAt: at.Add(time.Second)}},
			},
		}}},
	} {
		page, _ := rendered(t, r)
		assert.NotContains(t, page, "NaN", name)
		assert.NotContains(t, page, "0001-01-01", name)
	}
}

func TestRender_LimitsThePageOfALongRun(t *testing.T) {
	r := samples.Pass()
	c := &r.Cells[0]
	for i := range 300 {
		e := c.Epochs[1]
		e.Number = len(c.Epochs) + 1
		later := time.Duration(i+1) * 20 * time.Second
		for _, at := range []*time.Time{&e.CreatedAt, &e.StartedAt, &e.FirstAckAt, &e.DeletionRequestedAt, &e.DeletedAt} {
			*at = at.Add(later)
		}
		c.Epochs = append(c.Epochs, e)
	}
	for range 5000 {
		c.Findings = append(c.Findings, judge.Finding{Class: judge.Corrupt, Epoch: 1, First: 1, Last: 1, Records: 1})
	}
	page, tree := rendered(t, r)
	assert.Less(t, len(page), 2<<20, "%d bytes", len(page))
	assert.Contains(t, text(tree), "The result in JSON has 4\u00a0900 more findings.")
	assert.Contains(t, text(tree), "The chart shows the 12 slowest of 302 recoveries, the table the 100 slowest.")
}

func TestRender_LimitsThePageOfManyDeletions(t *testing.T) {
	page, tree := rendered(t, samples.ManyDeletions(5000))
	assert.Less(t, len(page), 1<<20)
	shown := strings.ReplaceAll(text(tree), space, " ")
	for _, want := range []string{
		"5 000 writers were deleted.", "The chart shows the 100 longest of 4 999 recoveries.",
		"The chart shows the 12 slowest of 4 999 recoveries, the table the 100 slowest. The result in JSON has all of them. " +
			"Half of them took at most", "The result in JSON has 4 801 more writers.",
		"The result in JSON has 4 800 more acknowledgements.", " deletions, each with its recovery",
	} {
		assert.Contains(t, shown, want)
	}
	every(tree, "svg", func(n *html.Node) {
		if attribute(n, "class") == "chart" {
			shapes := 0
			every(n, "", func(*html.Node) { shapes++ })
			assert.Less(t, shapes, 3000, attribute(n, "aria-label"))
		}
	})
	every(tree, "table", func(n *html.Node) {
		rows := 0
		every(n, "tr", func(*html.Node) { rows++ })
		assert.LessOrEqual(t, rows, maxTableRows+2)
	})
}

// Of most writers of a long run, the result has only the main facts.
func TestRender_CountsTheWritersOfWhichTheResultHasOnlyTheMainFacts(t *testing.T) {
	r := samples.ManyDeletions(5000)
	c := &r.Cells[0]
	c.ShortenEpochs(c.Acks)
	require.NotNil(t, c.Brief)
	page, tree := rendered(t, r)
	assert.Less(t, len(page), 1<<20)
	shown := strings.ReplaceAll(text(tree), space, " ")
	left := strings.ReplaceAll(counted(len(c.Brief.Epochs), "writer"), space, " ")
	for _, want := range []string{
		"5 000 writers were deleted.", "The chart shows the 100 longest of 4 999 recoveries.",
		"The list of events leaves out " + left + ", of which the result has only the main facts.",
		"This list leaves out " + left + ", of which the result has only the main facts.",
		"The chart shows the 12 slowest of 4 999 recoveries, the table the 100 slowest.",
		"The 12 slowest have all steps.",
	} {
		assert.Contains(t, shown, want)
	}
	whole := samples.ManyDeletions(5000).Cells[0]
	assert.Equal(t, len(recoveries(whole, whole.Reader.ReceivedAt)), len(recoveries(*c, c.Reader.ReceivedAt)))
	from, to := c.Epochs[0].CreatedAt, c.Reader.ReceivedAt
	acked, all := ackedOverTime(*c, from, to), ackedOverTime(whole, from, to)
	assert.Equal(t, all[len(all)-1], acked[len(acked)-1])
	assert.Greater(t, len(acked), 5000, "a point for each writer")
	assert.GreaterOrEqual(t, len(lanes(*c, to)[0].Bars), 5000)
}

func TestRecoveryFigure_HasAllStepsOfTheRecoveriesInTheChart(t *testing.T) {
	r := samples.ManyDeletions(1000)
	c := &r.Cells[0]
	for i := range maxRecoveries {
		c.Epochs[200+10*i].FirstAckAt = c.Epochs[200+10*i].FirstAckAt.Add(time.Hour)
	}
	whole := recoveryFigure(*c)
	c.ShortenEpochs(c.Acks)
	require.NotNil(t, c.Brief)
	shortened := recoveryFigure(*c)
	assert.Equal(t, whole.Chart, shortened.Chart)
	assert.Equal(t, whole.Data.Rows[:maxRecoveries], shortened.Data.Rows[:maxRecoveries])
	assert.NotEqual(t, whole.Data.Rows[maxRecoveries:], shortened.Data.Rows[maxRecoveries:])
}

func TestRender_ReportsAWriterThatExited(t *testing.T) {
	r := samples.Fail()
	r.Cells[0].Notes = []string{"writer 2 exited before it was deleted: writing /data/logs.log: no space left on device"}
	_, tree := rendered(t, r)
	assert.Contains(t, text(tree), "Note: writer 2 exited before it was deleted: writing /data/logs.log: no space left on device")
}

// texts returns the texts of the elements with a name and a class, without repeated spaces.
func texts(tree *html.Node, name, class string) []string {
	var all []string
	every(tree, name, func(n *html.Node) {
		if slices.Contains(strings.Fields(attribute(n, "class")), class) {
			all = append(all, strings.Join(strings.Fields(strings.ReplaceAll(text(n), space, " ")), " "))
		}
	})
	return all
}

func TestRender_ShowsTheUIDsOfTheAttachments(t *testing.T) {
	_, tree := rendered(t, samples.Pass())
	assert.Contains(t, text(tree), "VolumeAttachment csi-20 (UID 00000001-0014-4000-8000-617474616368, node node-a)")
}

func TestProse_KeepsNumbersAndNamesTogether(t *testing.T) {
	for text, want := range map[string]string{
		"1 234 567 records & 12 more": "1\u00a0234\u00a0567 records &amp; 12 more",
		"lost: nfs-async/forced, x":   `lost: <span class="whole">nfs-async/forced,</span> x`,
		"a-name-that-is-longer-than-a-phone/forced": `a-name-that-is-longer-than-a-phone/<wbr>` +
			`<span class="whole">forced</span>`,
	} {
		assert.Equal(t, want, string(prose(text)))
	}
}

func TestRender_ShowsFailingCellsFirst(t *testing.T) {
	r := samples.Matrix()
	_, tree := rendered(t, r)
	want := []string{
		"nfs-async/graceful", "nfs-async/forced", "nfs-sync/graceful", "ceph-rbd/graceful", "local-path/graceful", "control",
	}
	assert.Equal(t, want, texts(tree, "h2", "title")[1:7], "sections")
	assert.Equal(t, []string{
		"Fail: nfs-async/graceful", "Fail: nfs-async/forced", "Error: nfs-sync/graceful", "Pass: ceph-rbd/graceful",
		"Pass: local-path/graceful", "Fail, as expected: control",
	}, texts(tree, "a", "to-cell"), "links")
	assert.Equal(t, []string{"2 Fail 1 Error 2 Pass 1 Fail, as expected (control) 1 Skipped"}, texts(tree, "ul", "tally"))
	undetected := samples.Undetected()
	_, tree = rendered(t, undetected)
	assert.Equal(t, "Loss not detected: control", texts(tree, "a", "to-cell")[0])
}

func TestRender_FoldsSkippedCellsToOneLine(t *testing.T) {
	r := samples.ManyCells(100)
	_, tree := rendered(t, r)
	assert.Equal(t, []string{
		"5 cells were skipped: class-0001/forced, class-0011/forced, class-0021/forced and 2 more the provisioner of " +
			"StorageClass zfs-rwx does not support ReadWriteMany: class-0001/forced, class-0011/forced, class-0021/forced, " +
			"class-0031/forced, class-0041/forced",
	}, texts(tree, "details", "skipped"))
	every(tree, "tr", func(n *html.Node) { assert.NotContains(t, text(n), "Skipped") })
}

func TestRender_LimitsThePageOfManyCells(t *testing.T) {
	r := samples.ManyCells(1000)
	page, tree := rendered(t, r)
	assert.Less(t, len(page), 6<<20)
	assert.Contains(t, text(tree), "it shows charts only for the first 100 whose verdict is not as expected.")
	assert.Contains(t, strings.ReplaceAll(text(tree), space, " "),
		"The chart shows the 20 of 951 cells whose steps took longest, without writing and waiting.")
	assert.Len(t, texts(tree, "a", "to-cell"), maxLinks)
	assert.Equal(t, []string{"901 more cells"}, firstTexts(tree, "details", "more-rows", "summary"))
	timelines := 0
	every(tree, "figcaption", func(n *html.Node) {
		if strings.HasPrefix(text(n), "Records acknowledged over time") {
			timelines++
		}
	})
	assert.Equal(t, 20, timelines, "those of the failed cells")
	failed := samples.Fail().Cells[0]
	for i := range r.Cells {
		r.Cells[i] = failed
	}
	page, tree = rendered(t, r)
	assert.Less(t, len(page), 12<<20, "even if every cell fails")
	assert.Len(t, texts(tree, "article", "cell"), maxDetailed)
}

// firstTexts returns the text of the first element of a name in each element with a class.
func firstTexts(tree *html.Node, name, class, inner string) []string {
	var all []string
	every(tree, name, func(n *html.Node) {
		if attribute(n, "class") != class {
			return
		}
		first := ""
		every(n, inner, func(n *html.Node) {
			if first == "" {
				first = strings.ReplaceAll(text(n), space, " ")
			}
		})
		all = append(all, first)
	})
	return all
}

func TestRender_MarksTheFirstDamagedByte(t *testing.T) {
	s := samples.Matrix()
	var marks []string
	_, tree := rendered(t, s)
	every(tree, "mark", func(n *html.Node) { marks = append(marks, text(n)) })
	assert.Contains(t, marks, "▸ end of the file")
	excerpt := *s.Cells[3].Reader.ScanResult.Excerpt
	excerpt.Damage = excerpt.Offset + 21
	rows := hexRows(excerpt, wide)
	assert.Equal(t, excerpt.Bytes[16:21], unhex(t, rows[1].Before))
	assert.Equal(t, excerpt.Bytes[21:22], unhex(t, rows[1].Damaged))
	assert.Equal(t, excerpt.Bytes[22:32], unhex(t, rows[1].After))
	assert.Empty(t, rows[0].Damaged)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	all, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err)
	return all
}

func TestRender_NamesTheReadersNode(t *testing.T) {
	r := samples.Pass()
	r.Cells[0].Spec.ReaderNode = options.ReaderNode("node-z")
	_, tree := rendered(t, r)
	assert.Contains(t, text(tree), "requested: node-z; actual: node-a")
}

func TestRenderAll_ShowsSeveralRuns(t *testing.T) {
	_, tree := rendered(t, samples.Pass(), samples.Empty(), samples.Pass(), samples.NotApplicable())
	var title string
	every(tree, "h1", func(n *html.Node) { title = text(n) })
	assert.Equal(t, "4 runs: 2 Pass, 1 Fail, 1 N/A", strings.ReplaceAll(title, space, " "))
	var rows, runs []string
	every(tree, "tr", func(n *html.Node) {
		if attribute(within(n, "table"), "class") == "runs" && within(n, "tbody") != nil {
			var cells []string
			for _, name := range []string{"th", "td"} {
				every(n, name, func(n *html.Node) { cells = append(cells, text(n)) })
			}
			rows = append(rows, strings.ReplaceAll(strings.Join(cells, "|"), space, " "))
		}
	})
	assert.Equal(t, []string{
		"Run 1 volume-durability|ceph-rbd claim stig-pvc (StorageClass ceph-rbd)|2026-11-24 12:46:47 UTC|Pass|other-machine|3|2 700|0",
		"Run 2 volume-durability|nfs-async claim stig-pvc (StorageClass nfs-async)|2026-11-24 12:46:47 UTC|Fail|–|3|2 700|2 700",
		"Run 3 volume-durability|ceph-rbd claim stig-pvc (StorageClass ceph-rbd)|2026-11-24 12:46:47 UTC|Pass|other-machine|3|2 700|0",
		"Run 4 volume-durability|nothing|2026-11-24 12:46:47 UTC|N/A|–|–|–|–",
	}, rows)
	every(tree, "h2", func(n *html.Node) { runs = append(runs, strings.ReplaceAll(text(n), space, " ")) })
	require.Len(t, runs, 5, "the overview and the runs")
	assert.Equal(t, "Run 2: 2 700 of 2 700 acknowledged records were lost.", runs[2])
}

func TestRenderAll_RejectsNoRun(t *testing.T) {
	_, err := RenderAll()
	assert.ErrorContains(t, err, "no result to show")
}

// A control beside a single cell does not collapse that cell.
func TestRender_DoesNotCollapseASingleCellUnderTest(t *testing.T) {
	r := samples.Pass()
	control := samples.Matrix().Cells[6]
	require.True(t, control.Spec.Control)
	r.Cells = append(r.Cells, control)
	v := newPageView([]result.Result{r}).Runs[0]
	assert.False(t, v.Cells[0].Folded)
	assert.True(t, v.Cells[1].Folded)
	assert.NotContains(t, evidenceLevel(r), "at least")
}
