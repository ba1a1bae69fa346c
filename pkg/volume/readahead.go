//go:build linux || darwin

package volume

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxReadAhead is how many requests may be in flight while the caller of a Reader processes an earlier one.
const maxReadAhead = 3

// hugePageSize is the size of a huge page in bytes on amd64, and on arm64 with pages of 4 KiB.
const hugePageSize = 2 << 20

// readAhead reads the next parts of a source while the caller of a Reader processes an earlier one. It begins after a
// complete request, so it does not read ahead in a file of less than one request. Its results are those of
// the same reads without it. It is not safe for concurrent use.
type readAhead struct {
	source source
	// inFlight are adjacent requests, in the order of their offsets.
	inFlight []*request
	// returned is the buffer that the caller processes; nil if the caller processes its own buffer.
	returned []byte
	// unused are the buffers that are neither returned nor in flight.
	unused [][]byte
	// mapping is the memory of all these buffers; nil until the first request is started.
	mapping []byte
}

// request is a read of a whole buffer. n and err are valid once done is closed.
type request struct {
	buffer []byte
	offset int64
	n      int
	err    error
	done   chan struct{}
}

// read reads a whole buffer at an offset, as source.pread does. It returns the caller's buffer, or another one of the
// same size, which is valid until the next call.
func (a *readAhead) read(buffer []byte, offset int64) ([]byte, int, error) {
	current := a.requestAt(offset)
	if current == nil {
		a.wait()
		n, err := a.source.pread(buffer, offset)
		current = &request{buffer: buffer, n: n, err: err}
	}
	if current.err == nil && current.n == len(current.buffer) {
		current.err = a.startAfter(offset, current.n)
	}
	return current.buffer, current.n, current.err
}

// requestAt removes the request for an offset from those in flight, and returns it after it has ended. It returns nil
// if the next request in flight has another offset.
func (a *readAhead) requestAt(offset int64) *request {
	if a.returned != nil {
		a.unused, a.returned = append(a.unused, a.returned), nil
	}
	if len(a.inFlight) == 0 || a.inFlight[0].offset != offset {
		return nil
	}
	r := a.inFlight[0]
	a.inFlight = a.inFlight[1:]
	<-r.done
	a.returned = r.buffer
	return r
}

// startAfter starts requests of a size until maxReadAhead are in flight after the one at an offset.
func (a *readAhead) startAfter(offset int64, size int) error {
	if a.mapping == nil {
		if err := a.allocate(size); err != nil {
			return err
		}
	}
	for len(a.inFlight) < maxReadAhead {
		last := len(a.unused) - 1
		r := &request{
			buffer: a.unused[last], offset: offset + int64((len(a.inFlight)+1)*size), done: make(chan struct{}),
		}
		a.unused = a.unused[:last]
		a.inFlight = append(a.inFlight, r)
		go func() {
			defer close(r.done)
			r.n, r.err = a.source.pread(r.buffer, r.offset)
		}()
	}
	return nil
}

// wait waits for the requests in flight, and discards what they read.
func (a *readAhead) wait() {
	for _, r := range a.inFlight {
		<-r.done
		a.unused = append(a.unused, r.buffer)
	}
	a.inFlight = nil
}

// allocate allocates one buffer for each request in flight, and one that the caller processes. They are in huge pages,
// if the kernel provides them. The physical memory of a buffer is then contiguous, so the kernel does not split a
// request, which would cost processor time.
func (a *readAhead) allocate(size int) (err error) {
	const n = maxReadAhead + 1
	if a.mapping, err = newBuffer(hugePageSize + n*size); err != nil {
		return err
	}
	useHugePages(a.mapping)
	address := uintptr(unsafe.Pointer(unsafe.SliceData(a.mapping)))
	aligned := a.mapping[hugePageSize-address%hugePageSize:]
	a.unused = slices.Collect(slices.Chunk(aligned[:n*size], size))
	return nil
}

// release waits for the requests in flight, and releases all buffers.
func (a *readAhead) release() error {
	a.wait()
	mapping := a.mapping
	a.returned, a.unused, a.mapping = nil, nil, nil
	if mapping == nil {
		return nil
	}
	return unix.Munmap(mapping)
}

// newBuffer returns a buffer for direct reads. They need one that is aligned to a page, as a mapping is.
func newBuffer(size int) ([]byte, error) {
	buffer, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("allocating a buffer of %d bytes: %w", size, err)
	}
	return buffer, nil
}
