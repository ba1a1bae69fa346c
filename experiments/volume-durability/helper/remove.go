package helper

import (
	"context"
	"io"
	"os"

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

// removeAll removes the objects in the folder at the path of the journal, or the journal there. It then removes the
// run's own folder.
func (t *task) removeAll() error {
	if err := t.removeObjects(); err != nil {
		return err
	}
	return volume.Remove(t.file)
}

// removeObjects removes the objects of any write pattern, so that its caller need not know the pattern of the run.
func (t *task) removeObjects() error {
	info, err := os.Lstat(t.file)
	if err != nil || !info.IsDir() {
		return nil // volume.Remove reports the error
	}
	return mixed.Remove(t.file)
}
