package judge

import (
	"cmp"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// contents are what a scan found in the objects of a write pattern.
type contents struct {
	model pattern.Model
	// ranges are the intact records in their own objects, sorted. byPattern are those of each write pattern.
	ranges    []journal.RecordRange
	byPattern map[pattern.Name][]journal.RecordRange
	// versions are the operations whose record each shared object has, by number.
	versions []journal.Point
	// others are the objects without an intact record of their own.
	others map[journal.Object]otherContent
}

// otherContent is what an object has instead of its own record. One of the fields is set.
type otherContent struct {
	damage      *journal.ObjectDamage
	misdirected *journal.Point
	foreign     string
}

func newContents(report *journal.ObjectReport, model pattern.Model) contents {
	c := contents{
		model: model, byPattern: map[pattern.Name][]journal.RecordRange{}, others: map[journal.Object]otherContent{},
	}
	if model.HasShared() {
		c.versions = make([]journal.Point, model.Objects)
	}
	if report == nil {
		return c
	}
	c.ranges = slices.SortedFunc(slices.Values(report.Current), func(a, b journal.RecordRange) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.First, b.First))
	})
	for _, r := range c.ranges {
		c.addRange(r)
	}
	for i := range report.Damage {
		c.others[report.Damage[i].Object] = otherContent{damage: &report.Damage[i]}
	}
	for i := range report.Misdirected {
		c.others[report.Misdirected[i].Object] = otherContent{misdirected: &report.Misdirected[i].Record}
	}
	for _, f := range report.Foreign {
		c.others[f.Object] = otherContent{foreign: f.ID}
	}
	return c
}

// addRange adds a range of records to the objects that have them. Each round of operations writes a shared object once,
// so only the last round of the range can be present.
func (c contents) addRange(r journal.RecordRange) {
	name := c.model.PatternOf(c.model.Written(journal.Point{Epoch: r.Epoch, Seq: r.First}))
	c.byPattern[name] = append(c.byPattern[name], r)
	if !name.SharesObjects() {
		return
	}
	if r.Last > c.model.Objects {
		r.First = max(r.First, r.Last-c.model.Objects+1)
	}
	for op := range c.model.Operations(r) {
		c.versions[c.model.Written(op).Number] = op
	}
}

// version returns the operation whose record an object has.
func (c contents) version(object journal.Object) (journal.Point, bool) {
	name := c.model.PatternOf(object)
	if name.SharesObjects() {
		v := c.versions[object.Number]
		return v, v.Seq > 0
	}
	point := journal.Point{Epoch: object.Epoch, Seq: object.Number}
	_, found := slices.BinarySearchFunc(c.byPattern[name], point, func(r journal.RecordRange, p journal.Point) int {
		switch {
		case r.Epoch != p.Epoch:
			return cmp.Compare(r.Epoch, p.Epoch)
		case p.Seq < r.First:
			return 1
		case p.Seq > r.Last:
			return -1
		default:
			return 0
		}
	})
	return point, found
}
