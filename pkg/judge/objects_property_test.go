package judge

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// The property, for each pattern with objects: a scan gives no finding if and only if each object has the effect of
// its last acknowledged operation or of a later one.
func TestJudgeObjects_PassIfAndOnlyIfAcknowledgedOperationsAreIntact(t *testing.T) {
	first, workers := uint64(time.Now().UnixNano()), runtime.GOMAXPROCS(0)
	if *seed != 0 {
		judgeObjects(t, *seed)
		return
	}
	var passed, failed atomic.Int64
	t.Run("histories", func(t *testing.T) {
		for worker := range workers {
			t.Run(fmt.Sprint(worker), func(t *testing.T) {
				t.Parallel()
				for i := worker; i < *cases; i += workers {
					if judgeObjects(t, first+uint64(i)) {
						passed.Add(1)
					} else {
						failed.Add(1)
					}
				}
			})
		}
	})
	t.Logf("%d histories from seed %d on, %d of them passed", *cases, first, passed.Load())
	require.NotZero(t, passed.Load())
	require.NotZero(t, failed.Load())
}

// judgeObjects generates a history and compares its judgement with what is known about it.
func judgeObjects(t *testing.T, seed uint64) (pass bool) {
	t.Helper()
	h := newObjectHistory(t, seed)
	for range 1 + h.random.IntN(3) {
		h.writeEpoch()
		h.earlier = append(h.earlier, h.scan())
	}
	h.damageOnce()
	pass = h.isIntact()
	judgement := Judge(Input{
		Layout: h.model.Layout, Acks: h.ledger.Acks(), Scan: h.scan(), Earlier: h.earlier, Epochs: h.epochs,
	})
	if pass != (len(judgement.Findings) == 0) {
		t.Fatalf("intact: %v, damage: %q, layout: %v, acknowledgements: %v\nfindings: %v\nscan: %+v\nobjects: %+v\n"+
			"replay: go test ./pkg/judge -run JudgeObjects -seed %d",
			pass, h.damage, h.model.Layout, h.ledger.Acks(), judgement.Findings, h.scan(), *h.scan().Objects, seed)
	}
	return pass
}

// objectHistory is a volume with objects, and what was written to it.
type objectHistory struct {
	t      *testing.T
	random *rand.Rand
	format journal.Format
	model  pattern.Model
	ledger ledger.Ledger
	epochs int
	// volume holds the content of each object that exists.
	volume map[journal.Object][]byte
	// allowed holds what an object may contain: the effect of the last acknowledged operation, and of each later one.
	// A nil content means that the object does not exist.
	allowed map[journal.Object][]version
	// past holds everything that an object contained.
	past map[journal.Object][][]byte
	// done is, by epoch, the last operation of which a part may have been done.
	done   map[int]uint64
	damage string

	earlier []journal.ScanReport
}

func newObjectHistory(t *testing.T, seed uint64) *objectHistory {
	h := &objectHistory{
		t: t, random: rand.New(rand.NewPCG(seed, 2)),
		format: journal.Format{ID: "0123456789abcdef", RecordSize: journal.MinRecordSize},
		volume: map[journal.Object][]byte{}, allowed: map[journal.Object][]version{}, past: map[journal.Object][][]byte{},
		done: map[int]uint64{},
	}
	var names []pattern.Name
	for _, name := range pattern.Names() {
		if name.HasObjects() {
			names = append(names, name)
		}
	}
	layout := pattern.Layout{Pattern: names[h.random.IntN(len(names))]}
	if layout.Pattern != pattern.Create {
		layout.Objects = 1 + h.random.Uint64N(40)
	}
	var err error
	h.model, err = pattern.NewModel(h.format, layout)
	require.NoError(t, err)
	return h
}

// version is a content that an object may have since an epoch.
type version struct {
	epoch   int
	content []byte
}

