package judge

import (
	"cmp"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// contents are what a scan found in the objects of a write pattern.
type contents struct {
	// ranges are the intact records in their own objects, sorted.
	ranges []journal.RecordRange
	// versions are the operations whose record each object has, by number. It is nil if objects are not shared.
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
	c := contents{others: map[journal.Object]otherContent{}}
	if report == nil {
		return c
	}
	c.ranges = slices.SortedFunc(slices.Values(report.Current), func(a, b journal.RecordRange) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.First, b.First))
	})
	if model.Pattern.SharesObjects() {
		c.versions = versionsOf(c.ranges, model)
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

// versionsOf returns the operation whose record each object has.
func versionsOf(ranges []journal.RecordRange, model pattern.Model) []journal.Point {
	versions := make([]journal.Point, model.Objects)
	for _, r := range ranges {
		for seq := r.First; seq <= r.Last && seq-r.First < model.Objects; seq++ {
			point := journal.Point{Epoch: r.Epoch, Seq: seq}
			versions[model.Written(point).Number] = point
		}
	}
	return versions
}

// version returns the operation whose record an object has.
func (c contents) version(object journal.Object) (journal.Point, bool) {
	if c.versions != nil {
		v := c.versions[object.Number]
		return v, v.Seq > 0
	}
	point := journal.Point{Epoch: object.Epoch, Seq: object.Number}
	_, found := slices.BinarySearchFunc(c.ranges, point, func(r journal.RecordRange, p journal.Point) int {
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
