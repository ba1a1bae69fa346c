package journal

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Prepared payloads do not change what is written, whatever the numbers of records that are prepared and encoded.
func TestEncoder_PreparedRecordsAreTheSame(t *testing.T) {
	for _, size := range []int{MinRecordSize, 256, 16 << 10, MaxRecordSize} {
		random := rand.New(rand.NewPCG(1, uint64(size)))
		format := Format{ID: testFormat.ID, RecordSize: size}
		plain, err := NewEncoder(format, 3)
		require.NoError(t, err)
		prepared, err := NewEncoder(format, 3)
		require.NoError(t, err)
		for round := range 100 {
			most := max(2, 100_000/size)
			require.NoError(t, prepared.PrepareDuring(func() error { return nil }, random.IntN(most)))
			for range random.IntN(most) {
				at, offset := time.Unix(int64(round), 7), random.Int64N(1<<40)
				want, last := plain.Append(nil, offset, at)
				got, lastPrepared := prepared.Append(nil, offset, at)
				require.True(t, bytes.Equal(want, got))
				require.Equal(t, last, lastPrepared)
			}
		}
	}
}

func TestPrepareDuring_PreparesTheNextRecords(t *testing.T) {
	format := Format{ID: testFormat.ID, RecordSize: 16 << 10}
	e, err := NewEncoder(format, 1)
	require.NoError(t, err)
	for _, step := range []struct{ n, unused int }{
		{3, 3}, {3, 2}, {3, 3}, // as many as are computed together
		{1, 2}, {1, 1}, {1, 0}, // nothing is computed while enough is prepared
		{1, 3}, {5, 4}, {9, 8},
	} {
		require.NoError(t, e.PrepareDuring(func() error { return nil }, step.n))
		e.Append(nil, 0, time.Unix(1, 0))
		assert.Equal(t, step.unused*e.encoder.payloadSize(), len(e.encoder.prepared.unused), "%+v", step)
	}
}

func TestPrepareDuring_ReturnsTheErrorOfTheWork(t *testing.T) {
	problem := errors.New("problem")
	for _, n := range []int{1, 1000} {
		e, err := NewEncoder(testFormat, 1)
		require.NoError(t, err)
		assert.ErrorIs(t, e.PrepareDuring(func() error { return problem }, n), problem)
	}
}