// effect is what an operation does to one object, at one moment. A nil content removes the object.
type effect struct {
	object  journal.Object
	content []byte
	// from is the object that is renamed to the object and keeps its content; nil for none.
	from *journal.Object
	// inPlace reports whether the content may be written in part.
	inPlace bool
}

// writeEpoch does operations in batches and acknowledges some of them. The last batch may be done in part.
func (h *objectHistory) writeEpoch() {
	h.epochs++
	encoder, err := journal.NewEncoder(h.format, h.epochs)
	require.NoError(h.t, err)
	for range h.random.IntN(8) {
		effects, last := h.batch(encoder)
		for _, e := range effects {
			h.apply(e)
		}
		if h.random.IntN(3) > 0 {
			h.acknowledge(last)
		}
	}
	if h.random.IntN(2) == 0 {
		effects, _ := h.batch(encoder)
		h.crash(effects)
	}
}

// batch returns the effects of the operations up to the next sync, and the last record.
func (h *objectHistory) batch(encoder *journal.Encoder) (effects []effect, last journal.Record) {
	for range 1 + h.random.Uint64N(min(3, h.model.MaxBatch(h.format.RecordSize))) {
		var line []byte
		line, last = encoder.Append(nil, 0, time.Unix(1, 0))
		op := journal.Point{Epoch: last.Epoch, Seq: last.Seq}
		h.done[op.Epoch] = op.Seq
		effects = append(effects, h.effects(op, line)...)
	}
	return effects, last
}

// effects returns the effects of one operation, in their order.
func (h *objectHistory) effects(op journal.Point, line []byte) []effect {
	object := h.model.Written(op)
	write := effect{object: object, content: line, inPlace: h.model.IsSlot(object)}
	removed, any := h.model.Removed(op)
	switch {
	case !any:
		return []effect{write}
	case h.model.PatternOf(object) == pattern.Recycle:
		write.inPlace = true
		return []effect{{object: object, from: &removed}, write}
	default:
		return []effect{write, {object: removed}}
	}
}

// apply does what an operation does to an object.
func (h *objectHistory) apply(e effect) {
	if e.from != nil {
		e.content = h.volume[*e.from]
		h.apply(effect{object: *e.from})
	}
	h.set(e.object, e.content)
	h.allow(e)
	h.past[e.object] = append(h.past[e.object], e.content)
}

func (h *objectHistory) allow(e effect) {
	h.allowed[e.object] = append(h.allowed[e.object], version{h.epochs, e.content})
}

func (h *objectHistory) set(o journal.Object, content []byte) {
	if content == nil {
		delete(h.volume, o)
		return
	}
	h.volume[o] = content
}

// acknowledge adds an acknowledgement: each object that the epoch has written may only have its last content.
func (h *objectHistory) acknowledge(last journal.Record) {
	require.NoError(h.t, h.ledger.Add(ledger.Ack{
		Point: journal.Point{Epoch: last.Epoch, Seq: last.Seq}, Digest: last.Checksum,
	}))
	for o, versions := range h.allowed {
		if newest := versions[len(versions)-1:]; newest[0].epoch == h.epochs {
			h.allowed[o] = newest
		}
	}
}

// crash does each effect of the last batch completely, not at all or, if the pattern writes in place, in part.
func (h *objectHistory) crash(effects []effect) {
	for _, e := range effects {
		switch h.random.IntN(3) {
		case 0:
			return
		case 1:
			h.apply(e)
		default:
			if !e.inPlace {
				h.apply(e)
				continue
			}
			torn := slices.Clone(e.content)
			if old := h.volume[e.object]; old != nil {
				copy(torn[h.random.IntN(len(torn)):], old[:])
			}
			h.apply(effect{object: e.object, content: torn})
			h.allow(e)
		}
	}
}

// isIntact reports whether each object with an acknowledged operation has an allowed content.
func (h *objectHistory) isIntact() bool {
	for o, allowed := range h.allowed {
		if !h.isGuaranteed(o) {
			continue
		}
		content := h.volume[o]
		if !slices.ContainsFunc(allowed, func(v version) bool {
			return bytes.Equal(v.content, content) && (v.content == nil) == (content == nil)
		}) {
			return false
		}
	}
	return true
}

