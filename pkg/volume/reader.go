//go:build linux

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
	// pageSize is what direct reads are aligned to and the smallest piece that is
	// tried by itself, in bytes: no common device has larger sectors.
	pageSize = 4096
	// requestSize is how much is asked for at once, in bytes. Smaller direct
	// requests were measured to be slower, larger ones not to be faster.
	requestSize = 1 << 20
	// maxUnreadable bounds the list of unreadable ranges.
	maxUnreadable = 4096
	// hopeless is how many bytes a file may begin with that cannot be read before
	// the whole of it is given up, so that a dead volume is not tried page by page.
	hopeless = 16 * pageSize
)

// Reader reads a file once, from its beginning, past this node's page cache
// where the filesystem lets it. A page that cannot be read is read as zeros and
// named by Unreadable. It is not safe for concurrent use.
//
// A block device is read up to where a whole MiB of zeros begins at a multiple of
// one, or to its end. The zeros before that are not read either: on a device, what
// is blank is not written yet. Promised says where not to look for the end.
type Reader struct {
	source  source
	access  protocol.ReadMode
	request []byte // of whole pages, aligned as direct reads need it
	held    []byte // what of the request has been read and not been passed on
	// at is the offset of what comes after the held bytes.
	at int64
	// narrow is the offset up to which pages are read one by one.
	narrow     int64
	unreadable []journal.Range
	anything   bool // was read
	// blind says that the held bytes are in place of some that cannot be read.
	blind bool
	// end is where the journal ends on a device; nil for a file, which has an end.
	end *deviceEnd
}

// source is the file that a Reader reads.
type source interface {
	// pread reads into b from an offset on, as pread(2) does: less where the file
	// ends, nothing at its end.
	pread(b []byte, offset int64) (int, error)
	size() (int64, error)
	Close() error
}

// OpenReader opens a file for a Reader. Where direct I/O is refused, it asks the
// kernel to drop what it has cached of the file, and reads as usual.
func OpenReader(path string) (*Reader, error) {
	// A mapping begins at a page, as direct reads want their buffer to.
	request, err := unix.Mmap(-1, 0, requestSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("making room to read %s: %w", path, err)
	}
	r := &Reader{request: request}
	if err := r.open(path); err != nil {
		return nil, errors.Join(err, unix.Munmap(request))
	}
	if IsBlockDevice(path) {
		r.end = &deviceEnd{}
	}
	return r, nil
}

// ReadRange reads up to n bytes of a file or a device from an offset on, as a Reader
// does: what cannot be read is zeros.
func ReadRange(path string, offset, n int64) ([]byte, error) {
	r, err := OpenReader(path)
	if err != nil {
		return nil, err
	}
	r.at, r.end = offset, nil
	part, err := io.ReadAll(io.LimitReader(r, n))
	return part, errors.Join(err, r.Close())
}

func (r *Reader) open(path string) error {
	direct, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err == nil {
		r.source, r.access = systemFile{direct}, protocol.ReadDirect
		// Some filesystems refuse only the first read. What else it says, Read will hear again.
		if _, err := r.source.pread(r.request[:pageSize], 0); !errors.Is(err, unix.EINVAL) {
			return nil
		}
		if err := direct.Close(); err != nil {
			return err
		}
	} else if !errors.Is(err, unix.EINVAL) {
		return err
	}
	return r.openCached(path)
}

func (r *Reader) openCached(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	r.source, r.access = systemFile{file}, protocol.ReadDropped
	if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		r.access = protocol.ReadCached
	}
	return nil
}

// ReadMode says how the file is read.
func (r *Reader) ReadMode() protocol.ReadMode { return r.access }

// Promised says how many bytes the journal has at least. On a device, zeros before
// that are a part of it, however many, where anything follows.
func (r *Reader) SetMinimumLength(bytes int64) {
	if r.end != nil {
		r.end.promised = bytes
	}
}

// IsBlockDevice says whether what is read is a block device.
func (r *Reader) IsBlockDevice() bool { return r.end != nil }

// Unreadable lists the ranges that could not be read so far, in order and apart
// from each other. Read has shown zeros in their place.
func (r *Reader) Unreadable() []journal.Range { return slices.Clone(r.unreadable) }

// Close closes the file. Nothing can be read any more.
func (r *Reader) Close() error {
	request := r.request
	r.request, r.held = nil, nil
	return errors.Join(r.source.Close(), unix.Munmap(request))
}

// Read reads on. Its error is one that says more than that some pages cannot be
// read: the file has ended, the volume is gone, or next to nothing of it can be read.
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

// fill reads on, from the beginning of the page that holds the next byte: after
// a read that ended amid a page, direct reads take no other offset. It may leave
// nothing held, and a smaller piece to try next.
func (r *Reader) fill() error {
	start := r.at / pageSize * pageSize
	request := r.request
	if start < r.narrow {
		request = request[:pageSize]
	}
	n, err := r.source.pread(request, start)
	r.blind = false
	switch {
	case err == nil:
		r.anything = r.anything || n > 0
	case !cannotBeRead(err):
		return fmt.Errorf("at offset %d: %w", r.at, err)
	case len(request) > pageSize:
		r.narrow = start + int64(len(request))
		return nil
	default:
		if n, err = r.giveUp(request, start, err); err != nil {
			return err
		}
		r.blind = true
	}
	return r.hold(request[:n], start)
}

// hold keeps what was read at an offset, but for what has been passed on before.
func (r *Reader) hold(read []byte, start int64) error {
	known := int(r.at - start)
	if len(read) <= known {
		return io.EOF
	}
	r.held = read[known:]
	r.at = start + int64(len(read))
	return nil
}

// giveUp puts zeros in place of a page that cannot be read, as far as the file
// reaches into it, and takes note of it.
func (r *Reader) giveUp(page []byte, start int64, cause error) (int, error) {
	size, err := r.source.size()
	if err != nil {
		return 0, fmt.Errorf("at offset %d: %w, and looking up the file's length: %w", start, cause, err)
	}
	n := int(max(0, min(pageSize, size-start)))
	clear(page[:n])
	if end := start + int64(n); end > r.at {
		r.note(journal.Range{Offset: r.at, Length: end - r.at})
	}
	switch atEnd := start+int64(n) >= size; {
	case !r.anything && (atEnd || r.unreadable[0].Length >= hopeless):
		return 0, fmt.Errorf("nothing can be read: %w", cause)
	case len(r.unreadable) > maxUnreadable:
		return 0, fmt.Errorf("at offset %d: more than %d ranges cannot be read: %w", start, maxUnreadable, cause)
	}
	return n, nil
}

func (r *Reader) note(bad journal.Range) {
	if last := len(r.unreadable) - 1; last >= 0 && r.unreadable[last].Offset+r.unreadable[last].Length == bad.Offset {
		r.unreadable[last].Length += bad.Length
		return
	}
	r.unreadable = append(r.unreadable, bad)
}

// cannotBeRead says whether an error is about the data asked for, and not about
// the volume as a whole: a medium or checksum error, by any of its names.
func cannotBeRead(err error) bool {
	names := []error{unix.EIO, unix.EUCLEAN, unix.EBADMSG, unix.ENODATA, unix.EREMOTEIO, unix.EILSEQ}
	return slices.ContainsFunc(names, func(name error) bool { return errors.Is(err, name) })
}

// systemFile is a file of the system.
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
