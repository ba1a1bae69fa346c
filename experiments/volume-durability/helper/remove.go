package helper

import (
	"context"
	"io"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// remove removes the journal. It also removes the folder of the journal if the run
// created the folder and it is empty.
func (t *task) remove(context.Context, io.Writer) error {
	op := "removing " + t.file
	if err := t.watch(op, func() error { return volume.Remove(t.file) }); err != nil {
		return protocol.NewOpError(op, err)
	}
	return nil
}