// isGuaranteed reports whether an acknowledged operation wrote or removed an object.
func (h *objectHistory) isGuaranteed(o journal.Object) bool {
	return slices.ContainsFunc(h.ledger.Acks(), func(ack ledger.Ack) bool {
		for seq := range ack.Seq {
			op := journal.Point{Epoch: ack.Epoch, Seq: seq + 1}
			removed, any := h.model.Removed(op)
			if h.model.Written(op) == o || any && removed == o {
				return true
			}
		}
		return false
	})
}

// damageOnce damages an object that no operation in flight may have written. An object that an operation may have been
// writing in place can have any content, so damage to it cannot be recognized.
func (h *objectHistory) damageOnce() {
	var objects []journal.Object
	for _, o := range slices.SortedFunc(maps.Keys(h.past), compareForTest) {
		if !h.mayBeInFlight(o) {
			objects = append(objects, o)
		}
	}
	if len(objects) == 0 {
		return
	}
	o := objects[h.random.IntN(len(objects))]
	content, exists := h.volume[o]
	past := h.past[o]
	kinds := map[string]func(){
		"none":   func() {},
		"remove": func() { delete(h.volume, o) },
		"old":    func() { h.set(o, past[h.random.IntN(len(past))]) },
		"foreign": func() {
			encoder, err := journal.NewEncoder(journal.Format{ID: "fedcba9876543210", RecordSize: h.format.RecordSize}, 1)
			require.NoError(h.t, err)
			h.volume[o], _ = encoder.Append(nil, 0, time.Unix(1, 0))
		},
	}
	if exists {
		kinds["flip"] = func() {
			flipped := slices.Clone(content)
			flipped[h.random.IntN(len(flipped))] ^= 1 << h.random.IntN(8)
			h.volume[o] = flipped
		}
		kinds["zeros"] = func() {
			zeros := slices.Clone(content)
			clear(zeros[h.random.IntN(len(zeros)):])
			h.volume[o] = zeros
		}
		kinds["truncate"] = func() { h.volume[o] = content[:h.random.IntN(len(content))] }
		kinds["swap"] = func() {
			for other, c := range h.volume {
				if other != o {
					h.volume[o] = c
					return
				}
			}
		}
	}
	names := slices.Sorted(maps.Keys(kinds))
	name := names[h.random.IntN(len(names))]
	h.damage = fmt.Sprintf("%s %v", name, o)
	kinds[name]()
}

// mayBeInFlight reports whether an epoch may have been writing an object in place, or removing it, when it ended.
func (h *objectHistory) mayBeInFlight(o journal.Object) bool {
	for epoch := range h.epochs {
		acknowledged := uint64(0)
		for _, ack := range h.ledger.Acks() {
			if ack.Epoch == epoch+1 {
				acknowledged = ack.Seq
			}
		}
		for seq := acknowledged + 1; seq <= h.done[epoch+1]+h.model.MaxBatch(h.format.RecordSize); seq++ {
			op := journal.Point{Epoch: epoch + 1, Seq: seq}
			removed, any := h.model.Removed(op)
			if h.model.IsSlot(o) && h.model.Written(op) == o || any && removed == o {
				return true
			}
		}
	}
	return false
}

func compareForTest(a, b journal.Object) int {
	if a.Epoch != b.Epoch {
		return a.Epoch - b.Epoch
	}
	return int(a.Number) - int(b.Number)
}

// scan scans the objects of the volume.
func (h *objectHistory) scan() journal.ScanReport {
	var points []journal.Point
	for _, ack := range h.ledger.Acks() {
		points = append(points, ack.Point)
	}
	s := pattern.NewScanner(h.format, h.model, points)
	for o, content := range h.volume {
		s.Add(o, content)
	}
	return s.Report()
}
