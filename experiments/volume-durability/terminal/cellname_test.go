package terminal

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/progress"
	"github.com/volume-durability/volume-durability/experiments/volume-durability/style"
	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/report/html"
	"github.com/volume-durability/volume-durability/pkg/report/junit"
	"github.com/volume-durability/volume-durability/pkg/result"
	"github.com/volume-durability/volume-durability/tests/samples"
)

// ofSpec returns a result whose only cell has a spec.
func ofSpec(change func(*options.CellSpec)) result.Result {
	r := samples.Pass()
	change(&r.Cells[0].Spec)
	return r
}

func TestCellName_IsTheSameEverywhere(t *testing.T) {
	for name, r := range map[string]result.Result{
		"several cells":         samples.Matrix(),
		"a StorageClass":        samples.Pass(),
		"the default class":     ofSpec(func(s *options.CellSpec) { s.StorageClass = "" }),
		"an existing claim":     ofSpec(func(s *options.CellSpec) { s.StorageClass, s.ExistingClaim = "", "mine" }),
		"an emptyDir":           ofSpec(func(s *options.CellSpec) { *s = options.CellSpec{VolumeSource: options.EmptyDir} }),
		"a run without cluster": ofSpec(func(s *options.CellSpec) { *s = options.CellSpec{VolumeSource: options.Local} }),
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for _, c := range r.Cells {
				want = append(want, c.DisplayName())
			}
			assert.Equal(t, want, namesInLiveView(r), "live view")
			assert.Equal(t, want, namesInTable(r), "table")
			assert.Equal(t, want, namesInJUnit(t, r), "JUnit")
			assert.ElementsMatch(t, want, namesOnPage(t, r), "page")
		})
	}
}

func namesInLiveView(r result.Result) []string {
	var specs []options.CellSpec
	for _, c := range r.Cells {
		specs = append(specs, c.Spec)
	}
	var out bytes.Buffer
	v := progress.New(&out, style.Never, r.Options)
	v.CellsPlanned(specs)
	v.Close()
	_, names, _ := strings.Cut(strings.TrimSpace(out.String()), "cells: ")
	return strings.Split(names, ", ")
}

func namesInTable(r result.Result) []string {
	var names []string
	for _, line := range strings.Split(strings.TrimSpace(r.Table()), "\n")[1:] {
		name, _, _ := strings.Cut(line, "  ")
		names = append(names, name)
	}
	return names
}

func namesInJUnit(t *testing.T, r result.Result) []string {
	document, err := junit.Render(r)
	require.NoError(t, err)
	return firstGroups(regexp.MustCompile(`<testcase name="([^"]*)"`), document)
}

func namesOnPage(t *testing.T, r result.Result) []string {
	page, err := html.Render(r)
	require.NoError(t, err)
	names := firstGroups(regexp.MustCompile(`<h2 id="cell-[0-9]+-title" class="title">(.*?)</h2>`), page)
	for i := range names {
		names[i] = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(names[i], "")
	}
	for _, c := range r.Cells {
		if c.Verdict == judge.Skipped && strings.Contains(string(page), "skipped: <span class=\"whole\">"+c.DisplayName()) {
			names = append(names, c.DisplayName())
		}
	}
	return names
}

func firstGroups(pattern *regexp.Regexp, text []byte) []string {
	var all []string
	for _, match := range pattern.FindAllSubmatch(text, -1) {
		all = append(all, string(match[1]))
	}
	return all
}
