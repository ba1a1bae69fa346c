// Package openmetrics converts the figures of a run to OpenMetrics text.
//
// The types of the metrics are only those that Prometheus's older text format has too, so tools that know only that
// format can read the text. The package uses no library: those for OpenMetrics add the runtime of Protocol Buffers to a
// program, and the text is a few lines for each metric.
package openmetrics

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// ContentType is the media type of the text.
const ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8"

// Snapshot is the state of a run at one time.
type Snapshot struct {
	// Version is the version of the program; empty if unknown.
	Version string
	// Kubernetes is the version of Kubernetes; empty if unknown.
	Kubernetes string
	StartedAt  time.Time
	// EndedAt is zero while the run executes.
	EndedAt time.Time
	// Verdict is empty while the run executes.
	Verdict judge.Verdict
	Cells   []Cell
}

// Cell is the state of a cell at one time.
type Cell struct {
	Spec options.CellSpec
	// StorageClass is the class of the claim; empty if it is unknown or if there is none.
	StorageClass string
	Acknowledged uint64
	Deletions    int
	// Recoveries are the times from a deletion to the next acknowledgement.
	Recoveries []time.Duration
	// Judged is the result of the cell; nil while it has none.
	Judged *result.Cell
}

// Render returns the figures of a result as OpenMetrics text.
func Render(r result.Result) []byte { return SnapshotOf(r).Text() }

// SnapshotOf returns the state at the end of a run.
func SnapshotOf(r result.Result) Snapshot {
	s := Snapshot{
		Version: r.Tool.Version, Kubernetes: r.Cluster.Version, StartedAt: r.StartedAt, EndedAt: r.EndedAt,
		Verdict: r.Verdict,
	}
	for _, c := range r.Cells {
		s.Cells = append(s.Cells, CellOf(c))
	}
	return s
}

// CellOf returns the state of a cell that has its verdict.
func CellOf(c result.Cell) Cell {
	state := Cell{
		Spec: c.Spec, StorageClass: c.Spec.StorageClass, Acknowledged: ledger.CountRecords(c.Acks),
		Deletions: c.Deletions(), Judged: &c,
	}
	if c.Claim != nil {
		state.StorageClass = cmp.Or(c.Claim.StorageClass, state.StorageClass)
	}
	for _, r := range c.Recoveries() {
		if r.FirstAck > 0 {
			state.Recoveries = append(state.Recoveries, r.FirstAck)
		}
	}
	return state
}

// Text returns the snapshot as OpenMetrics text.
func (s Snapshot) Text() []byte {
	var t text
	for _, f := range append(s.runFamilies(), s.cellFamilies()...) {
		t.add(f)
	}
	return t.end()
}

const prefix = "volume_durability_"

func (s Snapshot) runFamilies() []family {
	var families []family
	if s.Kubernetes != "" || !s.EndedAt.IsZero() { // a label must not change during the run
		families = append(families, family{
			name: prefix + "run_info", kind: gauge, help: "The program and the cluster of the run.",
			samples: []sample{{labels: []label{{"version", s.Version}, {"kubernetes", s.Kubernetes}}, value: 1}},
		})
	}
	families = append(families,
		family{
			name: prefix + "run_verdict", kind: gauge, help: "1 for the verdict of the run, 0 for the others.",
			samples: states(nil, s.Verdict, judge.Pass, judge.Fail, judge.Error, judge.Stopped, judge.NotApplicable),
		},
		timestamp("run_start_timestamp_seconds", "Start of the run, as a Unix time.", s.StartedAt),
	)
	if !s.EndedAt.IsZero() {
		families = append(families, timestamp("run_end_timestamp_seconds", "End of the run, as a Unix time.", s.EndedAt))
	}
	return families
}

func timestamp(name, help string, at time.Time) family {
	seconds := float64(at.UnixMilli()) / 1000
	return family{name: prefix + name, kind: gauge, unit: "seconds", help: help, samples: []sample{{value: seconds}}}
}

// cellFamilies returns the metrics that have a sample for each cell.
func (s Snapshot) cellFamilies() []family {
	var families []family
	for _, m := range cellMetrics() {
		f := family{name: prefix + m.name, kind: m.kind, unit: m.unit, help: m.help}
		for _, c := range s.Cells {
			f.samples = append(f.samples, m.samples(c)...)
		}
		if len(f.samples) > 0 {
			families = append(families, f)
		}
	}
	return families
}

// cellMetric is a metric of a cell.
type cellMetric struct {
	name    string
	kind    kind
	unit    string
	help    string
	samples func(Cell) []sample
}

