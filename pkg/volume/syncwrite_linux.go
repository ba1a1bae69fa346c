package volume

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ReopenForSyncWrites returns the file, opened again so that each write is durable when it returns (O_DSYNC). Datasync
// then does nothing. It closes f.
func (f *File) ReopenForSyncWrites() (*File, error) {
	again, err := os.OpenFile(f.Name(), os.O_WRONLY|os.O_APPEND|unix.O_DSYNC, 0)
	if err != nil {
		err = patternLimit("the filesystem cannot write synchronously", "open(2) with O_DSYNC", err)
		return nil, errors.Join(fmt.Errorf("opening %s for synchronous writes: %w", f.Name(), err), f.Close())
	}
	return &File{File: again, appends: true, syncWrites: true}, f.Close()
}
