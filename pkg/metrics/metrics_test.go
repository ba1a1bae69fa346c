package metrics

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/openmetrics"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/pkg/run"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// recorder records which hooks were called.
type recorder struct {
	run.Hooks
	calls []string
}

func (r *recorder) CellsPlanned([]options.CellSpec) { r.calls = append(r.calls, "planned") }
func (r *recorder) WritersReady(context.Context, []result.Cell) error {
	r.calls = append(r.calls, "ready")
	return io.ErrUnexpectedEOF
}
func (r *recorder) RecordsAcknowledged(options.CellSpec, ledger.Ack) {
	r.calls = append(r.calls, "ack")
}
func (r *recorder) BeforeDeletion(options.CellSpec, result.Pod) {
	r.calls = append(r.calls, "deletion")
}
func (r *recorder) CellJudged(result.Cell) { r.calls = append(r.calls, "judged") }

func ack(epoch int, seq uint64) ledger.Ack {
	return ledger.Ack{Point: journal.Point{Epoch: epoch, Seq: seq}}
}

const cellLabels = `cell="fast",storage_class="ceph",access_mode="",volume_mode="",control="false"`

func TestTracker_FollowsTheRun(t *testing.T) {
	hooks := &recorder{}
	tracker := NewTracker(hooks, "v1", "")
	now := time.Unix(100, 0)
	tracker.now = func() time.Time { return now }
	spec := options.CellSpec{Name: "fast"}
	has := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			assert.Contains(t, string(tracker.Text()), line+"\n")
		}
	}
	tracker.CellsPlanned([]options.CellSpec{spec})
	claim := &result.Claim{StorageClass: "ceph"}
	assert.ErrorIs(t, tracker.WritersReady(t.Context(), []result.Cell{{Spec: spec, Claim: claim}}), io.ErrUnexpectedEOF)
	has(`volume_durability_acknowledged_records_total{` + cellLabels + `} 0`)

	tracker.RecordsAcknowledged(spec, ack(1, 10))
	tracker.RecordsAcknowledged(spec, ack(1, 25))
	tracker.BeforeDeletion(spec, result.Pod{})
	now = now.Add(time.Second)
	tracker.RecordsAcknowledged(spec, ack(1, 30)) // the deleted writer's last acknowledgement is no recovery
	now = now.Add(3 * time.Second)
	tracker.RecordsAcknowledged(spec, ack(2, 5))
	tracker.RecordsAcknowledged(spec, ack(2, 6))
	has(
		`volume_durability_acknowledged_records_total{`+cellLabels+`} 36`,
		`volume_durability_deletions_total{`+cellLabels+`} 1`,
		`volume_durability_recovery_seconds_count{`+cellLabels+`} 1`,
		`volume_durability_slowest_recovery_seconds{`+cellLabels+`} 4`,
		`volume_durability_cell_verdict{`+cellLabels+`,verdict="Pass"} 0`,
		`volume_durability_run_verdict{verdict="Pass"} 0`,
	)

	judged := result.Cell{Spec: spec, Claim: claim, Verdict: "Pass", Acks: []ledger.Ack{ack(1, 30), ack(2, 6)}}
	tracker.CellJudged(judged)
	has(
		`volume_durability_cell_verdict{`+cellLabels+`,verdict="Pass"} 1`,
		`volume_durability_run_verdict{verdict="Pass"} 0`,
	)

	tracker.Finish(result.Result{Verdict: "Pass", Cells: []result.Cell{judged}})
	has(
		`volume_durability_run_verdict{verdict="Pass"} 1`,
		`volume_durability_acknowledged_records_total{`+cellLabels+`} 36`,
	)
	assert.Equal(t, []string{"planned", "ready", "ack", "ack", "deletion", "ack", "ack", "ack", "judged"}, hooks.calls)
}

// A series whose labels change becomes two series in Prometheus.
func TestTracker_LabelsDoNotChangeDuringTheRun(t *testing.T) {
	byDefault := options.CellSpec{Name: "first", VolumeSource: options.Claim}
	later := options.CellSpec{Name: "later", VolumeSource: options.Claim}
	existing := options.CellSpec{Name: "existing", VolumeSource: options.Claim, ExistingClaim: "mine"}
	tracker := NewTracker(&recorder{}, "v1", "")
	series := func() []string {
		var names []string
		for line := range strings.Lines(string(tracker.Text())) {
			if name, _, ok := strings.Cut(line, " "); ok && !strings.HasPrefix(line, "#") {
				names = append(names, name)
			}
		}
		return names
	}
	seen := map[string]bool{}
	note := func() {
		for _, name := range series() {
			seen[name] = true
		}
	}
	tracker.CellsPlanned([]options.CellSpec{byDefault, later, existing})
	note()
	claim := &result.Claim{StorageClass: "ceph", Provisioner: "rbd"}
	ready := []result.Cell{{Spec: byDefault, Claim: claim}}
	require.Error(t, tracker.WritersReady(t.Context(), ready), "that of the recorder")
	note()
	assert.Contains(t, strings.Join(series(), "\n"), `cell="later",storage_class="ceph"`)
	r := result.Result{Tool: result.Tool{Version: "v1"}, Cluster: result.Cluster{Version: "v1.37.0"}, EndedAt: time.Now()}
	for _, spec := range []options.CellSpec{byDefault, later, existing} {
		judged := result.Cell{Spec: spec, Claim: claim, Verdict: "Pass"}
		tracker.CellJudged(judged)
		note()
		r.Cells = append(r.Cells, judged)
	}
	tracker.Finish(r)
	assert.Subset(t, series(), slices.Collect(maps.Keys(seen)), "every series is in the last text too")
	assert.Contains(t, string(tracker.Text()), `run_info{version="v1",kubernetes="v1.37.0"} 1`)
	early := NewTracker(&recorder{}, "v1", "v1.37.0")
	assert.Contains(t, string(early.Text()), `run_info{version="v1",kubernetes="v1.37.0"} 1`)
}

func TestTracker_EndsWithTheFiguresOfTheResult(t *testing.T) {
	for _, s := range samples.All() {
		tracker := NewTracker(&recorder{}, "", "")
		tracker.Finish(s.Result)
		assert.Equal(t, string(openmetrics.Render(s.Result)), string(tracker.Text()), s.Name)
	}
}

func TestServer_ServesTheText(t *testing.T) {
	s, err := Serve(t.Context(), "localhost:0", func() []byte { return []byte("# EOF\n") })
	require.NoError(t, err)
	get := func(path string) (*http.Response, string) {
		t.Helper()
		answer, err := http.Get("http://" + s.Address.String() + path)
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer, string(body)
	}
	answer, body := get("/metrics")
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, openmetrics.ContentType, answer.Header.Get("Content-Type"))
	assert.Equal(t, "# EOF\n", body)
	answer, _ = get("/other")
	assert.Equal(t, http.StatusNotFound, answer.StatusCode)

	_, err = Serve(t.Context(), s.Address.String(), nil)
	assert.ErrorContains(t, err, "listening on "+s.Address.String()+" for metrics")
	require.NoError(t, s.Close())
	_, err = http.Get("http://" + s.Address.String() + "/metrics")
	assert.Error(t, err, "nothing listens after Close")
}
