package e2e

import (
	"testing"

	chaosv1alpha1 "github.com/litmuschaos/chaos-operator/api/litmuschaos/v1alpha1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/judge"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// Every write pattern on a filesystem, on a raw block device, and on storage that loses all data.
func TestPatterns_HaveTheRightVerdictOnEveryVolume(t *testing.T) {
	t.Parallel()
	requireTestCluster(t)
	ns := newNamespace(t)
	patterns := ""
	for i, name := range pattern.Names() {
		if i > 0 {
			patterns += ","
		}
		patterns += string(name)
	}
	o := run(t, ns, short(map[string]string{
		"STORAGE_CLASSES": "csi-ext4,csi-tmpfs", "VOLUME_MODE": "Filesystem,Block",
		"WRITE_PATTERN": patterns, "WRITE_OBJECTS": "64", "CLAIM_SIZE": "64Mi", "PARALLEL_CELLS": "20",
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
