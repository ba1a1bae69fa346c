package run

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/volume-durability/volume-durability/pkg/kube"
	"github.com/volume-durability/volume-durability/pkg/options"
	"github.com/volume-durability/volume-durability/pkg/result"
)

func TestReaderPlacement(t *testing.T) {
	for node, want := range map[options.ReaderNode]kube.Placement{
		options.AnyNode:   {},
		options.SameNode:  {Node: "n1"},
		options.OtherNode: {ExcludeNode: "n1"},
		"n7":              {Node: "n7"},
	} {
		c := newTestCell(t)
		c.result.Spec.ReaderNode = node
		c.result.Epochs = []result.Epoch{{Pod: result.Pod{Node: "n2"}}, {Pod: result.Pod{Node: "n1"}}}
		assert.Equal(t, want, readerPlacement(c.result), node)
	}
}

func TestWriter_NamesTheJournalInItsOwnFolder(t *testing.T) {
	c := newTestCell(t)
	assert.Empty(t, c.specs.writer(1, nil).OwnFolderJournal, "the claim is the run's own")
	existing := newCell(c.run, options.CellSpec{ExistingClaim: "theirs"})
	assert.Equal(t, existing.result.JournalFile, existing.specs.writer(1, nil).OwnFolderJournal)
	assert.Contains(t, existing.specs.writer(1, nil).Command, "--own-folder")
}
