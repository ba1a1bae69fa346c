package provenance

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

func TestIsSameFilesystem(t *testing.T) {
	xfs := func(uuid string) protocol.Mount { return protocol.Mount{FSType: "xfs", UUID: uuid} }
	for name, c := range map[string]struct {
		a, b protocol.Mount
		want bool
	}{
		"the same UUID":   {xfs("a"), xfs("a"), true},
		"another UUID":    {xfs("a"), xfs("b"), false},
		"an unknown UUID": {xfs("a"), xfs(""), true},
		"another type":    {xfs(""), protocol.Mount{FSType: "ext4"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, IsSameFilesystem(c.a, c.b))
			assert.Equal(t, c.want, IsSameFilesystem(c.b, c.a))
		})
	}
}

func TestHasReappeared(t *testing.T) {
	device := func(sequence uint64) protocol.Mount { return protocol.Mount{DiskSequence: sequence} }
	assert.True(t, HasReappeared(device(4), device(5)))
	assert.False(t, HasReappeared(device(4), device(4)))
	assert.False(t, HasReappeared(device(0), device(5)), "the first sequence number is unknown")
	assert.False(t, HasReappeared(device(4), device(0)), "the second sequence number is unknown")
}
