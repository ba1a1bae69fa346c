package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/volume-durability/volume-durability/experiments/volume-durability/terminal"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/run"
)

// planOf returns the description of the plan for some options.
func planOf(t *testing.T, env map[string]string, template *corev1.PersistentVolumeClaim) string {
	t.Helper()
	opts, err := options.Parse(func(name string) string { return env[name] })
	require.NoError(t, err)
	spec := runSpec{options: opts, image: "image", template: template}
	plan, err := spec.run().Plan(t.Context())
	require.NoError(t, err)
	return describePlan(spec, plan, 0)
}

func TestDescribePlan_HasCellsControlAndCapacity(t *testing.T) {
	text := planOf(t, map[string]string{"NEGATIVE_CONTROL": "true"}, nil)
	assert.Contains(t, text, "Cells      2, one of them the control\n")
	assert.Contains(t, text, "Claims     1, 5Gi in total\n")
	assert.Contains(t, text, "Time       at least 30s\n")
	assert.Contains(t, text, "an emptyDir, the control that must lose its data")

	text = planOf(t, map[string]string{"VOLUME_SOURCE": "emptyDir"}, nil)
	assert.Contains(t, text, "Cells      1, without a control\n")
	assert.Contains(t, text, "Claims     creates none\n")
}

func TestDescribePlan_SumsUpManyCells(t *testing.T) {
	nodes := make([]string, 500)
	for i := range nodes {
		nodes[i] = fmt.Sprintf("node-%d", i)
	}
	env := map[string]string{
		"READER_NODE": strings.Join(nodes, ","), "FORCE": "false,true", "MAX_CELLS": "1000", "RAMP_TIME": "60",
	}
	text := planOf(t, env, nil)
	assert.Contains(t, text, "Cells      1000, without a control; at most 10 at the same time\n")
	assert.Contains(t, text, "Claims     1000, 5000Gi in total, at most 50Gi at the same time\n")
	assert.Contains(t, text, "and the same for 990 more cells\n")
	assert.Contains(t, text, "Time       at least 52m0s\n")
	assert.Less(t, strings.Count(text, "\n"), 25)

	env["KEEP"] = "true"
	assert.Contains(t, planOf(t, env, nil), "Claims     1000, 5000Gi in total\n", "the claims stay")
}

func TestDescribePlan_CountsAgree(t *testing.T) {
	names := strings.Split("a,b,c,d,e,f,g,h,i,j,k,l", ",")
	for skipped, want := range map[int]string{
		1: "1 of them is skipped, because its StorageClass has no provisioner\n",
		2: "2 of them are skipped, because their StorageClasses have no provisioner\n",
	} {
		plan := run.Plan{Skipped: map[string]string{}}
		for i, name := range names {
			plan.Cells = append(plan.Cells, options.CellSpec{Name: name, StorageClass: name})
			if i < skipped {
				plan.Skipped[name] = "no provisioner"
			}
		}
		text := describePlan(runSpec{options: options.Defaults(), image: "image"}, plan, 0)
		assert.Contains(t, text, want)
		if skipped == 1 {
			assert.Contains(t, text, "and the same for 1 more cell\n")
		}
	}
}

func TestDescribePlan_HasTheSizeOfTheTemplate(t *testing.T) {
	template := &corev1.PersistentVolumeClaim{}
	template.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Gi")}
	text := planOf(t, map[string]string{"FORCE": "false,true"}, template)
	assert.Contains(t, text, "Claims     2, 40Gi in total\n")
	assert.Contains(t, text, "20Gi of the default StorageClass")
}

func TestRun_NamesTheFlagThatLimitsTheCells(t *testing.T) {
	code, _, errOut := execute(t, "run", "--kubeconfig", "none", "--force=false,true", "--max-cells", "1")
	assert.Equal(t, terminal.ExitError, code)
	assert.Contains(t, errOut, `--max-cells (MAX_CELLS) "1": want at least 3, which is the number of cells of this run`)
}

// The progress counts the skipped cells too.
func TestDescribePlan_CountsSkippedCells(t *testing.T) {
	plan := run.Plan{
		Cells:   []options.CellSpec{{Name: "a", StorageClass: "a"}, {Name: "b", StorageClass: "b"}},
		Skipped: map[string]string{"a": "no provisioner"},
	}
	text := describePlan(runSpec{options: options.Defaults()}, plan, 0)
	assert.Contains(t, text, "Cells      2, without a control\n           1 of them is skipped")
}

func TestDescribePlan_IsWrapped(t *testing.T) {
	plan := run.Plan{Cells: []options.CellSpec{{Name: "a", StorageClass: "a-storage-class", VolumeSource: options.Claim}}}
	for line := range strings.Lines(describePlan(runSpec{options: options.Defaults(), image: "image"}, plan, 60)) {
		assert.LessOrEqual(t, len(strings.TrimSuffix(line, "\n")), 60)
		assert.Regexp(t, `^(\w+ +| {11})\S`, line)
	}
}
