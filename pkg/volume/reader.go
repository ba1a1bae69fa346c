//go:build linux || darwin

package volume

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/volume-durability/volume-durability/pkg/journal"
	"github.com/volume-durability/volume-durability/pkg/protocol"
)

const (
	// pageSize is the alignment of direct reads and the size of the smallest read, in
	// bytes. No common device has larger sectors.
	pageSize = 4096
	// requestSize is the size of a read in bytes. In measurements, smaller direct reads
	// were slower, and larger ones were not faster.
	requestSize = 1 << 20
	// maxUnreadable is the maximum number of unreadable ranges.
	maxUnreadable = 4096
	// maxUnreadableStart is how many unreadable bytes a file may begin with. With more,
	// the Reader returns an error instead of reading a failed volume page by page.
	maxUnreadableStart = 16 * pageSize
)

// Reader reads a file once, from its beginning. It bypasses this node's page cache if the
// system and the filesystem support that. It returns zeros for a page that cannot be read, and lists the
// page in Unreadable. It is not safe for concurrent use.
//
// On a block device, the Reader stops at the first MiB of zeros that begins at a multiple of one MiB, or at the end of
// the device. It returns the bytes up to the last one that is not zero.
type Reader struct {
	source   source
	ahead    *readAhead // nil if the Reader does not read ahead
	readMode protocol.ReadMode
	// openCached opens the file for reads through the page cache. It is nil if all reads already go through it.
	openCached func() (source, protocol.ReadMode, error)
	buffer     []byte // whole pages, aligned for direct reads
	held       []byte // the part of the last buffer that was read and not returned
	// offset is the offset after the held bytes.
	offset int64
	// singlePagesUntil is the offset up to which pages are read one by one.
	singlePagesUntil int64
	unreadable       []journal.Range
	readAny          bool // whether any read succeeded
	// unreadablePage is whether the held bytes replace a page that cannot be read.
	unreadablePage bool
	// end finds the end of the journal on a device; nil for a file.
	end *deviceEnd
}

// source is the file that a Reader reads.
type source interface {
	// pread reads into b at an offset, as pread(2) does.
	pread(b []byte, offset int64) (int, error)
	size() (int64, error)
	Close() error
}

// OpenReader opens a regular file or a block device for reading. It returns an error for anything else. If direct I/O
// is not supported, it reads through the page cache. ReadMode then reports whether the kernel was asked to drop the
// cached pages.
func OpenReader(path string) (*Reader, error) {
	if err := CheckDevice(path); err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil { // opening the file returns the error
		if err := CheckJournalMode(path, info.Mode()); err != nil {
			return nil, err
		}
	}
	buffer, err := newBuffer(requestSize)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	r := &Reader{buffer: buffer}
	if err := r.open(path); err != nil {
		return nil, errors.Join(err, unix.Munmap(buffer))
	}
	r.ahead = &readAhead{source: r.source}
	if IsBlockDevice(path) {
		r.end = &deviceEnd{}
	}
	return r, nil
}

// ReadRange reads up to n bytes of a file or a device at an offset. As with a Reader,
// bytes that cannot be read are zeros.
func ReadRange(path string, offset, n int64) ([]byte, error) {
	r, err := OpenReader(path)
	if err != nil {
		return nil, err
	}
	r.offset, r.end = offset, nil
	b, err := io.ReadAll(io.LimitReader(r, n))
	return b, errors.Join(err, r.Close())
}

// ReadMode returns how the file is read.
func (r *Reader) ReadMode() protocol.ReadMode { return r.readMode }

// SetMinimumLength sets the minimum length of the journal. On a device, zeros before this length do not stop the
// Reader. It has no effect on a file.
func (r *Reader) SetMinimumLength(bytes int64) {
	if r.end != nil {
		r.end.minLength = bytes
	}
}

// IsBlockDevice reports whether the Reader reads a block device.
func (r *Reader) IsBlockDevice() bool { return r.end != nil }

// Unreadable returns the ranges that could not be read so far, in order and without
// overlaps. Read returned zeros for them.
func (r *Reader) Unreadable() []journal.Range { return slices.Clone(r.unreadable) }

// Close waits for reads in flight, closes the file and releases the buffers.
func (r *Reader) Close() error {
	buffer := r.buffer
	r.buffer, r.held = nil, nil
	return errors.Join(r.ahead.release(), r.source.Close(), unix.Munmap(buffer))
}

// Read implements io.Reader. A page that cannot be read is not an error. Read returns an
// error at the end of the file, if the volume is gone, or if too much of the file cannot
// be read.
func (r *Reader) Read(p []byte) (int, error) {
	if r.end != nil {
		return r.readDevice(p)
	}
	for len(r.held) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.held)
	r.held = r.held[n:]
	return n, nil
}

