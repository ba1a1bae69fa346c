package openmetrics_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/openmetrics"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// The parser of Prometheus reads the text of every sample in tests/openmetrics.

const cephLabels = `cell="ceph-rbd",storage_class="ceph-rbd",access_mode="ReadWriteOnce",volume_mode="Filesystem",` +
	`control="false"`

func TestRender_HasTheFiguresOfTheResult(t *testing.T) {
	r := samples.TooSlow()
	c := r.Cells[0]
	require.Equal(t, "ceph-rbd", c.Claim.StorageClass)
	text := string(openmetrics.Render(r))
	for _, line := range []string{
		`volume_durability_run_verdict{verdict="Fail"} 1`,
		`volume_durability_run_verdict{verdict="Pass"} 0`,
		`volume_durability_run_start_timestamp_seconds 1795524407.123`,
		`volume_durability_run_end_timestamp_seconds 1795524456.263`,
		`volume_durability_cell_verdict{` + cephLabels + `,verdict="Fail"} 1`,
		`volume_durability_acknowledged_records_total{` + cephLabels + `} 2700`,
		`volume_durability_lost_records{` + cephLabels + `} 0`,
		`volume_durability_findings{` + cephLabels + `,class="too-slow"} 1`,
		`volume_durability_deletions_total{` + cephLabels + `} 3`,
		`volume_durability_recovery_seconds_count{` + cephLabels + `} 2`,
		`volume_durability_slowest_recovery_seconds{` + cephLabels + `} ` + seconds(c.SlowestRecovery()),
		`volume_durability_commit_duration_seconds{` + cephLabels + `,quantile="0.99"} ` + seconds(c.Latency.P99),
		`volume_durability_threshold_met{` + cephLabels + `,option="MAX_RECOVERY"} 0`,
		`volume_durability_threshold_met{` + cephLabels + `,option="MAX_COMMIT_P99"} 1`,
	} {
		assert.Contains(t, text, line+"\n")
	}
	assert.True(t, strings.HasSuffix(text, "\n# EOF\n"))
}

// seconds formats a duration of whole microseconds.
func seconds(d time.Duration) string {
	return strings.TrimRight(strings.TrimSuffix(
		time.Unix(0, int64(d)).UTC().Format("5.000000000"), "s"), "0")
}

// An ID in a label would give every run time series of its own.
func TestRender_HasNoIDs(t *testing.T) {
	for _, s := range samples.All() {
		text := string(openmetrics.Render(s.Result))
		assert.NotContains(t, text, s.Result.RunID, s.Name)
		assert.NotRegexp(t, regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-`), text, s.Name)
	}
}

func TestSnapshot_OfARunThatExecutes(t *testing.T) {
	spec := options.CellSpec{Name: "fast", StorageClass: `"a\b"` + "\n", VolumeMode: corev1.PersistentVolumeBlock}
	text := string(openmetrics.Snapshot{StartedAt: time.Unix(1, 0), Cells: []openmetrics.Cell{{
		Spec: spec, StorageClass: spec.StorageClass, Acknowledged: 7, Deletions: 1, Recoveries: []time.Duration{time.Second},
	}}}.Text())
	labels := `{cell="fast",storage_class="\"a\\b\"\n",access_mode="",volume_mode="Block",control="false"`
	assert.Contains(t, text, "volume_durability_acknowledged_records_total"+labels+"} 7\n")
	assert.Contains(t, text, "volume_durability_recovery_seconds_sum"+labels+"} 1\n")
	assert.Contains(t, text, "volume_durability_cell_verdict"+labels+`,verdict="Pass"} 0`)
	for _, absent := range []string{"lost_records", "_end_timestamp", `"} 1` + "\nvolume_durability_cell_verdict"} {
		assert.NotContains(t, text, absent)
	}
}
