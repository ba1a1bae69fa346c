package ratio_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/bench/ratio"
)

func TestAppend_AddsToTheRowsOfOtherPrograms(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench", "ratios.jsonl")
	first := ratio.Row{Area: "Reading", Measured: "scanner", Peer: "dd", Unit: "GB/s", Value: 1, PeerValue: 2}.OfValues()
	second := ratio.Row{Area: "Writing", Measured: "writer", Peer: "fio", Value: 3, PeerValue: 4, Ratio: 0.8, AtLeast: 0.9}
	require.NoError(t, ratio.Append(file, first))
	require.NoError(t, ratio.Append(file, second))
	rows, err := ratio.Read(file)
	require.NoError(t, err)
	assert.Equal(t, []ratio.Row{first, second}, rows)
	assert.Equal(t, 0.5, rows[0].Ratio)
}

func TestAppend_WithoutFileDoesNothing(t *testing.T) {
	assert.NoError(t, ratio.Append("", ratio.Row{}))
}

func TestPrint_ShowsWhyARowHasNoFigures(t *testing.T) {
	var out strings.Builder
	row := ratio.Row{Area: "Writing", Measured: "writer", Peer: "fio", AtLeast: 0.98, Failure: "not installed"}
	require.NoError(t, ratio.Print(&out, []ratio.Row{row}))
	assert.Contains(t, strings.Join(strings.Fields(out.String()), " "),
		"| Writing | writer | not installed | fio | | | | ≥ 0.98 | no |")
}

func TestMedian_IsTheLowerOfTwoInTheMiddle(t *testing.T) {
	values := []int{3, 1, 2}
	assert.Equal(t, 2, ratio.Median(values))
	assert.Equal(t, []int{3, 1, 2}, values)
	assert.Equal(t, 2, ratio.Median([]int{4, 2, 1, 3}))
}

func TestPrint_ComparesEachRatioWithItsTarget(t *testing.T) {
	for row, want := range map[ratio.Row]string{
		{Ratio: 0.9, AtLeast: 0.9}:  "0.900 | ≥ 0.9 | yes |",
		{Ratio: 0.89, AtLeast: 0.9}: "0.890 | ≥ 0.9 | no |",
		{Ratio: 1.5, AtMost: 1.5}:   "1.500 | ≤ 1.5 | yes |",
		{Ratio: 1.51, AtMost: 1.5}:  "1.510 | ≤ 1.5 | no |",
		{Ratio: 2}:                  "2.000 | | |",
	} {
		var out strings.Builder
		require.NoError(t, ratio.Print(&out, []ratio.Row{row}))
		assert.Contains(t, strings.Join(strings.Fields(out.String()), " "), want)
	}
}
