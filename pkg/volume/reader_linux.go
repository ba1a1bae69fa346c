package volume

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/protocol"
)

// open opens the file for direct I/O. If that is not supported, it asks the kernel to drop
// the cached pages of the file.
func (r *Reader) open(path string) error {
	cached := func() (source, protocol.ReadMode, error) { return openCached(path) }
	direct, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err == nil {
		r.source, r.readMode, r.openCached = systemFile{direct}, protocol.ReadDirect, cached
		// Some filesystems reject direct I/O only at the first read. Read reports all other errors.
		if _, err := r.source.pread(r.buffer[:pageSize], 0); !isUnsupported(err) {
			return nil
		}
		if err := direct.Close(); err != nil {
			return err
		}
	} else if !isUnsupported(err) {
		return err
	}
	r.openCached = nil
	r.source, r.readMode, err = cached()
	return err
}

func openCached(path string) (source, protocol.ReadMode, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", openError(err)
	}
	if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		return systemFile{file}, protocol.ReadCached, nil
	}
	return systemFile{file}, protocol.ReadDropped, nil
}

// openError returns the error of opening a file for reading. Every filesystem supports that. One that says otherwise
// has lost its own data about the file, as gocryptfs does after a power failure.
func openError(err error) error {
	if isUnsupported(err) {
		return fmt.Errorf("%w: %v", unix.EIO, err)
	}
	return err
}

// dataErrors are the errors that concern only the data that was requested. Some FUSE filesystems open a file without
// asking their server, and return ENOENT when they read from it.
func dataErrors() []error {
	return []error{unix.EIO, unix.EUCLEAN, unix.EBADMSG, unix.ENODATA, unix.EREMOTEIO, unix.EILSEQ, unix.ENOENT}
}

// useHugePages asks the kernel to use huge pages for a mapping. Reads also work without them, so it ignores an error.
func useHugePages(mapping []byte) { _ = unix.Madvise(mapping, unix.MADV_HUGEPAGE) }
