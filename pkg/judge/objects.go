package judge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/ledger"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// objectEvaluation judges the objects of a write pattern.
type objectEvaluation struct {
	*evaluation
	model pattern.Model
	found contents
	// earlier are the contents that pods found before.
	earlier []contents
	// frontier is, by epoch, the last operation that may have been done when the epoch's writer ended.
	frontier map[int]uint64
	findings findingList
}

// DamagedObject is an object that contradicts the last acknowledged operation on it: its content is not what the
// operation wrote, or it exists although the operation removed it.
type DamagedObject struct {
	Object journal.Object
	Class  Class
	// Operation is the last acknowledged operation on the object.
	Operation journal.Point
	Detail    string
}

// DamagedObjects returns the objects with a finding, in the order of the objects. Judge merges them into findings.
func DamagedObjects(in Input) []DamagedObject {
	o, err := newEvaluation(in).newObjectEvaluation()
	if err != nil {
		return nil
	}
	o.checkEach()
	var damaged []DamagedObject
	for _, f := range o.findings {
		damaged = append(damaged, DamagedObject{Object: f.object, Class: f.class, Operation: f.op, Detail: f.detail})
	}
	slices.SortFunc(damaged, func(a, b DamagedObject) int {
		return cmp.Or(cmp.Compare(a.Object.Epoch, b.Object.Epoch), cmp.Compare(a.Object.Number, b.Object.Number))
	})
	return damaged
}

// checkObjects compares each object with the last acknowledged operation on it.
func (e *evaluation) checkObjects() {
	o, err := e.newObjectEvaluation()
	if err != nil {
		e.report(Finding{Class: Corrupt, Detail: "the layout of the objects is invalid: " + err.Error()})
		return
	}
	o.checkEach()
	o.checkUnexpected()
	e.judgement.Removed = countRemoved(o.model, e.Acks)
	for _, f := range o.findings.merged(o.model, o.Scan.RecordSize) {
		e.report(f)
	}
}

func (e *evaluation) newObjectEvaluation() (*objectEvaluation, error) {
	model, err := pattern.NewModel(e.Scan.Format, e.Layout)
	if err != nil {
		return nil, err
	}
	o := &objectEvaluation{evaluation: e, model: model, found: newContents(e.Scan.Objects, model)}
	for _, scan := range e.Earlier {
		o.earlier = append(o.earlier, newContents(scan.Objects, model))
	}
	o.frontier = o.frontiers()
	return o, nil
}

// checkEach adds what is wrong with single objects.
func (o *objectEvaluation) checkEach() {
	if o.model.HasShared() {
		o.checkShared()
	}
	if o.model.HasOwned() {
		o.checkOwned()
	}
}

// frontiers returns, by epoch, the highest sequence number that may have been written: the highest that is known, and
// the operations of one batch after it.
func (o *objectEvaluation) frontiers() map[int]uint64 {
	known := map[int]uint64{}
	for _, ack := range o.Acks {
		known[ack.Epoch] = ack.Seq
	}
	for _, c := range append(slices.Clone(o.earlier), o.found) {
		for _, r := range c.ranges {
			known[r.Epoch] = max(known[r.Epoch], r.Last)
		}
	}
	o.addStarted(known)
	batch := o.model.MaxBatch(o.Scan.RecordSize)
	for epoch := range o.Epochs {
		known[epoch+1] += batch
	}
	return known
}

// addStarted adds the operations that renamed a file, but that have not overwritten it completely. The limit ignores
// file names that no writer of the run can have created.
func (o *objectEvaluation) addStarted(known map[int]uint64) {
	limit := maps.Clone(known)
	for _, c := range append(slices.Clone(o.earlier), o.found) {
		for object := range c.others {
			if o.model.PatternOf(object) == pattern.Recycle && object.Number <= limit[object.Epoch]+o.model.Objects {
				known[object.Epoch] = max(known[object.Epoch], object.Number)
			}
		}
	}
}

// checkShared judges objects that every epoch writes.
func (o *objectEvaluation) checkShared() {
	checked := o.lastAcknowledged()
	for _, ack := range o.Acks {
		o.judgement.Superseded += o.model.CountShared(ack.Seq)
	}
	o.judgement.Superseded -= uint64(len(checked))
	for _, required := range checked {
		o.checkObject(required, o.model.Written(required))
	}
}

// lastAcknowledged returns the last acknowledged operation on each shared object, in the order of the operations.
func (o *objectEvaluation) lastAcknowledged() []journal.Point {
	var points []journal.Point
	written := make([]bool, o.model.Objects)
	for _, ack := range slices.Backward(o.Acks) {
		for seq := ack.Seq; seq > 0 && ack.Seq-seq < o.model.Objects; seq-- {
			point := journal.Point{Epoch: ack.Epoch, Seq: seq}
			object := o.model.Written(point)
			if object.Epoch == 0 && !written[object.Number] {
				written[object.Number] = true
				points = append(points, point)
			}
		}
	}
	slices.Reverse(points)
	return points
}

