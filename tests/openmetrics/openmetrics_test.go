// Package openmetrics_test reads the metrics of the samples with the parsers and the linter of Prometheus.
package openmetrics_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/openmetrics"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// parse returns the series of a text as the scraper of Prometheus reads them, and the type of each metric.
func parse(t *testing.T, text []byte) (series map[string]float64, types map[string]model.MetricType) {
	t.Helper()
	parser, err := textparse.New(text, openmetrics.ContentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	require.NoError(t, err)
	require.IsType(t, &textparse.OpenMetricsParser{}, parser, "the content type selects the parser")
	series, types = map[string]float64{}, map[string]model.MetricType{}
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return series, types
		}
		require.NoError(t, err, "%s", text)
		switch entry {
		case textparse.EntryType:
			name, kind := parser.Type()
			require.NotContains(t, types, string(name), "a metric has one block")
			types[string(name)] = kind
		case textparse.EntrySeries:
			_, timestamp, value := parser.Series()
			assert.Nil(t, timestamp, "the scraper sets the time")
			var of labels.Labels
			parser.Labels(&of)
			require.NotContains(t, series, of.String(), "a series occurs once")
			series[of.String()] = value
		}
	}
}

func TestText_IsReadByPrometheus(t *testing.T) {
	for _, s := range samples.All() {
		t.Run(s.Name, func(t *testing.T) {
			series, types := parse(t, openmetrics.Render(s.Result))
			verdict := labels.FromStrings("__name__", "volume_durability_run_verdict", "verdict", string(s.Result.Verdict))
			assert.Equal(t, 1.0, series[verdict.String()])
			assert.Equal(t, model.MetricTypeGauge, types["volume_durability_run_verdict"])
			if len(s.Result.Cells) > 0 {
				assert.Equal(t, model.MetricTypeCounter, types["volume_durability_acknowledged_records"])
				assert.Equal(t, model.MetricTypeSummary, types["volume_durability_recovery_seconds"])
			}
		})
	}
}

func TestText_KeepsLabelsWithSpecialCharacters(t *testing.T) {
	class := "a\"b\\c\nd"
	series, _ := parse(t, openmetrics.Snapshot{Cells: []openmetrics.Cell{{
		Spec: options.CellSpec{Name: "x"}, StorageClass: class, Deletions: 3,
	}}}.Text())
	want := labels.FromStrings("__name__", "volume_durability_deletions_total", "cell", "x", "storage_class", class,
		"access_mode", "", "volume_mode", "", "control", "false")
	assert.Equal(t, 3.0, series[want.String()], "%v", series)
}

// A Pushgateway and the textfile collector of node_exporter know only the older text format.
func TestText_IsReadAsTheOlderFormat(t *testing.T) {
	for _, s := range samples.All() {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(openmetrics.Render(s.Result)))
		require.NoError(t, err, s.Name)
		assert.Contains(t, families, "volume_durability_run_verdict", s.Name)
	}
}

// promlint is what promtool check metrics uses. It reads the older format, in which the help of a counter has the name
// of its sample.
func TestNames_FollowTheConventions(t *testing.T) {
	for _, s := range samples.All() {
		problems, err := promlint.New(bytes.NewReader(openmetrics.Render(s.Result))).Lint()
		require.NoError(t, err, s.Name)
		for _, p := range problems {
			isCounter := strings.HasSuffix(p.Metric, "_total") && p.Text == "no help text"
			assert.True(t, isCounter, "%s: %+v", s.Name, p)
		}
	}
}
