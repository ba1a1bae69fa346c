package main

import (
	"context"
	"io"

	"github.com/volume-durability/volume-durability/pkg/protocol"
	"github.com/volume-durability/volume-durability/pkg/volume"
)

// remove removes the journal, and the folder that it is in where that is our own and
// holds nothing else.
func (t *task) remove(context.Context, io.Writer) error {
	doing := "removing " + t.file
	if err := t.during(doing, func() error { return volume.Remove(t.file) }); err != nil {
		return protocol.NewOpError(doing, err)
	}
	return nil
}