// fill reads the next bytes into the buffer. It starts at the beginning of a page, even if
// the last read ended within one: direct reads need an aligned offset. If a read of several
// pages fails, fill holds nothing, and the next call reads a single page.
func (r *Reader) fill() error {
	start := r.offset / pageSize * pageSize
	buffer, n, err := r.request(start)
	r.unreadablePage = false
	switch {
	case err == nil:
		r.readAny = r.readAny || n > 0
	case !IsDataError(err):
		return fmt.Errorf("at offset %d: %w", r.offset, err)
	case len(buffer) > pageSize:
		r.singlePagesUntil = start + int64(len(buffer))
		return nil
	default:
		if n, err = r.skipPage(buffer, start, err); err != nil {
			return err
		}
		r.unreadablePage = true
	}
	return r.hold(buffer[:n], start)
}

// request reads a page or a buffer at an offset, and returns what it read into. A FUSE filesystem may pass O_DIRECT on
// to the filesystem below, which then rejects some reads, because the daemon's buffer is not aligned. The file is read
// through the page cache from there on.
func (r *Reader) request(start int64) (buffer []byte, n int, err error) {
	buffer, n, err = r.pread(start)
	if r.openCached == nil || !isUnsupported(err) {
		return buffer, n, err
	}
	if err := r.useCache(); err != nil {
		return nil, 0, err
	}
	return r.pread(start)
}

func (r *Reader) pread(start int64) (buffer []byte, n int, err error) {
	buffer = r.buffer
	switch {
	case start < r.singlePagesUntil:
		buffer = r.buffer[:pageSize]
		n, err = r.source.pread(buffer, start)
	case r.ahead == nil:
		n, err = r.source.pread(buffer, start)
	default:
		buffer, n, err = r.ahead.read(buffer, start)
	}
	return buffer, n, readError(err)
}

// readError returns EIO in place of EPERM. A read of an open file needs no further permission, so a filesystem that
// denies it has damaged data. securefs does so for a page with a wrong checksum.
func readError(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: %v", unix.EIO, err)
	}
	return err
}

// useCache reads the file through the page cache from now on.
func (r *Reader) useCache() error {
	cached, mode, err := r.openCached()
	if err != nil {
		return err
	}
	direct := r.source
	r.source, r.readMode, r.openCached = cached, mode, nil
	if r.ahead != nil {
		r.ahead.wait()
		r.ahead.source = cached
	}
	return direct.Close()
}

// hold holds the bytes that were read at start, except those that were returned before.
func (r *Reader) hold(read []byte, start int64) error {
	returned := int(r.offset - start)
	if len(read) <= returned {
		return io.EOF
	}
	r.held = read[returned:]
	r.offset = start + int64(len(read))
	return nil
}

// skipPage fills a page that cannot be read with zeros, up to the end of the file, and
// records it as unreadable. It returns an error if too much of the file is unreadable.
func (r *Reader) skipPage(page []byte, start int64, cause error) (int, error) {
	size, err := r.source.size()
	if err != nil {
		return 0, fmt.Errorf("at offset %d: %w, and looking up the file's length: %w", start, cause, err)
	}
	n := int(max(0, min(pageSize, size-start)))
	clear(page[:n])
	if end := start + int64(n); end > r.offset {
		r.addUnreadable(journal.Range{Offset: r.offset, Length: end - r.offset})
	}
	switch atEnd := start+int64(n) >= size; {
	case !r.readAny && (atEnd || r.unreadable[0].Length >= maxUnreadableStart):
		return 0, fmt.Errorf("nothing can be read: %w", cause)
	case len(r.unreadable) > maxUnreadable:
		return 0, fmt.Errorf("at offset %d: more than %d ranges cannot be read: %w", start, maxUnreadable, cause)
	}
	return n, nil
}

// addUnreadable adds a range, and merges it with the last one if they are adjacent.
func (r *Reader) addUnreadable(bad journal.Range) {
	last := len(r.unreadable) - 1
	if last >= 0 && r.unreadable[last].Offset+r.unreadable[last].Length == bad.Offset {
		r.unreadable[last].Length += bad.Length
		return
	}
	r.unreadable = append(r.unreadable, bad)
}

// IsDataError reports whether an error concerns only the data that was requested, such as a
// medium or checksum error, and not the volume as a whole.
func IsDataError(err error) bool {
	return slices.ContainsFunc(dataErrors(), func(target error) bool { return errors.Is(err, target) })
}

// systemFile is a source in the operating system.
type systemFile struct{ *os.File }

func (f systemFile) pread(b []byte, offset int64) (int, error) {
	for {
		if n, err := unix.Pread(int(f.Fd()), b, offset); !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

func (f systemFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if isBlock(info.Mode()) {
		return f.Seek(0, io.SeekEnd)
	}
	return info.Size(), nil
}
