package pattern

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
)

// FuzzScanner adds any bytes as the content of an object. The report must be consistent with what was added.
func FuzzScanner(f *testing.F) {
	names := []Name{Overwrite, Create, Recycle, Mixed}
	for i, name := range names {
		model, err := NewModel(format, NewLayout(name, 16))
		require.NoError(f, err)
		operations, err := NewEncoder(format, model, 1)
		require.NoError(f, err)
		batch, _ := operations.Next(3, func() time.Time { return time.Unix(1, 0) })
		for _, op := range batch {
			f.Add(op.Content, op.Object.Epoch, op.Object.Number, uint8(i))
			f.Add(op.Content, op.Object.Epoch, op.Object.Number+1, uint8(i))
			f.Add(op.Content[:100], op.Object.Epoch, op.Object.Number, uint8(i))
		}
	}
	f.Add([]byte{}, 0, uint64(0), uint8(1))
	f.Add([]byte("A00000000000000000000000000000 0123456789abcdef e=0000100000000000000100000000000000000000000000000"),
		1, uint64(3), uint8(1)) // the fields of a record after another first byte
	f.Add(make([]byte, 256), 0, uint64(1), uint8(0))
	f.Fuzz(func(t *testing.T, content []byte, epoch int, number uint64, which uint8) {
		name := names[int(which)%len(names)]
		model, err := NewModel(format, NewLayout(name, 16))
		require.NoError(t, err)
		object := journal.Object{Epoch: epoch, Number: number}
		scanner := NewScanner(format, model, []journal.Point{{Epoch: 1, Seq: 1}})
		scanner.Add(object, content)
		checkReport(t, scanner.Report(), model, object, content)
	})
}

// checkReport requires that an object is in one list of the report only, and that the record there belongs to it.
func checkReport(t *testing.T, r journal.ScanReport, model Model, object journal.Object, content []byte) {
	t.Helper()
	o := r.Objects
	assert.True(t, r.Present)
	assert.Equal(t, int64(len(content)), r.Bytes)
	assert.Equal(t, uint64(len(o.Current)+len(o.Misdirected)), uint64(r.Records))
	listed := len(o.Current) + len(o.Damage) + len(o.Misdirected) + len(o.Foreign)
	if !model.IsSlot(object) || !isZero(content) {
		assert.Equal(t, 1, listed)
	} else {
		assert.Zero(t, listed, "a slot that was never written")
	}
	for _, c := range o.Current {
		assert.Equal(t, c.First, c.Last)
		assert.Equal(t, object, model.Written(journal.Point{Epoch: c.Epoch, Seq: c.First}))
		assert.Len(t, content, r.RecordSize)
	}
	for _, m := range o.Misdirected {
		assert.Equal(t, object, m.Object)
		assert.NotEqual(t, object, model.Written(m.Record))
	}
	for _, d := range o.Damage {
		assert.Equal(t, object, d.Object)
		assert.Equal(t, int64(len(content)), d.Bytes)
		assert.LessOrEqual(t, d.Zeros, d.Bytes)
		assert.LessOrEqual(t, d.Matching, d.Bytes)
		assert.False(t, d.Partial == nil && d.Matching > 0)
	}
	for _, f := range o.Foreign {
		assert.NotEqual(t, r.ID, f.ID)
	}
	_, err := json.Marshal(r)
	assert.NoError(t, err)
}