// checkOwned judges objects that belong to one operation.
func (o *objectEvaluation) checkOwned() {
	for _, ack := range o.Acks {
		o.checkRemoved(ack)
		for seq := o.firstKept(ack); seq <= ack.Seq; seq++ {
			point := journal.Point{Epoch: ack.Epoch, Seq: seq}
			if object := o.model.Written(point); object.Epoch > 0 && !o.isRemoved(object, ack) {
				o.checkObject(point, object)
			}
		}
	}
}

// firstKept returns an operation of an epoch before which all objects were removed by acknowledged operations.
func (o *objectEvaluation) firstKept(ack ledger.Ack) uint64 {
	if !o.model.Pattern.EveryOperationRemoves() || ack.Seq < o.model.Objects {
		return 1
	}
	return ack.Seq - o.model.Objects + 1
}

// isRemoved reports whether an acknowledged operation removed an object, or renamed it.
func (o *objectEvaluation) isRemoved(object journal.Object, ack ledger.Ack) bool {
	return object.Epoch == ack.Epoch && object.Number+o.model.Objects <= ack.Seq &&
		o.model.PatternOf(object).EveryOperationRemoves()
}

// checkRemoved reports the objects that an acknowledged operation removed, but that are present.
func (o *objectEvaluation) checkRemoved(ack ledger.Ack) {
	check := func(object journal.Object) {
		if o.isRemoved(object, ack) {
			o.addResurrected(journal.Point{Epoch: ack.Epoch, Seq: object.Number + o.model.Objects}, object)
		}
	}
	for _, r := range o.found.ranges {
		for op := range o.model.Operations(r) {
			check(o.model.Written(op))
		}
	}
	for object := range o.found.others {
		check(object)
	}
}

// renames reports whether an operation renames an object.
func (o *objectEvaluation) renames(op journal.Point, object journal.Object) bool {
	renamed, any := o.model.Removed(op)
	return any && renamed == object && o.model.PatternOf(object) == pattern.Recycle
}

func (o *objectEvaluation) addResurrected(remover journal.Point, object journal.Object) {
	what := "removed"
	if o.model.PatternOf(object) == pattern.Recycle {
		what = "renamed"
	}
	o.findings.add(Resurrected, remover, object, "was "+what+" and is present again")
}

// checkObject compares an object with the last acknowledged operation on it.
func (o *objectEvaluation) checkObject(required journal.Point, object journal.Object) {
	if other, found := o.found.others[object]; found {
		o.checkOther(required, object, other)
		return
	}
	version, found := o.found.version(object)
	switch {
	case !found && o.mayBeRemoved(object):
	case !found:
		o.findings.add(Missing, required, object, o.absence(object))
	case version == required:
		o.checkDigest(required, object)
	case !isBefore(version.Epoch, version.Seq, required.Epoch, required.Seq): // a later operation, not acknowledged
	case o.MayOverlap && version.Epoch < required.Epoch && version.Seq > o.acknowledged(version.Epoch):
		o.note(fmt.Sprintf("two writers ran at the same time: epoch %d wrote %s after epoch %d",
			version.Epoch, o.model.ObjectName(object), required.Epoch))
	default:
		o.addOlder(required, object, version)
	}
}

// addOlder reports an object that has an older record than the required one.
func (o *objectEvaluation) addOlder(required journal.Point, object journal.Object, version journal.Point) {
	if o.wasFoundEarlier(required, object) {
		o.findings.add(RolledBack, required, object, "an earlier pod read this record, now it has that of "+
			describe(version))
		return
	}
	o.findings.add(Stale, required, object, "has the record of "+describe(version))
}

// absence describes an object without content.
func (o *objectEvaluation) absence(object journal.Object) string {
	switch {
	case !o.model.IsSlot(object):
		return "does not exist"
	case o.model.Pattern == pattern.Mixed: // the file with the slots may not exist either
		return "has no record"
	default:
		return "has no record, only zeros"
	}
}

// describe names an operation in a detail.
func describe(p journal.Point) string { return fmt.Sprintf("epoch %d sequence %d", p.Epoch, p.Seq) }

// checkDigest compares the checksum of the last acknowledged record of an epoch with the acknowledged digest.
func (o *objectEvaluation) checkDigest(required journal.Point, object journal.Object) {
	i := slices.IndexFunc(o.Acks, func(a ledger.Ack) bool { return a.Point == required })
	if i < 0 {
		return
	}
	if digest, found := o.digestAt(required); found && digest != o.Acks[i].Digest {
		o.findings.add(Corrupt, required, object, "has an intact record, but not the acknowledged one")
	}
}

