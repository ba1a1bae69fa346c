package judge

import (
	"cmp"
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

// merged returns one finding for each sequence of consecutive operations of one epoch with the same class.
func (l findingList) merged(model pattern.Model) []Finding {
	sorted := slices.SortedFunc(slices.Values(l), func(a, b objectFinding) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.op.Epoch, b.op.Epoch), cmp.Compare(a.op.Seq, b.op.Seq))
	})
	var findings []Finding
	for _, s := range sorted {
		if n := len(findings); n > 0 {
			last := &findings[n-1]
			if last.Class == s.class && last.Epoch == s.op.Epoch && last.Last+1 == s.op.Seq {
				last.Last++
				last.Records++
				continue
			}
		}
		findings = append(findings, Finding{
			Class: s.class, Epoch: s.op.Epoch, First: s.op.Seq, Last: s.op.Seq, Records: 1,
			Object: model.ObjectName(s.object), Detail: s.detail,
		})
	}
	return findings
}
