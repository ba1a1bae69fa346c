package run

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestReaderPlacement(t *testing.T) {
	for setting, want := range map[options.ReaderNode]kube.Placement{
		options.AnyNode:   {},
		options.SameNode:  {Node: "n1"},
		options.OtherNode: {ExcludeNode: "n1"},
		"n7":              {Node: "n7"},
	} {
		c := newTestCell(t)
		c.result.Plan.ReaderNode = setting
		c.result.Epochs = []result.Epoch{{Pod: result.Pod{Node: "n2"}}, {Pod: result.Pod{Node: "n1"}}}
		assert.Equal(t, want, readerPlacement(c.result), setting)
	}
}
