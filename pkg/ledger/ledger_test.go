package ledger

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/volume-durability/volume-durability/pkg/journal"
)

func ack(epoch int, seq uint64, digest uint32) Ack {
	return Ack{Point: journal.Point{Epoch: epoch, Seq: seq}, Digest: digest}
}

func TestLedger_KeepsTheHighestAcknowledgementOfEachEpoch(t *testing.T) {
	var l Ledger
	for _, a := range []Ack{ack(2, 5, 50), ack(1, 9, 90), ack(1, 7, 70), ack(1, 9, 90), ack(2, 6, 60)} {
		require.NoError(t, l.Add(a))
	}
	assert.Equal(t, []Ack{ack(1, 9, 90), ack(2, 6, 60)}, l.Acks())
	assert.Equal(t, uint64(15), CountRecords(l.Acks()))
}

func TestLedger_ZeroValueIsEmpty(t *testing.T) {
	var l Ledger
	assert.Empty(t, l.Acks())
}

func TestLedger_RejectsContradictionsAndInvalidAcknowledgements(t *testing.T) {
	var l Ledger
	require.NoError(t, l.Add(ack(1, 9, 90)))
	assert.ErrorContains(t, l.Add(ack(1, 9, 91)), "contradict")
	assert.ErrorContains(t, l.Add(ack(0, 9, 91)), "want an epoch from 1 to 99999")
	assert.ErrorContains(t, l.Add(ack(1, 0, 91)), "a sequence of at least 1")
	assert.Equal(t, []Ack{ack(1, 9, 90)}, l.Acks())
}

func TestValidate_RejectsImpossibleAcknowledgements(t *testing.T) {
	format := journal.Format{ID: "0123456789abcdef", RecordSize: 256}
	of := func(epoch int, seq uint64) Ack { return Ack{Point: journal.Point{Epoch: epoch, Seq: seq}} }
	const limit = math.MaxInt64 / 256
	assert.NoError(t, Validate(format, []Ack{of(1, limit-5), of(2, 5)}))
	for want, acks := range map[string][]Ack{
		"epoch 0, sequence 7: want an epoch from 1 to 99999":        {of(0, 7)},
		"epoch 100000, sequence 7: want an epoch from 1 to 99999":   {of(journal.MaxEpoch+1, 7)},
		"sequence 0: want an epoch from 1 to 99999 and a sequence":  {of(1, 0)},
		"epoch 3 has two acknowledgements":                          {of(3, 7), of(3, 8)},
		"epoch 1 comes after epoch 2":                               {of(2, 7), of(1, 8)},
		"sequence 6: no file can hold so many records of 256 bytes": {of(1, limit-5), of(2, 6)},
		"18446744073709551615: no file can hold":                    {of(1, math.MaxUint64)},
	} {
		assert.ErrorContains(t, Validate(format, acks), want)
	}
	err := Validate(journal.Format{ID: "x"}, []Ack{of(-1, 1)})
	for _, want := range []string{"invalid ledger: ", `journal id "x"`, "record size 0", "epoch -1"} {
		assert.ErrorContains(t, err, want)
	}
}

func TestLedger_CountsTheRecords(t *testing.T) {
	var l Ledger
	assert.Zero(t, l.Records())
	for _, a := range []Ack{ack(3, 5, 50), ack(1, 9, 90), ack(1, 7, 70), ack(2, 1, 10), ack(3, 6, 60)} {
		require.NoError(t, l.Add(a))
		assert.Equal(t, CountRecords(l.Acks()), l.Records())
	}
	assert.Equal(t, uint64(16), l.Records())
}

func TestAcks_AreNotChangedByLaterOnes(t *testing.T) {
	var l Ledger
	for _, a := range []Ack{ack(1, 9, 90), ack(3, 5, 50)} {
		require.NoError(t, l.Add(a))
	}
	want := []Ack{ack(1, 9, 90), ack(3, 5, 50)}
	before := l.Acks()
	for _, a := range []Ack{ack(4, 1, 10), ack(4, 2, 20), ack(3, 6, 60), ack(2, 7, 70), ack(1, 10, 100)} {
		require.NoError(t, l.Add(a))
		assert.Equal(t, want, before)
	}
	again := l.Acks()
	assert.Equal(t, []Ack{ack(1, 10, 100), ack(2, 7, 70), ack(3, 6, 60), ack(4, 2, 20)}, again)
	require.NoError(t, l.Add(ack(4, 3, 30)))
	assert.Equal(t, uint64(2), again[3].Seq)
}
