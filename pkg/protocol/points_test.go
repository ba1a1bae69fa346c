package protocol

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

func TestPoints_AreParsedAsFormatted(t *testing.T) {
	want := []journal.Point{{Epoch: 1, Seq: 42}, {Epoch: 3, Seq: 7}}
	var acks []ledger.Ack
	for _, p := range want {
		acks = append(acks, ledger.Ack{Point: p})
	}
	got, err := ParsePoints(FormatPoints(acks))
	require.NoError(t, err)
	assert.Equal(t, want, got)

	none, err := ParsePoints(FormatPoints(nil))
	require.NoError(t, err)
	assert.Empty(t, none)
	for _, invalid := range []string{"1", "1-2", "1:x", "x:1", "1:2,3"} {
		_, err := ParsePoints(invalid)
		assert.ErrorContains(t, err, "want epoch:sequence", invalid)
	}
}
