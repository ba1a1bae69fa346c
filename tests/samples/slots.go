package samples

import (
	"time"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/result"
)

// slots is the number of slots in the sample of the write pattern overwrite.
const slots = 512

// Overwrite returns a run that overwrites slots, on storage that damages three of them: one has an older record, one
// has only zeros, and one has the record of another slot.
func Overwrite() result.Result {
	opts := options.Defaults()
	opts.WritePatterns, opts.WriteObjects = []pattern.Name{pattern.Overwrite}, slots
	s := stig(onNFS(11, "", "stig-pvc"))
	s.spec.WritePattern = pattern.Overwrite
	s.damage = map[int]damage{3: damagesThreeSlots}
	return newResult(opts, cell(s))
}

// overwrites makes the volume one of slots.
func (v *volume) overwrites(layout pattern.Layout) {
	v.model = must(pattern.NewModel(v.format, layout))
	v.bytes = make([]byte, v.model.Size(v.format.RecordSize))
}

// overwriter returns the function that overwrites slots with records of the current epoch and returns the last one.
func (v *volume) overwriter() func(n int, at time.Time) journal.Record {
	operations := must(pattern.NewEncoder(v.format, v.model, v.epoch))
	return func(n int, at time.Time) journal.Record {
		batch, last := operations.Next(n, func() time.Time { return at })
		for _, op := range batch {
			copy(v.bytes[op.Offset:], op.Content)
		}
		return last
	}
}

func (v *volume) scanSlots(points []journal.Point) journal.ScanReport {
	scanner := pattern.NewScanner(v.format, v.model, points)
	for number := range v.model.Objects {
		scanner.Add(journal.Object{Number: number}, v.slot(v.bytes, number))
	}
	return scanner.Report()
}

// slot returns the bytes of a slot.
func (v *volume) slot(of []byte, number uint64) []byte {
	at := v.model.Offset(journal.Object{Number: number}, int64(v.format.RecordSize))
	return of[at : at+int64(v.format.RecordSize)]
}

func damagesThreeSlots(v *volume) {
	copy(v.slot(v.bytes, 40), v.slot(v.before, 40))
	clear(v.slot(v.bytes, 200))
	copy(v.slot(v.bytes, 300), v.slot(v.bytes, 301))
}
