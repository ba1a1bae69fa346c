package local

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/provenance"
)

func TestSameFilesystem(t *testing.T) {
	other := xfs
	other.UUID = "b"
	for name, c := range map[string]struct {
		reader protocol.Mount
		want   provenance.Observation
	}{
		"the same": {
			xfs, provenance.Observed(provenance.Yes, "every helper had xfs (/dev/loop0), filesystem UUID a"),
		},
		"another": {
			other, provenance.Observed(provenance.No, "the first writer had xfs a, a later helper xfs b"),
		},
		"unknown": {
			protocol.Mount{}, provenance.Observed(provenance.Unknown, "a helper did not report its mount"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := verified(t)
			s.cell.Reader.ScanResult.Mount = c.reader
			assert.Equal(t, c.want, s.sameFilesystem())
		})
	}
}

func TestUnmounted_IsKnownIfTheDeviceReappeared(t *testing.T) {
	s := verified(t)
	before, now := protocol.Mount{DiskSequence: 4}, protocol.Mount{DiskSequence: 5}
	assert.Equal(t, provenance.Unknown, s.unmounted(before, now).Answer, "a folder has no sequence number")
	s.Target.Device = true
	assert.Equal(t, provenance.Yes, s.unmounted(before, now).Answer)
	assert.Equal(t, provenance.Unknown, s.unmounted(now, now).Answer)
}

// A filesystem that disappears without the command of --between is for the judge.
func TestCheckFilesystem_AnotherIsAnErrorOnlyAfterTheCommand(t *testing.T) {
	elsewhere := xfs
	elsewhere.Point = "/"
	s := verified(t)
	assert.NoError(t, s.checkFilesystem("the reader", elsewhere))
	s.betweenRan = true
	assert.NoError(t, s.checkFilesystem("the reader", xfs))
	assert.NoError(t, s.checkFilesystem("the reader", protocol.Mount{}), "the helper did not report its mount")
	assert.ErrorContains(t, s.checkFilesystem("the reader", elsewhere), "the reader found /mnt/f/logs.log on xfs at /")
}
