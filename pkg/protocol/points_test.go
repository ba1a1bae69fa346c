package protocol

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
)

func TestPointFlags_AreParsedAsFormatted(t *testing.T) {
	for _, epochs := range []int{0, 1, 2, journal.MaxEpoch - 1} {
		var want []journal.Point
		var acks []ledger.Ack
		for i := range epochs {
			p := journal.Point{Epoch: journal.MaxEpoch - i, Seq: 999_999_999_999 - uint64(i)}
			want, acks = append(want, p), append(acks, ledger.Ack{Point: p})
		}
		flags := PointFlags(acks)
		var got []journal.Point
		for flag := range slices.Chunk(flags, 2) {
			require.Equal(t, "--points", flag[0])
			require.Less(t, len(flag[1]), 128<<10, "the limit of Linux for an argument")
			points, err := ParsePoints(flag[1])
			require.NoError(t, err)
			got = append(got, points...)
		}
		assert.Equal(t, want, got)
	}
}

func TestParsePoints_RejectsWhatIsNoPoint(t *testing.T) {
	for _, invalid := range []string{"1", "1-2", "1:x", "x:1", "1:2,3"} {
		_, err := ParsePoints(invalid)
		assert.ErrorContains(t, err, "want epoch:sequence", invalid)
	}
}
