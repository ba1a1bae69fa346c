package volume

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// open opens the file without caching: macOS has no direct I/O. F_NOCACHE keeps reads from
// filling the page cache, but does not evict the pages that the writer left there.
func (r *Reader) open(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	r.source, r.readMode = systemFile{file}, protocol.ReadNoCache
	if _, err := unix.FcntlInt(file.Fd(), unix.F_NOCACHE, 1); err != nil {
		r.readMode = protocol.ReadCached
	}
	return nil
}

// dataErrors are the errors that concern only the data that was requested.
func dataErrors() []error { return []error{unix.EIO, unix.EBADMSG, unix.ENODATA, unix.EILSEQ} }

// useHugePages does nothing: macOS does not choose the size of a page for each mapping.
func useHugePages([]byte) {}
