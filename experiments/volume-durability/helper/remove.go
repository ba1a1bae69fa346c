package helper

import (
	"context"
	"io"

	"github.com/volume-durability/volume-durability/pkg/pattern"
	"github.com/volume-durability/volume-durability/pkg/pattern/files"
	"github.com/volume-durability/volume-durability/pkg/pattern/mixed"
	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// remove removes the journal. It also removes the folder of the journal if the run
// created the folder and it is empty.
func (t *task) remove(context.Context, io.Writer) error {
	op := "removing " + t.file
	if err := t.watch(op, t.removeAll); err != nil {
		return protocol.NewOpError(op, err)
	}
	return nil
}

// removeAll removes the files of a write pattern, whose folder is at the path of the journal, then what Remove removes.
func (t *task) removeAll() error {
	if err := t.removeObjects(); err != nil {
		return err
	}
	return volume.Remove(t.file)
}

func (t *task) removeObjects() error {
	switch {
	case t.layout.Pattern == pattern.Mixed:
		return mixed.Remove(t.file)
	case t.layout.Pattern.IsFolder():
		return files.Remove(t.file)
	default:
		return nil
	}
}
