package html

import (
	"bytes"
	"encoding/hex"
	"regexp"
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
	for _, want := range []string{
		"2026-11-24 12:46:47 to 12:48:01 UTC (1\u00a0min\u00a014\u00a0s)", "Kubernetes v1.34.4", string(r.Cluster.UID),
		"2 of 6 cells lost acknowledged records: nfs-async/graceful, nfs-async/forced.",
		"the CSI driver does not use VolumeAttachments", "This is the negative control", "did not test whether",
		"kubectl -n stig delete pod write-pod-nfs-async-forced --grace-period=0 --force",
	} {
		assert.Contains(t, text(tree), want)
	}
	for _, c := range r.Cells {
		assert.Contains(t, text(tree), c.Reason)
		assert.Contains(t, text(tree), c.Provenance.Level.String())
	}
	var rows []string
	every(tree, "tr", func(n *html.Node) {
		if has(n, "th") && attribute(within(n, "table"), "class") == "matrix" {
			var cells []string
			every(n, "td", func(n *html.Node) { cells = append(cells, text(n)) })
			rows = append(rows, strings.Join(cells, "|"))
		}
	})
	require.Len(t, rows, 1+len(r.Cells))
	latency := r.Cells[2].Latency
	row := []string{
		"Fail", "remounted", "2\u00a0700", "118", "3.82\u00a0s",
		formatDuration(latency.P50), formatDuration(latency.P99), formatDuration(latency.Max), "100",
	}
	assert.Equal(t, strings.Join(row, "|"), rows[3])
	assert.Equal(t, "Skipped|none|–|–|–|–|–|–|–", rows[6])
	assert.True(t, strings.HasPrefix(rows[7], "Fail, as expected|none|1\u00a0800|1\u00a0800|"), rows[7])
	assert.NotContains(t, page, "<nil>")
	assert.NotContains(t, page, "%!")
}

func TestHeadline_OfEachVerdict(t *testing.T) {
	want := map[string]string{
		"pass":           "All 2 700 acknowledged records were intact and in order after 3 deletions.",
		"fail":           "210 of 2 700 acknowledged records were lost.",
		"empty":          "2 700 of 2 700 acknowledged records were lost.",
		"matrix":         "2 of 6 cells lost acknowledged records: nfs-async/graceful, nfs-async/forced.",
		"error":          "The run could not determine whether acknowledged records were lost.",
		"undetected":     "The run could not determine whether acknowledged records were lost.",
		"stopped":        "The run was stopped before the storage could be judged.",
		"not-applicable": "The check does not apply to this cluster.",
		"too-slow":       "No acknowledged record was lost, but a threshold was not met.",
	}
	for _, s := range samples.All() {
		assert.Equal(t, want[s.Name], strings.ReplaceAll(headline(s.Result), space, " "), s.Name)
	}
}

// failed returns a failed cell with 100 acknowledged records.
func failed(name string, findings ...judge.Finding) result.Cell {
	return result.Cell{
		Spec: options.CellSpec{Name: name}, Verdict: judge.Fail, Findings: findings,
		Acks: []ledger.Ack{{Point: journal.Point{Epoch: 1, Seq: 100}}},
	}
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
	assert.Contains(t, text(tree), "The result in JSON has 4\u00a0900\u00a0more findings.")
	assert.Contains(t, text(tree), "The chart shows the 12 slowest of 302 recoveries")
}

func TestRender_ReportsAWriterThatExited(t *testing.T) {
	r := samples.Fail()
	r.Cells[0].Notes = []string{"writer 2 exited before it was deleted: writing /data/logs.log: no space left on device"}
	_, tree := rendered(t, r)
	assert.Contains(t, text(tree), "Note: writer 2 exited before it was deleted: writing /data/logs.log: no space left on device")
}

func TestRender_OmitsChartsOfPassedCellsIfThereAreMany(t *testing.T) {
	r := samples.Matrix()
	for len(r.Cells) < 500 {
		r.Cells = append(r.Cells, r.Cells[0])
	}
	page, tree := rendered(t, r)
	assert.Less(t, len(page), 8<<20)
	assert.Contains(t, text(tree), "The page has no charts of cells with the expected verdict, because the run has more than 100 cells.")
	timelines := 0
	every(tree, "figcaption", func(n *html.Node) {
		if strings.HasPrefix(text(n), "Records acknowledged over time") {
			timelines++
		}
	})
	assert.Equal(t, 2, timelines, "those of the failed cells")
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
		"Run 1 volume-durability|stig-pvc (ceph-rbd)|2026-11-24 12:46:47 UTC|Pass|other-machine|3|2 700|0",
		"Run 2 volume-durability|stig-pvc (nfs-async)|2026-11-24 12:46:47 UTC|Fail|–|3|2 700|2 700",
		"Run 3 volume-durability|stig-pvc (ceph-rbd)|2026-11-24 12:46:47 UTC|Pass|other-machine|3|2 700|0",
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