// checkOther judges an object that has no intact record of its own.
func (o *objectEvaluation) checkOther(required journal.Point, object journal.Object, other otherContent) {
	switch {
	case other.misdirected != nil && o.model.IsOlder(*other.misdirected, object):
		o.addOlder(required, object, *other.misdirected)
	case other.misdirected != nil && o.renames(*other.misdirected, object):
		o.addResurrected(required, object)
	case other.misdirected != nil:
		o.findings.add(Misdirected, required, object, "has the record of "+describe(*other.misdirected)+
			", which belongs to "+o.model.ObjectName(o.model.Written(*other.misdirected)))
	case other.foreign != "":
		o.findings.add(Foreign, required, object, "has a record of journal "+other.foreign)
	case other.damage.Unreadable != "":
		o.findings.add(Unavailable, required, object, "cannot be read: "+other.damage.Unreadable)
	case o.mayBeInFlight(required, object) && other.damage.Zeros == 0:
		// The writer was killed while it overwrote the object in place. No acknowledgement guarantees more.
	case other.damage.Bytes == 0:
		o.findings.add(Missing, required, object, "is empty")
	default:
		class, detail := o.inspect(*other.damage)
		o.findings.add(class, required, object, detail)
	}
}

// inspect returns the class of an object that has no intact record, and what it has instead. The object is torn if it
// begins with a part of a record of its own and has nothing else.
func (o *objectEvaluation) inspect(d journal.ObjectDamage) (Class, string) {
	switch rest := d.Bytes - d.Matching; {
	case d.Zeros == d.Bytes:
		return Corrupt, "has only zeros: " + Count(d.Bytes, "byte")
	case d.Partial == nil || d.Matching == 0 || !o.mayHave(d.Object, *d.Partial): // damaged fields can name any record
		return Corrupt, fmt.Sprintf("has %s that are not an intact record", Count(d.Bytes, "byte"))
	case d.Matching >= int64(o.Scan.RecordSize):
		return Corrupt, fmt.Sprintf("has the record of %s and %s after it", describe(*d.Partial), Count(rest, "more byte"))
	case rest == 0:
		return Torn, fmt.Sprintf("has only the first %s of the record of %s", Count(d.Matching, "byte"), describe(*d.Partial))
	case d.Zeros == rest:
		return Torn, begins(d) + ", then has zeros"
	default:
		return Corrupt, begins(d) + ", then has other bytes"
	}
}

// mayHave reports whether an operation may have been done and writes an object.
func (o *objectEvaluation) mayHave(object journal.Object, p journal.Point) bool {
	return p.Seq <= o.frontier[p.Epoch] && o.model.Written(p) == object
}

// begins describes the start of a damaged object.
func begins(d journal.ObjectDamage) string {
	return fmt.Sprintf("begins with %s of the record of %s", Count(d.Matching, "byte"), describe(*d.Partial))
}

// mayBeInFlight reports whether a writer may have been killed while it overwrote an object in place, after the last
// acknowledged operation on the object.
func (o *objectEvaluation) mayBeInFlight(required journal.Point, object journal.Object) bool {
	if !o.model.IsSlot(object) {
		return false
	}
	for epoch, frontier := range o.frontier {
		if epoch < required.Epoch && !o.MayOverlap {
			continue
		}
		for seq := o.acknowledged(epoch) + 1; seq <= frontier; seq++ {
			if o.model.Written(journal.Point{Epoch: epoch, Seq: seq}) == object {
				return true
			}
		}
	}
	return false
}

// mayBeRemoved reports whether an operation that was not acknowledged may have removed an object.
func (o *objectEvaluation) mayBeRemoved(object journal.Object) bool {
	return o.model.PatternOf(object).EveryOperationRemoves() && object.Number+o.model.Objects <= o.frontier[object.Epoch]
}

// wasFoundEarlier reports whether an earlier pod found the required record, or a later one, in an object.
func (o *objectEvaluation) wasFoundEarlier(required journal.Point, object journal.Object) bool {
	return slices.ContainsFunc(o.earlier, func(c contents) bool {
		version, found := c.version(object)
		return found && !isBefore(version.Epoch, version.Seq, required.Epoch, required.Seq)
	})
}

// acknowledged returns the last acknowledged sequence number of an epoch, or 0.
func (o *objectEvaluation) acknowledged(epoch int) uint64 {
	i := slices.IndexFunc(o.Acks, func(a ledger.Ack) bool { return a.Epoch == epoch })
	if i < 0 {
		return 0
	}
	return o.Acks[i].Seq
}

// checkUnexpected reports records that no writer of this run wrote.
func (o *objectEvaluation) checkUnexpected() {
	for _, r := range o.found.ranges {
		if r.Epoch > o.Epochs {
			point := journal.Point{Epoch: r.Epoch, Seq: r.First}
			o.report(Finding{
				Class: Foreign, Epoch: r.Epoch, First: r.First, Last: r.Last,
				Object: o.model.ObjectName(o.model.Written(point)),
				Detail: fmt.Sprintf("only %s had been started", Count(o.Epochs, "epoch")),
			})
		}
	}
	if report := o.Scan.Objects; report != nil && report.Unlisted > 0 {
		o.report(Finding{Class: Corrupt, Detail: fmt.Sprintf(
			"the scan found %s than it lists", Count(report.Unlisted, "more object"))})
	}
}
