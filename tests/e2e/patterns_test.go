package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// Every write pattern on a filesystem, on a raw block device, and on storage that loses all data.
func TestPatterns_HaveTheRightVerdictOnEveryVolume(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	o := run(t, ns, short(map[string]string{
		"STORAGE_CLASSES": "csi-ext4,csi-tmpfs", "VOLUME_MODE": "Filesystem,Block",
		"WRITE_PATTERN": allPatterns(), "WRITE_OBJECTS": "64", "CLAIM_SIZE": "64Mi", "PARALLEL_CELLS": "20",
		"SUPPLEMENTAL_GROUPS": diskGroup, // for the raw block devices on n2
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	passed := map[pattern.Name]bool{}
	for _, c := range o.result.Cells {
		switch {
		case c.Spec.VolumeMode == "Block" && !c.Spec.WritePattern.SupportsBlockDevice():
			assert.Equal(t, judge.Skipped, c.Verdict, c.Spec.Name)
			assert.Contains(t, c.Reason, "needs a filesystem")
		case c.Verdict == judge.Skipped: // the class does not have this volume mode
		case c.Spec.StorageClass == "csi-tmpfs":
			assert.Equal(t, judge.Fail, c.Verdict, "%s: %s", c.Spec.Name, c.Reason)
			require.NotEmpty(t, c.Findings)
			assert.Equal(t, judge.Missing, c.Findings[0].Class, c.Reason)
		default:
			assert.Equal(t, judge.Pass, c.Verdict, "%s: %s", c.Spec.Name, c.Reason)
			passed[c.Spec.WritePattern] = true
		}
	}
	assert.Len(t, passed, len(pattern.Names()))
}

// allPatterns returns the names of all write patterns as the value of an option.
func allPatterns() string {
	var names []string
	for _, name := range pattern.Names() {
		names = append(names, string(name))
	}
	return strings.Join(names, ",")
}

// findingsOnFaultyStorage has the class of the findings for each fault and write pattern. It does not have the patterns
// that a fault does not affect.
var findingsOnFaultyStorage = map[string]map[pattern.Name]judge.Class{
	// The fault cuts off the end of the file logs.log. In the other patterns, this is the name of a folder.
	"lose-synced": {
		pattern.Append: judge.LostTail, pattern.SyncWrite: judge.LostTail,
		pattern.Overwrite: judge.Missing, pattern.Map: judge.Missing,
	},
	"empty-directory": {
		pattern.Append: judge.Missing, pattern.SyncWrite: judge.Missing, pattern.Overwrite: judge.Missing,
		pattern.Map: judge.Missing, pattern.Replace: judge.Missing, pattern.Create: judge.Missing,
		pattern.Remove: judge.Missing, pattern.Recycle: judge.Missing, pattern.Mixed: judge.Missing,
	},
	"undo-unlink": {pattern.Remove: judge.Resurrected, pattern.Mixed: judge.Resurrected},
}

// One run crosses all write patterns with filesystems, raw block devices, GlusterFS, and storage that loses data.
func TestPatterns_OnAllStorage(t *testing.T) {
	if !*allStorage {
		t.Skip("needs -patterns: the run takes minutes (make patterns)")
	}
	requireTestCluster(t)
	ns := newNamespace(t)
	faults := map[string]string{
		"csi-faulty": "lose-synced",
		createFaultyClass(t, ns, ns.Name+"-empty", "empty-directory", "unstage"):      "empty-directory",
		createFaultyClass(t, ns, ns.Name+"-unlink", "undo-unlink:count=8", "unstage"): "undo-unlink",
	}
	healthy := []string{"csi-ext4", "csi-xfs", "csi-btrfs", "csi-block", "csi-gluster"}
	classes := slices.Concat(healthy, []string{"csi-tmpfs"}, slices.Sorted(maps.Keys(faults)))
	o := run(t, ns, short(map[string]string{
		"STORAGE_CLASSES": strings.Join(classes, ","), "VOLUME_MODE": "Filesystem,Block", "WRITE_PATTERN": allPatterns(),
		"WRITE_OBJECTS": "32", "WRITE_RATE": "200", "CLAIM_SIZE": "320Mi", "PARALLEL_CELLS": "24", "MAX_CELLS": "200",
		"SUPPLEMENTAL_GROUPS": diskGroup, // for the raw block devices on n2
	}))
	assert.Equal(t, chaosv1alpha1.ResultVerdictFailed, o.verdict(), o.result.Reason)
	tested := map[string]int{}
	for _, c := range o.result.Cells {
		if c.Verdict == judge.Skipped {
			requireUnsupported(t, c)
			continue
		}
		tested[c.Spec.StorageClass]++
		want := findingsOnFaultyStorage[faults[c.Spec.StorageClass]][c.Spec.WritePattern]
		if c.Spec.StorageClass == "csi-tmpfs" {
			want = judge.Missing
		}
		if want == "" {
			assert.Equal(t, judge.Pass, c.Verdict, "%s: %s", c.Spec.Name, c.Reason)
			continue
		}
		assert.Equal(t, judge.Fail, c.Verdict, "%s: %s", c.Spec.Name, c.Reason)
		if assert.NotEmpty(t, c.Findings, c.Spec.Name) {
			assert.Equal(t, want, c.Findings[0].Class, "%s: %s", c.Spec.Name, c.Reason)
		}
	}
	for _, class := range classes {
		want := len(pattern.Names())
		switch class {
		case "csi-block":
			want = 2
		case "csi-ext4", "csi-xfs", "csi-btrfs":
			want += 2
		}
		assert.Equal(t, want, tested[class], "tested cells of "+class)
	}
	requireNothingLeft(t, ns)
}

// requireUnsupported fails the test unless a cell was skipped because its storage has no such volume.
func requireUnsupported(t *testing.T, c result.Cell) {
	t.Helper()
	if c.Spec.VolumeMode == "Block" && !c.Spec.WritePattern.SupportsBlockDevice() {
		assert.Contains(t, c.Reason, "needs a filesystem", c.Spec.Name)
		return
	}
	assert.Contains(t, c.Reason, "code = InvalidArgument", c.Spec.Name)
}