func cellMetrics() []cellMetric {
	return []cellMetric{
		{"cell_info", gauge, "", "What the cell tests; absent until the cell has a verdict.", info},
		{"cell_verdict", gauge, "", "1 for the verdict of the cell, 0 for the others.", cellVerdict},
		{
			"acknowledged_records", counter, "", "Records that the writers of the cell acknowledged.",
			func(c Cell) []sample {
				return []sample{{suffix: total, labels: c.labels(), value: float64(c.Acknowledged)}}
			},
		},
		{
			"lost_records", gauge, "", "Acknowledged records that are missing or damaged; absent if the journal was not read.",
			lostRecords,
		},
		{"findings", gauge, "", "Findings of the cell, by class.", findings},
		{
			"deletions", counter, "", "Writers of the cell that were deleted.",
			func(c Cell) []sample {
				return []sample{{suffix: total, labels: c.labels(), value: float64(c.Deletions)}}
			},
		},
		{"recovery_seconds", summary, "seconds", "Time from a deletion to the next acknowledgement.", recovery},
		{"slowest_recovery_seconds", gauge, "seconds", "Longest time from a deletion to the next acknowledgement.",
			slowestRecovery},
		{"commit_duration_seconds", summary, "seconds", "Duration of a commit: a write and its sync.", commits},
		{"records_per_second", gauge, "", "Records per second that were acknowledged while a writer ran.", rate},
		{"threshold_met", gauge, "", "1 if the cell met the threshold that the option sets, 0 if not; absent if the figure " +
			"was not measured.", thresholds},
	}
}

// labels returns the labels that identify the cell.
func (c Cell) labels(more ...label) []label {
	return append([]label{
		{"cell", c.Spec.DisplayName()}, {"storage_class", c.StorageClass},
		{"access_mode", string(c.Spec.AccessMode)}, {"volume_mode", string(c.Spec.VolumeMode)},
		{"control", strconv.FormatBool(c.Spec.Control)},
	}, more...)
}

func info(c Cell) []sample {
	if c.Judged == nil { // a label must not change during the run
		return nil
	}
	provisioner, level := "", c.Judged.Provenance.Level.String()
	if c.Judged.Claim != nil {
		provisioner = c.Judged.Claim.Provisioner
	}
	return []sample{{value: 1, labels: c.labels(
		label{"volume_source", string(c.Spec.VolumeSource)}, label{"provisioner", provisioner},
		label{"reader_node", string(c.Spec.ReaderNode)}, label{"force", strconv.FormatBool(c.Spec.Force)},
		label{"evidence_level", level},
	)}}
}

func cellVerdict(c Cell) []sample {
	var verdict judge.Verdict
	if c.Judged != nil {
		verdict = c.Judged.Verdict
	}
	return states(c.labels(), verdict, judge.Pass, judge.Fail, judge.Error, judge.Stopped, judge.Skipped)
}

// states returns a sample for each verdict: 1 for the one that applies.
func states(labels []label, verdict judge.Verdict, all ...judge.Verdict) []sample {
	var samples []sample
	for _, v := range all {
		value := 0.0
		if v == verdict {
			value = 1
		}
		samples = append(samples, sample{labels: append(slices.Clip(labels), label{"verdict", string(v)}), value: value})
	}
	return samples
}

func lostRecords(c Cell) []sample {
	if c.Judged == nil || c.Judged.Reader == nil && len(c.Judged.Findings) == 0 {
		return nil
	}
	return []sample{{labels: c.labels(), value: float64(c.Judged.Lost())}}
}

func findings(c Cell) []sample {
	if c.Judged == nil {
		return nil
	}
	counts := map[judge.Class]int{}
	for _, f := range c.Judged.Findings {
		counts[f.Class]++
	}
	var samples []sample
	for _, class := range slices.Sorted(maps.Keys(counts)) {
		labels := c.labels(label{"class", string(class)})
		samples = append(samples, sample{labels: labels, value: float64(counts[class])})
	}
	return samples
}

func recovery(c Cell) []sample {
	var sum time.Duration
	for _, r := range c.Recoveries {
		sum += r
	}
	return []sample{
		{suffix: "_count", labels: c.labels(), value: float64(len(c.Recoveries))},
		{suffix: "_sum", labels: c.labels(), value: sum.Seconds()},
	}
}

func slowestRecovery(c Cell) []sample {
	if len(c.Recoveries) == 0 {
		return nil
	}
	return []sample{{labels: c.labels(), value: slices.Max(c.Recoveries).Seconds()}}
}

func commits(c Cell) []sample {
	if c.Judged == nil || c.Judged.Latency == nil {
		return nil
	}
	l := c.Judged.Latency
	quantile := func(q string, d time.Duration) sample {
		return sample{labels: c.labels(label{"quantile", q}), value: d.Seconds()}
	}
	return []sample{
		quantile("0.5", l.P50), quantile("0.99", l.P99), quantile("1.0", l.Max),
		{suffix: "_count", labels: c.labels(), value: float64(l.Count)},
	}
}

func rate(c Cell) []sample {
	if c.Judged == nil || c.Judged.Rate() == 0 {
		return nil
	}
	return []sample{{labels: c.labels(), value: c.Judged.Rate()}}
}

func thresholds(c Cell) []sample {
	if c.Judged == nil {
		return nil
	}
	var samples []sample
	for _, t := range c.Judged.Thresholds {
		if t.Outcome == result.NotMeasured {
			continue
		}
		value := 0.0
		if t.Outcome == result.Met {
			value = 1
		}
		samples = append(samples, sample{labels: c.labels(label{"option", t.Option}), value: value})
	}
	return samples
}
