package volume

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Datasync makes everything that was written to the file durable, including the metadata
// that is needed to read it back (fdatasync(2)). The error is a LimitError if the filesystem cannot sync.
func (f *File) Datasync() error {
	if f.syncWrites {
		return nil
	}
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return syncLimit(err)
		}
	}
}
