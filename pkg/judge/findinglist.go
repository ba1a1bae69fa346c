package judge

import (
	"cmp"
	"maps"
	"slices"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/pattern"
)

// findingList collects what is wrong with single objects, and merges consecutive operations into one finding.
type findingList []objectFinding

// objectFinding is an acknowledged operation whose effect on an object is lost.
type objectFinding struct {
	class  Class
	op     journal.Point
	object journal.Object
	detail string
}

func (l *findingList) add(class Class, op journal.Point, object journal.Object, detail string) {
	*l = append(*l, objectFinding{class: class, op: op, object: object, detail: detail})
}

// maxPerEpoch is the maximum number of findings of one class and epoch. If there are more, they become one.
const maxPerEpoch = 16

// merged returns the findings. Those of one class and epoch are merged if their operations or their objects are
// adjacent, whichever leaves fewer findings.
func (l findingList) merged(model pattern.Model, recordSize int) []Finding {
	groups := map[findingGroup][]objectFinding{}
	for _, f := range l {
		key := findingGroup{f.class, f.op.Epoch}
		groups[key] = append(groups[key], f)
	}
	var findings []Finding
	for _, key := range slices.SortedFunc(maps.Keys(groups), findingGroup.compare) {
		for _, adjacent := range splitGroup(groups[key]) {
			findings = append(findings, join(adjacent, model, recordSize))
		}
	}
	return findings
}

// findingGroup is what findings that can be merged have in common.
type findingGroup struct {
	class Class
	epoch int
}

func (a findingGroup) compare(b findingGroup) int {
	return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.epoch, b.epoch))
}

// splitGroup splits the findings of a group into those that become one finding each.
func splitGroup(group []objectFinding) [][]objectFinding {
	byOp := splitBy(group, func(f objectFinding) uint64 { return f.op.Seq })
	byObject := splitBy(group, func(f objectFinding) uint64 { return f.object.Number })
	switch best := min(len(byOp), len(byObject)); {
	case best > maxPerEpoch:
		return [][]objectFinding{slices.Concat(byOp...)}
	case best == len(byOp):
		return byOp
	default:
		return byObject
	}
}

// splitBy sorts findings by a number, and splits them where the numbers are not consecutive.
func splitBy(group []objectFinding, number func(objectFinding) uint64) [][]objectFinding {
	sorted := slices.SortedFunc(slices.Values(group), func(a, b objectFinding) int {
		return cmp.Compare(number(a), number(b))
	})
	var parts [][]objectFinding
	for i, f := range sorted {
		if i == 0 || number(f) != number(sorted[i-1])+1 {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], f)
	}
	return parts
}

// join returns one finding for several, which describes the first one in detail.
func join(all []objectFinding, model pattern.Model, recordSize int) Finding {
	first := all[0]
	f := Finding{
		Class: first.class, Epoch: first.op.Epoch, First: first.op.Seq, Last: first.op.Seq, Records: uint64(len(all)),
		Object: model.ObjectName(first.object), Detail: first.detail,
	}
	f.Offset = model.Offset(first.object, int64(recordSize))
	for _, other := range all {
		f.First, f.Last = min(f.First, other.op.Seq), max(f.Last, other.op.Seq)
		f.End = max(f.End, model.Offset(other.object, int64(recordSize))+int64(recordSize))
	}
	return f
}
