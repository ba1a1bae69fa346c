package volume

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowFile is a file whose reads after the first request wait until they are released, one by one.
type slowFile struct {
	brokenFile
	release map[int64]chan struct{} // by offset

	mu      sync.Mutex // protects the following
	waiting []int64
	buffers map[*byte]bool
}

// newSlowFile returns a file of a number of requests.
func newSlowFile(t *testing.T, requests int) *slowFile {
	f := &slowFile{
		brokenFile: brokenFile{t: t, content: randomBytes(requests * requestSize), bad: map[int64]error{}},
		release:    map[int64]chan struct{}{}, buffers: map[*byte]bool{},
	}
	for i := 1; i <= requests+maxReadAhead; i++ {
		f.release[int64(i)*requestSize] = make(chan struct{})
	}
	return f
}

func (f *slowFile) pread(b []byte, offset int64) (int, error) {
	f.mu.Lock()
	f.buffers[&b[0]] = true
	f.waiting = append(f.waiting, offset)
	f.mu.Unlock()
	if release := f.release[offset]; release != nil {
		<-release
	}
	n, err := f.brokenFile.pread(b, offset)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = slices.DeleteFunc(f.waiting, func(waiting int64) bool { return waiting == offset })
	return n, err
}

// inFlight returns the numbers of the requests that wait, sorted.
func (f *slowFile) inFlight() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []int64
	for _, offset := range f.waiting {
		all = append(all, offset/requestSize)
	}
	slices.Sort(all)
	return all
}

// let ends the reads with these numbers, in this order.
func (f *slowFile) let(requests ...int64) {
	for _, n := range requests {
		close(f.release[n*requestSize])
		synctest.Wait()
	}
}

// open returns a Reader of the file that has read the first request.
func (f *slowFile) open() *Reader {
	buffer, err := newBuffer(requestSize)
	require.NoError(f.t, err)
	r := &Reader{source: f, buffer: buffer, ahead: &readAhead{source: f}}
	_, err = io.ReadFull(r, make([]byte, requestSize))
	require.NoError(f.t, err)
	synctest.Wait()
	return r
}

func TestReader_ReturnsRequestsInOrderWhenLaterOnesEndFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newSlowFile(t, 6)
		r := f.open()
		require.Equal(t, []int64{1, 2, 3}, f.inFlight())
		f.let(3, 2)
		read := make(chan []byte)
		go func() {
			content, err := io.ReadAll(r)
			assert.NoError(t, err)
			read <- content
		}()
		f.let(1)
		require.Equal(t, []int64{4, 5, 6}, f.inFlight(), "three requests were taken")
		f.let(9, 8, 7, 6, 5, 4)
		assert.True(t, bytes.Equal(f.content[requestSize:], <-read))
		require.NoError(t, r.Close())
	})
}

func TestReader_HasOneBufferMoreThanRequestsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newSlowFile(t, 40)
		r := f.open()
		for n := int64(1); n < 40; n++ {
			require.Equal(t, []int64{n, n + 1, n + 2}, f.inFlight())
			f.let(n)
			_, err := io.ReadFull(r, make([]byte, requestSize))
			require.NoError(t, err)
			synctest.Wait()
		}
		f.let(40, 41, 42)
		require.NoError(t, r.Close())
		assert.Len(t, f.buffers, 1+maxReadAhead+1, "the first request has a buffer of its own")
	})
}

func TestReader_CloseWaitsForReadsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newSlowFile(t, 6)
		r := f.open()
		closed := make(chan error, 1)
		go func() { closed <- r.Close() }()
		for _, n := range []int64{2, 1, 3} {
			synctest.Wait()
			require.Empty(t, closed, "reads are in flight")
			f.let(n)
		}
		require.NoError(t, <-closed)
	})
}
